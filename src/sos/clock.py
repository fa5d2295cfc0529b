"""The clock port, and the edges between nanoseconds and Indian Standard Time.

This is the only module that reads the machine's time. Everything else takes a `Clock` or uses the
time of an event. IST is UTC+05:30 without daylight saving, so conversions are plain arithmetic and
never depend on the host's zone.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Protocol

from sos.types import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

__all__ = [
    "IST",
    "IST_OFFSET_NS",
    "Clock",
    "ManualClock",
    "SystemClock",
    "ist_date",
    "ist_datetime",
    "ist_day",
    "ist_iso",
    "ist_minute_of_day",
    "ist_ns",
]

IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
IST_OFFSET_NS: Final = 19_800 * NS_PER_SECOND
_EPOCH: Final = date(1970, 1, 1)


def ist_day(ts_ns: int) -> int:
    """Days since 1970-01-01 of the IST date that contains ``ts_ns``."""
    return (ts_ns + IST_OFFSET_NS) // NS_PER_DAY


def ist_date(ts_ns: int) -> date:
    """The IST date that contains ``ts_ns``."""
    return _EPOCH + timedelta(days=ist_day(ts_ns))


def ist_minute_of_day(ts_ns: int) -> int:
    """Whole minutes since IST midnight, 0..1439."""
    return (ts_ns + IST_OFFSET_NS) % NS_PER_DAY // NS_PER_MINUTE


def ist_datetime(ts_ns: int) -> datetime:
    """An aware datetime in IST, to the microsecond."""
    seconds, nanos = divmod(ts_ns, NS_PER_SECOND)
    return datetime.fromtimestamp(seconds, IST).replace(microsecond=nanos // 1000)


def ist_iso(ts_ns: int) -> str:
    """ISO 8601 with +05:30, seconds precision unless there is a fraction."""
    return ist_datetime(ts_ns).isoformat()


def ist_ns(day: date, minute_of_day: int = 0) -> int:
    """Nanoseconds UTC of an IST date and a minute of that day."""
    return (day - _EPOCH).days * NS_PER_DAY + minute_of_day * NS_PER_MINUTE - IST_OFFSET_NS


class Clock(Protocol):
    """Where a shell gets the time. Cores never hold one."""

    def now_ns(self) -> int: ...

    async def sleep_until(self, when_ns: int) -> None: ...


class SystemClock:
    """The machine's wall clock."""

    def now_ns(self) -> int:
        return time.time_ns()  # noqa: TID251 - this module is the one that may

    async def sleep_until(self, when_ns: int) -> None:
        await asyncio.sleep(max(0, when_ns - self.now_ns()) / NS_PER_SECOND)


class ManualClock:
    """A clock that moves only when told, for tests and simulations."""

    def __init__(self, start: datetime | int) -> None:
        self._now = (
            start if isinstance(start, int) else int(start.astimezone(UTC).timestamp() * NS_PER_SECOND)
        )
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    def now_ns(self) -> int:
        return self._now

    async def sleep_until(self, when_ns: int) -> None:
        if when_ns <= self._now:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (when_ns, self._order, future))
        await future

    def advance_to(self, when_ns: int) -> None:
        """Move the time forward and wake every sleeper that is due, earliest first."""
        if when_ns < self._now:
            raise ValueError("a clock does not run backwards")
        self._now = when_ns
        while self._sleepers and self._sleepers[0][0] <= when_ns:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
