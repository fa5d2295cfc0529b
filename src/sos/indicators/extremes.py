"""Highest and lowest value of a window.

A maximum is exact in any order, so the two paths may differ in method: bar by bar the folds of `window`,
over a block repeated doubling (max over 1, 2, 4 ... values, then one overlap). Zero has no sign here.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sos.bars import F64
from sos.indicators.window import Chunked, tails

__all__ = ["Highest", "Lowest", "highest_of", "lowest_of"]

INF: Final = float("inf")


def highest_of(x: F64, n: int) -> F64:
    """Maximum of each n neighbours: entry i of the len(x) - n + 1 is over x[i : i + n]; NaN if one is.
    The result may be ``x`` itself."""
    width = 1
    while 2 * width <= n:
        x = np.maximum(x[:-width], x[width:])
        width *= 2
    rest = n - width
    return np.maximum(x[:-rest], x[rest:]) if rest else x


def lowest_of(x: F64, n: int) -> F64:
    """Minimum of each n neighbours, as `highest_of`."""
    width = 1
    while 2 * width <= n:
        x = np.minimum(x[:-width], x[width:])
        width *= 2
    rest = n - width
    return np.minimum(x[:-rest], x[rest:]) if rest else x


class Highest(Chunked):
    """Largest of the last n values."""

    def __init__(self, n: float) -> None:
        super().__init__(n)
        self._head = -INF
        self._tails: list[float] = []

    def _begin(self, x: float) -> None:
        self._head = x
        self._tails = tails(self._last[:0:-1], max, -INF)

    def _value(self, x: float, p: int) -> float:
        if x > self._head:
            self._head = x
        tail = self._tails[p]
        return tail if tail > self._head else self._head

    def _windows(self, known: F64, rows: int) -> F64:
        return highest_of(known[len(known) - rows - self.n + 1 :], self.n).copy()


class Lowest(Chunked):
    """Smallest of the last n values."""

    def __init__(self, n: float) -> None:
        super().__init__(n)
        self._head = INF
        self._tails: list[float] = []

    def _begin(self, x: float) -> None:
        self._head = x
        self._tails = tails(self._last[:0:-1], min, INF)

    def _value(self, x: float, p: int) -> float:
        if x < self._head:
            self._head = x
        tail = self._tails[p]
        return tail if tail < self._head else self._head

    def _windows(self, known: F64, rows: int) -> F64:
        return lowest_of(known[len(known) - rows - self.n + 1 :], self.n).copy()
