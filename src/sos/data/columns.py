"""Which column of a file is which field, whatever the file calls it.

Pure: names in, names out. Guessing stops at the table below; two columns that could be the same field are
an error, never a choice. An explicit mapping (field to column) wins over every guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from sos.errors import ConfigError, DataError

__all__ = ["FIELDS", "ColumnMap", "check_fields", "match_columns", "parse_mapping"]

FIELDS: Final = ("ts", "date", "time", "open", "high", "low", "close", "volume", "oi")

_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "ts": (
        *("ts", "timestamp", "datetime", "date_time", "dateandtime", "date_and_time", "epoch", "unix"),
        *("unix_time", "unixtime", "epoch_time", "open_time", "opentime", "start_time", "bar_time"),
        *("candle_time", "candle_timestamp", "time_stamp", "index_level_0"),
    ),
    "date": ("date", "day", "trade_date", "trading_date"),
    "time": ("time", "time_of_day", "minute"),
    "open": ("open", "o", "open_price", "into"),
    "high": ("high", "h", "high_price", "inth"),
    "low": ("low", "l", "low_price", "intl"),
    "close": ("close", "c", "close_price", "intc"),
    "volume": ("volume", "vol", "v", "qty", "traded_quantity", "trade_volume", "volume_traded", "intv"),
    "oi": ("oi", "open_interest", "openinterest", "open_int", "openint", "intoi"),
}
_PRICES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Column names by field. Times are either in ``ts``, or in ``date`` and ``time`` together."""

    ts: str | None
    date: str | None
    time: str | None
    open: str
    high: str
    low: str
    close: str
    volume: str | None
    oi: str | None

    @property
    def stamps(self) -> tuple[str, ...]:
        """The one or two columns that hold the time."""
        return tuple(name for name in (self.ts, self.date, self.time) if name is not None)

    @property
    def names(self) -> list[str]:
        """Every column that has to be read."""
        prices = [self.open, self.high, self.low, self.close]
        return [*self.stamps, *prices, *(name for name in (self.volume, self.oi) if name is not None)]


def parse_mapping(text: str) -> dict[str, str]:
    """``"ts=Datetime,open=O"`` as ``{"ts": "Datetime", "open": "O"}``.

    Raises:
        ConfigError: a part is not FIELD=COLUMN, or names a field that does not exist.
    """
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise ConfigError(f"--columns: {part!r} is not FIELD=COLUMN, for example ts=Datetime,open=O")
        if field in found:
            raise ConfigError(f"--columns: {field} is given twice")
        found[field] = column
    check_fields(found)
    return found


def match_columns(file: str, names: Sequence[str], mapping: Mapping[str, str] | None = None) -> ColumnMap:
    """Find the fields of a bar among the columns ``names`` of ``file`` (its name, for messages).

    Raises:
        DataError: a field is missing, or two columns claim it.
        ConfigError: the mapping names an unknown field or a column that the file does not have.
    """
    chosen = _explicit(file, names, mapping or {})
    for field in FIELDS:
        if field not in chosen:
            column = _guess(file, field, names, set(chosen.values()))
            if column is not None:
                chosen[field] = column
    _settle_time(chosen, explicit=frozenset(mapping or {}))
    _check_complete(file, names, chosen)
    return ColumnMap(**{field: chosen.get(field) for field in FIELDS})  # type: ignore[arg-type]  # prices are checked


def check_fields(mapping: Mapping[str, str]) -> None:
    """Raise ConfigError unless every key of ``mapping`` is a field of a bar."""
    for field in mapping:
        if field not in FIELDS:
            near = get_close_matches(field.lower(), FIELDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"fields are {', '.join(FIELDS)}"
            raise ConfigError(f"--columns: unknown field {field!r} (write FIELD=COLUMN): {hint}")


def _explicit(file: str, names: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    check_fields(mapping)
    for field, column in mapping.items():
        if column not in names:
            near = get_close_matches(column, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {_list(names)}"
            raise ConfigError(f"{file}: no column {column!r} for {field}: {hint}")
    return dict(mapping)


def _plain(name: str) -> str:
    """A column name without case, brackets, and punctuation: ``"<Open Price>"`` is ``open_price``."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _guess(file: str, field: str, names: Sequence[str], taken: set[str]) -> str | None:
    """The column that a synonym names; the earlier synonym is preferred, equals are refused."""
    free = [name for name in names if name not in taken]
    for synonym in _SYNONYMS[field]:
        hits = [name for name in free if _plain(name) == synonym]
        if len(hits) > 1:
            raise DataError(
                f"{file}: columns {' and '.join(map(repr, hits))} could both be {field}: "
                f"choose with --columns {field}=NAME"
            )
        if hits:
            return hits[0]
    return None


def _settle_time(chosen: dict[str, str], explicit: frozenset[str]) -> None:
    """Leave one way to tell the time: what was asked for, else ``ts``, else date and time, else either."""
    wants_parts = bool({"date", "time"} & explicit) and "ts" not in explicit
    if "ts" in chosen and not wants_parts:
        chosen.pop("date", None)
        chosen.pop("time", None)
    elif {"date", "time"} <= chosen.keys():
        chosen.pop("ts", None)
    else:
        alone = chosen.pop("date", None) or chosen.pop("time", None)
        if alone is not None:
            chosen["ts"] = alone


def _check_complete(file: str, names: Sequence[str], chosen: Mapping[str, str]) -> None:
    needed = _PRICES if "date" in chosen or "ts" in chosen else ("ts", *_PRICES)
    missing = [field for field in needed if field not in chosen]
    if not missing:
        return
    hints = [f"{field}={near[0]}" for field in missing if (near := _nearest(field, names, chosen))]
    mend = f"perhaps --columns {','.join(hints)}" if hints else "name them with --columns FIELD=COLUMN"
    plural = "s" * (len(missing) > 1)
    raise DataError(f"{file}: no column{plural} for {', '.join(missing)} (it has {_list(names)}): {mend}")


def _nearest(field: str, names: Sequence[str], chosen: Mapping[str, str]) -> list[str]:
    free = {_plain(name): name for name in names if name not in chosen.values()}
    targets = _SYNONYMS[field] if field != "ts" else (*_SYNONYMS["ts"], *_SYNONYMS["date"])
    for target in targets:
        near = get_close_matches(target, free, 1, 0.6)
        if near:
            return [free[near[0]]]
    return []


def _list(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown + (f", … {len(names) - most} more" if len(names) > most else "") if names else "none"
