"""A whole fetch: symbols and dates in, what became of every series out.

First the symbols' own bars, then, because which options there are depends on them, futures and options, last
the chains of now. The parts are in `fetch`, `fetch_jobs` and `fetch_chain`; this module only orders them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sos.clock import Clock, ist_date, ist_ns
from sos.data.fetch import Fetched, Fetcher, History, Job, Progress
from sos.data.fetch_chain import chain_is_due, fetch_chain
from sos.data.fetch_jobs import (
    future_job,
    has_future,
    levels_of,
    missing_options,
    option_jobs,
    spot_job,
    whole_future,
)
from sos.data.fetch_lists import Asking, Lists
from sos.data.store import Store
from sos.data.symbols import Instrument
from sos.errors import BrokerError, ConfigError
from sos.types import NS_PER_DAY, InstrumentKind

__all__ = ["ChainTaken", "FetchRequest", "Source", "fetch_all"]


class Source(History, Asking, Protocol):
    """A broker to fetch from; `UpstoxClient` is one."""


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What is wanted. Dates are IST, both inside. ``strikes``: listed strikes on each side of the money;
    None is no options."""

    symbols: tuple[Instrument, ...]
    first: date
    last: date
    minutes: int = 1
    strikes: int | None = None


@dataclass(frozen=True, slots=True)
class ChainTaken:
    """The chain of now: ``strikes`` written; 0 with ``error`` None where the store had it already."""

    label: str
    strikes: int
    error: BrokerError | None = None


async def fetch_all(
    request: FetchRequest,
    broker: Source,
    store: Store,
    clock: Clock,
    *,
    source: str = "upstox",
    lists: Lists | None = None,
    progress: Callable[[str], Progress | None] = lambda label: None,
) -> tuple[list[Fetched], list[ChainTaken]]:
    """Fetch what is missing; the symbols' bars first in the answer.

    ``lists``: where contracts are looked up; made where not given. ``progress``: makes a bar for a stage.

    Raises:
        ConfigError: dates the wrong way round or after today, a length that the broker does not have.
        DataError: the store cannot be used.
    """
    today = ist_date(clock.now_ns())
    if request.first > request.last:
        raise ConfigError(f"--from {request.first} is after --to {request.last}: swap them")
    if request.first > today:
        raise ConfigError(f"--from {request.first} is after today ({today}): there is nothing to fetch yet")
    lists = lists or Lists(broker, store.root, today)
    fetcher = Fetcher(broker, store, clock, source)
    last = min(request.last, today)
    spots = [spot_job(of, request.first, last, request.minutes) for of in request.symbols]
    results = await fetcher.fill(spots, progress("bars"))
    jobs: list[Job] = []
    chains: list[tuple[Instrument, date]] = []
    for of in request.symbols:
        if has_future(of):
            jobs.append(await _future(of, fetcher, lists, request.first, last, request.minutes))
        if request.strikes is not None and of.kind in (InstrumentKind.INDEX, InstrumentKind.EQUITY):
            more, expiry = await _options(of, lists, store, request, last)
            jobs += more
            chains += [(of, expiry)] if expiry is not None and request.last >= today else []
    results += await fetcher.fill(jobs, progress("contracts"))
    return results, [await _chain(broker, store, *one, clock, source) for one in chains]


async def _future(
    of: Instrument, fetcher: Fetcher, lists: Lists, first: date, last: date, minutes: int
) -> Job:
    """Contracts are looked up only where a day is missing."""
    job = whole_future(of, first, last, minutes)
    return await future_job(of, lists, first, last, minutes) if fetcher.wanted(job) else job


async def _options(
    of: Instrument, lists: Lists, store: Store, request: FetchRequest, last: date
) -> tuple[list[Job], date | None]:
    """Jobs of the options, and the expiry that is the nearest today."""
    run = store.read_bars(of.key, request.minutes, ist_ns(request.first), ist_ns(last) + NS_PER_DAY)
    levels = levels_of(run, request.first, last)
    try:
        jobs = await option_jobs(of, lists, levels, request.strikes or 0, request.minutes)
        known = (await lists.listed(of)).expiries(of.symbol)
    except BrokerError as error:
        label, days = f"{of.symbol} options", sorted(levels) or [request.first]
        return [missing_options(of, label, days, request.minutes, error)], None
    return jobs[0], next(iter(known), None)


async def _chain(
    broker: Source, store: Store, of: Instrument, expiry: date, clock: Clock, source: str
) -> ChainTaken:
    label = f"{of.symbol} chain of {expiry}"
    if not chain_is_due(store, of, expiry, clock.now_ns()):
        return ChainTaken(label, 0)
    try:
        return ChainTaken(label, await fetch_chain(broker, store, of, expiry, clock, source))
    except BrokerError as error:
        return ChainTaken(label, 0, error)
