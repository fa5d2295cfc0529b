"""What can be proved about conditions without any bar: never true, always true, contradictory.

Sound, not complete: a reason is only given when no bar with low <= open, close <= high, positive prices
and volume >= 0 could satisfy the conditions; silence proves nothing. The work on one file is bounded:
every question is answered once, and beyond `MAX_STEPS` nothing more is proved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, Final, TypeAlias

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

__all__ = ["CLOSES", "MAX_STEPS", "OPENS", "Prover", "regime_codes", "special_sessions_only"]

MAX_STEPS: Final = 200_000  # of one file; a usual one takes some hundred
MAX_DEPTH: Final = 100  # questions inside each other

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
_MIRROR: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
OPENS: Final = 9 * 60 + 15  # the regular session
CLOSES: Final = 15 * 60 + 30
_DAY: Final = (1 << 1_440) - 1  # one bit for each minute of the day


class Prover:
    """Answers questions about the trees of one file, and remembers the answers. Not for several files.

    ``steps``: the work so far. At ``limit`` every further question is answered with "not proved".
    """

    def __init__(self, limit: int = MAX_STEPS) -> None:
        self.steps = 0
        self._limit = limit
        self._depth = 0
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._seen: dict[int, tuple[Node, int]] = {}  # by id(); the node is kept so that its id is too
        self._ordered: dict[tuple[int, int], bool] = {}
        self._known: dict[int, Bounds] = {}

    def at_most(self, a: Num, b: Num) -> bool:
        """Is ``a <= b`` on every bar on which both are ready?"""
        key = (self._number(a), self._number(b))
        if key[0] == key[1]:
            return True
        if key not in self._ordered:
            if not self._step():
                return False
            self._depth += 1
            self._ordered[key] = self._at_most(a, b)
            self._depth -= 1
        return self._ordered[key]

    def _at_most(self, a: Num, b: Num) -> bool:
        match a, b:
            case Input(x), Input(y) if (x, y) in _ORDER:
                return True
            case Const(x), Const(y):
                return x <= y
        match b:
            case Indicator("highest", (source,), _) if self.at_most(a, source):
                return True
            case Indicator("day_high", (source, *_), _) if self.at_most(a, source):
                return True
            case Call("max", items) if any(self.at_most(a, item) for item in items):
                return True
            case Arith("+", base, extra) if self.at_most(a, base) and self.bounds(extra)[0] >= 0:
                return True
        match a:
            case Indicator("lowest", (source,), _) if self.at_most(source, b):
                return True
            case Indicator("day_low", (source, *_), _) if self.at_most(source, b):
                return True
            case Call("min", items) if any(self.at_most(item, b) for item in items):
                return True
            case Arith("-", base, less) if self.at_most(base, b) and self.bounds(less)[0] >= 0:
                return True
        return False

    def bounds(self, node: Num) -> Bounds:
        """A closed interval that holds every value the node can have."""
        key = self._number(node)
        if key not in self._known:
            if not self._step():
                return _ANY
            self._depth += 1
            self._known[key] = self._bounds(node)
            self._depth -= 1
        return self._known[key]

    def _bounds(self, node: Num) -> Bounds:
        match node:
            case Const(value):
                return (value, value) if math.isfinite(value) else _ANY
            case Input(name):
                return _INPUTS.get(name, _ANY)
            case Resample(_, source) | Lag(source, _):
                return self.bounds(source)
            case Indicator(name, args, _):
                return _INDICATORS.get(name) or (self.bounds(args[0]) if name in _AVERAGES else _ANY)
            case Negate(x):
                low, high = self.bounds(x)
                return (-high, -low)
            case Lookup(_, table):
                return (min(table), max(table))
            case Call("abs" | "sqrt", _):
                return _NOT_NEGATIVE
            case Arith("-", a, b) if self.at_most(b, a):
                return _NOT_NEGATIVE
            case Arith("+" | "*" | "/", a, b) if self.bounds(a)[0] >= 0 and self.bounds(b)[0] >= 0:
                return _NOT_NEGATIVE
            case _:
                return _ANY

    def _signs(self, a: Num, b: Num) -> frozenset[int]:
        """The signs that ``a - b`` can have."""
        (a_low, a_high), (b_low, b_high) = self.bounds(a), self.bounds(b)
        signs = {-1, 0, 1}
        if self.at_most(a, b) or a_high <= b_low:
            signs.discard(1)
        if self.at_most(b, a) or b_high <= a_low:
            signs.discard(-1)
        if a_high < b_low or b_high < a_low:
            signs.discard(0)
        return frozenset(signs)

    def always_true(self, tree: Truth) -> bool:
        """Is the condition true on every bar on which it is ready?"""
        if not self._step():
            return False
        match tree:
            case BoolOp("and", items):
                return all(self.always_true(item) for item in items)
            case BoolOp(_, items):
                return any(self.always_true(item) for item in items)
            case Not(x):
                return self.never_true(x) is not None
            case Compare(op, a, b):
                return self._signs(a, b) <= _SIGNS[op]
            case _:
                return False

    def never_true(self, tree: Truth) -> str | None:
        """Why the condition can never be true, or None."""
        if not self._step():
            return None
        match tree:
            case BoolOp("and", items):
                reasons = map(self.never_true, items)
                return next((why for why in reasons if why), None) or self.contradiction([("", tree)])
            case BoolOp(_, ()):
                return "it is constant"
            case BoolOp(_, items):
                first, *others = (self.never_true(item) for item in items)
                return first if all(others) else None
            case Not(x):
                return "its opposite always holds" if self.always_true(x) else None
            case Compare(op, a, b) if not self._signs(a, b) & _SIGNS[op]:
                return _why_never(a, b)
            case _:
                return None

    def contradiction(self, conditions: Sequence[tuple[str, Truth]]) -> str | None:
        """Why ``(text, tree)`` conditions that are each possible cannot all be true on one bar, or None."""
        atoms = [(text, atom) for text, tree in conditions for atom in _atoms(tree)]
        self.steps += len(atoms)
        if not self._step():
            return None
        return self._opposed(atoms) or _no_time(atoms) or self._no_range(atoms)

    def _opposed(self, atoms: Sequence[tuple[str, Truth]]) -> str | None:
        """Two comparisons of the same two values that exclude each other; a condition and its negation."""
        left: dict[tuple[int, int], tuple[frozenset[int], str]] = {}
        trees = {self._number(atom): text for text, atom in atoms}
        for text, atom in atoms:
            if isinstance(atom, Not) and self._number(atom.x) in trees:
                return _clash(trees[self._number(atom.x)], text)
            if not isinstance(atom, Compare):
                continue
            signs, key = _SIGNS[atom.op], (self._number(atom.a), self._number(atom.b))
            if key[::-1] in left:
                signs, key = frozenset(-sign for sign in signs), key[::-1]
            before, first = left.get(key) or (self._signs(atom.a, atom.b), text)
            if not before & signs:
                return _clash(first, text)
            left[key] = (before & signs, first)
        return None

    def _no_range(self, atoms: Sequence[tuple[str, Truth]]) -> str | None:
        """Comparisons of one value with several constants that leave nothing."""
        ranges: dict[int, tuple[float, float, str]] = {}
        for text, atom in atoms:
            if not isinstance(atom, Compare):
                continue
            value, op, limit = (
                (atom.a, atom.op, atom.b) if isinstance(atom.b, Const) else (atom.b, _MIRROR[atom.op], atom.a)
            )
            if not isinstance(limit, Const) or isinstance(value, Const) or op == "!=":
                continue
            key = self._number(value)
            low, high, first = ranges.get(key) or (*self.bounds(value), text)
            if op in (">", ">=", "=="):
                low = max(low, math.nextafter(limit.value, math.inf) if op == ">" else limit.value)
            if op in ("<", "<=", "=="):
                high = min(high, math.nextafter(limit.value, -math.inf) if op == "<" else limit.value)
            if low > high:
                return _clash(first, text)
            ranges[key] = (low, high, first)
        return None

    def _step(self) -> bool:
        """Count one step; may it be taken?"""
        self.steps += 1
        return self.steps <= self._limit and self._depth < MAX_DEPTH

    def _number(self, node: Node) -> int:
        """The same number for nodes of the same structure. Each node is looked at once."""
        found = self._seen.get(id(node))
        if found is None:
            key = (type(node), *(self._part(getattr(node, name)) for name in node.__slots__))
            found = self._seen[id(node)] = (node, self._numbers.setdefault(key, len(self._numbers)))
        return found[1]

    def _part(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._part(item) for item in value)
        return self._number(value) if isinstance(value, Node) else value


def special_sessions_only(conditions: Sequence[Truth]) -> bool:
    """Do the time windows leave minutes of the day, but none of a regular session?

    Special sessions (Muhurat) can then still satisfy the conditions.
    """
    minutes = _minutes(BoolOp("and", tuple(conditions)))
    return bool(minutes) and not minutes & _REGULAR


def _why_never(a: Num, b: Num) -> str:
    if not any(isinstance(node, Input | Indicator) for side in (a, b) for node in walk(side)):
        return "it is constant"
    if any(isinstance(side, Indicator) and side.name in ("highest", "lowest") for side in (a, b)):
        return "the window includes the current bar; use prev(...) inside it, e.g. highest(prev(high, 1), 20)"
    return "no bar can have such values"


def _atoms(tree: Truth) -> Iterator[Truth]:
    if isinstance(tree, BoolOp) and tree.op == "and":
        for item in tree.items:
            yield from _atoms(item)
    else:
        yield tree


def _clash(first: str, second: str) -> str:
    if first == second:
        return f"'{first}' contradicts itself" if first else "its parts contradict each other"
    return f"'{first}' and '{second}' contradict each other"


def _window(start: int, end: int) -> int:
    """The minutes from ``start`` up to ``end``, over midnight where the end is not after the start."""
    return (1 << end) - (1 << start) if start < end else _DAY ^ ((1 << start) - (1 << end))


_REGULAR: Final = _window(OPENS, CLOSES)


def _minutes(tree: Truth) -> int:
    """The minutes of the day, as bits, that the condition leaves possible."""
    match tree:
        case TimeBetween(start, end):
            return _window(start, end)
        case Not(TimeBetween(start, end)):
            return _DAY ^ _window(start, end)
        case BoolOp("and", items):
            return reduce(and_, map(_minutes, items), _DAY)
        case BoolOp(_, items):
            return reduce(or_, map(_minutes, items), 0)
        case _:
            return _DAY


def _no_time(atoms: Sequence[tuple[str, Truth]]) -> str | None:
    if _minutes(BoolOp("and", tuple(atom for _, atom in atoms))):
        return None
    return "its time windows leave no minute of the day"


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
