"""What is read off a chain: by hand, by brute force, and on recorded chains."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.clock import ist_date
from sos.expr.names import SMART_TRENDS
from sos.options.analytics import (
    breadth,
    chain_vols,
    max_pain,
    oi_change,
    pcr,
    pcr_volume,
    reference_price,
    total_oi,
    walls,
    walls_around,
)
from sos.options.buildup import BuildUp, Trend, Window, classify
from sos.options.chain import ChainFlag, OptionChain, in_units, parity_forward
from sos.types import NS_PER_MINUTE
from tests.options.chains import BANKNIFTY, NIFTY, broker_chain, chain, column, recorded


def test_ratios_are_puts_over_calls() -> None:
    found = chain(ce_volume=(1.0, 2.0, 1.0), pe_volume=(3.0, math.nan, 3.0))
    assert pcr(found) == 1.0
    assert pcr_volume(found) == 1.5
    assert total_oi(found) == 200.0


@pytest.mark.parametrize("missing", [(0.0, 0.0, 0.0), (math.nan, math.nan, math.nan)])
def test_a_ratio_without_a_side_is_missing_not_zero(missing: tuple[float, ...]) -> None:
    assert pcr(chain(calls=missing)) is None
    assert pcr(chain(puts=missing)) is None
    assert pcr_volume(chain()) is None
    assert max_pain(chain(calls=missing)) is None


def test_walls_are_the_largest_open_interest_of_each_side() -> None:
    found = chain(calls=(90.0, 20.0, 70.0), puts=(60.0, 30.0, 80.0))
    assert walls(found) == (24_900.0, 25_100.0)
    assert walls_around(found, 25_010.0) == (25_100.0, 24_900.0)
    assert walls_around(found, 25_200.0) == (None, 25_100.0)


def test_of_equal_walls_the_nearer_one_counts() -> None:
    found = chain(calls=(0.0, 70.0, 70.0), puts=(60.0, 60.0, 0.0))
    assert walls_around(found, 24_990.0) == (25_000.0, 24_900.0)
    assert walls(found) == (25_000.0, 25_000.0)


def test_changes_are_summed_by_side_where_known() -> None:
    found = chain(ce_oi_change=(5.0, -2.0, math.nan))
    assert oi_change(found) == (3.0, None)


strikes_and_oi = st.lists(
    st.tuples(st.integers(1, 400), st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=12
)


@given(strikes_and_oi)
def test_max_pain_is_where_the_writers_pay_least(rows: list[tuple[int, int, int]]) -> None:
    strikes = tuple(float(50 * n) for n, _, _ in rows)
    found = chain(strikes, tuple(float(c) for _, c, _ in rows), tuple(float(p) for _, _, p in rows))
    calls, puts = found.calls.oi.tolist(), found.puts.oi.tolist()

    def pain(x: float) -> float:
        listed = zip(found.strikes.tolist(), calls, puts, strict=True)
        return math.fsum(c * max(0.0, x - k) + p * max(0.0, k - x) for k, c, p in listed)

    got = max_pain(found)
    if not (any(calls) and any(puts)):
        assert got is None
    else:
        assert got is not None
        assert pain(got) == min(pain(x) for x in found.strikes.tolist())


def test_breadth_counts_what_can_be_compared() -> None:
    found = breadth(column(11.0, 9.0, 5.0, math.nan, 7.0), column(10.0, 10.0, 5.0, 4.0, 6.0))
    assert found is not None
    assert (found.advances, found.declines, found.ratio) == (2, 1, 2.0)
    up = breadth(column(2.0), column(1.0))
    assert up is not None
    assert up.ratio is None
    assert breadth(column(math.nan), column(1.0)) is None


# ---------------------------------------------------------------------- build-up


def test_codes_of_the_build_up_are_the_places_of_its_names() -> None:
    assert [one.name.replace("_", " ").title() for one in BuildUp] == list(SMART_TRENDS)
    assert [int(one) for one in BuildUp] == list(range(len(SMART_TRENDS)))


@pytest.mark.parametrize(
    ("price_change", "oi_change", "expected"),
    [
        (0.01, 0.02, BuildUp.LONG_BUILDUP),
        (-0.01, 0.02, BuildUp.SHORT_BUILDUP),
        (-0.01, -0.02, BuildUp.LONG_UNWINDING),
        (0.01, -0.02, BuildUp.SHORT_COVERING),
        (0.001, 0.02, BuildUp.NEUTRAL),
        (0.01, 0.001, BuildUp.NEUTRAL),
        (math.nan, 0.02, BuildUp.NEUTRAL),
    ],
)
def test_price_and_open_interest_make_a_class(
    price_change: float, oi_change: float, expected: BuildUp
) -> None:
    assert classify(price_change, oi_change, 0.001, 0.001) is expected


def test_a_window_looks_at_the_newest_row_that_is_old_enough() -> None:
    window = Window(5)
    minutes = [0, 3, 6, 8, 9, 30, 36]
    found = [window.push(minute * NS_PER_MINUTE, (float(minute),)) for minute in minutes]
    assert found == [None, None, (6.0, (0.0,)), (5.0, (3.0,)), (6.0, (3.0,)), None, (6.0, (30.0,))]


def test_a_trend_waits_for_its_window_and_never_compares_with_what_is_missing() -> None:
    trend = Trend(5, 0.0, 0.0)
    rows = [(0, 100.0, 10.0), (5, 101.0, math.nan), (6, 101.0, 11.0), (7, 99.0, 12.0), (12, 98.0, 9.0)]
    found = [trend.push(minute * NS_PER_MINUTE, level, oi) for minute, level, oi in rows]
    np.testing.assert_array_equal(found, [math.nan, math.nan, 0.0, 1.0, 2.0])


# ---------------------------------------------------------------------- recorded chains


@pytest.fixture(scope="module")
def of_the_broker(shared_data: Path) -> tuple[OptionChain, list[dict[str, Any]]]:
    return broker_chain(shared_data)


def test_the_brokers_chain_is_sound_and_its_ratio_by_strike_is_ours(
    of_the_broker: tuple[OptionChain, list[dict[str, Any]]],
) -> None:
    found, rows = of_the_broker
    assert found.flags == ()
    with np.errstate(all="ignore"):
        ours = found.puts.oi / found.calls.oi
    stated = column(*(row.get("pcr") or 0.0 for row in rows))  # the broker leaves some out
    both = np.isfinite(ours) & (stated > 0)
    assert both.sum() > 100
    np.testing.assert_allclose(np.round(ours[both], 4), stated[both], atol=1.01e-4)


def test_the_brokers_volatilities_and_greeks_are_met_within_its_own_spread(
    of_the_broker: tuple[OptionChain, list[dict[str, Any]]],
) -> None:
    """The broker prices calls and puts apart (its pair differs by more than a point); ours is one volatility.

    Within 600 points of the money: the mean of its pair within 0.6 points of volatility, its deltas within
    0.02, vegas within 0.35, thetas of the pair's mean within 1.2 rupees a day.
    """
    found, rows = of_the_broker
    vols = chain_vols(found)
    assert vols is not None
    assert vols.forward == pytest.approx(found.spot, abs=10.0)
    near = np.flatnonzero(np.abs(found.strikes - found.spot) < 600)
    assert len(near) >= 23

    def stated(side: str, name: str) -> np.ndarray:
        return column(*(rows[i][f"{side}_options"]["option_greeks"][name] for i in near))

    assert np.abs(vols.call_iv[near] - vols.put_iv[near]).max() < 0.005
    pair = (stated("call", "iv") + stated("put", "iv")) / 2
    assert np.abs((vols.call_iv[near] + vols.put_iv[near]) * 50 - pair).max() < 0.6
    for side, ours in (("call", vols.calls), ("put", vols.puts)):
        assert np.abs(ours.delta[near] - stated(side, "delta")).max() < 0.02
        assert np.abs(ours.vega[near] - stated(side, "vega")).max() < 0.35
        assert np.abs(ours.gamma[near] - stated(side, "gamma")).max() < 1e-4
    thetas = (vols.calls.theta[near] + vols.puts.theta[near]) / 2
    assert np.abs(thetas - (stated("call", "theta") + stated("put", "theta")) / 2).max() < 1.2


def nearest(chains: list[OptionChain]) -> list[OptionChain]:
    """Of each moment the chain of the nearest expiry."""
    by_ts: dict[int, OptionChain] = {}
    for one in chains:
        if one.expiry >= ist_date(one.ts):
            by_ts.setdefault(one.ts, one)
    return list(by_ts.values())


def test_the_chains_of_august_2025_count_in_lots_and_say_so(shared_data: Path) -> None:
    near = nearest(recorded(shared_data, "nifty_chain_2025-08", NIFTY, lot=75))
    assert len(near) == 293
    lots = [one for one in near if any(finding.flag is ChainFlag.LOTS for finding in one.flags)]
    assert len(lots) == len(near)
    units = in_units(near[-1], 75)
    assert pcr(units) == pcr(near[-1])  # a ratio has no unit
    assert walls(units) == walls(near[-1])
    changed = oi_change(near[-1])[0]
    assert changed is not None
    assert oi_change(units)[0] == changed * 75
    for one in near:
        ratio, pain, forward = pcr(one), max_pain(one), parity_forward(one)
        assert ratio is not None
        assert 0.4 < ratio < 1.6
        assert pain is not None
        assert forward is not None
        assert abs(forward - pain) < 600
        above, below = walls_around(one, forward)
        assert above is not None
        assert below is not None
        assert below <= forward <= above


@pytest.mark.parametrize(
    ("name", "key", "lot", "count"),
    [("nifty_chain_2026-01", NIFTY, 65, 251), ("banknifty_chain_2026-01", BANKNIFTY, 30, 234)],
)
def test_the_chains_of_january_2026_are_in_units_and_read_soundly(
    shared_data: Path, name: str, key: Any, lot: int, count: int
) -> None:
    chains = recorded(shared_data, name, key, lot)
    assert len(chains) == count
    assert [one.flags for one in chains if one.flags] == []
    ratios = [pcr(one) for one in chains]
    assert all(ratio is not None and 0.4 < ratio < 2.5 for ratio in ratios)
    for one in chains:
        forward = parity_forward(one, 0.065)
        assert forward is not None
        assert abs(forward / one.spot - 1) < 0.012
        assert reference_price(one) == one.spot
        assert oi_change(one) == (None, None)  # the source has no previous open interest
