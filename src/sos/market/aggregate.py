"""Bars of a longer interval from shorter ones, aligned to the session's open.

A long bar is complete with the short bar that ends its minutes or reaches the session's close; where that
short bar is absent, with the first one of the next bucket. Bars that run on past the close (days whose
sessions come from the data) make long bars of their own. It is then visible to that short bar's evaluation.
`push` and `push_block` give the same bars at the same rows.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sos.bars import F64, I64
from sos.market.columns import FIELDS

__all__ = ["Aggregator"]

_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _OI = range(6)
_SESSION, _SINCE, _SINCE_END, _TO_CLOSE, _HOLE, _REGIME = (
    FIELDS.index(name) for name in ("session", "since_open", "since_open_end", "to_close", "hole", "regime")
)
_LATE: Final = 4096  # more buckets than any session has: those after the close are counted from here
_SESSION_BUCKETS: Final = 2 * _LATE


class Aggregator:
    """``minutes`` per long bar. Rows are lists in the order of `columns.FIELDS`."""

    def __init__(self, minutes: int) -> None:
        self.minutes = minutes
        self._partial: list[float] | None = None

    def _bucket(self, row: list[float]) -> float:
        late = _LATE if row[_TO_CLOSE] <= 0.0 else 0.0
        return row[_SESSION] * _SESSION_BUCKETS + late + row[_SINCE] // self.minutes

    def _ends(self, row: list[float]) -> bool:
        """Does this short bar end its bucket, or reach the session's close?"""
        if row[_SINCE_END] % self.minutes == 0.0:
            return True
        return row[_TO_CLOSE] > 0.0 and row[_SINCE_END] >= row[_SINCE] + row[_TO_CLOSE]

    def push(self, row: list[float]) -> list[list[float]]:
        """Take one short bar; give the long bars it completes (0, 1 or 2), oldest first."""
        done: list[list[float]] = []
        if self._partial is not None and self._bucket(self._partial) != self._bucket(row):
            done.append(self._partial)
            self._partial = None
        self._partial = list(row) if self._partial is None else self._joined(self._partial, row)
        if self._ends(row):
            done.append(self._partial)
            self._partial = None
        return done

    @staticmethod
    def _joined(long: list[float], row: list[float]) -> list[float]:
        """The long bar grown by a short one: prices and volume join, the position is the bucket's first,
        what is known at the end (open interest, end, regime) is the newest."""
        joined = list(long)
        joined[_HIGH] = _larger(long[_HIGH], row[_HIGH])
        joined[_LOW] = -_larger(-long[_LOW], -row[_LOW])
        joined[_CLOSE] = row[_CLOSE]
        joined[_VOLUME] = long[_VOLUME] + row[_VOLUME]
        joined[_OI] = row[_OI]
        joined[_SINCE_END] = row[_SINCE_END]
        joined[_HOLE] = max(long[_HOLE], row[_HOLE])
        joined[_REGIME] = row[_REGIME]
        return joined

    def push_block(self, columns: list[F64]) -> tuple[list[F64], I64]:
        """Take a block of short bars (columns in the order of FIELDS).

        Returns the completed long bars as columns, and for each the row of the block that completed it.
        """
        rows = len(columns[_OPEN])
        if rows == 0:
            return [column[:0] for column in columns], np.empty(0, np.int64)
        bucket = columns[_SESSION] * _SESSION_BUCKETS + columns[_SINCE] // self.minutes
        bucket[columns[_TO_CLOSE] <= 0.0] += _LATE
        starts = np.concatenate([[0], np.flatnonzero(bucket[1:] != bucket[:-1]) + 1])
        lasts = np.concatenate([starts[1:], [rows]]) - 1
        partial, self._partial = self._partial, None
        grows = partial is not None and self._bucket(partial) == bucket[0]
        long = self._grouped(columns, starts, lasts, partial if grows else None)
        since_end, to_close = columns[_SINCE_END][lasts], columns[_TO_CLOSE][lasts]
        closes = (to_close > 0.0) & (since_end >= columns[_SINCE][lasts] + to_close)
        ended = (since_end % self.minutes == 0.0) | closes
        completed = np.where(ended, lasts, lasts + 1)
        if partial is not None and not grows:  # its last bars are absent: the first row completes it
            long = [np.concatenate([[value], column]) for value, column in zip(partial, long, strict=True)]
            completed = np.concatenate([[0], completed])
        whole = len(completed) if ended[-1] else len(completed) - 1
        self._partial = None if ended[-1] else [float(column[-1]) for column in long]
        return [column[:whole] for column in long], completed[:whole].astype(np.int64)

    @staticmethod
    def _grouped(columns: list[F64], starts: I64, lasts: I64, partial: list[float] | None) -> list[F64]:
        """One long bar for each group of rows; the first group continues ``partial``."""
        long = [column[starts] for column in columns]
        long[_HIGH] = np.maximum.reduceat(columns[_HIGH], starts)
        long[_LOW] = np.minimum.reduceat(columns[_LOW], starts)
        long[_HOLE] = np.maximum.reduceat(columns[_HOLE], starts)
        long[_VOLUME] = _sums(columns[_VOLUME], starts, lasts)
        for field in (_CLOSE, _OI, _SINCE_END, _REGIME):
            long[field] = columns[field][lasts]
        if partial is not None:
            first = Aggregator._joined(partial, [float(column[0]) for column in long])
            first[_VOLUME] = _in_order([partial[_VOLUME], *columns[_VOLUME][: lasts[0] + 1].tolist()])
            for column, value in zip(long, first, strict=True):
                column[0] = value
        return long


def _larger(a: float, b: float) -> float:
    """The larger one, NaN if either is missing (as np.maximum)."""
    return math.nan if a != a or b != b else max(a, b)


def _sums(values: F64, starts: I64, lasts: I64) -> F64:
    """Sums by group, added in order of time. Whole numbers are exact in any order."""
    known = values[values == values]
    whole = bool(np.all(known == np.floor(known)))
    if whole and (not len(known) or float(np.abs(known).max()) < 2.0**53 / len(values)):
        return np.add.reduceat(values, starts)
    return np.array(
        [_in_order(values[first : last + 1].tolist()) for first, last in zip(starts, lasts, strict=True)],
        np.float64,
    )


def _in_order(values: list[float]) -> float:
    total = values[0]
    for value in values[1:]:
        total += value
    return total
