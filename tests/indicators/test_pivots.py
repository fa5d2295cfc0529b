"""Pivots: what counts as one, and when it is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.indicators.columns import block

NAN = math.nan
CASES: list[tuple[str, int, list[float], list[float]]] = [
    ("a peak is known one bar late", 1, [1, 3, 2, 2], [NAN, NAN, 3, 3]),
    ("a peak is known w bars late", 2, [1, 2, 5, 4, 3, 2], [NAN] * 4 + [5, 5]),
    ("of equal neighbours the first counts", 1, [1, 3, 3, 1, 0], [NAN, NAN, 3, 3, 3]),
    ("the one after an equal is none", 2, [0, 1, 4, 4, 1, 0, 0], [NAN] * 4 + [4, 4, 4]),
    ("the edge of the data is no peak", 1, [9, 3, 2, 1], [NAN] * 4),
    ("a later peak replaces an earlier one", 1, [1, 5, 1, 3, 1], [NAN, NAN, 5, 5, 3]),
    ("a hole next to a peak hides it", 1, [1, 5, NAN, 3, 1], [NAN] * 5),
    ("a hole leaves the last peak standing", 1, [1, 5, 1, NAN, 1, 0], [NAN, NAN, 5, 5, 5, 5]),
    ("infinity is a hole", 1, [1, math.inf, 1, 2, 1], [NAN, NAN, NAN, NAN, 2]),
    ("a flat line has none", 1, [2, 2, 2, 2], [NAN] * 4),
]


@pytest.mark.parametrize(("w", "x", "want"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_pivot_highs_and_lows_mirror_each_other(w: int, x: list[float], want: list[float]) -> None:
    column = np.array(x)
    assert np.array_equal(block("pivot_high", {"high": column}, w), want, equal_nan=True)
    assert np.array_equal(block("pivot_low", {"low": -column}, w), -np.array(want), equal_nan=True)
