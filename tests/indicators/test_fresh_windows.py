"""Each indicator against its plain definition, with and without holes in its inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sos.indicators import REGISTRY, make
from tests.indicators.columns import bars, in_blocks, params, series
from tests.indicators.fresh import FRESH

ROWS = 260
WINDOWS = (1, 2, 3, 7, 14, 50)
# what the result is measured against: prices near 20,000, or the size of their changes
SCALE = {"stdev": 1e-3, "slope": 1e-2, "rsi": 1.0, "roc": 1.0, "percentrank": 1.0}


def assert_same(got: np.ndarray, name: str, args: tuple[np.ndarray, ...], numbers: tuple[float, ...]) -> None:
    rows = [tuple(row) for row in zip(*(a.tolist() for a in args), strict=True)]
    for i, value in enumerate(got.tolist()):
        want = FRESH[name](rows[: i + 1], *numbers)
        if want is None or math.isnan(want):
            assert math.isnan(value), (name, numbers, i, value, want)
        else:
            assert value == pytest.approx(want, rel=1e-9, abs=1e-9 * SCALE.get(name, 0.0)), (name, numbers, i)


def test_every_indicator_has_a_plain_definition() -> None:
    assert set(FRESH) == set(REGISTRY)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_values_equal_the_plain_definition(name: str) -> None:
    spec = REGISTRY[name]
    args = series(spec, bars(ROWS, session_rows=40))
    for n in WINDOWS if spec.params else (1,):
        numbers = params(spec, n)
        assert_same(in_blocks(make(name, numbers), args), name, args, numbers)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_a_missing_value_is_not_ready_and_is_forgotten_as_the_definition_says(name: str) -> None:
    spec = REGISTRY[name]
    columns = bars(ROWS, seed=11, session_rows=40)
    rng = np.random.default_rng(5)
    for key in ("x", "open", "high", "low", "close", "volume"):
        holes = rng.choice(ROWS, 4, replace=False)
        columns[key] = columns[key].copy()
        columns[key][holes] = [math.nan, math.inf, -math.inf, math.nan]
    if name == "lag":
        columns["x"][np.isinf(columns["x"])] = math.nan  # a lag gives back what came in
    args = series(spec, columns)
    for n in (1, 5, 14) if spec.params else (1,):
        numbers = params(spec, n)
        assert_same(in_blocks(make(name, numbers), args), name, args, numbers)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_first_value_comes_where_the_warmup_says(name: str) -> None:
    spec = REGISTRY[name]
    rows = 1_000
    args = series(spec, bars(rows))
    numbers = params(spec, 15)
    got = in_blocks(make(name, numbers), args)
    first = int(np.argmax(np.isfinite(got))) + 1
    if name.startswith("pivot"):
        assert spec.warmup(numbers) <= first <= rows  # the earliest bar that could confirm one
    else:
        assert first == spec.warmup(numbers)


@pytest.mark.parametrize("price", [0.05, 100.0, 20_000.05, 1e12])
def test_a_flat_series_has_no_spread_and_no_slope_at_all(price: float) -> None:
    flat = np.full(500, price)
    for n in (2, 3, 20, 499):
        assert not np.nan_to_num(in_blocks(make("stdev", (n,)), (flat,))).any()
        assert not np.nan_to_num(in_blocks(make("slope", (n,)), (flat,))).any()
    assert (in_blocks(make("rsi", (14,)), (flat,))[14:] == 0.0).all()


def test_the_bands_are_the_mean_plus_and_minus_the_spread_bit_for_bit() -> None:
    x = (bars(1_000)["x"],)
    mean, spread = in_blocks(make("sma", (20,)), x), in_blocks(make("stdev", (20,)), x)
    np.testing.assert_array_equal(in_blocks(make("bb_upper", (20, 2.5)), x), mean + 2.5 * spread)
    np.testing.assert_array_equal(in_blocks(make("bb_lower", (20, 2.5)), x), mean - 2.5 * spread)


def test_volume_that_is_zero_is_known_and_volume_that_is_missing_is_not() -> None:
    price = np.array([100.0, 101.0, 102.0, 103.0])
    for name, numbers, extra in (("vwap", (), (np.zeros(4),)), ("vwap_rolling", (2,), ())):
        idle = in_blocks(make(name, numbers), (price, price, price, np.array([0.0, 0.0, 5.0, 0.0]), *extra))
        gone = in_blocks(
            make(name, numbers), (price, price, price, np.array([5.0, np.nan, 5.0, 5.0]), *extra)
        )
        assert np.isnan(idle[:2]).all(), name
        assert idle[2:].tolist() == [102.0, 102.0], name
        assert np.isnan(gone[1:3]).all(), name
        assert np.isnan(gone[3]) == (name == "vwap")
