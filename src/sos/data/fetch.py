"""Fill the store from the broker: what is missing is asked for, at once and within the client's limits.

The shell around `fetch_plan`. Every answer is written as it comes, one month of one series at a time, and
then remembered; so a fetch that is stopped anywhere goes on where it was, and the store is the same in the
end. What is in the store already is never changed. Bars without a price and the minute that is forming are
left out. Nothing here knows aiohttp: the broker is a `History`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

import numpy as np

from sos.bars import F64, I64
from sos.brokers.upstox.candles import FIRST_DAY, Candles, Span, Unit
from sos.brokers.upstox.endpoints import ExpiredInterval
from sos.calendar import Calendar, Segment
from sos.clock import IST_OFFSET_NS, Clock, ist_date, ist_ns
from sos.data.fetch_plan import Ask, asked_days, asks, bars_by_day, full_count, unsettled
from sos.data.fetched import Answers
from sos.data.store import SYNTHETIC, Store
from sos.data.store.bars import bars_part
from sos.data.store.kinds import BARS
from sos.errors import BrokerError, ConfigError, DataError
from sos.types import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, InstrumentKey

__all__ = ["Fetched", "Fetcher", "History", "Job", "Leg", "Progress"]

Progress = Callable[[int, int], None]
_SETTLE_NS: Final = 5 * NS_PER_SECOND  # a bar is final this long after its end
_PATIENCE_DAYS: Final = 7  # an empty answer about a day younger than that may still fill up
_EXPIRED: Final = {1: "1minute", 3: "3minute", 5: "5minute", 15: "15minute", 30: "30minute"}
_COLUMNS: Final = ("ts", "open", "high", "low", "close", "volume", "oi")


class History(Protocol):
    """What a fetch needs of a broker; `UpstoxClient` is one."""

    async def history(self, key: str, span: Span, first: date, last: date) -> Candles: ...

    async def intraday(self, key: str, span: Span) -> Candles: ...

    async def expired_history(
        self, key: str, interval: ExpiredInterval, first: date, last: date
    ) -> Candles: ...


@dataclass(frozen=True, slots=True)
class Leg:
    """Days of a series that come from one key of the broker, both ends inside."""

    key: str
    first: date
    last: date
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A series of the store to fill.

    ``key`` is the store's, ``minutes`` the length of a bar. ``trades`` is False for an index: its volume says
    nothing. ``sparse``: days without a bar are nothing to complain of (an option far from the money).
    ``gone``: days that no leg has, with the reason in ``why``.
    """

    label: str
    key: InstrumentKey
    hours: Segment
    minutes: int
    legs: tuple[Leg, ...]
    trades: bool = True
    sparse: bool = False
    gone: tuple[date, ...] = ()
    why: BrokerError | None = None


@dataclass(slots=True)
class Fetched:
    """What became of a job. ``there``: days that were settled before, ``asked``: days asked for now,
    ``added``: bars new in the store, ``without``: trading days that have no bar in the end."""

    job: Job
    there: int = 0
    asked: int = 0
    added: int = 0
    without: tuple[date, ...] = ()
    errors: list[BrokerError] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return not self.errors and not self.without


@dataclass(slots=True)
class _Work:
    """A job under way."""

    result: Fetched
    answers: Answers
    days: list[date]
    todo: list[tuple[Leg, Ask]]


class Fetcher:
    """Fetches into a store.

    Args:
        broker: where bars come from.
        store: where they go.
        clock: says what day it is, and which bars are over.
        source: what the store notes as their origin.
    """

    def __init__(self, broker: History, store: Store, clock: Clock, source: str = "upstox") -> None:
        self._broker = broker
        self._store = store
        self._clock = clock
        self._source = source
        self._calendar = Calendar.packaged()

    async def fill(self, jobs: Sequence[Job], progress: Progress | None = None) -> list[Fetched]:
        """Fetch what is missing of every job; results in their order.

        What the broker refuses is in the results; the rest goes on.

        Raises:
            ConfigError: a length of bars that the broker does not have.
            DataError: the store cannot be read or written.
        """
        work = [self._prepare(job) for job in jobs]
        pieces = [(one, leg, ask) for one in work for leg, ask in one.todo]
        done = 0

        async def one_piece(one: _Work, leg: Leg, ask: Ask) -> None:
            nonlocal done
            await self._piece(one, leg, ask)
            done += 1
            if progress is not None:
                progress(done, len(pieces))

        try:
            async with asyncio.TaskGroup() as group:
                for piece in pieces:
                    group.create_task(one_piece(*piece), name=f"fetch {piece[0].result.job.label}")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        for one in work:
            one.result.without = self._without(one)
        return [one.result for one in work]

    def _prepare(self, job: Job) -> _Work:
        now = self._clock.now_ns()
        today, over = ist_date(now), now - _SETTLE_NS
        answers = Answers(self._store.root, job.key, job.minutes)
        self._refuse_mixture(job)
        work = _Work(Fetched(job), answers, [], [])
        stored = self._counts(job, [leg.first for leg in job.legs], [leg.last for leg in job.legs])
        for leg in job.legs:
            days = asked_days(self._calendar, job.hours, leg.first, min(leg.last, today))
            full = {day: full_count(self._calendar, job.hours, day, job.minutes, over) for day in days}
            open_days = unsettled(days, stored, answers.days(), full)
            wanted = [day for day in open_days if day >= FIRST_DAY[Unit.MINUTES]]
            work.days += days
            work.result.asked += len(wanted)
            work.result.there += len(days) - len(open_days)
            work.todo += [(leg, ask) for ask in asks(wanted, days, today)]
        if job.gone and job.why is not None:
            work.days = sorted({*work.days, *job.gone})
            if unsettled(job.gone, stored, {}, dict.fromkeys(job.gone, 1)):
                work.result.errors.append(job.why)
        return work

    def wanted(self, job: Job) -> bool:
        """Whether anything of a job would have to be asked for."""
        return bool(self._prepare(job).todo)

    def _refuse_mixture(self, job: Job) -> None:
        """Generated bars and bars of the market are never one series."""
        mine = self._source.startswith(SYNTHETIC)
        kept = self._store.sources(BARS, job.key, bars_part(job.minutes))
        if any(source.startswith(SYNTHETIC) != mine for source in kept):
            held, new = ("real", "simulated") if mine else ("generated", "real")
            raise DataError(
                f"the store has {held} bars of {job.label}: {new} ones are not mixed with them, "
                "choose another folder with SOS_DATA_DIR"
            )

    async def _piece(self, work: _Work, leg: Leg, ask: Ask) -> None:
        job, result = work.result.job, work.result
        try:
            candles = await self._ask(job, leg, ask)
        except BrokerError as error:
            if str(error) not in {str(other) for other in result.errors}:
                result.errors.append(error)
            return
        now = self._clock.now_ns()
        columns = _usable(candles, job, ask, now - _SETTLE_NS)
        if len(columns["ts"]):
            result.added += self._store.write_bars(job.key, job.minutes, columns, self._source, "old").added
        if not ask.today:
            counts = bars_by_day(np.asarray(columns["ts"], np.int64))
            self._remember(work, ask, counts, ist_date(now))

    async def _ask(self, job: Job, leg: Leg, ask: Ask) -> Candles:
        span = Span(Unit.MINUTES, job.minutes)
        if ask.today:
            return await self._broker.intraday(leg.key, span)
        if not leg.expired:
            return await self._broker.history(leg.key, span, ask.first, ask.last)
        if job.minutes not in _EXPIRED:
            lengths = ", ".join(map(str, _EXPIRED))
            raise ConfigError(f"--interval {job.minutes}m: expired contracts have bars of {lengths} minutes")
        interval = ExpiredInterval(_EXPIRED[job.minutes])
        return await self._broker.expired_history(leg.key, interval, ask.first, ask.last)

    def _remember(self, work: _Work, ask: Ask, counts: dict[date, int], today: date) -> None:
        days = [day for day in work.days if ask.first <= day <= ask.last]
        final = {day: counts.get(day, 0) for day in days if day in counts or _is_old(day, today)}
        work.answers.add(final)

    def _counts(self, job: Job, firsts: Iterable[date], lasts: Iterable[date]) -> dict[date, int]:
        first = min((*firsts, *job.gone), default=None)
        last = max((*lasts, *job.gone), default=None)
        if first is None or last is None:
            return {}
        run = self._store.read_bars(job.key, job.minutes, ist_ns(first), ist_ns(last) + NS_PER_DAY)
        return {} if run is None else bars_by_day(run.ts)

    def _without(self, work: _Work) -> tuple[date, ...]:
        """Days that should have bars and have none."""
        job, today = work.result.job, ist_date(self._clock.now_ns())
        if job.sparse or not work.days:
            return ()
        counts = self._counts(job, work.days[:1], work.days[-1:])
        return tuple(day for day in work.days if day not in counts and day != today)


def _is_old(day: date, today: date) -> bool:
    return (today - day).days > _PATIENCE_DAYS


def _usable(candles: Candles, job: Job, ask: Ask, now_ns: int) -> dict[str, I64 | F64]:
    """The candles of the days asked for that are over and have prices."""
    day = (candles.ts + IST_OFFSET_NS) // NS_PER_DAY
    prices = np.stack((candles.open, candles.high, candles.low, candles.close))
    keep = (prices > 0.0).all(axis=0) & (candles.ts + job.minutes * NS_PER_MINUTE <= now_ns)
    keep &= (day >= _number(ask.first)) & (day <= _number(ask.last))
    columns: dict[str, I64 | F64] = {name: getattr(candles, name)[keep] for name in _COLUMNS}
    if not job.trades:
        none = np.full(len(columns["ts"]), np.nan)
        columns |= {"volume": none, "oi": none}
    return columns


def _number(day: date) -> int:
    return (ist_ns(day) + IST_OFFSET_NS) // NS_PER_DAY
