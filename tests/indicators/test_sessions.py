"""Values anchored to the session, as a script of three short days."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sos.indicators import REGISTRY, make
from tests.indicators.columns import block

NAN = math.nan
DAYS = {
    "session": np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 4.0]),  # 3 was a holiday
    "open": np.array([10.0, 11.0, 12.0, 20.0, 21.0, 22.0, 30.0, 31.0]),
    "high": np.array([15.0, 14.0, 16.0, 25.0, 26.0, 24.0, 33.0, 32.0]),
    "low": np.array([9.0, 8.0, 11.0, 19.0, 18.0, 20.0, 29.0, 30.0]),
    "close": np.array([11.0, 12.0, 13.0, 21.0, 22.0, 23.0, 31.0, 31.5]),
    "volume": np.array([0.0, 2.0, 1.0, 3.0, 0.0, 1.0, 1.0, 1.0]),
    "since_open": np.array([0.0, 5.0, 10.0, 0.0, 5.0, 10.0, 12.0, 17.0]),  # the last day starts late
    "since_open_end": np.array([5.0, 10.0, 15.0, 5.0, 10.0, 15.0, 17.0, 22.0]),
}
CASES: list[tuple[str, tuple[float, ...], list[float]]] = [
    ("day_open", (), [10, 10, 10, 20, 20, 20, 30, 30]),
    ("day_high", (), [15, 15, 16, 25, 26, 26, 33, 33]),
    ("day_low", (), [9, 8, 8, 19, 18, 18, 29, 29]),
    ("prev_day_close", (), [NAN, NAN, NAN, 13, 13, 13, 23, 23]),
    ("prev_day_high", (), [NAN, NAN, NAN, 16, 16, 16, 26, 26]),
    ("prev_day_low", (), [NAN, NAN, NAN, 8, 8, 8, 18, 18]),
    ("opening_range_high", (10,), [NAN, 15, 15, NAN, 26, 26, NAN, NAN]),
    ("opening_range_low", (10,), [NAN, 8, 8, NAN, 18, 18, NAN, NAN]),
    ("opening_range_high", (12,), [NAN, NAN, 16, NAN, NAN, 26, NAN, NAN]),  # a bar that straddles counts
    ("opening_range_high", (30,), [NAN] * 8),
]


@pytest.mark.parametrize(("name", "numbers", "want"), CASES)
def test_three_days_read_as_they_should(name: str, numbers: tuple[float, ...], want: list[float]) -> None:
    assert np.array_equal(block(name, DAYS, *numbers), want, equal_nan=True)


def test_vwap_starts_anew_each_session_and_waits_for_volume() -> None:
    typical = (DAYS["high"] + DAYS["low"] + DAYS["close"]) / 3
    got = block("vwap", DAYS)
    assert math.isnan(got[0])
    assert got[1] == pytest.approx(typical[1])
    assert got[2] == pytest.approx((2 * typical[1] + typical[2]) / 3)
    assert got[4] == pytest.approx(typical[3])
    assert got[6] == pytest.approx(typical[6])


def test_a_missing_price_spoils_its_own_session_only() -> None:
    days = {**DAYS, "high": np.where(np.arange(8) == 4, NAN, DAYS["high"])}
    assert np.array_equal(block("day_high", days), [15, 15, 16, 25, NAN, NAN, 33, 33], equal_nan=True)
    assert np.array_equal(block("prev_day_high", days), [NAN, NAN, NAN, 16, 16, 16, NAN, NAN], equal_nan=True)
    vwap = block("vwap", days)
    assert np.isnan(vwap[[4, 5]]).all()
    assert np.isfinite(vwap[[3, 6, 7]]).all()


def test_a_missing_price_after_the_opening_range_does_not_touch_it() -> None:
    days = {**DAYS, "high": np.where(np.arange(8) == 2, NAN, DAYS["high"])}
    assert block("opening_range_high", days, 10).tolist()[1:3] == [15.0, 15.0]


def test_a_bar_outside_every_session_changes_nothing() -> None:
    keep = np.array([0, 1, 2, 3, 3, 4, 5, 6, 7])
    stray = {key: column[keep].copy() for key, column in DAYS.items()}
    for key, column in stray.items():
        column[3] = NAN if key == "session" else 1e6
    for name in (n for n, spec in REGISTRY.items() if "session" in spec.series):
        numbers = (10,) if REGISTRY[name].params else ()
        got = block(name, stray, *numbers)
        assert math.isnan(got[3]), name
        assert np.array_equal(np.delete(got, 3), block(name, DAYS, *numbers), equal_nan=True), name


def test_a_session_may_be_cut_anywhere_between_blocks() -> None:
    for name in (n for n, spec in REGISTRY.items() if "session" in spec.series):
        spec = REGISTRY[name]
        numbers = (10,) if spec.params else ()
        want = block(name, DAYS, *numbers)
        for cut in range(1, 8):
            state = make(name, numbers)
            args = [DAYS[key] for key in spec.series]
            parts = [state.push_block(*(a[:cut] for a in args)), state.push_block(*(a[cut:] for a in args))]
            assert np.array_equal(np.concatenate(parts), want, equal_nan=True), (name, cut)
