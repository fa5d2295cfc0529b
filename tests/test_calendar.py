"""Sessions by date and segment, trading days, holidays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.calendar import Calendar, Segment
from sos.clock import ist_date, ist_iso, ist_ns

CALENDAR = Calendar.packaged()
DAYS = st.dates(date(2022, 1, 1), date(2026, 12, 31))


def hours(day: date, segment: Segment = Segment.CASH) -> list[str]:
    """``["09:15-15:30"]``"""
    return [
        f"{ist_iso(session.open_ns)[11:16]}-{ist_iso(session.close_ns)[11:16]}"
        for session in CALENDAR.sessions(day, segment)
    ]


@pytest.mark.parametrize(
    ("day", "fno", "cash", "other"),
    [
        (date(2024, 6, 3), "09:15-15:30", "09:15-15:30", "09:15-15:30"),
        (date(2026, 7, 31), "09:15-15:30", "09:15-15:30", "09:15-15:30"),
        (date(2026, 8, 3), "09:15-15:40", "09:15-15:15", "09:15-15:30"),
        (date(2026, 12, 4), "09:15-15:40", "09:15-15:15", "09:15-15:30"),
        (date(2026, 12, 7), "09:15-15:45", "09:15-15:30", "09:15-15:30"),
    ],
)
def test_ordinary_hours_follow_the_era_of_the_segment(day: date, fno: str, cash: str, other: str) -> None:
    assert hours(day, Segment.FNO) == [fno]
    assert hours(day, Segment.CASH) == [cash]
    assert hours(day, Segment.CASH_OTHER) == [other]


@pytest.mark.parametrize(
    ("day", "kind", "expected"),
    [
        (date(2021, 2, 24), "outage", ["09:15-11:40", "15:45-17:00"]),
        (date(2021, 11, 4), "muhurat", ["18:15-19:15"]),
        (date(2022, 10, 24), "muhurat", ["18:15-19:15"]),
        (date(2023, 11, 12), "muhurat", ["18:15-19:15"]),
        (date(2024, 1, 20), "full_day", ["09:15-15:30"]),
        (date(2024, 3, 2), "drill", ["09:15-10:00", "11:30-12:30"]),
        (date(2024, 5, 18), "drill", ["09:15-10:00", "11:30-12:30"]),
        (date(2024, 11, 1), "muhurat", ["18:00-19:00"]),
        (date(2025, 2, 1), "full_day", ["09:15-15:30"]),
        (date(2025, 10, 21), "muhurat", ["13:45-14:45"]),
        (date(2026, 2, 1), "full_day", ["09:15-15:30"]),
    ],
)
def test_unusual_days_have_their_own_sessions(day: date, kind: str, expected: list[str]) -> None:
    assert hours(day) == expected
    assert {session.kind for session in CALENDAR.sessions(day, Segment.FNO)} == {kind}
    assert all(session.verified for session in CALENDAR.sessions(day, Segment.FNO))
    assert CALENDAR.covers(day)


def test_a_muhurat_whose_hours_are_only_customary_is_not_verified() -> None:
    (session,) = CALENDAR.sessions(date(2026, 11, 8), Segment.FNO)
    assert not session.verified


def test_outside_the_coverage_the_answer_is_a_guess_and_says_so() -> None:
    day = date(2021, 6, 15)
    assert not CALENDAR.covers(day)
    (session,) = CALENDAR.sessions(day, Segment.CASH)
    assert not session.verified
    assert hours(date(2009, 6, 15)) == ["09:55-15:31"]
    assert hours(date(2010, 6, 15)) == ["09:00-15:30"]
    assert hours(date(2027, 6, 15), Segment.FNO) == ["09:15-15:45"]


def test_holidays_and_week_ends_are_closed_and_holidays_have_names() -> None:
    assert hours(date(2026, 1, 15)) == []
    assert CALENDAR.holiday_name(date(2026, 1, 15)) == "Municipal corporation election, Maharashtra"
    assert hours(date(2024, 6, 1)) == []
    assert CALENDAR.holiday_name(date(2024, 6, 1)) is None


@pytest.mark.parametrize(
    ("day", "trades"),
    [
        (date(2024, 11, 1), False),  # Muhurat only
        (date(2024, 3, 2), False),  # drill
        (date(2024, 1, 20), True),  # Saturday in full
        (date(2021, 2, 24), True),  # outage
        (date(2024, 1, 22), False),
        (date(2023, 6, 28), True),  # the holiday moved to the 29th
        (date(2023, 6, 29), False),
    ],
)
def test_a_trading_day_has_a_regular_session(day: date, trades: bool) -> None:
    assert CALENDAR.is_trading_day(day) is trades


def test_trading_days_of_each_year_are_as_many_as_the_exchange_had() -> None:
    counts = {
        year: len(CALENDAR.trading_days(date(year, 1, 1), date(year, 12, 31))) for year in range(2022, 2026)
    }
    # regular sessions: Muhurat-only days and the two drills of 2024 are not among them
    assert counts == {2022: 247, 2023: 245, 2024: 246, 2025: 248}


def test_neighbours_skip_holidays_and_week_ends() -> None:
    assert CALENDAR.previous_trading_day(date(2024, 1, 22)) == date(2024, 1, 20)
    assert CALENDAR.next_trading_day(date(2024, 1, 20)) == date(2024, 1, 23)
    assert CALENDAR.trading_day_on_or_before(date(2026, 3, 31)) == date(2026, 3, 30)
    assert CALENDAR.trading_day_on_or_before(date(2026, 3, 30)) == date(2026, 3, 30)


@given(DAYS)
def test_neighbouring_trading_days_are_inverse(day: date) -> None:
    following = CALENDAR.next_trading_day(day)
    assert following > day
    assert CALENDAR.is_trading_day(following)
    assert CALENDAR.trading_days(day + timedelta(days=1), following) == [following]
    assert CALENDAR.previous_trading_day(following) == CALENDAR.trading_day_on_or_before(day)


@given(DAYS, st.sampled_from(Segment))
def test_sessions_of_a_day_are_ordered_disjoint_and_on_that_day(day: date, segment: Segment) -> None:
    sessions = CALENDAR.sessions(day, segment)
    edges = [ns for session in sessions for ns in (session.open_ns, session.close_ns)]
    assert edges == sorted(set(edges))
    assert all(ist_date(ns) == day for ns in edges)


def test_the_session_at_a_time_includes_its_open_and_not_its_close() -> None:
    day = date(2024, 6, 3)
    opens, closes = ist_ns(day, 555), ist_ns(day, 930)
    assert CALENDAR.session_at(opens - 1, Segment.CASH) is None
    assert CALENDAR.session_at(opens, Segment.CASH) == CALENDAR.sessions(day, Segment.CASH)[0]
    assert CALENDAR.session_at(closes - 1, Segment.CASH) is not None
    assert CALENDAR.session_at(closes, Segment.CASH) is None


def test_the_next_session_is_found_over_a_long_week_end_and_within_a_day() -> None:
    friday_evening = ist_ns(date(2024, 3, 1), 16 * 60)
    drill = CALENDAR.next_session(friday_evening, Segment.FNO)
    assert (drill.day, drill.kind) == (date(2024, 3, 2), "drill")
    second = CALENDAR.next_session(drill.open_ns, Segment.FNO)
    assert ist_iso(second.open_ns)[:16] == "2024-03-02T11:30"
    assert CALENDAR.next_session(second.open_ns, Segment.FNO).day == date(2024, 3, 4)
