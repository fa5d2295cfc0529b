"""The checked tree: what is left of an expression once every name, type and arity has been verified.

Everything here is a number or a truth value. Texts (regime names, trends) have become codes, params
have become constants, `candle.range` has become `high - low`, `prev_candle.x` a `Lag`. A number that
is not ready is NaN; a truth value can also be not ready, which neither passes nor negates.
Nodes are compared by structure: two equal nodes are one computation, whatever files they came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

__all__ = [
    "FALSE",
    "TRUE",
    "Arith",
    "BoolOp",
    "Call",
    "Compare",
    "Const",
    "Indicator",
    "Input",
    "InputName",
    "IsTrue",
    "Lag",
    "Local",
    "Lookup",
    "Member",
    "Negate",
    "Node",
    "Not",
    "Num",
    "Resample",
    "Select",
    "TimeBetween",
    "Truth",
    "Truth01",
    "Var",
]


class InputName(StrEnum):
    """What a bar, its session and its surroundings offer. Values are floats; NaN is missing."""

    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    CLOSE = "close"
    VOLUME = "volume"
    OI = "oi"
    SESSION = "session"  # ordinal of the session, rises by one
    MINUTE = "minute"  # minutes of the bar's open since IST midnight
    SINCE_OPEN = "since_open"  # minutes from the session's open to the bar's open
    SINCE_OPEN_END = "since_open_end"  # minutes from the session's open to the bar's end
    TO_CLOSE = "to_close"  # minutes from the bar's open to the session's close
    DAYS_TO_EXPIRY = "days_to_expiry"
    REGIME = "regime"  # code: index in types.REGIMES
    # named `sentiment.*`, `structure.*`, `screener.*` inputs use the dotted text itself


@dataclass(frozen=True, slots=True)
class Const:
    """A number, e.g. a literal or a param."""

    value: float


@dataclass(frozen=True, slots=True)
class Input:
    """A value of the current bar of the pattern's own interval: an `InputName` value or a dotted name
    such as ``sentiment.pcr`` or ``structure.support``."""

    name: str


@dataclass(frozen=True, slots=True)
class Resample:
    """``source`` (a number tree over Inputs, Lags and Indicators) evaluated on the bars of ``minutes``
    minutes: the value at the last completed one; NaN before the first. Never nested."""

    minutes: int
    source: Num


@dataclass(frozen=True, slots=True)
class Indicator:
    """A stateful function of series: ``name`` is a key of `indicators.REGISTRY`, ``args`` its series in
    the registry's order, ``params`` its numbers (windows as int, factors as float)."""

    name: str
    args: tuple[Num, ...]
    params: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lag:
    """``source`` n bars ago (n >= 1); NaN before there were n bars."""

    source: Num
    n: int


@dataclass(frozen=True, slots=True)
class Var:
    """A number captured by the pattern. Path-dependent; never inside Indicator, Lag or Resample."""

    name: str


@dataclass(frozen=True, slots=True)
class Local:
    """Only in `execution`: entry, sl, risk, tp_mult, quantity_mod."""

    name: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """``table[int(index)]``; NaN where index is NaN. Used for regime.tp_mult and its like."""

    index: Num
    table: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Negate:
    x: Num


@dataclass(frozen=True, slots=True)
class Arith:
    """``op`` is one of + - * / // % **; division by zero and a power without a real value are NaN."""

    op: str
    a: Num
    b: Num


@dataclass(frozen=True, slots=True)
class Call:
    """A pure function: abs round floor ceil sqrt log min max clamp crossover crossunder.

    round is half away from zero; crossover(a, b, a one bar ago, b one bar ago) gives 1.0, 0.0, or NaN
    where any of the four is missing (and is wrapped in IsTrue)."""

    name: str
    args: tuple[Num, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """``a if test else b``; NaN where the test is not ready."""

    test: Truth
    a: Num
    b: Num


@dataclass(frozen=True, slots=True)
class Compare:
    """``op`` is one of < <= > >= == !=. Not ready where a side is NaN. Chains are And of pairs."""

    op: str
    a: Num
    b: Num


@dataclass(frozen=True, slots=True)
class Member:
    """``x in codes`` (or not in, when ``negated``). Not ready where x is NaN."""

    x: Num
    codes: tuple[float, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class TimeBetween:
    """start <= minute of the bar's open < end, in minutes since IST midnight; wraps where end <= start."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    x: Truth


@dataclass(frozen=True, slots=True)
class BoolOp:
    """``op`` is "and" or "or" in Kleene's logic: one false decides an and, one true decides an or."""

    op: str
    items: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Truth01:
    """A truth value as a number: 1.0, 0.0, or NaN where it is not ready (for captures)."""

    x: Truth


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A number that holds a truth value (a captured one): true at 1.0, false at 0.0, else not ready."""

    x: Num


Leaf: TypeAlias = Const | Input | Var | Local
Num: TypeAlias = Leaf | Resample | Indicator | Lag | Lookup | Negate | Arith | Call | Select | Truth01
Truth: TypeAlias = Compare | Member | TimeBetween | Not | BoolOp | IsTrue
Node: TypeAlias = Num | Truth

# constants True/False are written as BoolOp("and", ()) and BoolOp("or", ())
TRUE = BoolOp("and", ())
FALSE = BoolOp("or", ())
