"""From the checked tree to Python source, in two dialects with one meaning.

`Emitter` writes straight-line code: every node becomes one temporary, whatever number of times it is
used, so the code grows linearly with the tree. SCALAR code works on Python floats, COLUMN code on
float64 arrays; both do the same IEEE operations, so their results are equal bit for bit.
A truth value is two temporaries, "is true" and "is false"; where a value is missing (NaN) both are
false. The source is made from the tree only; no text that a user wrote ever enters it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sos.errors import InvariantBroken
from sos.expr.tree import (
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
    Truth,
    Truth01,
    Var,
)

__all__ = ["COLUMN", "SCALAR", "Dialect", "Emitter"]

_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the connectives are spelt. ``kernel`` is the name of the module of helpers."""

    both: str
    either: str
    select: Callable[[str, str, str, str], str]
    kernel: str


SCALAR: Final = Dialect(
    both=" and ", either=" or ", select=lambda t, f, a, b: f"{a} if {t} else {b} if {f} else NAN", kernel="KS"
)
COLUMN: Final = Dialect(
    both=" & ", either=" | ", select=lambda t, f, a, b: f"where({t}, {a}, where({f}, {b}, NAN))", kernel="KC"
)


class Emitter:
    """Collects lines; ``num``, ``true`` and ``false`` return the name that holds the node's value.

    ``slot`` gives the text that reads a shared value (Input, Indicator, Lag, Resample), ``var`` that of
    a captured one, ``local`` that of a name of `execution`.
    """

    def __init__(
        self,
        dialect: Dialect,
        slot: Callable[[Input | Indicator | Lag | Resample], str],
        var: Callable[[str], str] | None = None,
        local: Mapping[str, str] | None = None,
    ) -> None:
        self.lines: list[str] = []
        self._dialect = dialect
        self._slot = slot
        self._var = var
        self._local = local or {}
        self._memo: dict[tuple[str, Node], str] = {}

    def _temp(self, rail: str, node: Node, text: str) -> str:
        name = f"{rail}{len(self._memo)}"
        self._memo[rail, node] = name
        self.lines.append(f"{name} = {text}")
        return name

    # ------------------------------------------------------------------ numbers

    def num(self, node: Num) -> str:
        """The name (or literal) of a number."""
        if isinstance(node, Const):
            return _literal(node.value)
        if isinstance(node, Local):
            return self._local[node.name]
        known = self._memo.get(("n", node))
        return known if known is not None else self._temp("n", node, self._num_text(node))

    def _num_text(self, node: Num) -> str:
        match node:
            case Input() | Indicator() | Lag() | Resample():
                return self._slot(node)
            case Var(name):
                if self._var is None:
                    raise InvariantBroken(f"a captured value {name!r} in code that shares its results")
                return self._var(name)
            case Negate(x):
                return f"-{self.num(x)}"
            case Arith(op, a, b):
                return self._arith(op, self.num(a), self.num(b))
            case Call(name, args):
                return f"{self._dialect.kernel}.{name}_({', '.join(self.num(arg) for arg in args)})"
            case Lookup(index, table):
                return f"{self._dialect.kernel}.lookup({_literals(table)}, {self.num(index)})"
            case Select(test, a, b):
                return self._dialect.select(self.true(test), self.false(test), self.num(a), self.num(b))
            case Truth01(x):
                return self._dialect.select(self.true(x), self.false(x), "1.0", "0.0")
            case _:
                raise InvariantBroken(f"no code for {node!r}")

    def _arith(self, op: str, a: str, b: str) -> str:
        if op in "+-*":
            return f"{a} {op} {b}"
        name = {"/": "div", "//": "floordiv", "%": "mod", "**": "power"}[op]
        return f"{self._dialect.kernel}.{name}({a}, {b})"

    # ------------------------------------------------------------------ truth values, two rails

    def true(self, node: Truth) -> str:
        """The name of "the node is true"."""
        return self._rail("t", node)

    def false(self, node: Truth) -> str:
        """The name of "the node is false" (not the same as "not true")."""
        return self._rail("f", node)

    def _rail(self, rail: str, node: Truth) -> str:
        known = self._memo.get((rail, node))
        if known is not None:
            return known
        if isinstance(node, Not):
            name = self._rail("f" if rail == "t" else "t", node.x)
            self._memo[rail, node] = name
            return name
        return self._temp(rail, node, self._rail_text(rail == "t", node))

    def _rail_text(self, wanted: bool, node: Truth) -> str:
        match node:
            case Compare(op, a, b):
                return self._compare(op if wanted else _negated(op), self.num(a), self.num(b))
            case BoolOp(op, items):
                if not items:
                    return str((op == "and") is wanted)
                names = [self.true(item) if wanted else self.false(item) for item in items]
                return (self._dialect.both if (op == "and") is wanted else self._dialect.either).join(names)
            case Member(x, codes, negated):
                test = "member" if wanted is not negated else "not_member"
                return f"{self._dialect.kernel}.{test}({self.num(x)}, {_literals(codes)})"
            case TimeBetween(start, end):
                return self._between(wanted, self.num(Input("minute")), float(start), float(end))
            case IsTrue(x):
                return f"{self.num(x)} == {'1.0' if wanted else '0.0'}"
            case _:
                raise InvariantBroken(f"no code for {node!r}")

    def _compare(self, op: str, a: str, b: str) -> str:
        if op == "!=":
            return f"({a} < {b}){self._dialect.either}({a} > {b})"
        return f"{a} {op} {b}"

    def _between(self, wanted: bool, minute: str, start: float, end: float) -> str:
        inside = start < end
        low, high = (start, end) if inside else (end, start)
        if inside is wanted:
            return f"({minute} >= {low}){self._dialect.both}({minute} < {high})"
        return f"({minute} < {low}){self._dialect.either}({minute} >= {high})"


def _negated(op: str) -> str:
    return _OPPOSITE.get(op) or ("!=" if op == "==" else "==")


def _literal(value: float) -> str:
    if value != value:
        return "NAN"
    if value in (float("inf"), float("-inf")):
        return "INF" if value > 0 else "-INF"
    return f"({float(value)!r})"


def _literals(values: tuple[float, ...]) -> str:
    return "(" + "".join(f"{_literal(value)}, " for value in values) + ")"
