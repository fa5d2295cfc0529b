"""What a series was n bars ago, and its change since in percent.

Only the two ends count: a missing value between them does not matter. Formula: TA-Lib ROC, except that
a change from 0 is not ready (a division by zero) where TA-Lib says 0.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

import numpy as np

from sos.bars import F64
from sos.indicators.window import NAN, quiet, window

__all__ = ["Lag", "Roc"]


class Lag:
    """The value n bars ago, exactly as it came in; NaN before there were n bars."""

    def __init__(self, n: float) -> None:
        self.n = window(n)
        self._held: deque[float] = deque([NAN] * self.n, maxlen=self.n)

    def push(self, x: float) -> float:
        held = self._held
        value = held[0]
        held.append(x)
        return value

    def push_block(self, x: F64) -> F64:
        rows, held = len(x), self._held
        late = min(rows, self.n)
        out = np.empty(rows)
        out[:late] = np.fromiter(islice(held, late), np.float64, late)
        out[late:] = x[: rows - late]
        held.extend(x[rows - late :].tolist())
        return out


class Roc:
    """Percent by which a value is above that of n bars ago."""

    def __init__(self, n: float) -> None:
        self._lag = Lag(n)

    def push(self, x: float) -> float:
        before = self._lag.push(x)
        if before == 0.0:
            return NAN
        value = (x / before - 1.0) * 100.0
        return value if value - value == 0.0 and before - before == 0.0 else NAN

    def push_block(self, x: F64) -> F64:
        before = self._lag.push_block(x)
        with quiet():
            value = x / before
            value -= 1.0
            value *= 100.0
            np.copyto(value, NAN, where=~(np.isfinite(value) & np.isfinite(before)))
        return value
