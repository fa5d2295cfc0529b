"""The machinery of moving windows: exact hand-over between bars and blocks, and no drift.

A series is cut into chunks of n bars, n being the window. The window that ends at position p of a chunk
is the end of the chunk before, from position p + 1, and the beginning of this one, to position p; so its
value is a running fold of the present chunk joined with a backward running fold of the last one. Nothing
is ever subtracted from a total, so nothing can drift, and a spike is forgotten when it leaves the window.
Bar by bar this costs O(1) amortised; over a block it is a few element-wise passes in the same order of
operations, which is what makes both paths agree to the last bit.

Pure: no clock, no file, inputs are never written to. Source: the prefix/suffix method of van Herk (1992)
and of Gil and Werman (1993), applied to sums as well as to extremes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

import numpy as np

from sos.bars import F64
from sos.errors import StrategyError

__all__ = ["NAN", "Chunked", "join", "pieces", "quiet", "running", "tails", "window"]

NAN: Final = float("nan")
MAX_WINDOW: Final = 5_000
PIECE: Final = 16_384  # rows handled at once, so that intermediate columns stay in the cache


def window(n: float) -> int:
    """``n`` as a window. Raises StrategyError unless it is a whole number from 1 to 5,000."""
    if not 1 <= n <= MAX_WINDOW or n != int(n):
        raise StrategyError(f"a window must be a whole number from 1 to {MAX_WINDOW}, not {n!r}")
    return int(n)


def quiet() -> np.errstate:
    """Overflow and invalid operations become inf or NaN here, which means "not ready", not a warning."""
    return np.errstate(all="ignore")


def pieces(rows: int, size: int = PIECE) -> Iterator[slice]:
    """Slices of at most ``size`` rows that cover 0 .. rows in order."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def running(grid: F64) -> F64:
    """Running sums along each row, strictly from left to right (shape as given)."""
    rows, columns = grid.shape
    if columns > 16 or rows < 32 * columns:
        return np.add.accumulate(grid, axis=1)
    sums = np.empty((rows, columns))  # many short rows: column by column is several times faster
    sums[:, :1] = grid[:, :1]
    for k in range(1, columns):
        np.add(sums[:, k - 1], grid[:, k], out=sums[:, k])
    return sums


def join(ahead: F64, behind: F64) -> F64:
    """Window sums for each position of each chunk.

    ``ahead`` (chunks, n) holds the chunks themselves, ``behind`` (chunks, n - 1) the chunk before each,
    newest value first and without its oldest one.
    """
    sums = running(ahead)
    if behind.shape[1]:
        sums[:, :-1] += running(behind)[:, ::-1]
    return sums


def tails(
    newest_first: Iterable[float],
    fold: Callable[[float, float], float] | None = None,
    empty: float = 0.0,
) -> list[float]:
    """Entry p: the fold over what the window that ends at position p takes from the chunk before."""
    folded = list(accumulate(newest_first, fold))
    folded.reverse()
    folded.append(empty)
    return folded


class Chunked(ABC):
    """A function of the last n values of one series; not ready while one of them is missing.

    State is held in one of two forms: as a column (the chunk before and the part of this one that is
    known) after a block, as lists with running folds after a bar. The first use of the other path
    converts it.
    """

    def __init__(self, n: float) -> None:
        self.n = window(n)
        self._run = 0  # values since the last missing one
        self._column: F64 | None = np.zeros(self.n)
        self._last: list[float] = []
        self._now: list[float] = []

    @abstractmethod
    def _begin(self, x: float) -> None:
        """A chunk begins with ``x``: prepare the folds of the chunk before, which is ``_last``."""

    @abstractmethod
    def _value(self, x: float, p: int) -> float:
        """``x`` is at position ``p`` of its chunk: fold it in, return the window's value."""

    @abstractmethod
    def _windows(self, known: F64, rows: int) -> F64:
        """Values of the windows that end at the last ``rows`` of ``known``, which starts with a chunk
        that is complete. The result may be written to."""

    def push(self, x: float) -> float:
        """Take the next value; return the window's value, NaN while it is not ready."""
        if self._column is not None:
            self._thaw(self._column)
        if x - x == 0.0:
            self._run += 1
        else:
            self._run = 0
            x = 0.0
        value = self._take(x + 0.0)
        if self._run < self.n or value - value != 0.0:
            return NAN
        return value + 0.0

    def push_block(self, x: F64) -> F64:
        """Take the next values, shape (n,); return as many."""
        if not len(x):
            return np.empty(0)
        with quiet():
            if len(x) <= PIECE:
                return self._piece(x)
            out = np.empty(len(x))
            for part in pieces(len(x)):
                out[part] = self._piece(x[part])
        return out

    def _take(self, x: float) -> float:
        now = self._now
        if len(now) == self.n:
            self._last = now
            self._now = now = []
        p = len(now)
        if not p:
            self._begin(x)
        now.append(x)
        return self._value(x, p)

    def _thaw(self, column: F64) -> None:
        values = column.tolist()
        self._column = None
        self._last, self._now = values[: self.n], []
        for x in values[self.n :]:
            self._take(x)

    def _freeze(self) -> F64:
        if self._column is not None:
            return self._column
        if len(self._now) == self.n:
            return np.array(self._now)
        return np.array(self._last + self._now)

    def _piece(self, x: F64) -> F64:
        rows = len(x)
        finite = np.isfinite(x)
        whole = bool(finite.all())
        known = np.concatenate((self._freeze(), (x if whole else np.where(finite, x, 0.0)) + 0.0))
        out = self._windows(known, rows)
        out += 0.0
        np.copyto(out, NAN, where=np.isinf(out))
        if whole:
            out[: max(0, self.n - 1 - self._run)] = NAN
            self._run += rows
        else:
            row = np.arange(rows)
            run = row - np.maximum.accumulate(np.where(finite, -1 - self._run, row))
            out[run < self.n] = NAN
            self._run = int(run[-1])
        self._column = known[(len(known) // self.n - 1) * self.n :].copy()
        return out

    def _grid(self, known: F64) -> F64:
        """``known`` as one chunk per row, shape (chunks, n), filled up with zeros."""
        chunks = -(-len(known) // self.n)
        grid = np.zeros(chunks * self.n)
        grid[: len(known)] = known
        return grid.reshape(chunks, self.n)

    def _newest(self, grid: F64, known: F64, rows: int) -> F64:
        """The last ``rows`` values of a result computed for each chunk but the first."""
        return grid.reshape(-1)[len(known) - self.n - rows : len(known) - self.n]
