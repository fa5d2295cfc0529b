"""Against TA-Lib, where it has the indicator: on random walks and on real bars."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import talib

from sos.bars import F64
from tests.indicators.columns import bars, block, walk

Columns = dict[str, F64]
ROWS = 40_000


def _one(function: Any) -> Callable[[Columns, int], F64]:
    return lambda data, n: function(data["x"], timeperiod=n)


def _band(data: Columns, n: int, at: int) -> F64:
    result: F64 = talib.BBANDS(data["x"], timeperiod=n, nbdevup=2.0, nbdevdn=2.0)[at]
    return result


TALIB: dict[str, tuple[Callable[[Columns, int], F64], int]] = {  # and the smallest window it allows
    "sma": (_one(talib.SMA), 1),
    "ema": (_one(talib.EMA), 1),
    "wma": (_one(talib.WMA), 1),
    "sum": (_one(talib.SUM), 2),
    "rsi": (_one(talib.RSI), 2),
    "stdev": (_one(talib.STDDEV), 2),
    "highest": (_one(talib.MAX), 2),
    "lowest": (_one(talib.MIN), 2),
    "roc": (_one(talib.ROC), 1),
    "slope": (_one(talib.LINEARREG_SLOPE), 2),
    "atr": (lambda data, n: talib.ATR(data["high"], data["low"], data["close"], timeperiod=n), 1),
    "bb_upper": (lambda data, n: _band(data, n, 0), 2),
    "bb_lower": (lambda data, n: _band(data, n, 2), 2),
}
# TA-Lib takes a spread as sqrt(mean(x * x) - mean(x) ** 2), which at 20,000 leaves too few digits to compare
# with: here both get prices relative to the first one
FROM_SQUARES = ("stdev", "bb_upper", "bb_lower", "slope")


def assert_equal(name: str, data: Columns, n: int) -> None:
    function, smallest = TALIB[name]
    if n < smallest:
        return
    if name in FROM_SQUARES:
        data = data | {"x": data["x"] - data["x"][0]}
    numbers = (n, 2.0) if name.startswith("bb_") else (n,)
    got, want = block(name, data, *numbers), function(data, n)
    assert np.array_equal(np.isnan(got), np.isnan(want)), (name, n)
    spread = float(np.ptp(data["x"])) if name in FROM_SQUARES else 0.0
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * spread, err_msg=f"{name}({n})")


@pytest.mark.parametrize("n", [1, 2, 3, 5, 14, 20, 50, 200])
@pytest.mark.parametrize("name", sorted(TALIB))
def test_random_walks_give_what_ta_lib_gives(name: str, n: int) -> None:
    for seed in (1, 2):
        assert_equal(name, bars(3_000, seed), n)


@pytest.mark.parametrize("name", sorted(TALIB))
def test_real_bars_give_what_ta_lib_gives(name: str, shared_data: Path) -> None:
    table = pq.read_table(shared_data / "nifty_1m.parquet").slice(0, ROWS)
    data = {key: table[key].to_numpy() for key in ("open", "high", "low", "close")}
    assert len(data["close"]) == ROWS
    assert table["ts"][0].as_py().date() == datetime.date(2021, 1, 1)
    for n in (2, 14, 20, 100):
        assert_equal(name, data | {"x": data["close"]}, n)


def test_without_movement_the_strength_is_what_ta_lib_says() -> None:
    still = np.concatenate((walk(30), np.full(300, 20_000.0)))
    np.testing.assert_allclose(block("rsi", {"x": still}, 14), talib.RSI(still, 14), rtol=1e-9)
    flat = np.full(50, 100.0)
    assert np.array_equal(block("rsi", {"x": flat}, 14), talib.RSI(flat, 14), equal_nan=True)


def test_a_change_from_zero_is_not_ready_where_ta_lib_says_zero() -> None:
    assert math.isnan(block("roc", {"x": np.array([0.0, 5.0])}, 1)[1])
