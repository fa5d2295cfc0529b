"""Implied volatility: the way back from a price, and the prices that have none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - as its own examples do
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sos.options.black76 import greeks, price
from sos.options.implied import MAX_VOL, MIN_YEARS, TICK, implied_vol, implied_vol_block
from sos.types import Right

RIGHTS = st.sampled_from(list(Right))
FORWARDS = st.floats(8_000, 90_000)
MONEYNESS = st.floats(-0.4, 0.4)
YEARS = st.floats(math.log(1.2e-5), math.log(2.0)).map(math.exp)
VOLS = st.floats(math.log(0.01), math.log(5.0)).map(math.exp)
RATES = st.floats(0.0, 0.12)


@settings(max_examples=400)
@given(RIGHTS, FORWARDS, MONEYNESS, YEARS, VOLS, RATES)
def test_price_to_volatility_to_price_is_the_identity(
    right: Right, forward: float, m: float, years: float, vol: float, rate: float
) -> None:
    strike = forward * math.exp(m)
    worth = price(right, forward, strike, years, vol, rate)
    found = implied_vol(right, worth, forward, strike, years, rate)
    value = worth - math.exp(-rate * years) * max(
        0.0, (forward - strike) * (1 if right is Right.CALL else -1)
    )
    if worth < TICK or value < 1e-9:
        assume(found is not None)
    assert found is not None
    assert abs(price(right, forward, strike, years, found, rate) - worth) <= 2e-15 * max(forward, strike)
    vega = 100 * greeks(right, forward, strike, years, vol, rate).vega
    assert abs(found - vol) * vega <= 2e-15 * max(forward, strike) + 1e-9 * vega * vol


@settings(max_examples=60)
@given(RIGHTS, st.floats(15_000, 60_000), st.floats(-0.03, 0.03), st.floats(0.005, 0.3), st.floats(0.08, 0.8))
def test_near_the_money_the_volatility_comes_back_to_twelve_digits_and_equals_quantlibs(
    right: Right, forward: float, m: float, years: float, vol: float
) -> None:
    strike = forward * math.exp(m)
    worth = price(right, forward, strike, years, vol)
    assume(worth > 1.0 and greeks(right, forward, strike, years, vol).vega > 0.5)
    found = implied_vol(right, worth, forward, strike, years)
    assert found == pytest.approx(vol, rel=1e-11)
    kind = ql.Option.Call if right is Right.CALL else ql.Option.Put
    spread = ql.blackFormulaImpliedStdDev(kind, strike, forward, worth, 1.0, 0.0, 0.2, 1e-14, 200)
    assert found == pytest.approx(spread / math.sqrt(years), rel=1e-8)


@pytest.mark.parametrize(
    ("reason", "right", "worth", "forward", "strike", "years"),
    [
        ("under one tick", Right.CALL, 0.04, 25_000.0, 26_000.0, 0.02),
        ("below intrinsic", Right.CALL, 990.0, 25_000.0, 24_000.0, 0.02),
        ("exactly intrinsic", Right.PUT, 1000.0, 24_000.0, 25_000.0, 0.02),
        ("at the forward", Right.CALL, 25_000.0, 25_000.0, 24_000.0, 0.02),
        ("above the strike", Right.PUT, 26_000.0, 24_000.0, 25_000.0, 0.02),
        ("less than five minutes", Right.CALL, 20.0, 25_000.0, 25_000.0, MIN_YEARS * 0.99),
        ("after expiry", Right.CALL, 20.0, 25_000.0, 25_000.0, -0.01),
        ("missing price", Right.CALL, math.nan, 25_000.0, 25_000.0, 0.02),
        ("missing forward", Right.CALL, 20.0, math.nan, 25_000.0, 0.02),
        ("no strike", Right.CALL, 20.0, 25_000.0, 0.0, 0.02),
        ("endless", Right.CALL, math.inf, 25_000.0, 25_000.0, 0.02),
    ],
)
def test_a_price_that_says_nothing_has_no_volatility(
    reason: str, right: Right, worth: float, forward: float, strike: float, years: float
) -> None:
    assert implied_vol(right, worth, forward, strike, years) is None, reason
    block = implied_vol_block(
        np.array([right is Right.CALL]), np.array([worth]), forward, np.array([strike]), years
    )
    assert np.isnan(block).all()


def test_just_inside_the_bounds_there_is_one() -> None:
    assert implied_vol(Right.CALL, TICK, 25_000.0, 26_000.0, 0.02) is not None
    assert implied_vol(Right.CALL, 1000.05, 25_000.0, 24_000.0, 0.02) is not None
    assert implied_vol(Right.CALL, 20.0, 25_000.0, 25_000.0, MIN_YEARS) is not None
    wild = price(Right.CALL, 25_000.0, 25_000.0, 0.02, MAX_VOL * 0.99)
    assert implied_vol(Right.CALL, wild, 25_000.0, 25_000.0, 0.02) == pytest.approx(MAX_VOL * 0.99)


@given(
    st.lists(st.tuples(RIGHTS, st.floats(0, 3000), FORWARDS, MONEYNESS, YEARS), min_size=1, max_size=40),
    RATES,
)
def test_arrays_say_what_numbers_say(
    rows: list[tuple[Right, float, float, float, float]], rate: float
) -> None:
    calls = np.array([right is Right.CALL for right, *_ in rows])
    worth, forward, m, years = (np.array(column) for column in list(zip(*rows, strict=True))[1:])
    strike = forward * np.exp(m)
    block = implied_vol_block(calls, worth, forward, strike, years, rate)
    for i, (right, *_) in enumerate(rows):
        one = implied_vol(right, float(worth[i]), float(forward[i]), float(strike[i]), float(years[i]), rate)
        if one is None or math.isnan(block[i]):
            edge = worth[i] * math.exp(rate * years[i]) - max(
                0.0, (forward[i] - strike[i]) * (1 if right is Right.CALL else -1)
            )
            assert (one is None) == math.isnan(block[i]) or edge < 1e-8
        else:
            again = price(right, forward[i], strike[i], years[i], float(block[i]), rate)
            assert again == pytest.approx(worth[i], abs=4e-15 * max(forward[i], strike[i]))
            assert block[i] == pytest.approx(one, rel=1e-6) or edge_of(right, one, rows[i], rate) < 1e-6


def edge_of(right: Right, vol: float, row: tuple[Right, float, float, float, float], rate: float) -> float:
    """Vega where the price hardly determines the volatility."""
    _, _, forward, m, years = row
    return greeks(right, forward, forward * math.exp(m), years, vol, rate).vega
