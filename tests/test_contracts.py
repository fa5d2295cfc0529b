"""Expiries, lots, freeze quantities and ticks by date."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.calendar import Calendar
from sos.contracts import Contracts
from sos.errors import ConfigError
from sos.reference import load

FACTS = Contracts.packaged()
NAMES = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "SENSEX", "BANKEX")
VECTORS = [row for row in load("lots")["test_vector"] if row["kind"] in ("weekly", "monthly")]
DAYS = st.dates(date(2022, 1, 1), date(2026, 12, 20))


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: f"{row['underlying']}-{row['kind']}-{row['basis']}")
def test_the_rules_reproduce_the_expiries_of_the_exchange(row: dict[str, Any]) -> None:
    for expiry in row["expiries"]:
        assert FACTS.expiries(row["underlying"], row["kind"], expiry, expiry) == [expiry]
        assert FACTS.next_expiry(row["underlying"], expiry) == expiry


def test_a_whole_month_of_expiries_matches_the_contract_file() -> None:
    window = date(2026, 1, 13), date(2026, 2, 24)
    weekly = [date(2026, 1, 13), date(2026, 1, 20), date(2026, 2, 3), date(2026, 2, 10), date(2026, 2, 17)]
    assert FACTS.expiries("NIFTY", "weekly", *window) == weekly
    assert FACTS.expiries("NIFTY", "monthly", *window) == [date(2026, 1, 27), date(2026, 2, 24)]
    assert FACTS.expiries("BANKNIFTY", "all", *window) == [date(2026, 1, 27), date(2026, 2, 24)]


@pytest.mark.parametrize(
    ("underlying", "start", "end", "expected"),
    [
        # the weekly moves to Wednesday while the month still ends on Thursday
        ("BANKNIFTY", date(2023, 8, 31), date(2023, 9, 30), ["08-31", "09-06", "09-13", "09-20", "09-28"]),
        ("MIDCPNIFTY", date(2023, 8, 9), date(2023, 8, 31), ["08-09", "08-16", "08-21", "08-28"]),
        ("MIDCPNIFTY", date(2024, 1, 15), date(2024, 1, 31), ["01-15", "01-20", "01-29"]),
        ("SENSEX", date(2024, 12, 20), date(2025, 1, 10), ["12-20", "12-27", "01-07"]),
        ("SENSEX", date(2025, 8, 19), date(2025, 9, 11), ["08-19", "08-26", "09-04", "09-11"]),
        ("NIFTY", date(2025, 8, 21), date(2025, 9, 9), ["08-21", "08-28", "09-02", "09-09"]),
        ("NIFTYNXT50", date(2024, 4, 24), date(2024, 6, 30), ["04-26", "05-31", "06-28"]),
    ],
)
def test_changes_of_the_expiry_day(underlying: str, start: date, end: date, expected: list[str]) -> None:
    found = FACTS.expiries(underlying, "all", start, end)
    assert [day.isoformat()[5:] for day in found] == expected


def test_nothing_weekly_is_listed_after_the_last_weekly() -> None:
    assert FACTS.next_expiry("BANKNIFTY", date(2024, 11, 13), "weekly") == date(2024, 11, 13)
    assert FACTS.next_expiry("BANKNIFTY", date(2024, 11, 14), "weekly") is None


@given(st.sampled_from(NAMES), DAYS)
def test_the_next_expiry_is_the_first_listed_one_and_trades(underlying: str, day: date) -> None:
    expiry = FACTS.next_expiry(underlying, day)
    assert expiry is not None
    assert Calendar.packaged().is_trading_day(expiry)
    assert FACTS.expiries(underlying, "all", day, expiry) == [expiry]
    assert FACTS.days_to_expiry(underlying, day) == (expiry - day).days


@given(st.sampled_from(NAMES), DAYS, st.integers(0, 400))
def test_all_expiries_are_the_weekly_and_the_monthly_ones(underlying: str, start: date, span: int) -> None:
    end = start + timedelta(days=span)
    weekly = FACTS.expiries(underlying, "weekly", start, end)
    monthly = FACTS.expiries(underlying, "monthly", start, end)
    assert FACTS.expiries(underlying, "all", start, end) == sorted(weekly + monthly)
    assert not set(weekly) & set(monthly)


def test_days_to_expiry_is_zero_on_the_day_and_none_without_options() -> None:
    assert FACTS.days_to_expiry("NIFTY", date(2026, 1, 13)) == 0
    assert FACTS.days_to_expiry("NIFTY", date(2026, 1, 14)) == 6
    assert FACTS.days_to_expiry("RELIANCE", date(2026, 1, 14)) is None


@pytest.mark.parametrize(
    ("underlying", "expiry", "lot"),
    [
        ("NIFTY", date(2024, 4, 25), 50),
        ("NIFTY", date(2024, 5, 2), 25),
        ("NIFTY", date(2025, 1, 23), 75),  # weekly
        ("NIFTY", date(2025, 1, 30), 25),  # monthly of the same month
        ("NIFTY", date(2025, 12, 30), 75),
        ("NIFTY", date(2026, 1, 6), 65),
        ("BANKNIFTY", date(2023, 7, 20), 25),
        ("BANKNIFTY", date(2023, 7, 27), 15),
        ("BANKNIFTY", date(2025, 6, 26), 30),
        ("BANKNIFTY", date(2025, 7, 31), 35),
        ("BANKNIFTY", date(2026, 1, 27), 30),
        ("FINNIFTY", date(2024, 7, 23), 40),
        ("FINNIFTY", date(2024, 7, 30), 25),
        ("FINNIFTY", date(2026, 1, 27), 60),
        ("MIDCPNIFTY", date(2024, 7, 29), 50),
        ("MIDCPNIFTY", date(2025, 7, 31), 140),
        ("NIFTYNXT50", date(2025, 2, 27), 25),
        ("SENSEX", date(2023, 5, 19), 10),
        ("SENSEX", date(2025, 1, 28), 10),
        ("SENSEX", date(2025, 2, 25), 20),
        ("BANKEX", date(2024, 12, 30), 15),
        ("NIFTY", date(2019, 3, 7), 50),  # before the table: its first row
    ],
)
def test_the_lot_belongs_to_the_contract(underlying: str, expiry: date, lot: int) -> None:
    assert FACTS.lot(underlying, expiry) == lot


def test_every_expiry_lies_inside_a_row_of_the_lot_table() -> None:
    for name in NAMES:
        for expiry in FACTS.expiries(name, "all", date(2022, 2, 1), date(2026, 12, 31)):
            kind = "monthly" if FACTS.is_monthly(name, expiry) else "weekly"
            rows = [
                row
                for row in load("lots")[name]["lot"]
                if row["kind"] in (kind, "all") and row["from"] <= expiry <= row.get("to", expiry)
            ]
            before_launch = not FACTS.covered(expiry, name)
            assert len(rows) == 1 or before_launch, (name, kind, expiry)


def test_the_near_future_is_the_months_contract_to_its_last_day() -> None:
    assert FACTS.near_future("NIFTY", date(2026, 3, 30)) == (date(2026, 3, 30), 65)
    assert FACTS.near_future("NIFTY", date(2026, 3, 31)) == (date(2026, 4, 28), 65)
    assert FACTS.near_future("NIFTY", date(2021, 1, 4)) == (date(2021, 1, 28), 50)
    assert FACTS.near_future("BANKNIFTY", date(2023, 7, 3)) == (date(2023, 7, 27), 15)


def test_coverage_is_the_tables_years_from_the_launch_on() -> None:
    assert not FACTS.covered(date(2021, 12, 31))
    assert FACTS.covered(date(2022, 1, 1))
    assert FACTS.covered(date(2026, 12, 31))
    assert not FACTS.covered(date(2027, 1, 1))
    assert not FACTS.covered(date(2024, 4, 23), "NIFTYNXT50")
    assert FACTS.covered(date(2024, 4, 24), "NIFTYNXT50")


@pytest.mark.parametrize(
    ("underlying", "day", "units"),
    [
        ("NIFTY", date(2022, 6, 1), 2800),
        ("NIFTY", date(2023, 4, 3), 1800),
        ("BANKNIFTY", date(2025, 8, 31), 600),
        ("BANKNIFTY", date(2025, 9, 1), 900),
        ("FINNIFTY", date(2026, 3, 2), 1200),
        ("MIDCPNIFTY", date(2022, 6, 1), 5500),
        ("SENSEX", date(2026, 6, 1), 1000),
        ("BANKEX", date(2026, 6, 1), 900),
    ],
)
def test_freeze_quantities_of_the_circulars(underlying: str, day: date, units: int) -> None:
    assert FACTS.freeze(underlying, day) == units


@pytest.mark.parametrize(
    ("level", "units"),
    [
        (5_750.0, 8500),
        (5_750.05, 5500),
        (17_250.0, 2800),
        (27_500.0, 1800),
        (55_000.0, 900),
        (55_000.05, 600),
    ],
)
def test_the_freeze_rule_goes_by_the_index_level(level: float, units: int) -> None:
    assert FACTS.freeze("NIFTY", date(2026, 10, 1), level) == units


@pytest.mark.parametrize(
    ("day", "price", "tick"),
    [
        (date(2021, 1, 4), 100.0, 5),
        (date(2024, 6, 7), 100.0, 5),
        (date(2024, 6, 10), 249.99, 1),
        (date(2024, 6, 10), 250.0, 5),
        (date(2025, 4, 14), 2_000.0, 5),
        (date(2025, 4, 15), 249.99, 1),
        (date(2025, 4, 15), 250.0, 5),
        (date(2025, 4, 15), 1_000.0, 5),
        (date(2025, 4, 15), 1_000.1, 10),
        (date(2025, 4, 15), 5_000.5, 50),
        (date(2025, 4, 15), 10_001.0, 100),
        (date(2025, 4, 15), 20_005.0, 500),
    ],
)
def test_the_tick_of_a_share_goes_by_date_and_price(day: date, price: float, tick: int) -> None:
    assert FACTS.equity_tick_paise(day, price) == tick


def test_the_tick_of_an_index_future_goes_by_date_and_level() -> None:
    assert FACTS.index_future_tick_paise(date(2025, 4, 14), 23_000.0) == 5
    levels = {15_000.0: 5, 15_000.05: 10, 30_000.0: 10, 30_000.1: 20}
    assert {level: FACTS.index_future_tick_paise(date(2025, 4, 15), level) for level in levels} == levels
    assert FACTS.index_tick_paise == 5


def test_names_and_keys_of_the_broker() -> None:
    assert FACTS.index_key("NIFTY") == "NSE_INDEX|Nifty 50"
    assert FACTS.underlying_of("BSE_INDEX|SENSEX") == "SENSEX"
    assert FACTS.underlying_of("NSE_INDEX|India VIX") is None
    assert (FACTS.exchange("SENSEX"), FACTS.strike_step("NIFTY")) == ("BSE", 50)
    assert set(NAMES) < set(FACTS.underlyings)


def test_an_unknown_underlying_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"NIFTI has no index derivatives; known are NIFTY, BANKNIFTY"):
        FACTS.lot("NIFTI", date(2024, 1, 25))
