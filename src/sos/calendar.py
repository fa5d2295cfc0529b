"""When the exchanges trade: sessions by date and segment, from the packaged tables.

Pure once the table is read: dates in, sessions out. It does not look at market data; days that the table
does not know, or knows only from a weak source, are settled from the bars of a run in `sessions`.

Outside the coverage of the table the answers are a guess by weekday, with the hours of the nearest era and
``verified`` False; `Calendar.covers` tells which is which. Source: reference/holidays.toml.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sos.clock import ist_date, ist_ns
from sos.errors import DataError
from sos.reference import as_date, load

__all__ = ["Calendar", "Hours", "Segment", "Session", "minute_of_day"]

_DAY: Final = timedelta(days=1)
_LONGEST_PAUSE: Final = 30  # days; no exchange holiday comes near


class Segment(StrEnum):
    """Whose hours. Indices are CASH: they live on the shares that have derivatives."""

    FNO = "fno"
    CASH = "cash"
    CASH_OTHER = "cash_other"


@dataclass(frozen=True, slots=True)
class Session:
    """Continuous trading from ``open_ns`` (inside) to ``close_ns`` (outside), ns UTC, of one IST date.

    ``kind`` is normal, full_day (a week-end day traded in full), muhurat, drill, outage or from_data.
    ``verified`` is False where the table is unsure or does not reach.
    """

    day: date
    open_ns: int
    close_ns: int
    kind: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """Usual hours, minutes since IST midnight. Bars from ``pre_open`` to ``open`` are an auction's."""

    pre_open: int
    open: int
    close: int


@dataclass(frozen=True, slots=True)
class _Special:
    kind: str
    parts: tuple[tuple[int, int], ...]
    verified: bool


def minute_of_day(text: str) -> int:
    """``"09:15"`` as minutes since midnight."""
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def _special(row: Mapping[str, Any]) -> _Special:
    parts = tuple((minute_of_day(opens), minute_of_day(closes)) for opens, closes in row["sessions"])
    return _Special(row["kind"], parts, row["status"] != "unverified")


class Calendar:
    """Trading days and sessions. Build it with `packaged`, or from a table of the same shape."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        meta = table["meta"]
        self.first_day = as_date(meta["coverage_from"])
        self.last_day = as_date(meta["coverage_to"])
        self._weekend = frozenset(meta["weekend"])
        self._holidays = {as_date(row["date"]): str(row["name"]) for row in table["holiday"]}
        self._known = {as_date(row["date"]): _special(row) for row in table["exception"]}
        self._specials = {as_date(row["date"]): _special(row) for row in table["special"]} | self._known
        self._eras = {segment: _eras(table["era"], segment) for segment in Segment}
        self._historic = [
            (as_date(row["to"]), Hours(*(minute_of_day(row[k]) for k in ("pre_open", "open", "close"))))
            for row in table["historic"]
        ]
        self._cache: dict[tuple[date, Segment], tuple[Session, ...]] = {}

    @staticmethod
    @cache
    def packaged() -> Calendar:
        """The calendar that ships with SOS, built once."""
        return Calendar(load("holidays"))

    def covers(self, day: date) -> bool:
        """Whether the table speaks about ``day``: its coverage, and the few known days outside it."""
        return self.first_day <= day <= self.last_day or day in self._known

    def sessions(self, day: date, segment: Segment) -> tuple[Session, ...]:
        """The sessions of ``day``, in order; empty when closed."""
        found = self._cache.get((day, segment))
        if found is None:
            found = self._cache[day, segment] = tuple(self._make(day, segment))
        return found

    def is_trading_day(self, day: date) -> bool:
        """Whether ``day`` has a regular session, so that contracts can expire on it.

        A Muhurat-only day and a drill are none, a full week-end session is one.
        """
        special = self._specials.get(day)
        if special is not None:
            return special.kind not in ("muhurat", "drill")
        return day.isoweekday() not in self._weekend and day not in self._holidays

    def trading_days(self, start: date, end: date) -> list[date]:
        """Trading days from ``start`` to ``end``, both inside."""
        days = (start + timedelta(days=n) for n in range((end - start).days + 1))
        return [day for day in days if self.is_trading_day(day)]

    def previous_trading_day(self, day: date) -> date:
        """The last trading day before ``day``."""
        return self._seek(day - _DAY, -_DAY)

    def next_trading_day(self, day: date) -> date:
        """The first trading day after ``day``."""
        return self._seek(day + _DAY, _DAY)

    def trading_day_on_or_before(self, day: date) -> date:
        """``day`` itself if it trades, else the last trading day before it."""
        return self._seek(day, -_DAY)

    def holiday_name(self, day: date) -> str | None:
        """The name of the holiday on ``day``; None on ordinary days and plain week-ends."""
        return self._holidays.get(day)

    def session_at(self, ts_ns: int, segment: Segment) -> Session | None:
        """The session that contains ``ts_ns``, or None."""
        for session in self.sessions(ist_date(ts_ns), segment):
            if session.open_ns <= ts_ns < session.close_ns:
                return session
        return None

    def next_session(self, after_ns: int, segment: Segment) -> Session:
        """The first session that opens after ``after_ns``.

        Raises:
            DataError: none within a month, so the table must be wrong.
        """
        day = ist_date(after_ns)
        for n in range(_LONGEST_PAUSE):
            for session in self.sessions(day + n * _DAY, segment):
                if session.open_ns > after_ns:
                    return session
        raise DataError(
            f"no {segment} session within {_LONGEST_PAUSE} days after {day}: check the holiday table"
        )

    def usual_hours(self, day: date, segment: Segment) -> Hours:
        """The hours of an ordinary day of that time; also answers for days long before the coverage."""
        if day < self.first_day:
            for last, hours in self._historic:
                if day <= last:
                    return hours
        starts, hours_of, _ = self._eras[segment]
        return hours_of[max(0, bisect_right(starts, day) - 1)]

    def _make(self, day: date, segment: Segment) -> Iterator[Session]:
        special = self._specials.get(day)
        if special is not None:
            for opens, closes in special.parts:
                yield Session(day, ist_ns(day, opens), ist_ns(day, closes), special.kind, special.verified)
        elif self.is_trading_day(day):
            hours = self.usual_hours(day, segment)
            verified = self.covers(day) and self._era_is_sure(day, segment)
            yield Session(day, ist_ns(day, hours.open), ist_ns(day, hours.close), "normal", verified)

    def _era_is_sure(self, day: date, segment: Segment) -> bool:
        starts, _, sure = self._eras[segment]
        return sure[max(0, bisect_right(starts, day) - 1)]

    def _seek(self, day: date, step: timedelta) -> date:
        for _ in range(_LONGEST_PAUSE):
            if self.is_trading_day(day):
                return day
            day += step
        raise DataError(f"no trading day within {_LONGEST_PAUSE} days of {day}: check the holiday table")


def _eras(rows: list[dict[str, Any]], segment: Segment) -> tuple[list[date], list[Hours], list[bool]]:
    """First days, hours and sureness of the eras of one segment, oldest first."""
    mine = sorted((row for row in rows if row["segment"] == segment), key=lambda row: as_date(row["from"]))
    hours = [Hours(9 * 60, minute_of_day(row["open"]), minute_of_day(row["close"])) for row in mine]
    return [as_date(row["from"]) for row in mine], hours, [row["status"] != "unverified" for row in mine]
