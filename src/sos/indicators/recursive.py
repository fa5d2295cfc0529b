"""Averages that remember everything: ema, rsi, atr. Seeded and smoothed as TA-Lib does.

Each step needs the one before it, so a block is a tight loop over plain floats, with exactly the
operations of the bar path. A missing value, or a sum that overflows, starts the warm-up again. Once such
a recursion is not finite it stays so; that is why the loop may look at its last result only.

Sources: TA-Lib EMA, RSI, ATR, TRANGE; J. W. Wilder, New Concepts in Technical Trading Systems (1978).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from sos.bars import F64
from sos.indicators.window import NAN, pieces, quiet, window

__all__ = ["Atr", "Ema", "Rsi", "Wilder"]


class _Smoothed(ABC):
    """A recursion that starts with the mean of its first n values."""

    def __init__(self, n: float) -> None:
        self.n = window(n)
        self._seen = 0  # values in the seed; n: running
        self._value = 0.0  # sum of the seed, then the average

    @abstractmethod
    def _step(self, x: float) -> float:
        """The average after ``x``."""

    @abstractmethod
    def _steps(self, values: list[float]) -> list[float]:
        """The averages after each of ``values``, by the operations of `_step`."""

    def push(self, x: float) -> float:
        """Take the next value; return the average, NaN during the warm-up."""
        if self._seen == self.n:
            value = self._step(x)
        else:
            self._seen += 1
            value = self._value + x
            if self._seen == self.n:
                value /= self.n
        if value - value != 0.0:
            self._restart()
            return NAN
        self._value = value
        return value if self._seen == self.n else NAN

    def push_block(self, x: F64) -> F64:
        """Take the next values, shape (n,); return as many."""
        out = np.full(len(x), NAN)
        finite = np.isfinite(x)
        if finite.all():
            self._stretch(x, out)
            return out
        for start, stop in _stretches(finite):
            if start:
                self._restart()
            self._stretch(x[start:stop], out[start:stop])
        if not finite[-1]:
            self._restart()
        return out

    def _restart(self) -> None:
        self._seen = 0
        self._value = 0.0

    def _stretch(self, x: F64, out: F64) -> None:
        """Values without a missing one, into ``out``."""
        for part in pieces(len(x)):
            values, into, at = x[part].tolist(), out[part], 0
            while at < len(values):
                if self._seen < self.n:
                    into[at] = self.push(values[at])
                    at += 1
                else:
                    at += self._fast(values[at:] if at else values, into[at:])

    def _fast(self, values: list[float], out: F64) -> int:
        """As many values as go well, and the one that doesn't. Returns how many were taken."""
        done = np.fromiter(self._steps(values), np.float64, len(values))
        last = float(done[-1])
        if last - last == 0.0:
            out[:] = done
            self._value = last
            return len(values)
        broken = int(np.argmin(np.isfinite(done)))
        out[:broken] = done[:broken]
        self._restart()
        return broken + 1


def _stretches(finite: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Start and stop of each run of True."""
    edges = np.diff(finite.view(np.int8), prepend=np.int8(0), append=np.int8(0))
    pairs: list[list[int]] = np.flatnonzero(edges).reshape(-1, 2).tolist()
    return pairs


class Ema(_Smoothed):
    """Exponential average with alpha 2 / (n + 1), seeded by the mean of the first n."""

    def __init__(self, n: float) -> None:
        super().__init__(n)
        self._alpha = 2.0 / (self.n + 1)

    def _step(self, x: float) -> float:
        e = self._value
        return (x - e) * self._alpha + e

    def _steps(self, values: list[float]) -> list[float]:
        e, k = self._value, self._alpha
        return [e := (x - e) * k + e for x in values]


class Wilder(_Smoothed):
    """Wilder's average: (n - 1) parts of the last one and one part of the new value."""

    def _step(self, x: float) -> float:
        return (self._value * (self.n - 1) + x) / self.n

    def _steps(self, values: list[float]) -> list[float]:
        a, keep, n = self._value, float(self.n - 1), float(self.n)
        return [a := (a * keep + x) / n for x in values]


class Atr:
    """Average true range. The first bar has no previous close, so it is ready after n + 1 bars. A bar
    with a missing high, low or close is missing as a whole."""

    def __init__(self, n: float) -> None:
        self._mean = Wilder(n)
        self._close = NAN

    def push(self, high: float, low: float, close: float) -> float:
        before, self._close = self._close, close
        if (high - high) + (low - low) + (close - close) != 0.0:
            self._close = NAN
            return self._mean.push(NAN)
        reach, up, down = high - low, abs(before - high), abs(before - low)
        if up > reach:
            reach = up
        if down > reach:
            reach = down
        return self._mean.push(reach + 0.0 if before == before else NAN)

    def push_block(self, high: F64, low: F64, close: F64) -> F64:
        if not len(high):
            return np.empty(0)
        with quiet():
            missing = ~(np.isfinite(high) & np.isfinite(low) & np.isfinite(close))
            before = np.empty(len(close))
            before[0] = self._close
            before[1:] = close[:-1]
            reach = high - low
            np.maximum(reach, np.abs(before - high), out=reach)
            np.maximum(reach, np.abs(before - low), out=reach)
            reach += 0.0
            if missing.any():
                reach[missing] = NAN
                reach[1:][missing[:-1]] = NAN
            self._close = NAN if missing[-1] else float(close[-1])
            return self._mean.push_block(reach)


class Rsi:
    """Relative strength index, 0 .. 100; 0 where nothing has moved, as TA-Lib has it."""

    def __init__(self, n: float) -> None:
        self._gain = Wilder(n)
        self._loss = Wilder(n)
        self._before = NAN

    def push(self, x: float) -> float:
        move = x - self._before
        self._before = x
        if move - move != 0.0:
            move = NAN
        gain = self._gain.push(move if not move <= 0.0 else 0.0)
        loss = self._loss.push(-move if not move >= 0.0 else 0.0)
        total = gain + loss
        return 0.0 if total == 0.0 else 100.0 * (gain / total)

    def push_block(self, x: F64) -> F64:
        if not len(x):
            return np.empty(0)
        with quiet():
            move = np.empty(len(x))
            move[0] = x[0] - self._before
            np.subtract(x[1:], x[:-1], out=move[1:])
            self._before = float(x[-1])
            np.copyto(move, NAN, where=np.isinf(move))
            gain = self._gain.push_block(np.maximum(move, 0.0) + 0.0)
            loss = self._loss.push_block(np.maximum(-move, 0.0) + 0.0)
            total = gain + loss
            gain /= total
            gain *= 100.0
            gain[total == 0.0] = 0.0
        return gain
