"""Charges to the paisa: worked examples, dated rates, exactness."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.errors import ConfigError, InvariantBroken
from sos.reference import load
from sos.trading.charges import (
    UNITS_PER_RUPEE,
    Charges,
    ChargeSchedule,
    ChargeSegment,
    ChargeTable,
    contract_note,
    day_rounding,
)
from sos.types import Side

TABLE = ChargeTable.packaged()
EXAMPLES = tomllib.loads((Path(__file__).parent / "charge_examples.toml").read_text())["example"]
NAMES = ("brokerage", "stt", "exchange", "sebi", "stamp", "ipft", "gst")

SCHEDULES = st.builds(
    TABLE.schedule,
    st.sampled_from(["NSE", "BSE"]),
    st.sampled_from(ChargeSegment),
    st.dates(date(2015, 1, 1), date(2027, 12, 31)),
    st.sampled_from([None, "SENSEX", "BANKEX", "RELIANCE"]),
)
PRICES = st.integers(1, 10_000_000)
QUANTITIES = st.integers(1, 100_000)
SIDES = st.sampled_from(Side)


def legs(example: Mapping[str, Any]) -> list[Charges]:
    schedule = TABLE.schedule(
        example["exchange"], ChargeSegment(example["segment"]), example["day"], example.get("underlying")
    )
    return [
        schedule.exercise(price, qty) if side == "EXERCISE" else schedule.fill(Side(side), price, qty)
        for side, price, qty in example["legs"]
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_worked_examples_agree_to_the_paisa(example: Mapping[str, Any]) -> None:
    charges = legs(example)
    unrounded = Charges.sum(charges).total_rupees
    assert unrounded.quantize(Decimal("0.0001"), ROUND_HALF_UP) == Decimal(example["unrounded"])
    note = contract_note(charges)
    assert {name: str(amount) for name, amount in note.items() if name != "total"} == example["lines"]
    assert note["total"] == Decimal(example["note"])


@pytest.mark.parametrize(
    ("exchange", "segment", "day", "underlying", "line", "expected"),
    [
        # rupees on one crore of turnover, seller's side
        ("NSE", "options", date(2022, 6, 1), None, "stt", "5000"),
        ("NSE", "options", date(2023, 3, 31), None, "stt", "5000"),
        ("NSE", "options", date(2023, 4, 1), None, "stt", "6250"),
        ("NSE", "options", date(2024, 10, 1), None, "stt", "10000"),
        ("NSE", "options", date(2026, 4, 1), None, "stt", "15000"),
        ("NSE", "futures", date(2023, 3, 31), None, "stt", "1000"),
        ("NSE", "futures", date(2024, 9, 30), None, "stt", "1250"),
        ("NSE", "futures", date(2026, 3, 31), None, "stt", "2000"),
        ("NSE", "futures", date(2026, 4, 1), None, "stt", "5000"),
        ("NSE", "equity_intraday", date(2026, 4, 1), None, "stt", "2500"),
        ("NSE", "equity_delivery", date(2026, 4, 1), None, "stt", "10000"),
        ("NSE", "options", date(2023, 3, 31), None, "exchange", "5300"),
        ("NSE", "options", date(2024, 9, 30), None, "exchange", "4950"),
        ("NSE", "options", date(2026, 2, 28), None, "exchange", "3503"),
        ("NSE", "options", date(2026, 3, 1), None, "exchange", "3552"),
        ("NSE", "futures", date(2026, 3, 1), None, "exchange", "182.99"),
        ("NSE", "equity_intraday", date(2026, 3, 1), None, "exchange", "306.99"),
        ("NSE", "options", date(2019, 1, 1), None, "exchange", "5300"),  # before the table: its first row
        ("BSE", "options", date(2023, 10, 31), "SENSEX", "exchange", "500"),
        ("BSE", "options", date(2023, 11, 1), "SENSEX", "exchange", "3750"),
        ("BSE", "options", date(2023, 11, 1), "BANKEX", "exchange", "500"),
        ("BSE", "options", date(2024, 5, 13), "BANKEX", "exchange", "4950"),
        ("BSE", "options", date(2024, 10, 1), "SENSEX", "exchange", "3250"),
        ("BSE", "options", date(2024, 10, 1), None, "exchange", "3250"),
        ("BSE", "options", date(2024, 10, 1), "RELIANCE", "exchange", "500"),
        ("BSE", "options", date(2026, 6, 1), "FOCUSED IT", "exchange", "0"),
        ("BSE", "futures", date(2026, 6, 1), "SENSEX", "exchange", "0"),
        ("BSE", "equity_intraday", date(2026, 6, 1), None, "exchange", "375"),
        ("NSE", "options", date(2026, 2, 28), None, "ipft", "50"),
        ("NSE", "options", date(2026, 3, 1), None, "ipft", "1"),
        ("NSE", "futures", date(2023, 3, 31), None, "ipft", "0.01"),
        ("BSE", "options", date(2026, 3, 1), None, "ipft", "0"),
        ("NSE", "options", date(2026, 3, 1), None, "sebi", "10"),
        ("NSE", "options", date(2026, 3, 1), None, "stamp", "0"),  # the buyer pays it
        ("NSE", "equity_intraday", date(2024, 12, 31), None, "brokerage", "20"),
    ],
)
def test_rates_by_date(
    exchange: str, segment: str, day: date, underlying: str | None, line: str, expected: str
) -> None:
    schedule = TABLE.schedule(exchange, ChargeSegment(segment), day, underlying)
    charges = schedule.fill(Side.SELL, 100_000, 10_000)
    assert charges.rupees()[line] == Decimal(expected)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [("equity_delivery", "1500"), ("equity_intraday", "300"), ("futures", "200"), ("options", "300")],
)
def test_stamp_duty_is_the_buyers(segment: str, expected: str) -> None:
    schedule = TABLE.schedule("NSE", ChargeSegment(segment), date(2026, 6, 1))
    assert schedule.fill(Side.BUY, 100_000, 10_000).rupees()["stamp"] == Decimal(expected)
    assert schedule.fill(Side.SELL, 100_000, 10_000).stamp == 0


def test_only_delivery_has_stt_on_the_buyers_side() -> None:
    for segment in ChargeSegment:
        bought = TABLE.schedule("NSE", segment, date(2026, 6, 1)).fill(Side.BUY, 100_000, 100)
        assert (bought.stt > 0) is (segment is ChargeSegment.EQUITY_DELIVERY)


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2024, 12, 31), "5.00"), (date(2025, 1, 1), "10.00")],
)
def test_brokerage_is_the_percentage_below_the_cap(day: date, expected: str) -> None:
    schedule = TABLE.schedule("NSE", ChargeSegment.EQUITY_INTRADAY, day)
    assert schedule.fill(Side.BUY, 100_00, 100).rupees()["brokerage"] == Decimal(expected)
    assert schedule.fill(Side.BUY, 100_00, 100_000).rupees()["brokerage"] == Decimal(20)


def test_gst_left_out_the_sebi_fee_and_ipft_before_july_2022() -> None:
    for day, base in ((date(2022, 7, 17), ()), (date(2022, 7, 18), ("sebi", "ipft"))):
        charges = TABLE.schedule("NSE", ChargeSegment.FUTURES, day).fill(Side.SELL, 1_700_000, 50).rupees()
        taxed = sum((charges[name] for name in ("brokerage", "exchange", *base)), Decimal(0))
        assert charges["gst"] == taxed * Decimal("0.18")


def test_the_far_expiry_of_sensex_was_cheaper_for_a_time() -> None:
    day = date(2024, 1, 5)
    near = TABLE.schedule("BSE", ChargeSegment.OPTIONS, day, "SENSEX")
    far = TABLE.schedule("BSE", ChargeSegment.OPTIONS, day, "SENSEX", nearest_expiry=False)
    assert near.fill(Side.BUY, 100, 100).exchange * 500 == far.fill(Side.BUY, 100, 100).exchange * 3750


def test_exercise_costs_nothing_out_of_the_money() -> None:
    schedule = TABLE.schedule("NSE", ChargeSegment.OPTIONS, date(2026, 6, 1))
    assert schedule.exercise(-500, 65) == Charges()


@given(SCHEDULES, SIDES, PRICES, QUANTITIES)
def test_nothing_is_negative_and_the_total_is_the_sum(
    schedule: ChargeSchedule, side: Side, price: int, qty: int
) -> None:
    charges = schedule.fill(side, price, qty)
    amounts = charges.rupees()
    assert tuple(amounts) == NAMES
    assert all(amount >= 0 for amount in amounts.values())
    assert sum(amounts.values(), Decimal(0)) == charges.total_rupees


@given(SCHEDULES, SIDES, PRICES, QUANTITIES)
def test_gst_is_exactly_eighteen_per_cent(schedule: ChargeSchedule, side: Side, price: int, qty: int) -> None:
    charges = schedule.fill(side, price, qty)
    narrow, wide = (charges.brokerage + charges.exchange), (charges.sebi + charges.ipft)
    assert charges.gst * 100 in (narrow * 18, (narrow + wide) * 18)


@given(SCHEDULES, SIDES, PRICES, QUANTITIES, QUANTITIES)
def test_what_goes_by_turnover_adds_up_over_parts(
    schedule: ChargeSchedule, side: Side, price: int, first: int, second: int
) -> None:
    parts = schedule.fill(side, price, first) + schedule.fill(side, price, second)
    whole = schedule.fill(side, price, first + second)
    for name in ("stt", "exchange", "sebi", "stamp", "ipft"):
        assert getattr(parts, name) == getattr(whole, name)
    assert parts.brokerage >= whole.brokerage
    assert parts.gst >= whole.gst


@given(SCHEDULES, SIDES, PRICES, QUANTITIES)
def test_json_is_within_half_of_the_fourth_decimal(
    schedule: ChargeSchedule, side: Side, price: int, qty: int
) -> None:
    charges = schedule.fill(side, price, qty)
    shown = charges.as_json()
    exact = charges.rupees() | {"total": charges.total_rupees}
    for name, amount in exact.items():
        rounded = amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        assert shown[name] == float(rounded)


@given(st.lists(st.tuples(SCHEDULES, SIDES, PRICES, QUANTITIES), max_size=5))
def test_the_days_rounding_makes_whole_rupees_of_stt_and_stamp(
    fills: list[tuple[ChargeSchedule, Side, int, int]],
) -> None:
    charges = [schedule.fill(side, price, qty) for schedule, side, price, qty in fills]
    day = Charges.sum(charges).rupees()
    adjustment = day_rounding(charges)
    note = contract_note(charges)
    for name, extra in zip(("stt", "stamp"), adjustment, strict=True):
        assert day[name] + extra == note[name] == note[name].to_integral_value()
        assert Decimal("-0.5") < extra <= Decimal("0.5")
    assert adjustment.total == adjustment.stt + adjustment.stamp
    assert note["total"] == sum((note[name] for name in NAMES), Decimal(0))


def test_half_a_rupee_goes_up() -> None:
    half = Charges(stt=UNITS_PER_RUPEE // 2, stamp=UNITS_PER_RUPEE // 2 - 1)
    note = contract_note([half])
    assert (note["stt"], note["stamp"]) == (Decimal(1), Decimal(0))


def test_coverage_begins_with_the_last_of_the_first_rows() -> None:
    assert not TABLE.covered(date(2021, 12, 31))
    assert TABLE.covered(date(2022, 1, 1))


def test_a_schedule_is_compiled_once_per_day() -> None:
    day = date(2026, 6, 1)
    assert TABLE.schedule("NSE", ChargeSegment.OPTIONS, day) is TABLE.schedule(
        "NSE", ChargeSegment.OPTIONS, day
    )


def test_another_exchange_is_refused() -> None:
    with pytest.raises(ConfigError, match="'MCX'"):
        TABLE.schedule("MCX", ChargeSegment.FUTURES, date(2026, 6, 1))


def test_a_rate_too_fine_to_be_exact_is_refused() -> None:
    table = deepcopy(load("charges"))
    table["sebi_fee"][0]["per_crore"] = "0.000001"
    with pytest.raises(InvariantBroken, match="finer"):
        ChargeTable(table).schedule("NSE", ChargeSegment.OPTIONS, date(2026, 6, 1))
