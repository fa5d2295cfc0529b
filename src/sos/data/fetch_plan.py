"""Which days of a series are still to be asked for, and in which requests.

Pure. A day is settled when the store has every bar of its sessions, or as many bars as the broker gave when
it was asked after the day was over (a share that hardly trades never has them all). Requests are runs of
neighbouring trading days inside one IST month, so that what is fetched is written month by month; today is
asked for by itself, because the broker's history ends yesterday.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from sos.bars import I64
from sos.calendar import Calendar, Segment
from sos.clock import IST_OFFSET_NS
from sos.types import NS_PER_DAY, NS_PER_MINUTE

__all__ = ["Ask", "asked_days", "asks", "bars_by_day", "full_count", "unsettled"]

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: trading days ``first`` to ``last``, both inside, of one month; or today alone."""

    first: date
    last: date
    today: bool = False


def asked_days(calendar: Calendar, segment: Segment, first: date, last: date) -> list[date]:
    """Days with a session from ``first`` to ``last``, both inside, ascending."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if calendar.sessions(day, segment)]


def full_count(
    calendar: Calendar, segment: Segment, day: date, minutes: int, until_ns: int | None = None
) -> int:
    """Bars of ``minutes`` in the sessions of a day, the short last one too; those over by ``until_ns``."""
    length, count = minutes * NS_PER_MINUTE, 0
    for one in calendar.sessions(day, segment):
        whole = -(-(one.close_ns - one.open_ns) // length)
        past = whole if until_ns is None else (until_ns - one.open_ns) // length
        count += min(whole, max(0, past))
    return count


def bars_by_day(ts: I64) -> dict[date, int]:
    """Number of bars by IST date."""
    days, counts = np.unique((ts + IST_OFFSET_NS) // NS_PER_DAY, return_counts=True)
    return {_EPOCH + timedelta(days=int(day)): int(n) for day, n in zip(days, counts, strict=True)}


def unsettled(
    days: Iterable[date], stored: Mapping[date, int], answered: Mapping[date, int], full: Mapping[date, int]
) -> list[date]:
    """Those of ``days`` that must be asked for: fewer bars than the session has, and than were answered."""

    def is_settled(day: date) -> bool:
        have = stored.get(day, 0)
        return have >= full[day] or (day in answered and have >= answered[day])

    return [day for day in days if not is_settled(day)]


def asks(wanted: Sequence[date], asked: Sequence[date], today: date) -> list[Ask]:
    """The requests for ``wanted``, which are some of the trading days ``asked``; both ascend.

    Together they are ``wanted``, none twice; what lies after today is not asked for.
    """
    past = [day for day in wanted if day < today]
    found = [Ask(run[0], run[-1]) for run in _runs(past, asked)]
    return [*found, Ask(today, today, today=True)] if today in wanted else found


def _runs(wanted: Sequence[date], asked: Sequence[date]) -> Iterator[list[date]]:
    place = {day: i for i, day in enumerate(asked)}
    run: list[date] = []
    for day in wanted:
        if run and (place[day] != place[run[-1]] + 1 or (day.year, day.month) != (run[0].year, run[0].month)):
            yield run
            run = []
        run.append(day)
    if run:
        yield run
