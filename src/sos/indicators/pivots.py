"""The last confirmed turning point of a series.

A bar is a pivot high when its value is greater than the w before it and not less than the w after it; so
it is known w bars late, and of equal neighbours the first one counts. Nothing is a pivot while a value
within w bars of it is missing; the last one confirmed stays. Pivot lows are the same upside down.
"""

from __future__ import annotations

import numpy as np

from sos.bars import F64
from sos.indicators.extremes import highest_of
from sos.indicators.window import NAN, quiet, window

__all__ = ["PivotHigh", "PivotLow"]


class PivotHigh:
    """Value of the last confirmed pivot high; NaN before the first."""

    def __init__(self, w: float) -> None:
        self.w = window(w)
        self._near = [NAN] * (2 * self.w)  # the values before the next one, oldest first
        self._pivot = NAN

    def push(self, x: float) -> float:
        near, w = self._near, self.w
        near.append(x + (x - x))
        middle = near[w]
        if middle > near[w - 1] and middle >= near[w + 1] and self._is_pivot(middle):
            self._pivot = middle
        del near[0]
        return self._pivot

    def _is_pivot(self, middle: float) -> bool:
        near, w = self._near, self.w
        return all(middle > x for x in near[:w]) and all(middle >= x for x in near[w + 1 :])

    def push_block(self, x: F64) -> F64:
        rows, w = len(x), self.w
        if not rows:
            return np.empty(0)
        with quiet():
            known = np.concatenate((np.array(self._near), x + (x - x)))
            highest = highest_of(known, w)
            middle = known[w : w + rows]
            hit = (middle > highest[:rows]) & (middle >= highest[w + 1 :])
        at = np.maximum.accumulate(np.where(hit, np.arange(rows), -1))
        out = np.where(at >= 0, middle[at], self._pivot)
        self._near = known[rows:].tolist()
        self._pivot = float(out[-1])
        return out


class PivotLow:
    """Value of the last confirmed pivot low; NaN before the first."""

    def __init__(self, w: float) -> None:
        self._mirror = PivotHigh(w)

    def push(self, x: float) -> float:
        return 0.0 - self._mirror.push(0.0 - x)

    def push_block(self, x: F64) -> F64:
        return 0.0 - self._mirror.push_block(0.0 - x)
