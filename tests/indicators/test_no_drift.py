"""After a million bars a rolling value is still what a fresh computation gives."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sos.bars import F64
from sos.indicators import REGISTRY, make
from tests.indicators.columns import bars, in_blocks, params, series
from tests.indicators.fresh import FRESH

ROWS = 1_000_000
ROLLING = ("sma", "sum", "stdev", "bb_upper", "vwap_rolling", "slope", "wma", "highest", "percentrank")
FULL = os.environ.get("SOS_FULL") == "1"
CHECKED = 2_000 if FULL else 60


def nearly_flat(rows: int) -> F64:
    """Prices that stay within two ticks of 20,000."""
    return 20_000.0 + 0.05 * np.random.default_rng(3).integers(-1, 2, rows).astype(np.float64)


def spiky(rows: int) -> F64:
    """Volumes with a few spikes that dwarf everything else together."""
    volume = np.round(np.random.default_rng(4).lognormal(10.0, 1.0, rows))
    volume[:: rows // 50] = 1e15
    return volume


def data(kind: str) -> dict[str, F64]:
    columns = bars(ROWS, seed=13)
    if kind == "nearly flat":
        columns["x"] = nearly_flat(ROWS)
    elif kind == "spikes":
        columns["x"] = columns["volume"] = spiky(ROWS)
    return columns


@pytest.mark.parametrize("kind", ["walk", "nearly flat", "spikes"])
def test_a_million_bars_leave_no_drift(kind: str) -> None:
    columns = data(kind)
    for name in ROLLING:
        spec = REGISTRY[name]
        args = series(spec, columns)
        for n in (20, 375):
            numbers = params(spec, n)
            got = in_blocks(make(name, numbers), args)
            for at in np.linspace(ROWS // 2, ROWS - 1, CHECKED).astype(int).tolist():
                rows = list(zip(*(a[at - n : at + 1].tolist() for a in args), strict=True))
                want = FRESH[name](rows, *numbers)
                assert want is not None
                spread = float(np.ptp(args[0][at - n + 1 : at + 1]))
                slack = 1e-9 * spread / n if name == "slope" else 0.0  # a slope may be any fraction of it
                assert got[at] == pytest.approx(want, rel=1e-9, abs=slack), (name, n, at)


@pytest.mark.parametrize("name", ["sma", "stdev", "vwap_rolling", "slope"])
def test_the_bar_path_has_no_drift_of_its_own(name: str) -> None:
    rows = ROWS if FULL else 30_000
    columns = bars(rows, seed=17)
    spec = REGISTRY[name]
    args = series(spec, columns)
    state = make(name, params(spec, 20))
    last = [state.push(*row) for row in zip(*(a.tolist() for a in args), strict=True)][-1]
    tail = list(zip(*(a[-20:].tolist() for a in args), strict=True))
    assert last == pytest.approx(FRESH[name](tail, 20), rel=1e-9)


def test_a_value_beyond_all_others_is_forgotten_when_it_leaves_the_window() -> None:
    x = bars(200)["x"]
    hit = x.copy()
    hit[100] = 1e300
    for name in ("sma", "sum", "wma", "stdev", "slope", "highest", "bb_lower"):
        numbers = params(REGISTRY[name], 20)
        want = in_blocks(make(name, numbers), (x,))
        got = in_blocks(make(name, numbers), (hit,))
        assert np.array_equal(got[:100], want[:100], equal_nan=True), name
        assert np.array_equal(got[120:], want[120:]), name
