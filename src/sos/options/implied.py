"""Implied volatility of Black-76: from a price back to the volatility that gives it.

The price is brought to the time value of the out-of-the-money side and divided by sqrt(F K), so that only
two numbers are left: x = -|ln(F / K)| and the total deviation s = vol * sqrt(T). The logarithm of the
normalised price is then matched by Halley's steps from a closed-form guess; a bracket around the root is
kept, and a step that leaves it (or does not settle soon) is replaced by bisection.

There is no volatility, and none is made up, where the price does not determine it: a price under one tick,
at or below the discounted intrinsic value, at or above the forward (call) or strike (put) discounted, less
than five minutes before expiry, or outside `MIN_VOL`..`MAX_VOL`.

The answer reproduces the price to rounding; the volatility itself is as sharp as the price allows: its error
is about 1e-16 * F divided by the vega, which matters deep in the money.

Source: P. Jäckel, "By implication" (2006), for the normalised price and its logarithm; C. J. Corrado and
T. W. Miller, J. Banking Finance 20 (1996), for the guess; the bounds: conventions of the market reference.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.bars import F64
from sos.options.normal import cdf, cdf_block
from sos.types import NS_PER_DAY, NS_PER_MINUTE, Right

__all__ = ["MAX_VOL", "MIN_VOL", "MIN_YEARS", "TICK", "implied_vol", "implied_vol_block"]

TICK: Final = 0.05  # rupees
MIN_YEARS: Final = 5 * NS_PER_MINUTE / (365 * NS_PER_DAY)
MIN_VOL: Final = 0.001
MAX_VOL: Final = 10.0
_ROOT_TWO_PI: Final = math.sqrt(2.0 * math.pi)
_HALLEY: Final = 16  # afterwards bisection, which cannot fail
_STEPS: Final = 90
_CLOSE: Final = 2e-16
_CUBIC: Final = 1e-7  # convergence is cubic: after a step this small the next one is below rounding
_NOISE: Final = 1e-14  # a time value below this share of the forward is rounding, not a price


def implied_vol(
    right: Right,
    price: float,
    forward: float,
    strike: float,
    years: float,
    rate: float = 0.0,
    *,
    tick: float = TICK,
) -> float | None:
    """The volatility a year (0.14 is 14 %) at which the model gives ``price``; None where there is none."""
    if not (price >= tick and forward > 0.0 and strike > 0.0 and years >= MIN_YEARS):
        return None
    sign = 1.0 if right is Right.CALL else -1.0
    whole = price * math.exp(rate * years)
    value = whole - max(0.0, sign * (forward - strike))
    beta = value / math.sqrt(forward * strike)
    x = -abs(math.log(forward / strike))
    root = math.sqrt(years)
    low, high = MIN_VOL * root, MAX_VOL * root
    if not max(_NOISE, _normal(x, low)[0]) <= beta <= _normal(x, high)[0]:
        return None
    return _solve(x, beta, low, high) / root


def _normal(x: float, s: float) -> tuple[float, float]:
    """The normalised price and its derivative by s."""
    h, t = x / s, 0.5 * s
    grow = math.exp(0.5 * x)
    value = grow * cdf(h + t) - cdf(h - t) / grow
    return max(0.0, value), math.exp(-0.5 * (h * h + t * t)) / _ROOT_TWO_PI


def _solve(x: float, beta: float, low: float, high: float) -> float:
    s = min(max(_guess(x, beta), low), high)
    for step in range(_STEPS):
        value, slope = _normal(x, s)
        if value > beta:
            high = s
        else:
            low = s
        if value == beta:
            return s
        following, enough = math.nan, _CUBIC
        if step < _HALLEY:
            following = _halley(x, s, value, slope, beta)
        if not low < following < high:
            following, enough = 0.5 * (low + high), _CLOSE
        if abs(following - s) <= enough * s:
            return following
        s = following
    return s


def _halley(x: float, s: float, value: float, slope: float, beta: float) -> float:
    """The next s by Halley's rule on the logarithm; NaN where the price or its slope has vanished."""
    if value <= 0.0 or slope <= 0.0:
        return math.nan
    newton = -math.log(value / beta) * value / slope
    curve = x * x / (s * s * s) - 0.25 * s - slope / value
    return s + newton / max(0.5, 1.0 + 0.5 * newton * curve)


def _guess(x: float, beta: float) -> float:
    """Corrado and Miller's closed form in normalised terms; the point of inflexion where it has no value."""
    half = 0.5 * x
    spread = math.exp(half) - math.exp(-half)  # (F - K) / sqrt(F K), never positive
    lean = beta - 0.5 * spread
    inner = lean * lean - spread * spread / math.pi
    if inner < 0.0:
        return math.sqrt(-2.0 * x)
    return _ROOT_TWO_PI / (math.exp(half) + math.exp(-half)) * (lean + math.sqrt(inner))


def implied_vol_block(
    calls: npt.NDArray[np.bool_],
    price: F64,
    forward: F64 | float,
    strike: F64,
    years: F64 | float,
    rate: float = 0.0,
    *,
    tick: float = TICK,
) -> F64:
    """`implied_vol` of every entry, arrays broadcast; NaN where there is none."""
    columns = np.broadcast_arrays(calls, price, np.float64(forward), strike, np.float64(years))
    calls, price, forward, strike, years = columns
    with np.errstate(all="ignore"):
        sign = np.where(calls, 1.0, -1.0)
        value = price * np.exp(rate * years) - np.maximum(0.0, sign * (forward - strike))
        beta = value / np.sqrt(forward * strike)
        x = -np.abs(np.log(forward / strike))
        root = np.sqrt(years)
        low, high = MIN_VOL * root, MAX_VOL * root
        there = (price >= tick) & (forward > 0.0) & (strike > 0.0) & (years >= MIN_YEARS)
        there &= (np.maximum(_NOISE, _normal_block(x, low)[0]) <= beta) & (beta <= _normal_block(x, high)[0])
        found = np.full(price.shape, np.nan)
        found[there] = _solve_block(x[there], beta[there], low[there], high[there]) / root[there]
    return found


def _normal_block(x: F64, s: F64) -> tuple[F64, F64]:
    h, t = x / s, 0.5 * s
    grow = np.exp(0.5 * x)
    value = grow * cdf_block(h + t) - cdf_block(h - t) / grow
    return np.maximum(0.0, value), np.exp(-0.5 * (h * h + t * t)) / _ROOT_TWO_PI


def _solve_block(x: F64, beta: F64, low: F64, high: F64) -> F64:
    s = np.clip(_guess_block(x, beta), low, high)
    found, rows = s.copy(), np.arange(len(s))
    for step in range(_STEPS):
        value, slope = _normal_block(x, s)
        exact = value == beta
        high = np.where(value > beta, s, high)
        low = np.where(value > beta, low, s)
        following, enough = 0.5 * (low + high), np.full(s.shape, _CLOSE)
        if step < _HALLEY:
            halley = _halley_block(x, s, value, slope, beta)
            inside = (low < halley) & (halley < high)
            following = np.where(inside, halley, following)
            enough[inside] = _CUBIC
        left = ~exact & (np.abs(following - s) > enough * s)
        s = np.where(exact, s, following)
        found[rows] = s
        if not left.any():
            break
        rows, x, beta, low, high, s = (column[left] for column in (rows, x, beta, low, high, s))
    return found


def _halley_block(x: F64, s: F64, value: F64, slope: F64, beta: F64) -> F64:
    newton = -np.log(value / beta) * value / slope
    curve = x * x / (s * s * s) - 0.25 * s - slope / value
    return s + newton / np.maximum(0.5, 1.0 + 0.5 * newton * curve)


def _guess_block(x: F64, beta: F64) -> F64:
    half = 0.5 * x
    spread = np.exp(half) - np.exp(-half)
    lean = beta - 0.5 * spread
    inner = lean * lean - spread * spread / math.pi
    near = _ROOT_TWO_PI / (np.exp(half) + np.exp(-half)) * (lean + np.sqrt(np.maximum(inner, 0.0)))
    return np.where(inner < 0.0, np.sqrt(-2.0 * x), near)
