"""Moving sums and averages: sum, sma, wma and the volume-weighted price of a rolling window.

Sums are folded as `window` describes, so that they don't drift. Formulas: TA-Lib SMA and WMA; typical
price (high + low + close) / 3.
"""

from __future__ import annotations

import numpy as np

from sos.bars import F64
from sos.indicators.window import NAN, Chunked, join, quiet, running, tails

__all__ = ["Sma", "Sum", "VwapRolling", "Wma"]


class Sum(Chunked):
    """Sum of the last n values."""

    def __init__(self, n: float) -> None:
        super().__init__(n)
        self._head = 0.0
        self._tails: list[float] = []

    def _begin(self, x: float) -> None:
        self._head = 0.0
        self._tails = tails(self._last[:0:-1])

    def _value(self, x: float, p: int) -> float:
        self._head += x
        return self._head + self._tails[p]

    def _windows(self, known: F64, rows: int) -> F64:
        grid = self._grid(known)
        return self._newest(join(grid[1:], grid[:-1, :0:-1]), known, rows)


class Sma(Sum):
    """Mean of the last n values."""

    def _value(self, x: float, p: int) -> float:
        self._head += x
        return (self._head + self._tails[p]) / self.n

    def _windows(self, known: F64, rows: int) -> F64:
        sums = super()._windows(known, rows)
        sums /= self.n
        return sums


class Wma(Chunked):
    """Mean of the last n values with weights 1 (oldest) to n (newest).

    All terms of a fold have one sign where the values have, so nothing cancels: the present chunk gives
    (n - p) * sum(x[j]) + sum(j * x[j]), the one before a running sum of running sums.
    """

    def __init__(self, n: float) -> None:
        super().__init__(n)
        self._weight = self.n * (self.n + 1) / 2
        self._sum = self._moment = 0.0
        self._tails: list[float] = []

    def _begin(self, x: float) -> None:
        self._sum = self._moment = 0.0
        ends = tails(self._last[:0:-1])[-2::-1]
        self._tails = tails(ends)

    def _value(self, x: float, p: int) -> float:
        self._sum += x
        self._moment += x * p
        return (self._sum * (self.n - p) + self._moment + self._tails[p]) / self._weight

    def _windows(self, known: F64, rows: int) -> F64:
        grid = self._grid(known)
        place = np.arange(self.n, dtype=np.float64)
        sums = running(grid[1:]) * (self.n - place)
        sums += running(grid[1:] * place)
        if self.n > 1:
            sums[:, :-1] += running(running(grid[:-1, :0:-1]))[:, ::-1]
        sums /= self._weight
        return self._newest(sums, known, rows)


class VwapRolling:
    """Typical price of the last n bars weighted by volume; not ready while their volume is 0 or while
    a price or volume among them is missing."""

    def __init__(self, n: float) -> None:
        self._traded = Sum(n)
        self._volume = Sum(n)

    def push(self, high: float, low: float, close: float, volume: float) -> float:
        traded = self._traded.push((high + low + close) / 3.0 * volume)
        total = self._volume.push(volume)
        if total == 0.0:
            return NAN
        value = traded / total
        return value + 0.0 if value - value == 0.0 else NAN

    def push_block(self, high: F64, low: F64, close: F64, volume: F64) -> F64:
        with quiet():
            traded = self._traded.push_block((high + low + close) / 3.0 * volume)
            traded /= self._volume.push_block(volume)
            traded += 0.0
            np.copyto(traded, NAN, where=np.isinf(traded))
        return traded
