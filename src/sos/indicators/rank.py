"""Where the present value stands among the ones before it: percentrank.

Counts are whole numbers, so the two paths may count differently: bar by bar in a sorted list, over a
block by comparing shifted columns.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sos.bars import F64
from sos.indicators.window import NAN, pieces, window

__all__ = ["PercentRank"]

CELLS: Final = 1 << 18  # comparisons held at once


class PercentRank:
    """Percent of the n previous values that are at or below the present one; ready after n + 1 bars
    without a missing value."""

    def __init__(self, n: float) -> None:
        self.n = window(n)
        self._run = 0
        self._held: deque[float] = deque([0.0] * self.n, maxlen=self.n)
        self._sorted: list[float] | None = None

    def push(self, x: float) -> float:
        if x - x != 0.0:
            self._run = 0
            x = 0.0
        else:
            self._run += 1
        ranked = self._sorted
        if ranked is None:
            self._sorted = ranked = sorted(self._held)
        value = 100.0 * bisect_right(ranked, x) / self.n if self._run > self.n else NAN
        del ranked[bisect_left(ranked, self._held[0])]
        insort(ranked, x)
        self._held.append(x)
        return value

    def push_block(self, x: F64) -> F64:
        out = np.empty(len(x))
        for part in pieces(len(x), max(1, CELLS // self.n)):
            out[part] = self._piece(x[part])
        return out

    def _piece(self, x: F64) -> F64:
        n, rows = self.n, len(x)
        finite = np.isfinite(x)
        clean = np.where(finite, x, 0.0)
        known = np.concatenate((np.fromiter(self._held, np.float64, n), clean))
        below = sliding_window_view(known, rows)[:n] <= clean
        out: F64 = 100.0 * np.count_nonzero(below, axis=0) / n
        row = np.arange(rows)
        run = row - np.maximum.accumulate(np.where(finite, -1 - self._run, row))
        out[run <= n] = NAN
        self._run = int(run[-1])
        self._held.extend(clean[-n:].tolist())
        self._sorted = None
        return out
