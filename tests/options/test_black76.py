"""Black-76 against published values, an independent library, parity and finite differences."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - as its own examples do
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.clock import ist_iso, ist_ns
from sos.options.black76 import (
    Greeks,
    expiry_ns,
    greeks,
    greeks_block,
    price,
    price_block,
    year_fraction,
)
from sos.options.normal import cdf, cdf_block, erfc_block
from sos.types import Right

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "published_cases.json").read_text())
RIGHTS = st.sampled_from(list(Right))
FORWARDS = st.floats(8_000, 90_000)
MONEYNESS = st.floats(-0.3, 0.3)
YEARS = st.floats(1e-4, 2.0)
VOLS = st.floats(0.03, 1.5)
RATES = st.floats(0.0, 0.12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["source"])
def test_published_prices_are_met_to_the_digits_they_are_printed_with(case: dict[str, Any]) -> None:
    found = price(
        Right(case["right"]), case["forward"], case["strike"], case["years"], case["vol"], case["rate"]
    )
    assert round(found, case["digits"]) == case["price"]


@given(RIGHTS, FORWARDS, MONEYNESS, YEARS, VOLS, RATES)
def test_prices_and_greeks_are_those_of_quantlib(
    right: Right, forward: float, m: float, years: float, vol: float, rate: float
) -> None:
    strike = forward * math.exp(m)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if right is Right.CALL else ql.Option.Put, strike)
    discount = math.exp(-rate * years)
    oracle = ql.BlackCalculator(payoff, forward, vol * math.sqrt(years), discount)
    found = greeks(right, forward, strike, years, vol, rate)
    close = 1e-11 * forward
    assert found.price == pytest.approx(oracle.value(), rel=1e-10, abs=close)
    assert found.delta == pytest.approx(oracle.deltaForward(), rel=1e-9, abs=1e-11)
    assert found.gamma == pytest.approx(oracle.gammaForward(), rel=1e-9, abs=1e-13)
    assert found.vega * 100 == pytest.approx(oracle.vega(years), rel=1e-9, abs=close)


@given(FORWARDS, MONEYNESS, YEARS, VOLS, RATES)
def test_call_less_put_is_the_discounted_forward_less_the_strike(
    forward: float, m: float, years: float, vol: float, rate: float
) -> None:
    strike = forward * math.exp(m)
    call, put = (greeks(right, forward, strike, years, vol, rate) for right in Right)
    discount = math.exp(-rate * years)
    assert call.price - put.price == pytest.approx(discount * (forward - strike), abs=1e-11 * forward)
    assert call.delta - put.delta == pytest.approx(discount, rel=1e-12)
    assert call.gamma == put.gamma
    assert call.vega == put.vega
    assert min(call.price, put.price) >= 0.0


def slope(of: Any, at: float, step: float) -> float:
    """A central difference of the fourth order."""
    return float(
        (8 * (of(at + step) - of(at - step)) - (of(at + 2 * step) - of(at - 2 * step))) / (12 * step)
    )


@settings(max_examples=60)
@given(RIGHTS, FORWARDS, st.floats(-0.05, 0.05), st.floats(0.01, 1.0), st.floats(0.1, 0.6), RATES)
def test_greeks_are_the_slopes_of_the_price(
    right: Right, forward: float, m: float, years: float, vol: float, rate: float
) -> None:
    strike = forward * math.exp(m)
    found = greeks(right, forward, strike, years, vol, rate)
    step = forward * vol * math.sqrt(years) * 2e-3

    def delta(f: float) -> float:
        return greeks(right, f, strike, years, vol, rate).delta

    assert found.delta == pytest.approx(
        slope(lambda f: price(right, f, strike, years, vol, rate), forward, step), abs=1e-7
    )
    assert found.gamma == pytest.approx(slope(delta, forward, step), rel=1e-6, abs=1e-12)
    assert found.vega * 100 == pytest.approx(
        slope(lambda v: price(right, forward, strike, years, v, rate), vol, vol * 1e-3), rel=1e-6, abs=1e-3
    )
    by_time = -slope(lambda t: price(right, forward, strike, t, vol, rate), years, years * 1e-3)
    assert found.theta * 365 == pytest.approx(by_time, rel=1e-6, abs=1e-2)
    by_rate = slope(lambda r: price(right, forward, strike, years, vol, r), rate, 1e-3)
    assert found.rho * 100 == pytest.approx(by_rate, rel=1e-6, abs=1e-4)


@given(st.lists(st.tuples(RIGHTS, FORWARDS, MONEYNESS, YEARS, VOLS), min_size=1, max_size=20), RATES)
def test_arrays_say_what_numbers_say(
    rows: list[tuple[Right, float, float, float, float]], rate: float
) -> None:
    calls = np.array([right is Right.CALL for right, *_ in rows])
    forward, m, years, vol = (np.array(column) for column in list(zip(*rows, strict=True))[1:])
    strike = forward * np.exp(m)
    block = greeks_block(calls, forward, strike, years, vol, rate)
    ones = [
        greeks(Right.CALL if call else Right.PUT, f, k, t, v, rate)
        for call, f, k, t, v in zip(calls, *(c.tolist() for c in (forward, strike, years, vol)), strict=True)
    ]
    for field in Greeks._fields:
        expected = np.array([getattr(one, field) for one in ones])
        scale = {"price": 1e-12 * 90_000, "gamma": 1e-14}.get(field, 1e-9)
        np.testing.assert_allclose(getattr(block, field), expected, rtol=1e-11, atol=scale)


def test_at_expiry_an_option_is_worth_what_it_pays() -> None:
    for years, vol in ((0.0, 0.2), (-0.01, 0.2), (0.02, 0.0)):
        call = greeks(Right.CALL, 100.0, 90.0, years, vol)
        put = greeks(Right.PUT, 100.0, 90.0, years, vol)
        assert (call.price, call.delta, call.gamma, call.vega) == (10.0, 1.0, 0.0, 0.0)
        assert (put.price, put.delta, put.theta) == (0.0, 0.0, 0.0)
        block = greeks_block(
            *(
                np.array([True, False]),
                np.full(2, 100.0),
                np.full(2, 90.0),
                np.full(2, years),
                np.full(2, vol),
            )
        )
        assert (block.price.tolist(), block.delta.tolist()) == ([10.0, 0.0], [1.0, 0.0])


def test_what_has_no_price_is_refused_by_numbers_and_missing_in_arrays() -> None:
    for forward, strike, vol in ((0.0, 1.0, 0.1), (1.0, -1.0, 0.1), (1.0, 1.0, -0.1), (math.nan, 1.0, 0.1)):
        with pytest.raises(ValueError, match="no price"):
            price(Right.CALL, forward, strike, 1.0, vol)
        one = price_block(
            *(np.array([True]), np.array([forward]), np.array([strike]), np.array([1.0]), np.array([vol]))
        )
        assert np.isnan(one).all()


@pytest.mark.parametrize(
    ("expiry", "clock"),
    [
        (date(2025, 8, 28), "2025-08-28T15:30:00+05:30"),
        (date(2026, 7, 28), "2026-07-28T15:30:00+05:30"),
        (date(2026, 8, 4), "2026-08-04T15:40:00+05:30"),
        (date(2026, 12, 1), "2026-12-01T15:40:00+05:30"),
        (date(2026, 12, 8), "2026-12-08T15:30:00+05:30"),
    ],
)
def test_the_expiry_clock_goes_by_date(expiry: date, clock: str) -> None:
    assert ist_iso(expiry_ns(expiry)) == clock


def test_time_is_counted_in_calendar_minutes() -> None:
    day = date(2026, 1, 20)
    assert year_fraction(ist_ns(day, 15 * 60 + 29), day) == pytest.approx(1 / (365 * 1440), rel=1e-12)
    assert year_fraction(ist_ns(date(2026, 1, 13), 15 * 60 + 30), day) == pytest.approx(7 / 365, rel=1e-12)
    assert year_fraction(ist_ns(day, 16 * 60), day) < 0.0


def test_the_error_function_is_exact_to_two_units_in_the_last_place() -> None:
    x = np.concatenate([np.linspace(-6, 26, 40_001), [0.46875, 4.0, -0.46875, -4.0, 0.0]])
    expected = np.array([math.erfc(value) for value in x])
    np.testing.assert_allclose(erfc_block(x), expected, rtol=2e-15)
    assert np.isnan(erfc_block(np.array([math.nan]))).all()
    assert erfc_block(np.array([40.0, -40.0])).tolist() == [0.0, 2.0]
    np.testing.assert_allclose(cdf_block(x[:100]), [cdf(value) for value in x[:100]], rtol=2e-15)
