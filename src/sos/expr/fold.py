"""Nodes with their constants worked out.

Each function makes one node, or the constant that it always is. Constants follow `kernel_scalar`, so a
folded value equals the computed one. What could never have a value (1 / 0, 2 ** 10000) is an
error where it is written, because it would otherwise be silently not ready for ever.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Final

from sos.expr import kernel_scalar as kernel
from sos.expr.error import Span
from sos.expr.tree import (
    FALSE,
    TRUE,
    Arith,
    BoolOp,
    Call,
    Compare,
    Const,
    IsTrue,
    Lag,
    Negate,
    Not,
    Num,
    Select,
    Truth,
    Truth01,
)

__all__ = ["arith", "both", "call", "compare", "either", "lag", "negate", "not_", "select", "select_truth"]

_ARITH: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": kernel.div,
    "//": kernel.floordiv,
    "%": kernel.mod,
    "**": kernel.power,
}
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_CALLS: Final[dict[str, Callable[..., float]]] = {
    "abs": kernel.abs_,
    "round": kernel.round_,
    "floor": kernel.floor_,
    "ceil": kernel.ceil_,
    "sqrt": kernel.sqrt_,
    "log": kernel.log_,
    "min": kernel.min_,
    "max": kernel.max_,
    "clamp": kernel.clamp_,
}


def _constant(value: float, span: Span) -> Const:
    if not math.isfinite(value):
        raise span.error("this has no value, or one too large to hold")
    return Const(value + 0.0)  # -0.0 and 0.0 are one constant


def arith(op: str, a: Num, b: Num, span: Span) -> Num:
    """``a op b``. Raises where both are constant without a finite result, or the divisor is 0."""
    if op in ("/", "//", "%") and isinstance(b, Const) and b.value == 0.0:
        raise span.error("this divides by zero, so it would never be ready")
    if isinstance(a, Const) and isinstance(b, Const):
        return _constant(_ARITH[op](a.value, b.value), span)
    return Arith(op, a, b)


def negate(x: Num) -> Num:
    return Const(-x.value + 0.0) if isinstance(x, Const) else Negate(x)


def call(name: str, args: tuple[Num, ...], span: Span) -> Num:
    """A pure function; see `tree.Call`."""
    constants = [arg.value for arg in args if isinstance(arg, Const)]
    if len(constants) == len(args):
        return _constant(_CALLS[name](*constants), span)
    return Call(name, args)


def lag(source: Num, n: int) -> Num:
    """``source`` n bars ago; lags of lags add up, a constant was always the same."""
    if isinstance(source, Const):
        return source
    return Lag(source.source, source.n + n) if isinstance(source, Lag) else Lag(source, n)


def compare(op: str, a: Num, b: Num) -> Truth:
    if isinstance(a, Const) and isinstance(b, Const):
        return TRUE if _COMPARE[op](a.value, b.value) else FALSE
    return Compare(op, a, b)


def not_(x: Truth) -> Truth:
    if x in (TRUE, FALSE):
        return FALSE if x == TRUE else TRUE
    return x.x if isinstance(x, Not) else Not(x)


def both(items: Iterable[Truth]) -> Truth:
    """All of them. One that is always false decides, ones that are always true don't count."""
    return _joined("and", items, TRUE, FALSE)


def either(items: Iterable[Truth]) -> Truth:
    """Any of them."""
    return _joined("or", items, FALSE, TRUE)


def _joined(op: str, items: Iterable[Truth], neutral: BoolOp, decisive: BoolOp) -> Truth:
    flat: list[Truth] = []
    for item in items:
        flat.extend(item.items if isinstance(item, BoolOp) and item.op == op else (item,))
    if decisive in flat:
        return decisive
    kept = [item for item in flat if item != neutral]
    return kept[0] if len(kept) == 1 else BoolOp(op, tuple(kept))


def select(test: Truth, a: Num, b: Num) -> Num:
    """``a if test else b`` of numbers."""
    if test in (TRUE, FALSE):
        return a if test == TRUE else b
    return Select(test, a, b)


def select_truth(test: Truth, a: Truth, b: Truth) -> Truth:
    """``a if test else b`` of conditions; not ready where the test is not."""
    if test in (TRUE, FALSE):
        return a if test == TRUE else b
    return IsTrue(Select(test, Truth01(a), Truth01(b)))
