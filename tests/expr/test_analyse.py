"""What a tree needs and how long it warms up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sos.expr import check_number, needs, path_free, warmup
from tests.expr.scopes import PHASE, checked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("close > sma(high, 20)", set()),
        ("volume > 1 and oi > 1", {"volume", "oi"}),
        ("close > vwap()", {"volume"}),
        ("sma(volume, 20) > m5.volume", {"volume"}),
        ("regime.name == 'BULLISH' and minutes_since_open() > 3", set()),
        ("time_is_between(timestamp, '09:15', '09:30') and day_open() > 1", set()),
        ("sentiment.pcr > 1 and structure.trend == 'UP'", {"sentiment.pcr", "structure.trend"}),
        ("screener.rvol > 1 and screener.change_from_open > 1", {"screener.rvol"}),
        ("days_to_expiry() < 1", {"days_to_expiry"}),
    ],
)
def test_needs_are_the_inputs_beyond_prices(text: str, wanted: set[str]) -> None:
    found = needs(checked("condition", text))
    assert found == wanted
    assert all(type(name) is str for name in found)


@pytest.mark.parametrize(
    ("text", "interval", "bars"),
    [
        ("1 + params.a", 1, 0),
        ("close", 1, 1),
        ("sma(close, 20)", 1, 20),
        ("prev(sma(close, 20), 3)", 1, 23),
        ("atr(14)", 1, 15),
        ("sma(rsi(close, 14), 9)", 1, 23),
        ("highest(prev(high, 1), 20)", 1, 21),
        ("prev_candle.close", 1, 2),
        ("max(sma(close, 5), ema(close, 30))", 1, 30),
        ("sma(m5.close, 20)", 1, 100),
        ("m5.close", 1, 5),
        ("prev(m15.close, 1) + sma(close, 3)", 1, 30),
        ("sma(m15.close, 4)", 5, 12),
        ("opening_range_high(15)", 1, 15),
        ("opening_range_high(15)", 5, 3),
        ("prev_day_close()", 1, 376),
        ("prev_day_close()", 5, 76),
        ("vars.top + 1", 1, 0),
    ],
)
def test_the_warm_up_is_composed_from_the_parts(text: str, interval: int, bars: int) -> None:
    tree = check_number(text, replace(PHASE, interval=interval))
    assert warmup(tree, interval) == bars


def test_a_tree_is_path_free_without_captures_and_levels() -> None:
    assert path_free(checked("condition", "close > sma(m5.close, 20)"))
    assert not path_free(checked("condition", "close > (1 if vars.calm else 2)"))
    assert not path_free(checked("level", "close + risk"))
