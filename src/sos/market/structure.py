"""Price structure: confirmed pivots, the trend they make, and the nearest levels around the close.

A pivot high is a bar whose high is above the highs of the w bars before it and not below those of the w
bars after it, so it is known w bars late (lows mirrored). Of the last five pivots of each kind:
resistance is the lowest pivot high above the close, support the highest pivot low below it. The trend
is UP (0.0) when the last pivot high and the last pivot low are both above the ones before them, DOWN
(1.0) when both are below, else SIDEWAYS (2.0); not ready before there are two of each.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from sos.bars import F64
from sos.market.columns import Columns

__all__ = ["NAMES", "Structure"]

NAMES: Final = (
    "structure.support",
    "structure.resistance",
    "structure.trend",
    "structure.last_pivot_high",
    "structure.last_pivot_low",
)
_KEPT: Final = 5
_NAN: Final = float("nan")


class Structure:
    """State of the pivots of one series of bars; ``window`` is w."""

    def __init__(self, window: int) -> None:
        self.window = window
        self._highs: deque[float] = deque(maxlen=2 * window + 1)
        self._lows: deque[float] = deque(maxlen=2 * window + 1)
        self._pivot_highs: deque[float] = deque(maxlen=_KEPT)
        self._pivot_lows: deque[float] = deque(maxlen=_KEPT)

    def push(self, high: float, low: float, close: float) -> tuple[float, ...]:
        """Take one bar; the values in the order of NAMES."""
        self._highs.append(high)
        self._lows.append(-low)
        if _is_pivot(self._highs, self.window):
            self._pivot_highs.append(self._highs[self.window])
        if _is_pivot(self._lows, self.window):
            self._pivot_lows.append(-self._lows[self.window])
        support = max((pivot for pivot in self._pivot_lows if pivot < close), default=_NAN)
        resistance = min((pivot for pivot in self._pivot_highs if pivot > close), default=_NAN)
        return (support, resistance, self._trend(), _last(self._pivot_highs), _last(self._pivot_lows))

    def _trend(self) -> float:
        highs, lows = self._pivot_highs, self._pivot_lows
        if len(highs) < 2 or len(lows) < 2:
            return _NAN
        if highs[-1] > highs[-2] and lows[-1] > lows[-2]:
            return 0.0
        return 1.0 if highs[-1] < highs[-2] and lows[-1] < lows[-2] else 2.0

    def push_block(self, high: F64, low: F64, close: F64) -> Columns:
        """Take a block of bars; columns by name, equal to pushing one by one."""
        push = self.push
        rows = [push(*bar) for bar in zip(high.tolist(), low.tolist(), close.tolist(), strict=True)]
        table = np.array(rows, np.float64).reshape(len(rows), len(NAMES))
        return {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(NAMES)}


def _is_pivot(values: deque[float], window: int) -> bool:
    if len(values) < 2 * window + 1:
        return False
    middle = values[window]
    return all(values[i] < middle for i in range(window)) and all(
        values[i] <= middle for i in range(window + 1, 2 * window + 1)
    )


def _last(pivots: deque[float]) -> float:
    return pivots[-1] if pivots else _NAN
