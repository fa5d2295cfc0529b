"""What one operation means on Python floats. `kernel_column` means the same on arrays.

No function here raises, whatever floats it is given: a result that does not exist is NaN.
"""

from __future__ import annotations

import math

__all__: list[str] = []

NAN = math.nan


def div(a: float, b: float) -> float:
    return a / b if b else NAN


def floordiv(a: float, b: float) -> float:
    return a // b if b else NAN


def mod(a: float, b: float) -> float:
    return a % b if b else NAN


def power(a: float, b: float) -> float:
    """``a ** b``; NaN where it has no real value or is too large. A square is one multiplication."""
    if b == 2.0:
        return a * a
    if a != a or b != b:
        return NAN
    try:
        return math.pow(a, b)
    except (ValueError, OverflowError):
        return NAN


def abs_(x: float) -> float:
    return abs(x)


def round_(x: float, digits: float = 0.0) -> float:
    """Half away from zero; a half is a half within 1e-9, so that 2.675 to two digits is 2.68."""
    if x - x != 0.0 or digits - digits != 0.0:
        return NAN
    scale: float = 10.0 ** min(300.0, abs(float(int(digits))))
    y = abs(x) * scale if digits >= 0 else abs(x) / scale
    if y - y != 0.0:
        return x
    whole = float(math.floor(y)) if y < 4503599627370496.0 else y
    if y - whole >= 0.499999999:
        whole += 1.0
    whole = whole / scale if digits >= 0 else whole * scale
    return whole if x >= 0.0 else -whole


def floor_(x: float) -> float:
    return float(math.floor(x)) if x - x == 0.0 else x


def ceil_(x: float) -> float:
    return float(math.ceil(x)) if x - x == 0.0 else x


def sqrt_(x: float) -> float:
    return math.sqrt(x) if x >= 0.0 else NAN


def log_(x: float) -> float:
    return math.log(x) if x > 0.0 else NAN


def min_(*values: float) -> float:
    best = values[0]
    for value in values:
        if value != value:
            return NAN
        if value < best:
            best = value
    return best


def max_(*values: float) -> float:
    best = values[0]
    for value in values:
        if value != value:
            return NAN
        if value > best:
            best = value
    return best


def clamp_(x: float, low: float, high: float) -> float:
    return min_(max_(x, low), high)


def crossover_(a: float, b: float, a1: float, b1: float) -> float:
    if a != a or b != b or a1 != a1 or b1 != b1:
        return NAN
    return 1.0 if a > b and a1 <= b1 else 0.0


def crossunder_(a: float, b: float, a1: float, b1: float) -> float:
    if a != a or b != b or a1 != a1 or b1 != b1:
        return NAN
    return 1.0 if a < b and a1 >= b1 else 0.0


def lookup(table: tuple[float, ...], index: float) -> float:
    return table[int(index)] if 0.0 <= index < len(table) else NAN


def member(x: float, codes: tuple[float, ...]) -> bool:
    return x in codes


def not_member(x: float, codes: tuple[float, ...]) -> bool:
    return x == x and x not in codes
