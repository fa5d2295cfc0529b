"""Holidays, timings and status come from the calendar."""

from __future__ import annotations

from datetime import date

import pytest

from sos.calendar import Calendar
from sos.clock import ist_ns
from sos.sim import World
from tests.sim.ask import DAY, data


def test_the_holidays_of_the_year_are_those_of_the_calendar(world: World) -> None:
    rows = data(world, "/v2/market/holidays")
    closed = [row["date"] for row in rows if row["holiday_type"] == "TRADING_HOLIDAY"]
    calendar = Calendar.packaged()
    assert all(not calendar.is_trading_day(date.fromisoformat(day)) for day in closed)
    assert "2026-01-26" in closed
    assert all(
        set(row) == {"date", "description", "holiday_type", "closed_exchanges", "open_exchanges"}
        for row in rows
    )
    assert {row["date"][:4] for row in rows} == {"2026"}


def test_a_special_session_lists_its_hours(world: World) -> None:
    (row,) = data(world, "/v2/market/holidays/2026-11-08")
    assert row["holiday_type"] == "SPECIAL_TIMING"
    hours = {one["exchange"]: one for one in row["open_exchanges"]}
    assert hours["NFO"]["start_time"] == ist_ns(date(2026, 11, 8), 18 * 60 + 15) // 1_000_000


def test_an_ordinary_day_is_no_holiday(world: World) -> None:
    assert data(world, "/v2/market/holidays/2026-01-28") == []


def test_timings_are_the_sessions_of_the_day(world: World) -> None:
    rows = {row["exchange"]: row for row in data(world, "/v2/market/timings/2026-01-28")}
    assert set(rows) == {"NSE", "NFO", "CDS", "BSE", "BFO", "BCD"}
    assert rows["NSE"]["start_time"] == ist_ns(DAY, 555) // 1_000_000
    assert rows["NFO"]["end_time"] == ist_ns(DAY, 930) // 1_000_000
    later = {row["exchange"]: row for row in data(world, "/v2/market/timings/2026-09-15")}
    assert later["NFO"]["end_time"] == ist_ns(date(2026, 9, 15), 940) // 1_000_000
    assert data(world, "/v2/market/timings/2026-01-26") == []


@pytest.mark.parametrize(
    ("minute", "status", "since"),
    [
        (8 * 60, "NORMAL_CLOSE", 0),
        (9 * 60, "PRE_OPEN_START", 540),
        (9 * 60 + 8, "PRE_OPEN_END", 548),
        (9 * 60 + 15, "NORMAL_OPEN", 555),
        (15 * 60 + 29, "NORMAL_OPEN", 555),
        (15 * 60 + 30, "NORMAL_CLOSE", 930),
        (15 * 60 + 40, "CLOSING_START", 940),
        (20 * 60, "CLOSING_END", 960),
    ],
)
def test_the_status_follows_the_day(world: World, minute: int, status: str, since: int) -> None:
    row = data(world, "/v2/market/status/NSE", ist_ns(DAY, minute))
    assert row == {"exchange": "NSE", "status": status, "last_updated": ist_ns(DAY, since) // 1_000_000}


def test_an_exchange_is_closed_on_a_holiday(world: World) -> None:
    assert data(world, "/v2/market/status/NFO", ist_ns(date(2026, 1, 26), 700))["status"] == "NORMAL_CLOSE"
