"""Spread and direction of a window: standard deviation, Bollinger bands, least-squares slope.

Deviations are taken from the first value of the chunk (see `window`), which is always inside the window:
a flat window gives exactly 0, and since that value is one of the n, the squares that cancel are at most
n + 1 times what is left. Formulas: TA-Lib STDDEV and BBANDS (population), ordinary least squares.
"""

from __future__ import annotations

import math

import numpy as np

from sos.bars import F64
from sos.errors import StrategyError
from sos.indicators.sums import Sma
from sos.indicators.window import NAN, Chunked, join, quiet, tails

__all__ = ["Band", "Slope", "Stdev"]


class Stdev(Chunked):
    """Population standard deviation of the last n values, in the unit of the series."""

    def __init__(self, n: float) -> None:
        super().__init__(n)
        self._base = self._sum = self._square = 0.0
        self._sums: list[float] = []
        self._squares: list[float] = []

    def _begin(self, x: float) -> None:
        self._base, self._sum, self._square = x, 0.0, 0.0
        away = [v - x for v in self._last[:0:-1]]
        self._sums = tails(away)
        self._squares = tails(d * d for d in away)

    def _value(self, x: float, p: int) -> float:
        d = x - self._base
        self._sum += d
        self._square += d * d
        total = self._sum + self._sums[p]
        variance = (self._square + self._squares[p] - total * total / self.n) / self.n
        return 0.0 if variance <= 0.0 else math.sqrt(variance)

    def _windows(self, known: F64, rows: int) -> F64:
        grid = self._grid(known)
        base = grid[1:, :1]
        ahead, behind = grid[1:] - base, grid[:-1, :0:-1] - base
        total = join(ahead, behind)
        variance = join(ahead * ahead, behind * behind)
        total *= total
        total /= self.n
        variance -= total
        variance /= self.n
        np.maximum(variance, 0.0, out=variance)
        return self._newest(np.sqrt(variance, out=variance), known, rows)


class Band:
    """sma(x, n) + k * stdev(x, n); a negative ``k`` gives the lower band."""

    def __init__(self, n: float, k: float) -> None:
        if not math.isfinite(k):
            raise StrategyError(f"the width of a band must be a number, not {k!r}")
        self._mean = Sma(n)
        self._stdev = Stdev(n)
        self._k = float(k)

    def push(self, x: float) -> float:
        value = self._mean.push(x) + self._stdev.push(x) * self._k
        return value + 0.0 if value - value == 0.0 else NAN

    def push_block(self, x: F64) -> F64:
        with quiet():
            wide = self._stdev.push_block(x)
            wide *= self._k
            wide += self._mean.push_block(x)
            wide += 0.0
            np.copyto(wide, NAN, where=np.isinf(wide))
        return wide


class Slope(Chunked):
    """Slope of the least-squares line through the last n values, per bar; never ready for n = 1."""

    def __init__(self, n: float) -> None:
        super().__init__(n)
        self._middle = (self.n - 1) / 2
        self._scale = self.n * (self.n * self.n - 1) / 12 or NAN
        self._base = self._sum = self._moment = 0.0
        self._sums: list[float] = []
        self._moments: list[float] = []

    def _begin(self, x: float) -> None:
        self._base, self._sum, self._moment = x, 0.0, 0.0
        away = [v - x for v in self._last[:0:-1]]
        self._sums = tails(away)
        self._moments = tails(d * -(i + 1) for i, d in enumerate(away))

    def _value(self, x: float, p: int) -> float:
        d = x - self._base
        self._sum += d
        self._moment += d * p
        total = self._sum + self._sums[p]
        return (self._moment + self._moments[p] - total * (p - self._middle)) / self._scale

    def _windows(self, known: F64, rows: int) -> F64:
        grid = self._grid(known)
        place = np.arange(self.n, dtype=np.float64)
        base = grid[1:, :1]
        ahead, behind = grid[1:] - base, grid[:-1, :0:-1] - base
        total = join(ahead, behind)
        moment = join(ahead * place, behind * -place[1:])
        total *= place - self._middle
        moment -= total
        moment /= self._scale
        return self._newest(moment, known, rows)
