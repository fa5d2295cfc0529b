"""What can be proved about conditions without any bar: never true, always true, contradictory.

Sound, not complete: a reason is only given when no bar with low <= open, close <= high, positive prices
and volume >= 0 could satisfy the conditions; silence proves nothing. Pure functions of trees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from sos.expr.tree import (
    Arith,
    BoolOp,
    Call,
    Compare,
    Const,
    Indicator,
    Input,
    Lag,
    Lookup,
    Member,
    Negate,
    Node,
    Not,
    Num,
    Resample,
    TimeBetween,
    Truth,
)
from sos.expr.walk import walk
from sos.strategy.fields import clock_text

__all__ = ["always_true", "at_most", "bounds", "contradiction", "never_true", "regime_codes"]

Bounds: TypeAlias = tuple[float, float]
_TINY: Final = math.ulp(0.0)
_ANY: Final[Bounds] = (-math.inf, math.inf)
_SIGNS: Final = {
    "<": frozenset({-1}),
    "<=": frozenset({-1, 0}),
    ">": frozenset({1}),
    ">=": frozenset({1, 0}),
    "==": frozenset({0}),
    "!=": frozenset({-1, 1}),
}
_NOT_NEGATIVE: Final = (0.0, math.inf)
_INPUTS: Final[dict[str, Bounds]] = {
    **dict.fromkeys(("open", "high", "low", "close"), (_TINY, math.inf)),
    **dict.fromkeys(("volume", "oi", "days_to_expiry", "sentiment.pcr", "sentiment.vix"), _NOT_NEGATIVE),
    "since_open": (0.0, 1_439.0),
    "to_close": (0.0, 1_440.0),
}
_INDICATORS: Final[dict[str, Bounds]] = {
    **dict.fromkeys(("rsi", "percentrank"), (0.0, 100.0)),
    **dict.fromkeys(("atr", "stdev"), _NOT_NEGATIVE),
}
_AVERAGES: Final = frozenset({"sma", "ema", "wma", "highest", "lowest"})
_ORDER: Final = {("low", "open"), ("low", "close"), ("low", "high"), ("open", "high"), ("close", "high")}
_FIRST_MINUTE: Final = 9 * 60
_LAST_MINUTE: Final = 15 * 60 + 45


def at_most(a: Num, b: Num) -> bool:
    """Is ``a <= b`` on every bar on which both are ready?"""
    if a == b:
        return True
    match a, b:
        case Input(x), Input(y) if (x, y) in _ORDER:
            return True
        case Const(x), Const(y):
            return x <= y
    match b:
        case Indicator("highest", (source,), _) if at_most(a, source):
            return True
        case Indicator("day_high", (source, *_), _) if at_most(a, source):
            return True
        case Call("max", items) if any(at_most(a, item) for item in items):
            return True
        case Arith("+", base, extra) if at_most(a, base) and bounds(extra)[0] >= 0:
            return True
    match a:
        case Indicator("lowest", (source,), _) if at_most(source, b):
            return True
        case Indicator("day_low", (source, *_), _) if at_most(source, b):
            return True
        case Call("min", items) if any(at_most(item, b) for item in items):
            return True
        case Arith("-", base, less) if at_most(base, b) and bounds(less)[0] >= 0:
            return True
    return False


def bounds(node: Num) -> Bounds:
    """A closed interval that holds every value the node can have."""
    match node:
        case Const(value):
            return (value, value) if math.isfinite(value) else _ANY
        case Input(name):
            return _INPUTS.get(name, _ANY)
        case Resample(_, source) | Lag(source, _):
            return bounds(source)
        case Indicator(name, args, _):
            return _INDICATORS.get(name) or (bounds(args[0]) if name in _AVERAGES else _ANY)
        case Negate(x):
            low, high = bounds(x)
            return (-high, -low)
        case Lookup(_, table):
            return (min(table), max(table))
        case Call("abs" | "sqrt", _):
            return _NOT_NEGATIVE
        case Arith("-", a, b) if at_most(b, a):
            return _NOT_NEGATIVE
        case Arith("+" | "*" | "/", a, b) if bounds(a)[0] >= 0 and bounds(b)[0] >= 0:
            return _NOT_NEGATIVE
        case _:
            return _ANY


def _signs(a: Num, b: Num) -> frozenset[int]:
    """The signs that ``a - b`` can have."""
    (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
    signs = {-1, 0, 1}
    if at_most(a, b) or a_high <= b_low:
        signs.discard(1)
    if at_most(b, a) or b_high <= a_low:
        signs.discard(-1)
    if a_high < b_low or b_high < a_low:
        signs.discard(0)
    return frozenset(signs)


def always_true(tree: Truth) -> bool:
    """Is the condition true on every bar on which it is ready?"""
    match tree:
        case BoolOp("and", items):
            return all(always_true(item) for item in items)
        case BoolOp(_, items):
            return any(always_true(item) for item in items)
        case Not(x):
            return never_true(x) is not None
        case Compare(op, a, b):
            return _signs(a, b) <= _SIGNS[op]
        case _:
            return False


def never_true(tree: Truth) -> str | None:
    """Why the condition can never be true, or None."""
    match tree:
        case BoolOp("and", items):
            return next((why for why in map(never_true, items) if why), None) or contradiction([("", tree)])
        case BoolOp(_, ()):
            return "it is constant"
        case BoolOp(_, items):
            reasons = [never_true(item) for item in items]
            return reasons[0] if all(reasons) else None
        case Not(x):
            return "its opposite always holds" if always_true(x) else None
        case Compare(op, a, b) if not _signs(a, b) & _SIGNS[op]:
            return _why_never(a, b)
        case TimeBetween() if not _open_minutes([tree]):
            return f"{clock_text(tree.start)} to {clock_text(tree.end)} is outside the regular session"
        case _:
            return None


def _why_never(a: Num, b: Num) -> str:
    if not any(isinstance(node, Input | Indicator) for side in (a, b) for node in walk(side)):
        return "it is constant"
    if any(isinstance(side, Indicator) and side.name in ("highest", "lowest") for side in (a, b)):
        return "the window includes the current bar; use prev(...) inside it, e.g. highest(prev(high, 1), 20)"
    return "no bar can have such values"


def contradiction(conditions: Sequence[tuple[str, Truth]]) -> str | None:
    """Why ``(text, tree)`` conditions that are each possible cannot all be true on one bar, or None."""
    atoms = [(text, atom) for text, tree in conditions for atom in _atoms(tree)]
    return _opposed(atoms) or _no_time(atoms) or _no_range(atoms)


def _atoms(tree: Truth) -> Iterator[Truth]:
    if isinstance(tree, BoolOp) and tree.op == "and":
        for item in tree.items:
            yield from _atoms(item)
    else:
        yield tree


def _opposed(atoms: Sequence[tuple[str, Truth]]) -> str | None:
    """Two comparisons of the same two values that exclude each other; a condition and its negation."""
    left: dict[tuple[Num, Num], tuple[frozenset[int], str]] = {}
    trees = {atom: text for text, atom in atoms}
    for text, atom in atoms:
        if isinstance(atom, Not) and atom.x in trees:
            return _clash(trees[atom.x], text)
        if not isinstance(atom, Compare):
            continue
        signs, key = _SIGNS[atom.op], (atom.a, atom.b)
        if (atom.b, atom.a) in left:
            signs, key = frozenset(-sign for sign in signs), (atom.b, atom.a)
        before, first = left.get(key, (_signs(*key), text))
        if not before & signs:
            return _clash(first, text)
        left[key] = (before & signs, first)
    return None


def _clash(first: str, second: str) -> str:
    if first == second:
        return f"'{first}' contradicts itself" if first else "its parts contradict each other"
    return f"'{first}' and '{second}' contradict each other"


def _open_minutes(windows: Sequence[TimeBetween]) -> set[int]:
    minutes = set(range(_FIRST_MINUTE, _LAST_MINUTE))
    for window in windows:
        if window.start < window.end:
            minutes &= set(range(window.start, window.end))
        else:
            minutes -= set(range(window.end, window.start))
    return minutes


def _no_time(atoms: Sequence[tuple[str, Truth]]) -> str | None:
    windows = [atom for _, atom in atoms if isinstance(atom, TimeBetween)]
    if windows and not _open_minutes(windows):
        return "its time windows leave no minute of a regular session"
    return None


def _no_range(atoms: Sequence[tuple[str, Truth]]) -> str | None:
    """Comparisons of one value with several constants that leave nothing."""
    ranges: dict[Node, tuple[float, float, str]] = {}
    for text, atom in atoms:
        if not isinstance(atom, Compare):
            continue
        value, op, limit = (
            (atom.a, atom.op, atom.b) if isinstance(atom.b, Const) else (atom.b, _MIRROR[atom.op], atom.a)
        )
        if not isinstance(limit, Const) or isinstance(value, Const) or op == "!=":
            continue
        low, high, first = ranges.get(value, (*bounds(value), text))
        if op in (">", ">=", "=="):
            low = max(low, math.nextafter(limit.value, math.inf) if op == ">" else limit.value)
        if op in ("<", "<=", "=="):
            high = min(high, math.nextafter(limit.value, -math.inf) if op == "<" else limit.value)
        if low > high:
            return _clash(first, text)
        ranges[value] = (low, high, first)
    return None


_MIRROR: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def regime_codes(conditions: Sequence[Truth]) -> frozenset[int]:
    """The regimes (codes 0..7) that the conditions leave possible."""
    codes = set(range(8))
    for tree in conditions:
        for atom in _atoms(tree):
            match atom:
                case Compare("==", Input("regime"), Const(value)) | Compare(
                    "==", Const(value), Input("regime")
                ):
                    codes &= {int(value)}
                case Compare("!=", Input("regime"), Const(value)) | Compare(
                    "!=", Const(value), Input("regime")
                ):
                    codes -= {int(value)}
                case Member(Input("regime"), values, negated):
                    named = {int(value) for value in values}
                    codes = codes - named if negated else codes & named
    return frozenset(codes)
