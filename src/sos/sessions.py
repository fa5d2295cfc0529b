"""The sessions of one run, as columns: which session a bar belongs to, when it opened, when it will close.

Pure. The calendar decides wherever it is sure. It is not on days outside its coverage, on days whose row is
unverified, on days that it calls closed although there is a bar, and on days whose first bars come when its
sessions are over. Each of these is known with the first bar. There the bars themselves are the sessions,
under rules that look only backwards, so that truncating the data never changes what an earlier bar was told:

- The bars of one IST date are split where 90 minutes or more pass between two of them without a bar.
- A part opens with its first bar; one that begins in the usual pre-open opens at the usual open instead, and
  the auction's bars are outside.
- A part that opens before the usual close of its time closes at the usual close; a later one (an evening)
  closes 60 minutes after its open. Both are known at the open. Bars that run on past this nominal close
  still belong to the session; a next part simply begins the next session.

Only whether the calendar has a day wrong is settled by all of that day's bars: it is a fact about the data
file, like its holes, and the head reports it.

Days without a bar have no session here: ordinals rise by one from each session in the data to the next.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.bars import I64
from sos.calendar import Calendar, Segment, Session
from sos.clock import ist_date, ist_day, ist_ns
from sos.types import NS_PER_DAY, NS_PER_MINUTE

__all__ = ["SessionTable"]

_PAUSE_NS: Final = 90 * NS_PER_MINUTE
_EVENING_NS: Final = 60 * NS_PER_MINUTE
_MIDNIGHT_NS: Final = ist_ns(date(1970, 1, 1))


@dataclass(frozen=True, slots=True)
class _Days:
    """The dates that have bars: day ``i`` owns rows ``start[i]`` to ``stop[i]``."""

    days: list[date]
    start: list[int]
    stop: list[int]


class SessionTable:
    """Sessions in order. ``opens``, ``closes`` and ``ends`` are ns UTC, one entry each per session.

    ``closes`` is the close as it was known at the open; ``ends`` the first ns that no longer belongs to the
    session (later than the close only where ``from_data`` bars ran on). Columns are never written to.
    """

    __slots__ = ("_ends", "_hit", "_opens", "closes", "days", "ends", "from_data", "opens")

    def __init__(self, sessions: Sequence[Session], ends: Sequence[int] | None = None) -> None:
        self.days: list[date] = [session.day for session in sessions]
        self.opens: I64 = np.array([session.open_ns for session in sessions], np.int64)
        self.closes: I64 = np.array([session.close_ns for session in sessions], np.int64)
        self.from_data: npt.NDArray[np.bool_] = np.array([s.kind == "from_data" for s in sessions], np.bool_)
        self.ends: I64 = self.closes.copy() if ends is None else np.array(ends, np.int64)
        self.ends[:-1] = np.minimum(self.ends[:-1], self.opens[1:])
        self._opens: list[int] = self.opens.tolist()
        self._ends: list[int] = self.ends.tolist()
        self._hit = 0

    def __len__(self) -> int:
        return len(self.days)

    def index(self, ts_ns: int) -> int:
        """Ordinal of the session that contains ``ts_ns``, or -1. Cheap while the answer stays the same."""
        hit = self._hit
        if hit < len(self._opens) and self._opens[hit] <= ts_ns < self._ends[hit]:
            return hit
        found = bisect_right(self._opens, ts_ns) - 1
        if found < 0 or ts_ns >= self._ends[found]:
            return -1
        self._hit = found
        return found

    def index_block(self, ts: I64) -> I64:
        """`index` of every entry of ``ts`` (any order), as int64."""
        if not len(self):
            return np.full(len(ts), -1, np.int64)
        found = np.searchsorted(self.opens, ts, "right").astype(np.int64, copy=False) - 1
        found[(found < 0) | (ts >= self.ends[found])] = -1
        return found

    @classmethod
    def from_calendar(
        cls, calendar: Calendar, segment: Segment, first_day: date, last_day: date
    ) -> SessionTable:
        """Every session of the calendar from ``first_day`` to ``last_day``, both inside."""
        days = (first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1))
        return cls([session for day in days for session in calendar.sessions(day, segment)])

    @classmethod
    def for_bars(
        cls, calendar: Calendar, segment: Segment, ts: I64, end: I64
    ) -> tuple[SessionTable, npt.NDArray[np.bool_], tuple[str, ...]]:
        """The sessions of one instrument's bars; which bars are inside one; what the head must say.

        ``ts`` (ascending) and ``end`` are open and end of the bars, ns UTC, of equal length. A bar is inside
        when its open is.
        """
        rows = _rows_by_day(ts)
        listed = [_listed(calendar, segment, day) for day in rows.days]
        sessions: list[Session] = []
        ends: list[int] = []
        reasons: dict[str, list[date]] = {}
        inside = _count_inside(ts, listed)
        for i, day in enumerate(rows.days):
            reason = _distrust(calendar, segment, day)
            span = slice(rows.start[i], rows.stop[i])
            if not reason and not listed[i]:
                reason = "that the calendar calls closed"
            if not reason and not inside[i] and ts[span.stop - 1] >= listed[i][-1].close_ns:
                reason = "that the calendar has at other hours"
                span = slice(int(np.searchsorted(ts, listed[i][-1].close_ns)), span.stop)
            if reason:
                reasons.setdefault(reason, []).append(day)
                found = list(_derive(calendar, segment, day, ts[span], end[span]))
            else:
                found = [(session, session.close_ns) for session in listed[i]]
            sessions.extend(session for session, _ in found)
            ends.extend(last for _, last in found)
        lo, hi = np.searchsorted(ts, _opens(sessions)), np.searchsorted(ts, np.array(ends, np.int64))
        used = np.flatnonzero(hi > lo)
        keep = _cover(len(ts), lo[used], hi[used])
        table = cls([sessions[i] for i in used], [ends[i] for i in used])
        return table, keep, tuple(_notes(reasons, ts, keep))


def _rows_by_day(ts: I64) -> _Days:
    """Cut ascending ``ts`` at IST midnights; dates without rows are left out."""
    if not len(ts):
        return _Days([], [], [])
    first, last = ist_day(int(ts[0])), ist_day(int(ts[-1]))
    midnights = np.arange(first, last + 2, dtype=np.int64) * NS_PER_DAY + _MIDNIGHT_NS
    edges = np.searchsorted(ts, midnights)
    busy = np.flatnonzero(np.diff(edges))
    zero = ist_date(int(ts[0]))
    days = [zero + timedelta(days=n) for n in busy.tolist()]
    return _Days(days, edges[busy].tolist(), edges[busy + 1].tolist())


def _distrust(calendar: Calendar, segment: Segment, day: date) -> str:
    """Why the table cannot be taken for ``day``; empty if it can."""
    if not calendar.covers(day):
        return "outside the calendar"
    if any(not session.verified for session in calendar.sessions(day, segment)):
        return "that the calendar is unsure of"
    return ""


def _listed(calendar: Calendar, segment: Segment, day: date) -> tuple[Session, ...]:
    return () if _distrust(calendar, segment, day) else calendar.sessions(day, segment)


def _opens(sessions: Iterable[Session]) -> I64:
    return np.array([session.open_ns for session in sessions], np.int64)


def _count_inside(ts: I64, listed: Sequence[Sequence[Session]]) -> list[int]:
    """How many rows fall into the listed sessions of each day."""
    flat = [session for sessions in listed for session in sessions]
    owner = np.repeat(np.arange(len(listed)), [len(sessions) for sessions in listed])
    lo = np.searchsorted(ts, _opens(flat))
    hi = np.searchsorted(ts, np.array([session.close_ns for session in flat], np.int64))
    counts = np.bincount(owner, weights=hi - lo, minlength=len(listed))
    return [int(count) for count in counts]


def _derive(
    calendar: Calendar, segment: Segment, day: date, ts: I64, end: I64
) -> Iterator[tuple[Session, int]]:
    """Sessions of one date from its bars, each with the first ns after it. Rules: module docstring."""
    hours = calendar.usual_hours(day, segment)
    pre_open, usual_open, usual_close = (ist_ns(day, m) for m in (hours.pre_open, hours.open, hours.close))
    cuts = [0, *(np.flatnonzero(ts[1:] - end[:-1] >= _PAUSE_NS) + 1).tolist(), len(ts)]
    for start, stop in pairwise(cuts):
        opens = int(ts[start])
        if pre_open <= opens < usual_open:
            opens = usual_open
        closes = usual_close if opens < usual_close else opens + _EVENING_NS
        yield Session(day, opens, closes, "from_data", False), max(closes, int(end[stop - 1]))


def _cover(n: int, lo: npt.NDArray[np.intp], hi: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """True for the rows of the ascending ranges [lo, hi); they may overlap."""
    if int((hi - lo).sum()) == n and np.array_equal(lo[1:], hi[:-1]):
        return np.ones(n, np.bool_)
    steps = np.zeros(n + 1, np.int32)
    np.add.at(steps, lo, 1)
    np.add.at(steps, hi, -1)
    return np.cumsum(steps[:-1]) > 0


def _notes(reasons: dict[str, list[date]], ts: I64, keep: npt.NDArray[np.bool_]) -> Iterator[str]:
    for reason, days in reasons.items():
        yield f"sessions of {_days(days)} {reason} come from the data"
    dropped = int(len(keep) - np.count_nonzero(keep))
    if dropped:
        first = ist_date(int(ts[np.argmin(keep)]))
        yield f"{dropped} bar{'s' * (dropped != 1)} outside the sessions dropped (first on {first})"


def _days(days: Sequence[date]) -> str:
    """``1 day (2021-02-24)`` or ``517 days (2021-01-01 to 2022-12-30)``."""
    if len(days) == 1:
        return f"1 day ({days[0]})"
    return f"{len(days)} days ({days[0]} to {days[-1]})"
