"""What to fetch for a symbol: its own bars, its near future, options around the money.

Which contracts exist is asked of `fetch_lists`; bars are not fetched here. The future of a day is the near
month's; the options of a day are those of its nearest expiry, from the lowest close of that expiry's days
less ``strikes`` listed strikes to the highest close plus as many, so that every minute has them around its
ATM. What cannot be had (no Upstox Plus) becomes a job that says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

import numpy as np

from sos.bars import BarRun
from sos.calendar import Calendar, Segment
from sos.clock import ist_ns
from sos.contracts import Contracts
from sos.data.fetch import Job, Leg
from sos.data.fetch_lists import Lists
from sos.data.fetch_plan import asked_days
from sos.data.instruments.names import ContractName
from sos.data.instruments.tables import ContractTable
from sos.data.symbols import Instrument, resolve
from sos.errors import BrokerError, Rejected
from sos.options.chain import atm_strike
from sos.types import NS_PER_DAY, InstrumentKey, InstrumentKind

__all__ = [
    "Levels",
    "expiry_of_days",
    "future_job",
    "has_future",
    "levels_of",
    "missing_options",
    "option_jobs",
    "spot_job",
    "whole_future",
]

Levels = Mapping[date, tuple[float, float]]  # lowest and highest close of a day, rupees


def spot_job(of: Instrument, first: date, last: date, minutes: int) -> Job:
    """The bars of an index, a share or a broker's key."""
    trades = of.kind is not InstrumentKind.INDEX
    return Job(of.symbol, of.key, of.hours, minutes, (Leg(of.key, first, last),), trades)


def has_future(of: Instrument) -> bool:
    """Whether ``of`` is an index whose near future lends it volume."""
    return of.kind is InstrumentKind.INDEX and Contracts.packaged().underlying_of(of.key) is not None


def whole_future(of: Instrument, first: date, last: date, minutes: int) -> Job:
    """The near future as one series, before its contracts are looked up: says what would be wanted."""
    future = resolve(f"{of.symbol}.FUT")
    return Job(future.symbol, future.key, future.hours, minutes, (Leg(future.key, first, last),))


async def future_job(of: Instrument, lists: Lists, first: date, last: date, minutes: int) -> Job:
    """The near future of an index, each day from the contract that is near then."""
    job, contracts = whole_future(of, first, last, minutes), Contracts.packaged()
    days = asked_days(Calendar.packaged(), job.hours, first, last)
    legs: list[Leg] = []
    gone: list[date] = []
    why: BrokerError | None = None
    for expiry, group in groupby(days, lambda day: contracts.near_future(of.symbol, day)[0]):
        near = list(group)
        try:
            key, expired = await _future_key(of, lists, expiry)
        except BrokerError as error:
            gone += near
            why = why or error
        else:
            legs.append(Leg(key, near[0], near[-1], expired))
    return Job(job.label, job.key, job.hours, minutes, tuple(legs), gone=tuple(gone), why=why)


async def _future_key(of: Instrument, lists: Lists, expiry: date) -> tuple[str, bool]:
    """The broker's key of a future, and whether it has expired."""
    listed = (await lists.listed(of)).future(of.symbol, expiry)
    if listed is not None:
        return listed.key, False
    gone = (await lists.expired(of, expiry, futures=True)).future(of.symbol, expiry)
    if gone is None:
        raise Rejected(f"the broker has no future of {of.symbol} that expires on {expiry}")
    return gone.key, True


def levels_of(run: BarRun | None, first: date, last: date) -> Levels:
    """Lowest and highest close by day, of days that have bars."""
    found: dict[date, tuple[float, float]] = {}
    if run is None:
        return found
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        start = ist_ns(day)
        lo, hi = np.searchsorted(run.ts, [start, start + NS_PER_DAY])
        if lo < hi:
            closes = run.close[lo:hi]
            found[day] = float(closes.min()), float(closes.max())
    return found


async def option_jobs(
    of: Instrument, lists: Lists, levels: Levels, strikes: int, minutes: int
) -> tuple[list[Job], list[date]]:
    """The options of the days in ``levels``, and the expiries that they belong to, ascending."""
    listed = await lists.listed(of)
    try:
        past = await lists.expired_days(of)
    except BrokerError:
        past = []  # the rules say which expiries there were, and each one tells why it is missing
    by_expiry = expiry_of_days(of, sorted(levels), listed.expiries(of.symbol), past)
    jobs: list[Job] = []
    for expiry, days in by_expiry.items():
        near = min(levels[day][0] for day in days), max(levels[day][1] for day in days)
        try:
            is_listed = bool(listed.strikes(of.symbol, expiry))
            table = listed if is_listed else await lists.expired(of, expiry)
            jobs += _jobs(of, table, expiry, days, near, strikes, minutes, expired=not is_listed)
        except BrokerError as error:
            jobs.append(missing_options(of, f"{of.symbol} options of {expiry}", days, minutes, error))
    return jobs, list(by_expiry)


def expiry_of_days(
    of: Instrument, days: Sequence[date], listed: Sequence[date], past: Sequence[date]
) -> dict[date, list[date]]:
    """Days by their nearest expiry. ``listed`` and ``past`` are the broker's; before the first of them the
    packaged rules speak, where they know the underlying."""
    known = sorted({*listed, *past})
    rules = Contracts.packaged()
    if days and rules.underlying_of(of.key) is not None:
        until = known[0] - timedelta(days=1) if known else days[-1] + timedelta(days=40)
        known = sorted({*known, *rules.expiries(of.symbol, "all", days[0], until)})
    found: dict[date, list[date]] = {}
    for day in days:
        expiry = next((one for one in known if one >= day), None)
        if expiry is not None:
            found.setdefault(expiry, []).append(day)
    return dict(sorted(found.items()))


def _jobs(
    of: Instrument,
    table: ContractTable,
    expiry: date,
    days: Sequence[date],
    near: tuple[float, float],
    strikes: int,
    minutes: int,
    *,
    expired: bool,
) -> Iterator[Job]:
    """One job for each contract around the money."""
    known = table.strikes(of.symbol, expiry)
    ends = [atm_strike(np.array(known), level) for level in near]
    if not known or ends[0] is None or ends[1] is None:
        raise Rejected(f"the broker has no options of {of.symbol} that expire on {expiry}")
    lo, hi = max(0, known.index(ends[0]) - strikes), known.index(ends[1]) + strikes + 1
    for strike in known[lo:hi]:
        for right in ("CE", "PE"):
            name = ContractName(of.symbol, expiry, strike, right)
            leg = Leg(table.option(of.symbol, expiry, strike, right).key, days[0], days[-1], expired)
            yield Job(name.symbol, _kept(of, name), Segment.FNO, minutes, (leg,), sparse=True)


def missing_options(of: Instrument, label: str, days: Sequence[date], minutes: int, why: BrokerError) -> Job:
    """A job that only says why options are missing."""
    key = InstrumentKey(f"{of.exchange}_FO|{label}")
    return Job(label, key, Segment.FNO, minutes, (), sparse=True, gone=tuple(days), why=why)


def _kept(of: Instrument, name: ContractName) -> InstrumentKey:
    return InstrumentKey(f"{of.exchange}_FO|{name.symbol}")
