"""Finding instruments by what a person types: ranked, with suggestions.

Pure: a master and a text in, hits out. Words are a key, an ISIN, a symbol or the beginning of one or of a
company's name; beside it, in any order, a strike, ``CE``/``PE`` (``CALL``/``PUT``), ``FUT``, a month
(``JAN``), a day (``27``), a year (``2026``, ``26`` after a month). Exact symbols come before beginnings,
underlyings before their contracts, nearer expiries and strikes before others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sos.data.instruments.master import Master

__all__ = ["Hit", "Query", "parse_query", "search", "suggest"]

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_RIGHTS: Final = {"CE": "CE", "CALL": "CE", "C": "CE", "PE": "PE", "PUT": "PE", "P": "PE", "FUT": "FUT"} | {
    "FUTURE": "FUT",
    "FUTURES": "FUT",
}
_ALIASES: Final = {"NIFTY50": "NIFTY", "NIFTYBANK": "BANKNIFTY", "VIX": "INDIA VIX", "INDIAVIX": "INDIA VIX"}
_INDEX_NAMES: Final = {
    "NIFTY": "NSE_INDEX|Nifty 50",
    "BANKNIFTY": "NSE_INDEX|Nifty Bank",
    "FINNIFTY": "NSE_INDEX|Nifty Fin Service",
    "MIDCPNIFTY": "NSE_INDEX|NIFTY MID SELECT",
    "NIFTYNXT50": "NSE_INDEX|Nifty Next 50",
    "SENSEX": "BSE_INDEX|SENSEX",
    "BANKEX": "BSE_INDEX|BANKEX",
}
_DATE: Final = re.compile(rf"\b(\d{{1,2}})[ -]?({'|'.join(_MONTHS)})(?:[ -]?(\d{{4}}|\d{{2}}))?\b")
_SEGMENTS: Final = {"NSE_INDEX": 0, "BSE_INDEX": 0, "NSE_EQ": 1, "BSE_EQ": 2, "NSE_FO": 3, "BSE_FO": 4}
_MAIN_KINDS: Final = ("INDEX", "EQ", "BE", "FUT")


@dataclass(frozen=True, slots=True)
class Query:
    """What a text asks for. ``name`` is upper case; None is "any"."""

    name: str
    strike: float | None = None
    kind: str | None = None
    month: int | None = None
    day: int | None = None
    year: int | None = None
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One instrument of the master. Units, paise; None where the master does not say."""

    key: str
    symbol: str
    name: str
    segment: str
    kind: str
    underlying: str
    isin: str
    expiry: date | None
    strike: float | None
    lot: int | None
    freeze: int | None
    tick: float | None


def parse_query(text: str) -> Query:
    """Cut a text into its name and what narrows it."""
    upper, query = text.upper().replace(",", " "), Query("")
    dated = _DATE.search(upper)
    if dated is not None:
        year = None if dated[3] is None else int(dated[3]) % 100 + 2000
        query = replace(query, day=int(dated[1]), month=_MONTHS.index(dated[2]) + 1, year=year)
        upper = upper[: dated.start()] + " " + upper[dated.end() :]
    names: list[str] = []
    for word in [upper.strip()] if "|" in upper else upper.split():
        narrowed = _narrow(query, word) if names else None
        if narrowed is None:
            names.append(word)
        else:
            query = narrowed
    name = " ".join(names)
    return replace(query, name=_ALIASES.get(name, name))


def _narrow(query: Query, word: str) -> Query | None:
    if word in _RIGHTS:
        return replace(query, kind=_RIGHTS[word])
    if word in _MONTHS:
        return replace(query, month=_MONTHS.index(word) + 1)
    together = re.fullmatch(r"(\d+(?:\.\d+)?)(CE|PE)", word)
    if together is not None:
        return replace(query, strike=float(together[1]), kind=together[2])
    if not re.fullmatch(r"\d+(\.\d+)?", word):
        return None
    value = float(word)
    if query.month is not None and query.year is None and value < 100:
        return replace(query, year=2000 + int(value))
    if query.month is not None and 2000 <= value < 2100:
        return replace(query, year=int(value))
    return replace(query, strike=value)


def search(
    master: Master,
    text: str,
    *,
    expiry: date | None = None,
    strike: float | None = None,
    kind: str | None = None,
    limit: int = 20,
) -> list[Hit]:
    """The best hits for ``text``, best first; the keywords narrow it further. Expired contracts are none."""
    query = parse_query(text)
    query = replace(
        query,
        expiry=expiry,
        strike=query.strike if strike is None else strike,
        kind=_RIGHTS.get(kind.upper(), kind.upper()) if kind else query.kind,
    )
    rank = _rank(master, query)
    rows = np.flatnonzero(rank < _NONE)
    rows = rows[_matches(master, query, rows)]
    if not len(rows):
        return []
    segments = np.array([_SEGMENTS.get(segment, 9) for segment in master.text("segment")[rows].tolist()])
    days = master.expiry[rows].astype(np.int64)
    days[np.isnat(master.expiry[rows])] = 0
    kinds = np.isin(master.text("kind")[rows], _MAIN_KINDS)
    strikes = np.nan_to_num(master.number("strike")[rows])
    symbols = master.text("symbol")[rows].astype(str)
    order = np.lexsort((symbols, strikes, days, ~kinds, segments, rank[rows]))
    return [_hit(master, int(row)) for row in rows[order[: max(0, limit)]]]


def suggest(master: Master, text: str) -> list[str]:
    """Symbols that look like the name in ``text``, best first; at most three."""
    name = parse_query(text).name
    main = np.isin(master.text("kind"), ["INDEX", "EQ"])
    symbols = {str(s).upper() for s in master.text("symbol")[main]} | set(_INDEX_NAMES)
    return get_close_matches(name, sorted(symbols), 3, 0.6)


_NONE: Final = 99


def _rank(master: Master, query: Query) -> npt.NDArray[np.int64]:
    """0 for the very instrument, larger for weaker reasons, `_NONE` for none."""
    rank = np.full(len(master), _NONE, np.int64)
    name, index_key = query.name, _INDEX_NAMES.get(query.name, "").upper()
    upper = master.upper
    wants_contract = any(v is not None for v in (query.strike, query.kind, query.month, query.expiry))
    tests = [
        (upper["key"] == name, 0),
        (upper["isin"] == name, 0),
        (upper["symbol"] == name, 0),
        (upper["underlying"] == name, 1 if not wants_contract else 0),
    ]
    if index_key:
        tests.insert(0, (upper["key"] == index_key, 0))
    for mask, value in tests:
        rank[mask & (rank > value)] = value
    if name and not (rank < _NONE).any():
        rank[np.char.startswith(upper["symbol"], name)] = 3
        whole = np.char.find(np.char.add(" ", upper["name"]), f" {name}") >= 0
        rank[whole & (rank > 4)] = 4
    return rank


def _matches(master: Master, query: Query, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    keep = np.ones(len(rows), np.bool_)
    if query.kind is not None:
        keep &= master.text("kind")[rows] == query.kind
    if query.strike is not None:
        keep &= master.number("strike")[rows] == query.strike
    days = master.expiry[rows]
    if query.expiry is not None:
        keep &= days == np.datetime64(query.expiry)
    months = days.astype("datetime64[M]").astype(np.int64)
    if query.month is not None:
        keep &= ~np.isnat(days) & (months % 12 + 1 == query.month)
    if query.year is not None:
        keep &= ~np.isnat(days) & (months // 12 + 1970 == query.year)
    if query.day is not None:
        in_month = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
        keep &= ~np.isnat(days) & (in_month == query.day)
    return keep & (np.isnat(days) | (days >= np.datetime64(master.day)))


def _hit(master: Master, row: int) -> Hit:
    texts: dict[str, Any] = {
        name: master.text(name)[row]
        for name in ("key", "symbol", "name", "segment", "kind", "underlying", "isin")
    }
    strike, lot, freeze, tick = (master.number(name)[row] for name in ("strike", "lot", "freeze", "tick"))
    day = master.expiry[row]
    return Hit(
        **texts,
        expiry=None if np.isnat(day) else day.astype(object),
        strike=float(strike) if strike == strike and texts["kind"] in ("CE", "PE") else None,
        lot=None if lot != lot else round(float(lot)),
        freeze=None if freeze != freeze else round(float(freeze)),
        tick=None if tick != tick else float(tick),
    )
