"""What a part of an expression can be while it is being checked, and the demands put on it.

Only numbers and conditions survive into the tree; texts, bars, `history` and `timestamp` exist to be
consumed by the operator or function they belong to. `number`, `truth` and the other demands return what
is asked for or raise an `ExprError` that says what was found instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from sos.expr.error import ExprError, Span
from sos.expr.limits import MAX_NODES
from sos.expr.tree import Const, Node, Num, Truth
from sos.expr.walk import walk

__all__ = [
    "NO_RULES",
    "Bars",
    "Coded",
    "Number",
    "Rule",
    "Scope",
    "Stamp",
    "Text",
    "Texts",
    "Truthful",
    "Value",
    "VarType",
    "describe",
    "limited",
    "number",
    "text",
    "truth",
    "window",
]

MAX_WINDOW: Final = 5_000
Rule: TypeAlias = tuple[bool, float, float, float]
NO_RULES: Final[tuple[Rule, ...]] = ((True, 1.0, 1.0, 0.5),) * 8


class VarType(Enum):
    """What a capture holds."""

    NUMBER = auto()
    TRUTH = auto()


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may refer to besides the market.

    ``vars``: captures made so far. ``in_execution``: the names of `execution` known at this place
    (entry, sl, risk, tp_mult, quantity_mod). ``regime_rules``: (allow, quantity_mod, tp_mult,
    buffer_atr) for each regime in the order of `types.REGIMES`. ``interval``: minutes of the pattern's
    bars. ``later``: captures of later phases, name to phase id, only for a better message.
    """

    params: Mapping[str, float] = field(default_factory=dict)
    vars: Mapping[str, VarType] = field(default_factory=dict)
    in_execution: frozenset[str] = frozenset()
    regime_rules: tuple[Rule, ...] = NO_RULES
    interval: int = 1
    later: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Number:
    node: Num
    span: Span


@dataclass(frozen=True, slots=True)
class Truthful:
    node: Truth
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Texts:
    items: tuple[Text, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Coded:
    """A number that stands for one of ``texts``; its code is the place in that tuple."""

    node: Num
    texts: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Bars:
    """`history`, `candle`, `prev_candle` (``lag`` 1) or a longer interval such as `m5` (``minutes``)."""

    name: str
    span: Span
    minutes: int = 0
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Stamp:
    """The bar's open time."""

    span: Span


Value: TypeAlias = Number | Truthful | Text | Texts | Coded | Bars | Stamp


def describe(value: Value) -> str:
    """What a value is, in words for a message."""
    match value:
        case Number():
            return "a number"
        case Truthful():
            return "a condition (true or false)"
        case Text(word):
            return f"the text '{word[:40]}'"
        case Texts():
            return "a list"
        case Coded():
            return f"one of {len(value.texts)} texts"
        case Bars(name):
            return f"the bars of {name}" if name == "history" else f"a bar ({name})"
        case Stamp():
            return "a time"


def number(value: Value) -> Num:
    """The number that a value is, or an error with what to do instead."""
    if isinstance(value, Number):
        return value.node
    raise _misfit(value, "a number is needed here")


def truth(value: Value) -> Truth:
    """The condition that a value is."""
    if isinstance(value, Truthful):
        return value.node
    raise _misfit(value, "a condition is needed here")


def _misfit(value: Value, wanted: str) -> ExprError:
    return value.span.error(f"{wanted}, this is {describe(value)}{_remedy(value)}")


def _remedy(value: Value) -> str:
    match value:
        case Number():
            return "; compare it with something"
        case Coded():
            return f"; compare it with ==, != or in, e.g. {value.span.quoted} == '{value.texts[0]}'"
        case Bars(name):
            return f"; name a field, e.g. {'candle' if name == 'history' else name}.close"
        case Stamp():
            return "; it is only for time_is_between(timestamp, '09:15', '15:00')"
        case _:
            return ""


def text(value: Value, wanted: str) -> str:
    """The text of a quoted value; ``wanted`` says what belongs here."""
    if isinstance(value, Text):
        return value.value
    raise value.span.error(f"{wanted} is needed here, in quotes; this is {describe(value)}")


def window(value: Value, least: int = 1) -> int:
    """A whole constant from ``least`` to 5,000: a count of bars or minutes."""
    node = number(value)
    if not isinstance(node, Const):
        raise value.span.error("a window must be a constant: a literal or made of params")
    if node.value != int(node.value) or not least <= node.value <= MAX_WINDOW:
        raise value.span.error(
            f"a window is a whole number from {least} to {MAX_WINDOW:,}, not {node.value:.6g}"
        )
    return int(node.value)


def limited(node: Node, span: Span) -> None:
    """Refuse a tree that has grown too large. Constructs that repeat an operand call this at once,
    because a few of them inside each other would double the tree at every level."""
    if next(itertools.islice(walk(node), MAX_NODES, None), None) is not None:
        raise span.error(f"this grows to more than {MAX_NODES:,} operations; split it into captures")
