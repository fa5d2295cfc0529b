"""Candles equal the source's bars: every unit, newest first, without today; a forming bar is its open."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.clock import ist_date, ist_iso, ist_minute_of_day, ist_ns
from sos.sim import World
from sos.sim.routes_history import months_before
from sos.types import NS_PER_DAY, NS_PER_MINUTE
from tests.sim.ask import DAY, ELEVEN, NIFTY, NOW, RELIANCE, ask, data, history, intraday, make_world, nifty

INDEX, FUTURE = nifty()


def test_minutes_of_a_range_are_the_source_bars_newest_first(world: World) -> None:
    rows = data(world, history(NIFTY, "minutes", 1, "2026-01-23", "2026-01-20"))["candles"]
    run = INDEX.between(date(2026, 1, 20), date(2026, 1, 23))
    assert run is not None
    want = [
        [ist_iso(bar.ts), bar.open, bar.high, bar.low, bar.close, 0, 0] for bar in reversed(list(run.run))
    ]
    assert rows == want


def test_a_share_carries_its_volume_and_no_open_interest(world: World) -> None:
    rows = data(world, history(RELIANCE, "minutes", 1, "2026-01-23", "2026-01-23"))["candles"]
    assert len(rows) == 375
    assert all(row[5] > 0 and row[6] == 0 for row in rows)


@pytest.mark.parametrize(
    ("unit", "interval", "first", "last", "count"),
    [
        ("minutes", 5, "09:15", "15:25", 75),
        ("minutes", 7, "09:15", "15:26", 54),
        ("minutes", 30, "09:15", "15:15", 13),
        ("minutes", 300, "09:15", "14:15", 2),
        ("hours", 1, "09:15", "15:15", 7),
        ("hours", 5, "09:15", "14:15", 2),
        ("days", 1, "00:00", "00:00", 1),
    ],
)
def test_longer_candles_are_aligned_to_the_open(
    world: World, unit: str, interval: int, first: str, last: str, count: int
) -> None:
    rows = data(world, history(RELIANCE, unit, interval, "2026-01-23", "2026-01-23"))["candles"]
    minutes = data(world, history(RELIANCE, "minutes", 1, "2026-01-23", "2026-01-23"))["candles"]
    assert (rows[-1][0][11:16], rows[0][0][11:16], len(rows)) == (first, last, count)
    assert sum(row[5] for row in rows) == sum(row[5] for row in minutes)
    assert max(row[2] for row in rows) == max(row[2] for row in minutes)
    assert min(row[3] for row in rows) == min(row[3] for row in minutes)
    assert (rows[-1][1], rows[0][4]) == (minutes[-1][1], minutes[0][4])


def test_weeks_begin_on_monday_and_months_on_the_first(world: World) -> None:
    weeks = data(world, history(NIFTY, "weeks", 1, "2026-01-27"))["candles"]
    assert [row[0][:10] for row in weeks] == [
        "2026-01-26",
        "2026-01-19",
        "2026-01-12",
        "2026-01-05",
        "2025-12-29",
    ]
    months = data(world, history(NIFTY, "months", 1, "2026-01-27"))["candles"]
    assert [row[0] for row in months] == ["2026-01-01T00:00:00+05:30"]


def test_history_never_holds_the_current_date(world: World) -> None:
    rows = data(world, history(NIFTY, "minutes", 1, "2026-01-31", "2026-01-27"))["candles"]
    assert rows[0][0] == "2026-01-27T15:29:00+05:30"
    after = data(world, history(NIFTY, "days", 1, "2026-01-28", "2026-01-28"), ist_ns(DAY, 20 * 60))
    assert after == {"candles": []}
    tomorrow = ist_ns(DAY + timedelta(days=1), 1)
    assert len(data(world, history(NIFTY, "days", 1, "2026-01-28", "2026-01-28"), tomorrow)["candles"]) == 1


def test_without_a_first_date_the_longest_range_is_answered(world: World) -> None:
    rows = data(world, history(NIFTY, "minutes", 1, "2026-01-27"))["candles"]
    assert rows == data(world, history(NIFTY, "minutes", 1, "2026-01-27", "2025-12-27"))["candles"]
    assert len(rows) == 17 * 375


def test_intraday_is_today_with_the_forming_bar_first(world: World) -> None:
    rows = data(world, intraday(NIFTY, "minutes", 1))["candles"]
    at = int(np.searchsorted(INDEX.run.ts, ELEVEN))
    opening = float(INDEX.run.open[at])
    assert rows[0] == [ist_iso(ELEVEN), opening, opening, opening, opening, 0, 0]
    assert rows[1][1:5] == [
        float(column[at - 1]) for column in (INDEX.run.open, INDEX.run.high, INDEX.run.low, INDEX.run.close)
    ]
    assert len(rows) == 106
    assert rows[-1][0] == "2026-01-28T09:15:00+05:30"


def test_a_forming_longer_bar_holds_what_is_known_of_it(world: World) -> None:
    rows = data(world, intraday(NIFTY, "minutes", 30), ELEVEN + 5 * NS_PER_MINUTE)["candles"]
    minutes = data(world, intraday(NIFTY, "minutes", 1), ELEVEN + 5 * NS_PER_MINUTE)["candles"]
    inside = [row for row in minutes if row[0] >= "2026-01-28T10:45"]
    assert rows[0][0] == "2026-01-28T10:45:00+05:30"
    assert rows[0][2] == max(row[2] for row in inside)
    assert rows[0][4] == inside[0][4]


@pytest.mark.parametrize("minute", [0, 9 * 60, 9 * 60 + 14])
def test_before_the_open_there_is_nothing_of_today(world: World, minute: int) -> None:
    assert data(world, intraday(NIFTY, "minutes", 1), ist_ns(DAY, minute)) == {"candles": []}


def test_before_the_open_the_last_working_day_comes_where_the_setting_says_so() -> None:
    rows = data(make_world(before_open=True), intraday(NIFTY, "minutes", 1), ist_ns(DAY, 60))["candles"]
    assert (len(rows), rows[0][0][:10]) == (375, "2026-01-27")


def test_a_week_end_has_no_intraday_candles(world: World) -> None:
    assert data(world, intraday(NIFTY, "days", 1), ist_ns(date(2026, 1, 25), 700)) == {"candles": []}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1minute", ("minutes", 1)),
        ("30minute", ("minutes", 30)),
        ("day", ("days", 1)),
        ("week", ("weeks", 1)),
    ],
)
def test_the_old_read_answers_as_the_new_one(world: World, old: str, new: tuple[str, int]) -> None:
    key = "NSE_INDEX%7CNifty%2050"
    rows = data(world, f"/v2/historical-candle/{key}/{old}/2026-01-27/2026-01-05")
    assert rows == data(world, history(NIFTY, *new, "2026-01-27", "2026-01-05"))
    if old.endswith("minute"):
        today = data(world, f"/v2/historical-candle/intraday/{key}/{old}")
        assert today == data(world, intraday(NIFTY, *new))


def test_the_near_future_is_the_source_future_in_its_month(world: World) -> None:
    master = data(world, "/v2/instruments/search", query="NIFTY FUT", segments="FUT", exchanges="NSE")
    future = next(row for row in master if row["underlying_key"] == NIFTY)
    assert future["trading_symbol"] == "NIFTY FUT 24 FEB 26"
    rows = data(world, intraday(future["instrument_key"], "minutes", 1))["candles"][1:]
    run = FUTURE.run[int(np.searchsorted(FUTURE.run.ts, ist_ns(DAY))) :][: len(rows)]
    assert [row[1:] for row in rows] == [
        [bar.open, bar.high, bar.low, bar.close, int(bar.volume), int(bar.oi)] for bar in reversed(list(run))
    ]
    before = history(future["instrument_key"], "days", 1, "2026-01-27", "2026-01-01")
    assert data(world, before) == {"candles": []}  # until the 27th January was the near month


def test_expired_contracts_are_found_and_their_candles_end_with_them(world: World) -> None:
    path = "/v2/expired-instruments"
    days = data(world, f"{path}/expiries", instrument_key=NIFTY)
    assert days == ["2026-01-06", "2026-01-13", "2026-01-20", "2026-01-27"]
    rows = data(world, f"{path}/option/contract", instrument_key=NIFTY, expiry_date="2026-01-20")
    call = next(row for row in rows if row["trading_symbol"] == "NIFTY 25500 CE 20 JAN 26")
    assert call["instrument_key"] == f"NSE_FO|{call['exchange_token']}|20-01-2026"
    key = call["instrument_key"].replace("|", "%7C")
    candles = data(world, f"{path}/historical-candle/{key}/1minute/2026-01-27/2026-01-01")["candles"]
    assert candles[0][0] == "2026-01-20T15:29:00+05:30"
    spot = data(world, history(NIFTY, "days", 1, "2026-01-20", "2026-01-20"))["candles"][0][4]
    assert candles[0][4] == pytest.approx(max(0.05, spot - 25500), abs=0.05)
    future = data(world, f"{path}/future/contract", instrument_key=NIFTY, expiry_date="2026-01-27")[0]
    assert "strike_price" not in future
    assert data(world, f"{path}/future/contract", instrument_key=NIFTY, expiry_date="2026-01-20") == []
    alive = data(world, f"{path}/option/contract", instrument_key=NIFTY, expiry_date="2026-02-03")
    assert alive == []


def test_before_the_data_begins_nothing_is_known(world: World) -> None:
    early = ist_ns(date(2025, 12, 31), 12 * 60)
    assert data(world, history(NIFTY, "days", 1, "2025-12-30"), early) == {"candles": []}
    assert data(world, intraday(NIFTY, "minutes", 1), early) == {"candles": []}
    assert data(world, "/v3/market-quote/ltp", early, instrument_key=NIFTY) == {}
    assert data(world, "/v2/option/contract", early, instrument_key=NIFTY) == []


@given(st.dates(date(2001, 1, 1), date(2030, 12, 31)), st.integers(1, 120))
def test_a_range_of_months_ends_on_the_same_day_or_the_months_last(day: date, months: int) -> None:
    back = months_before(day, months)
    assert (day.year - back.year) * 12 + day.month - back.month == months
    assert back.day == day.day or (back + timedelta(days=1)).month != back.month


@given(st.integers(0, 20 * 24 * 60), st.sampled_from([1, 3, 5, 15, 60]))
def test_intraday_candles_lie_within_today_and_now(minutes: int, interval: int) -> None:
    now = ist_ns(date(2026, 1, 12)) + minutes * NS_PER_MINUTE
    for row in data(WORLD, intraday(NIFTY, "minutes", interval), now)["candles"]:
        assert row[0][:10] == ist_date(now).isoformat()
        assert int(row[0][11:13]) * 60 + int(row[0][14:16]) <= ist_minute_of_day(now)
        assert row[3] <= min(row[1], row[4]) <= max(row[1], row[4]) <= row[2]


WORLD = make_world(limits=False)


def test_a_day_is_whole_at_its_close(world: World) -> None:
    close = ist_ns(DAY, 15 * 60 + 30)
    rows = data(world, intraday(NIFTY, "minutes", 1), close)["candles"]
    assert len(rows) == 375
    assert data(world, intraday(NIFTY, "minutes", 1), ist_ns(DAY) + NS_PER_DAY - 1)["candles"] == rows
    assert ask(world, intraday(NIFTY, "minutes", 1), NOW).status == 200
