"""What one operation means on float64 columns: bit for bit `kernel_scalar`, row by row.

Operations that NumPy may compute with another rounding than the C library (power, log) or another
algorithm (floor division, modulo) go through the scalar kernel. Arguments are arrays or floats.
Call under ``np.errstate(all="ignore")``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from sos.expr import kernel_scalar as scalar

__all__: list[str] = []

Values: TypeAlias = npt.NDArray[np.float64] | float
Mask: TypeAlias = npt.NDArray[np.bool_]
NAN = np.nan


def _rowwise(function: Callable[..., float], *args: Values) -> Values:
    arrays = np.broadcast_arrays(*(np.asarray(arg, np.float64) for arg in args))
    if arrays[0].ndim == 0:
        return function(*(float(array) for array in arrays))
    return np.fromiter(map(function, *(array.tolist() for array in arrays)), np.float64, len(arrays[0]))


def div(a: Values, b: Values) -> Values:
    if isinstance(b, float):
        return a / b if b else np.full_like(a, NAN)
    return np.where(b != 0.0, a / b, NAN)


def floordiv(a: Values, b: Values) -> Values:
    return _rowwise(scalar.floordiv, a, b)


def mod(a: Values, b: Values) -> Values:
    return _rowwise(scalar.mod, a, b)


def power(a: Values, b: Values) -> Values:
    if isinstance(b, float) and b == 2.0:
        return a * a
    return _rowwise(scalar.power, a, b)


def abs_(x: Values) -> Values:
    return cast(Values, np.abs(x))


def round_(x: Values, digits: Values = 0.0) -> Values:
    return _rowwise(scalar.round_, x, digits)


def floor_(x: Values) -> Values:
    return cast(Values, np.floor(x))


def ceil_(x: Values) -> Values:
    return cast(Values, np.ceil(x))


def sqrt_(x: Values) -> Values:
    return cast(Values, np.where(np.asarray(x) >= 0.0, np.sqrt(x), NAN))


def log_(x: Values) -> Values:
    return _rowwise(scalar.log_, x)


def min_(*values: Values) -> Values:
    best = values[0]
    for value in values[1:]:
        best = cast(Values, np.minimum(best, value))
    return best


def max_(*values: Values) -> Values:
    best = values[0]
    for value in values[1:]:
        best = cast(Values, np.maximum(best, value))
    return best


def clamp_(x: Values, low: Values, high: Values) -> Values:
    return min_(max_(x, low), high)


def _known(*values: Values) -> Mask:
    known: Mask = np.asarray(values[0]) == np.asarray(values[0])
    for value in values[1:]:
        known = known & (np.asarray(value) == np.asarray(value))
    return known


def crossover_(a: Values, b: Values, a1: Values, b1: Values) -> Values:
    crossed = (np.asarray(a) > b) & (np.asarray(a1) <= b1)
    return np.where(_known(a, b, a1, b1), crossed.astype(np.float64), NAN)


def crossunder_(a: Values, b: Values, a1: Values, b1: Values) -> Values:
    crossed = (np.asarray(a) < b) & (np.asarray(a1) >= b1)
    return np.where(_known(a, b, a1, b1), crossed.astype(np.float64), NAN)


def lookup(table: tuple[float, ...], index: Values) -> Values:
    known = (np.asarray(index) >= 0.0) & (np.asarray(index) < len(table))
    rows = np.where(known, index, 0.0).astype(np.intp)
    return np.where(known, np.asarray(table)[rows], NAN)


def member(x: Values, codes: tuple[float, ...]) -> Mask:
    return np.isin(x, codes)


def not_member(x: Values, codes: tuple[float, ...]) -> Mask:
    return _known(x) & ~np.isin(x, codes)
