"""One instrument's bars, checked, with everything a run's head has to say about them.

Pure. The same value comes from a file (`load`) and from the generator (`sample`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from sos.bars import F64, I64, BarRun
from sos.clock import IST_OFFSET_NS, ist_date, ist_day, ist_ns
from sos.data.symbols import Instrument
from sos.sessions import SessionTable
from sos.types import NS_PER_DAY

__all__ = ["SeriesData", "or_missing"]


@dataclass(frozen=True, eq=False)
class SeriesData:
    """Bars of one instrument: ascending, inside their sessions, prices sound.

    ``minutes``: length of a bar. ``source``: file name or "synthetic sample". ``notes``: lines for the head.
    ``dropped``: bars outside the sessions, left out. Volume and oi are NaN throughout where
    ``has_volume``/``has_oi`` is False.
    """

    instrument: Instrument
    run: BarRun
    minutes: int
    source: str
    synthetic: bool
    sessions: SessionTable
    notes: tuple[str, ...]
    dropped: int
    has_volume: bool
    has_oi: bool

    @property
    def first_day(self) -> date:
        """IST date of the first bar. A series is never empty."""
        return ist_date(int(self.run.ts[0]))

    @property
    def last_day(self) -> date:
        """IST date of the last bar."""
        return ist_date(int(self.run.ts[-1]))

    def between(self, start: date | None, end: date | None) -> SeriesData | None:
        """The bars from ``start`` to ``end``, both inside, as views; None if there are none.

        The sessions stay those of the whole series: they never depend on what a run looks at.
        """
        lo = 0 if start is None else int(np.searchsorted(self.run.ts, ist_ns(start)))
        hi = len(self.run) if end is None else int(np.searchsorted(self.run.ts, ist_ns(end) + NS_PER_DAY))
        if lo >= hi:
            return None
        return self if (lo, hi) == (0, len(self.run)) else replace(self, run=self.run[lo:hi])

    def count_days(self) -> int:
        """Trading days with a bar (an outage day with two sessions is one)."""
        ts = self.run.ts
        days = np.arange(ist_day(int(ts[0])), ist_day(int(ts[-1])) + 2, dtype=np.int64)
        edges = np.searchsorted(ts, days * NS_PER_DAY - IST_OFFSET_NS)
        return int(np.count_nonzero(np.diff(edges)))

    def without_volume(self) -> SeriesData:
        """The same bars with volume declared missing."""
        run = self.run
        none = _missing(len(run))
        bare = BarRun(
            *(run.keys, run.which, run.ts, run.end, run.open, run.high, run.low, run.close, none, run.oi)
        )
        return replace(self, run=bare, has_volume=False)


def or_missing(column: F64 | None, ts: I64) -> tuple[F64, bool]:
    """A quantity column, or NaN throughout where it is absent, empty or zero in every row."""
    if column is None or not _says_something(column):
        return _missing(len(ts)), False
    return column, True


def _missing(rows: int) -> F64:
    """NaN throughout, in the memory of one."""
    return np.broadcast_to(np.float64(np.nan), (rows,))


def _says_something(column: F64) -> bool:
    """Any row that is neither zero nor missing; the usual answer is in the first rows."""
    return any(bool(((part != 0.0) & ~np.isnan(part)).any()) for part in (column[:64], column))
