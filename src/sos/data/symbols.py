"""What a user types for an instrument, and the instrument it means.

Pure apart from the packaged table ``reference/equities.csv`` (shares with derivatives, symbol and ISIN).
Knows indices, shares, the front future of either (``NIFTY.FUT``), and the broker's own keys. It does not
know single contracts: a token such as ``NSE_FO|49229`` stays a token.
Source of the index keys: the broker's instrument master.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final

from sos.calendar import Segment
from sos.errors import ConfigError
from sos.types import InstrumentKey, InstrumentKind

__all__ = ["Instrument", "known_symbols", "resolve"]

_INDICES: Final = {
    "NIFTY": "NSE_INDEX|Nifty 50",
    "BANKNIFTY": "NSE_INDEX|Nifty Bank",
    "FINNIFTY": "NSE_INDEX|Nifty Fin Service",
    "MIDCPNIFTY": "NSE_INDEX|NIFTY MID SELECT",
    "NIFTYNXT50": "NSE_INDEX|Nifty Next 50",
    "SENSEX": "BSE_INDEX|SENSEX",
    "BANKEX": "BSE_INDEX|BANKEX",
    "INDIAVIX": "NSE_INDEX|India VIX",
}
_ALIASES: Final = {
    "NIFTY50": "NIFTY",
    "NIFTYBANK": "BANKNIFTY",
    "NIFTYFINSERVICE": "FINNIFTY",
    "NIFTYFINANCIALSERVICES": "FINNIFTY",
    "NIFTYMIDSELECT": "MIDCPNIFTY",
    "MIDCAPNIFTY": "MIDCPNIFTY",
    "NIFTYNEXT50": "NIFTYNXT50",
    "BSESENSEX": "SENSEX",
    "BSEBANKEX": "BANKEX",
    "VIX": "INDIAVIX",
}
_NO_FUTURE: Final = frozenset({"INDIAVIX"})
_BROKER_SEGMENTS: Final = frozenset({"NSE_INDEX", "BSE_INDEX", "NSE_EQ", "BSE_EQ", "NSE_FO", "BSE_FO"})
_ISIN: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_FUTURE: Final = re.compile(r"(?P<name>.+?)[ ._-]FUT(?:URE)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument as the run names it.

    ``symbol`` is what reports print, ``segment`` the broker's (``NSE_EQ``), ``hours`` whose trading hours it
    keeps. ``underlying`` is the key that a front future follows, None for everything else.
    """

    symbol: str
    key: InstrumentKey
    kind: InstrumentKind
    exchange: str
    segment: str
    hours: Segment
    underlying: InstrumentKey | None = None

    @property
    def has_own_volume(self) -> bool:
        """False for an index: nothing of it is traded."""
        return self.kind is not InstrumentKind.INDEX


@cache
def _equities() -> dict[str, str]:
    """ISIN by symbol."""
    text = files("sos.reference").joinpath("equities.csv").read_text(encoding="utf-8")
    return {row["symbol"]: row["isin"] for row in csv.DictReader(text.splitlines())}


@cache
def _by_key() -> dict[str, str]:
    """Symbol by key, keys in upper case: they are often typed."""
    shares = {f"NSE_EQ|{isin}": symbol for symbol, isin in _equities().items()}
    indices = {key.upper(): symbol for symbol, key in _INDICES.items()}
    return shares | indices


def known_symbols() -> tuple[str, ...]:
    """Every symbol that `resolve` knows by name: indices first, then shares in alphabetical order."""
    return (*_INDICES, *sorted(_equities()))


def known_symbol(text: str) -> str | None:
    """The symbol that ``text`` is, or is another name of, in any case; None if it is neither."""
    plain = _ALIASES.get(text.upper(), text.upper())
    return plain if plain in _INDICES or plain in _equities() else None


def resolve(text: str) -> Instrument:
    """The instrument that ``text`` names: a symbol or an alias in any case, ``X.FUT``, or a broker key.

    Raises:
        ConfigError: nothing has that name; the message suggests what does.
    """
    name = text.strip()
    if not name:
        raise ConfigError("a symbol is empty: name one, for example NIFTY or RELIANCE")
    if "|" in name:
        return _from_key(name)
    future = _FUTURE.fullmatch(name)
    if future is not None:
        return _front_future(resolve(future["name"]))
    return _from_symbol(name)


def _from_symbol(name: str) -> Instrument:
    symbol = name.upper()
    plain = re.sub(r"[ _-]", "", symbol)
    index = plain if plain in _INDICES else _ALIASES.get(plain)
    if index is not None:
        return _index(index, _INDICES[index])
    isin = _equities().get(symbol)
    if isin is None:
        raise ConfigError(f"unknown symbol {name!r}{_suggest(symbol, plain)}")
    return _share(symbol, f"NSE_EQ|{isin}", Segment.CASH)


def _suggest(symbol: str, plain: str) -> str:
    pool = [*known_symbols(), *_ALIASES]
    near = get_close_matches(symbol, pool, 3, 0.6) or get_close_matches(plain, pool, 3, 0.6)
    names = list(dict.fromkeys(_ALIASES.get(found, found) for found in near))
    if names:
        return f": did you mean {' or '.join(names)}?"
    return ": use an index (NIFTY, BANKNIFTY, SENSEX), a share (RELIANCE) or a broker key (NSE_EQ|ISIN)"


def _from_key(text: str) -> Instrument:
    segment, _, rest = (part.strip() for part in text.partition("|"))
    segment = segment.upper()
    if segment not in _BROKER_SEGMENTS:
        known = ", ".join(sorted(_BROKER_SEGMENTS))
        raise ConfigError(f"unknown segment {segment!r} in key {text!r}: known are {known}")
    if not rest:
        raise ConfigError(f"key {text!r} names no instrument after the bar")
    future = _FUTURE.fullmatch(rest)
    if future is not None and segment.endswith("_FO"):
        return _front_future(resolve(future["name"]))
    symbol = _by_key().get(f"{segment}|{rest}".upper())
    if symbol is not None:
        return resolve(symbol)
    if segment.endswith("_INDEX"):
        return _index(rest, f"{segment}|{rest}")
    if segment.endswith("_EQ"):
        return _unlisted_share(text, segment, rest.upper())
    key = InstrumentKey(f"{segment}|{rest}")
    return Instrument(key, key, InstrumentKind.DERIVATIVE, key.exchange, segment, Segment.FNO)


def _unlisted_share(text: str, segment: str, isin: str) -> Instrument:
    if not _ISIN.fullmatch(isin):
        raise ConfigError(f"key {text!r}: a share's key ends in its ISIN, for example NSE_EQ|INE002A01018")
    return _share(isin, f"{segment}|{isin}", Segment.CASH_OTHER)


def _index(symbol: str, key_text: str) -> Instrument:
    key = InstrumentKey(key_text)
    return Instrument(symbol, key, InstrumentKind.INDEX, key.exchange, key.segment, Segment.CASH)


def _share(symbol: str, key_text: str, hours: Segment) -> Instrument:
    key = InstrumentKey(key_text)
    return Instrument(symbol, key, InstrumentKind.EQUITY, key.exchange, key.segment, hours)


def _front_future(of: Instrument) -> Instrument:
    if of.kind not in (InstrumentKind.INDEX, InstrumentKind.EQUITY) or of.symbol in _NO_FUTURE:
        raise ConfigError(f"{of.symbol} has no future")
    segment = f"{of.exchange}_FO"
    symbol = f"{of.symbol}.FUT"
    key = InstrumentKey(f"{segment}|{symbol}")
    return Instrument(symbol, key, InstrumentKind.FUTURE, of.exchange, segment, Segment.FNO, of.key)
