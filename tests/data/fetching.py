"""A broker of bars for tests: one made-up market, every request noted, failures on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np

from sos.brokers.upstox.candles import Candles, Span
from sos.brokers.upstox.endpoints import ExpiredInterval
from sos.calendar import Calendar, Segment
from sos.clock import ist_date, ist_ns
from sos.data.fetch import Job, Leg
from sos.types import NS_PER_DAY, NS_PER_MINUTE, InstrumentKey

NIFTY = InstrumentKey("NSE_INDEX|Nifty 50")
RELIANCE = InstrumentKey("NSE_EQ|INE002A01018")
Trouble = Callable[[str, date, date], None]  # may raise


def quiet(key: str, first: date, last: date) -> None:
    """Nothing is wrong."""


class Market:
    """Bars of every session until ``now_ns``, the forming one too; a price is told by its minute."""

    def __init__(self, now_ns: int, trouble: Trouble = quiet, empty: frozenset[date] = frozenset()) -> None:
        self.now_ns = now_ns
        self.trouble = trouble
        self.empty = empty
        self.asked: list[tuple[str, date, date]] = []

    async def history(self, key: str, span: Span, first: date, last: date) -> Candles:
        self.asked.append((key, first, last))
        self.trouble(key, first, last)
        return self._candles(span.count, first, last, ist_ns(ist_date(self.now_ns)))

    async def intraday(self, key: str, span: Span) -> Candles:
        today = ist_date(self.now_ns)
        self.asked.append((key, today, today))
        self.trouble(key, today, today)
        return self._candles(span.count, today, today, self.now_ns)

    async def expired_history(self, key: str, interval: ExpiredInterval, first: date, last: date) -> Candles:
        return await self.history(key, interval.span, first, last)

    def _candles(self, minutes: int, first: date, last: date, until_ns: int) -> Candles:
        calendar, step = Calendar.packaged(), minutes * NS_PER_MINUTE
        stamps = [
            np.arange(session.open_ns, min(session.close_ns, until_ns), step)
            for n in range((last - first).days + 1)
            if (day := date.fromordinal(first.toordinal() + n)) not in self.empty
            for session in calendar.sessions(day, Segment.CASH)
        ]
        ts = np.concatenate([np.empty(0, np.int64), *stamps]).astype(np.int64)
        price = 20_000.0 + (ts // NS_PER_MINUTE % 997).astype(np.float64)
        flat = np.full(len(ts), 10.0)
        return Candles(ts, price, price + 2.0, price - 2.0, price + 1.0, flat, flat)


def index_job(first: date, last: date, minutes: int = 1) -> Job:
    return Job("NIFTY", NIFTY, Segment.CASH, minutes, (Leg(NIFTY, first, last),), trades=False)


def share_job(first: date, last: date) -> Job:
    return Job("RELIANCE", RELIANCE, Segment.CASH, 1, (Leg(RELIANCE, first, last),))


def end_of(day: date) -> int:
    """The last ns of a day."""
    return ist_ns(day) + NS_PER_DAY - 1
