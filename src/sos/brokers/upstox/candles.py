"""Candles of the wire as columns, and the ranges in which history may be asked.

Pure. The broker sends newest first, without today in the history, with ``+05:30`` stamps of the bar's open;
what comes out is ascending, without duplicates, in ns UTC. Ranges: docs/upstox.md, history.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
import numpy as np

from sos.bars import F64, I64
from sos.brokers.upstox.decode import Reader
from sos.brokers.upstox.errors import NotUnderstood
from sos.brokers.upstox.wire import Reply, Request
from sos.errors import ConfigError
from sos.types import NS_PER_SECOND

__all__ = ["FIRST_DAY", "Candles", "Span", "Unit", "decode_candles", "join", "split_range"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS: Final = 7
_MICROSECOND: Final = timedelta(microseconds=1)


class Unit(StrEnum):
    """Units of V3 candles."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


_LARGEST: Final = {Unit.MINUTES: 300, Unit.HOURS: 5, Unit.DAYS: 1, Unit.WEEKS: 1, Unit.MONTHS: 1}
_DAILY_SINCE: Final = date(2000, 1, 1)
FIRST_DAY: Final = {
    Unit.MINUTES: date(2022, 1, 1),
    Unit.HOURS: date(2022, 1, 1),
    Unit.DAYS: _DAILY_SINCE,
    Unit.WEEKS: _DAILY_SINCE,
    Unit.MONTHS: _DAILY_SINCE,
}  # the broker has nothing before


@dataclass(frozen=True, slots=True)
class Span:
    """Length of a candle: ``count`` of ``unit``.

    Raises:
        ConfigError: a count that the broker does not have.
    """

    unit: Unit
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.count <= _LARGEST[self.unit]:
            raise ConfigError(
                f"candles of {self.count} {self.unit}: the broker has 1 to {_LARGEST[self.unit]} {self.unit}"
            )

    @property
    def months_at_once(self) -> int | None:
        """The longest range of one request in months; None where there is no limit."""
        if self.unit is Unit.MINUTES:
            return 1 if self.count <= 15 else 3
        return {Unit.HOURS: 3, Unit.DAYS: 120}.get(self.unit)


@dataclass(frozen=True, eq=False, slots=True)
class Candles:
    """Columns of equal length, ascending by ``ts`` (ns UTC of the bar's open), no stamp twice.

    Prices float rupees, ``volume`` and ``oi`` units; NaN where the broker sent none.
    """

    ts: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    oi: F64

    def __len__(self) -> int:
        return len(self.ts)


# A stamp and six numbers; every one may be null, the last ones absent.
_Cell = str | Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)] | None


class _Data(msgspec.Struct):
    candles: list[list[_Cell] | None] | None = None


_READER: Final[Reader[_Data]] = Reader(_Data)


def decode_candles(reply: Reply, request: Request) -> Candles:
    """Candles of a reply; none is an empty value.

    Raises:
        BrokerError: refused, cut off, or a row without a stamp with a zone.
    """
    data = _READER.data(reply, request)
    rows = [row for row in (data.candles if data else None) or () if row]
    stamps = np.array([_stamp(row[0], request) for row in rows], np.int64)
    return _ordered(stamps, _numbers(rows, request))


def join(parts: Sequence[Candles]) -> Candles:
    """Several answers as one; where a stamp comes twice, the earliest part in ``parts`` is kept."""
    stamps = np.concatenate([part.ts for part in parts]) if parts else np.array([], np.int64)
    tables = [
        np.column_stack((part.open, part.high, part.low, part.close, part.volume, part.oi)) for part in parts
    ]
    return _ordered(stamps, np.concatenate(tables) if tables else np.empty((0, _FIELDS - 1)))


def split_range(span: Span, first: date, last: date) -> tuple[tuple[date, date], ...]:
    """Ranges that the broker gives at once, ascending, without holes or overlaps, both ends inside.

    Together they cover ``first`` to ``last`` exactly; an empty range gives none.
    """
    ranges: list[tuple[date, date]] = []
    while first <= last:
        end = last if span.months_at_once is None else min(last, _before(first, span.months_at_once))
        ranges.append((first, end))
        if end == date.max:
            break
        first = end + timedelta(days=1)
    return tuple(ranges)


def _before(day: date, months: int) -> date:
    """The day before the same day ``months`` later; a shorter month counts to its own end."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    length = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, length)) - timedelta(days=1)


def _ordered(stamps: I64, table: F64) -> Candles:
    unique, index = np.unique(stamps, return_index=True)  # ascending; of equals the first
    return Candles(unique, *(np.ascontiguousarray(table[index, i]) for i in range(_FIELDS - 1)))


def _numbers(rows: Sequence[Sequence[Any]], request: Request) -> F64:
    """One row of six numbers for each candle; null, absent and empty cells are NaN."""
    try:
        table = np.array([row[1:_FIELDS] for row in rows], np.float64).reshape(len(rows), -1)
        if rows and table.shape[1] != _FIELDS - 1:
            raise ValueError("short rows")
    except ValueError:  # cells are missing or empty: one by one
        table = np.array([[_number(row, i, request) for i in range(1, _FIELDS)] for row in rows], np.float64)
    table = table.reshape(len(rows), _FIELDS - 1)
    table[~np.isfinite(table)] = np.nan  # numbers sent as texts may be anything
    return table


def _number(row: Sequence[Any], i: int, request: Request) -> float:
    cell = row[i] if i < len(row) else None
    try:
        return float("nan") if cell is None or cell == "" else float(cell)
    except ValueError as exc:
        raise NotUnderstood(f"{request.title}: a candle holds a text where a number belongs") from exc


def _stamp(text: Any, request: Request) -> int:
    """ns UTC of an ISO stamp with a zone."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment - _EPOCH) // _MICROSECOND * (NS_PER_SECOND // 1_000_000)
    except (TypeError, ValueError, OverflowError) as exc:
        raise NotUnderstood(f"{request.title}: a candle has no stamp with a zone") from exc
