"""Bars behind a clock, and candles made of them.

Pure. `Tape.bars` never shows more than was known at ``now``: whole bars that have ended, and of the minute
that is forming only its open. Candles of other lengths are built from the minutes, aligned to the session's
open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from sos.bars import F64, I64
from sos.clock import IST_OFFSET_NS, ist_date, ist_day, ist_iso, ist_ns
from sos.data.series import SeriesData
from sos.errors import DataError
from sos.types import NS_PER_DAY, NS_PER_MINUTE

__all__ = ["Bars", "Tape", "candles"]

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Bars:
    """Columns of equal length, ascending; ``anchor`` is the open of each bar's session. Nothing is NaN."""

    ts: I64
    end: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    oi: F64
    anchor: I64

    def __len__(self) -> int:
        return len(self.ts)

    def cut(self, lo: int, hi: int) -> Bars:
        """Rows lo to hi, as views."""
        return Bars(*(getattr(self, name)[lo:hi] for name in Bars.__slots__))


class Tape:
    """One instrument's minutes."""

    def __init__(self, series: SeriesData) -> None:
        if series.minutes != 1:
            raise DataError(
                f"{series.source}: bars of {series.minutes} minutes: the simulator needs one-minute bars"
            )
        run = series.run
        anchor = series.sessions.opens[series.sessions.index_block(run.ts)]
        volume, oi = np.nan_to_num(run.volume), np.nan_to_num(run.oi)
        self._bars = Bars(run.ts, run.end, run.open, run.high, run.low, run.close, volume, oi, anchor)
        day = (run.ts + IST_OFFSET_NS) // NS_PER_DAY
        starts = np.flatnonzero(np.diff(day, prepend=-1))
        self._days: list[int] = day[starts].tolist()

    @property
    def first_ns(self) -> int:
        """Open of the first bar."""
        return int(self._bars.ts[0])

    @property
    def last_ns(self) -> int:
        """End of the last bar."""
        return int(self._bars.end[-1])

    @property
    def first_open(self) -> float:
        return float(self._bars.open[0])

    def bars(self, now: int, first_ns: int, until_ns: int) -> Bars:
        """What is known at ``now`` of the bars that open in [first_ns, until_ns)."""
        whole = self._bars
        lo = int(np.searchsorted(whole.ts, first_ns))
        known = int(np.searchsorted(whole.end, now, "right"))
        hi = min(int(np.searchsorted(whole.ts, until_ns)), known)
        seen = whole.cut(lo, max(lo, hi))
        forms = known < len(whole) and int(whole.ts[known]) <= now and first_ns <= whole.ts[known] < until_ns
        return _with_forming(seen, whole, known, now) if forms else seen

    def days(self, now: int) -> list[date]:
        """The dates with a bar, up to the date of ``now``'s last known or forming bar."""
        today = ist_day(now)
        days = [day for day in self._days if day < today]
        if today in self._days and len(self.bars(now, ist_ns(ist_date(now)), now + 1)):
            days.append(today)
        return [_EPOCH + timedelta(days=day) for day in days]

    def day(self, now: int, day: date) -> Bars:
        """What is known at ``now`` of one date."""
        return self.bars(now, ist_ns(day), ist_ns(day) + NS_PER_DAY)


def _with_forming(seen: Bars, whole: Bars, i: int, now: int) -> Bars:
    """Add bar ``i`` as it is known at its open: one price, no volume, the OI of the bar before."""
    price = whole.open[i : i + 1]
    oi = whole.oi[i - 1 : i] if i else np.zeros(1)
    ts, end = whole.ts[i : i + 1], np.array([now], np.int64)
    row = Bars(ts, end, price, price, price, price, np.zeros(1), oi, whole.anchor[i : i + 1])
    return Bars(*(np.concatenate([getattr(seen, n), getattr(row, n)]) for n in Bars.__slots__))


def candles(bars: Bars, unit: str, interval: int) -> list[list[Any]]:
    """``[stamp, open, high, low, close, volume, oi]``, newest first; ``unit`` minutes … months."""
    if not len(bars):
        return []
    stamp = _bins(bars, unit, interval)
    first = np.flatnonzero(np.diff(stamp, prepend=stamp[0] - 1))
    last = np.append(first[1:], len(stamp)) - 1
    columns = (
        bars.open[first].tolist(),
        np.maximum.reduceat(bars.high, first).tolist(),
        np.minimum.reduceat(bars.low, first).tolist(),
        bars.close[last].tolist(),
        np.add.reduceat(bars.volume, first).astype(np.int64).tolist(),
        bars.oi[last].astype(np.int64).tolist(),
    )
    stamps = [ist_iso(ts) for ts in stamp[first].tolist()]
    return [list(row) for row in zip(stamps, *columns, strict=True)][::-1]


def _bins(bars: Bars, unit: str, interval: int) -> I64:
    """The stamp of the candle that each bar belongs to, ns UTC."""
    if unit in ("minutes", "hours"):
        length = interval * NS_PER_MINUTE * (60 if unit == "hours" else 1)
        return bars.anchor + (bars.ts - bars.anchor) // length * length
    day = (bars.ts + IST_OFFSET_NS) // NS_PER_DAY
    if unit == "weeks":
        day = day - (day + 3) % 7  # 1970-01-01 was a Thursday
    elif unit == "months":
        months = day.astype("datetime64[D]").astype("datetime64[M]")
        day = months.astype("datetime64[D]").astype(np.int64)
    stamps: I64 = day * NS_PER_DAY - IST_OFFSET_NS
    return stamps
