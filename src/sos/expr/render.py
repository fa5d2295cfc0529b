"""The canonical text of a checked tree, for `explain` and for digests.

Equal trees give equal texts and different trees different ones; brackets stand only where they are
needed. Most of it reads back as an expression; what has no spelling of its own is written as a
function: ``m5(...)`` for another interval, ``lookup(...)`` for a regime table, ``number(...)`` for a
condition that is captured.
"""

from __future__ import annotations

from typing import Final

from sos.expr.fold import lag
from sos.expr.names import CLOSE, HIGH, LOW, OPEN, VOLUME, input_of
from sos.expr.tree import (
    FALSE,
    TRUE,
    Arith,
    BoolOp,
    Call,
    Compare,
    Const,
    Indicator,
    Input,
    IsTrue,
    Lag,
    Local,
    Lookup,
    Member,
    Negate,
    Node,
    Not,
    Num,
    Resample,
    Select,
    TimeBetween,
    Truth01,
    Var,
)

__all__ = ["render"]

_CHOICE, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(10)
_LEVEL: Final = {
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "//": _PRODUCT,
    "%": _PRODUCT,
    "**": _POWER,
}
_INPUTS: Final = {
    "since_open": "minutes_since_open()",
    "to_close": "minutes_to_close()",
    "days_to_expiry": "days_to_expiry()",
}
_SESSION: Final = Input("session")
_FROM_OPEN: Final = (_SESSION, Input("since_open"), Input("since_open_end"))
_IMPLICIT: Final[dict[str, tuple[Num, ...]]] = {
    "atr": (HIGH, LOW, CLOSE),
    "vwap": (HIGH, LOW, CLOSE, VOLUME, _SESSION),
    "vwap_rolling": (HIGH, LOW, CLOSE, VOLUME),
    "day_open": (OPEN, _SESSION),
    "day_high": (HIGH, _SESSION),
    "day_low": (LOW, _SESSION),
    "prev_day_close": (CLOSE, _SESSION),
    "prev_day_high": (HIGH, _SESSION),
    "prev_day_low": (LOW, _SESSION),
    "opening_range_high": (HIGH, *_FROM_OPEN),
    "opening_range_low": (LOW, *_FROM_OPEN),
}


def render(node: Node) -> str:
    """The canonical text. Deterministic, the same on every machine."""
    return _render(node)[0]


def _at_least(node: Node, level: int) -> str:
    """The text of an operand, in brackets if it binds less than ``level``."""
    text, own = _render(node)
    return text if own >= level else f"({text})"


def _render(node: Node) -> tuple[str, int]:
    """Text and how tightly its outermost operation binds."""
    match node:
        case Const(value):
            return _number(value), _ATOM if value >= 0.0 else _SIGN
        case Arith(op, a, b):
            return _arith(op, a, b)
        case Negate(x):
            return f"-{_at_least(x, _POWER)}", _SIGN
        case Compare(op, a, b):
            return _compare(op, a, b), _COMPARE
        case Member(x, codes, negated):
            return _member(x, codes, negated), _COMPARE
        case Not(x):
            return f"not {_at_least(x, _COMPARE)}", _NOT
        case BoolOp(op, items) if items:
            own = _AND if op == "and" else _OR
            return f" {op} ".join(_at_least(item, own + 1) for item in items), own
        case Select(test, a, b):
            parts = [_at_least(part, _OR) for part in (a, test)]
            return f"{parts[0]} if {parts[1]} else {_at_least(b, _CHOICE)}", _CHOICE
        case _:
            return _atom(node), _ATOM


def _atom(node: Node) -> str:
    if node in (TRUE, FALSE):
        return "True" if node == TRUE else "False"
    match node:
        case Input(name):
            coded = input_of(node)
            return coded[0] if coded else _INPUTS.get(name, str(name))
        case Var(name):
            return f"vars.{name}"
        case Local(name):
            return name
        case Lag(source, n):
            return f"prev({render(source)}, {n})"
        case Resample(minutes, source):
            return f"m{minutes}({render(source)})"
        case Indicator(name, args, params):
            shown = () if _IMPLICIT.get(name) == args else args
            return _called(name, [*(render(arg) for arg in shown), *(_number(value) for value in params)])
        case Call(name, args):
            return _call(name, args)
        case Lookup(index, table):
            return f"lookup({render(index)}, [{', '.join(_number(value) for value in table)}])"
        case TimeBetween(start, end):
            return f"time_is_between(timestamp, '{_clock(start)}', '{_clock(end)}')"
        case IsTrue(x):
            return render(x) if isinstance(x, Var) or _is_crossing(x) else f"true({render(x)})"
        case Truth01(x):
            return f"number({render(x)})"
        case _:
            raise TypeError(f"not a node of a checked tree: {node!r}")


def _arith(op: str, a: Num, b: Num) -> tuple[str, int]:
    own = _LEVEL[op]
    if op == "**":  # binds to the right, and tighter than a sign on its left
        return f"{_at_least(a, _ATOM)} ** {_at_least(b, _SIGN)}", own
    return f"{_at_least(a, own)} {op} {_at_least(b, own + 1)}", own


def _compare(op: str, a: Num, b: Num) -> str:
    coded = input_of(a)
    right = _at_least(b, _SUM)
    if coded and isinstance(b, Const) and b.value in range(len(coded[1])):
        right = f"'{coded[1][int(b.value)]}'"
    return f"{_at_least(a, _SUM)} {op} {right}"


def _member(x: Num, codes: tuple[float, ...], negated: bool) -> str:
    coded = input_of(x)
    known = coded is not None and all(code in range(len(coded[1])) for code in codes)
    shown = [f"'{coded[1][int(code)]}'" if coded and known else _number(code) for code in codes]
    return f"{_at_least(x, _SUM)} {'not in' if negated else 'in'} [{', '.join(shown)}]"


def _is_crossing(node: Num) -> bool:
    """Is it a crossover with its usual four arguments (which then has two)?"""
    if not isinstance(node, Call) or node.name not in ("crossover", "crossunder") or len(node.args) != 4:
        return False
    a, b, a_before, b_before = node.args
    return a_before == lag(a, 1) and b_before == lag(b, 1)


def _call(name: str, args: tuple[Num, ...]) -> str:
    node = Call(name, args)
    if _is_crossing(node):
        args = args[:2]
    if name == "round" and len(args) == 2 and args[1] == Const(0.0):
        args = args[:1]
    return _called(name, [render(arg) for arg in args])


def _called(name: str, shown: list[str]) -> str:
    return f"{name}({', '.join(shown)})"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
