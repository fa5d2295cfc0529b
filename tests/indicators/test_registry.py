"""The table of indicators and what it refuses."""

from __future__ import annotations

import math

import pytest

from sos.errors import StrategyError
from sos.indicators import REGISTRY, make

ONE_SERIES = {
    "sma", "ema", "wma", "rsi", "stdev", "bb_upper", "bb_lower", "highest", "lowest", "sum", "roc",
    "slope", "percentrank", "lag",
}  # fmt: skip


def test_names_and_series_are_those_that_expressions_use() -> None:
    assert {name for name, spec in REGISTRY.items() if spec.series == ("x",)} == ONE_SERIES
    assert all(spec.name == name for name, spec in REGISTRY.items())
    assert REGISTRY["atr"].series == ("high", "low", "close")
    assert REGISTRY["vwap"].series == ("high", "low", "close", "volume", "session")
    assert REGISTRY["opening_range_low"].series == ("low", "session", "since_open", "since_open_end")
    assert REGISTRY["bb_upper"].params == ("window", "factor")
    assert REGISTRY["vwap"].params == ()


@pytest.mark.parametrize(
    ("name", "numbers", "bars"),
    [("sma", (20,), 20), ("rsi", (14,), 15), ("atr", (14,), 15), ("lag", (3,), 4), ("pivot_low", (5,), 11)],
)
def test_the_warmup_counts_bars(name: str, numbers: tuple[int, ...], bars: int) -> None:
    assert REGISTRY[name].warmup(numbers) == bars


@pytest.mark.parametrize("n", [0, -1, 5_001, 2.5, float("nan"), float("inf")])
@pytest.mark.parametrize("name", [name for name, spec in REGISTRY.items() if spec.params == ("window",)])
def test_a_window_that_is_none_is_refused(name: str, n: float) -> None:
    with pytest.raises(StrategyError, match="whole number from 1 to 5000"):
        make(name, (n,))


def test_a_band_needs_a_finite_width() -> None:
    with pytest.raises(StrategyError, match="width of a band"):
        make("bb_lower", (20, float("inf")))


def test_unknown_names_and_wrong_counts_are_refused_with_what_would_do() -> None:
    with pytest.raises(StrategyError, match=r"unknown indicator 'smma'.*sma"):
        make("smma", (20,))
    with pytest.raises(StrategyError, match=r"bb_upper takes 2 numbers \(window, factor\), not 1"):
        make("bb_upper", (20,))


def test_two_states_of_one_indicator_share_nothing() -> None:
    first, second = make("ema", (3,)), make("ema", (3,))
    for x in (1.0, 2.0, 3.0, 4.0):
        first.push(x)
    assert math.isnan(second.push(9.0))
