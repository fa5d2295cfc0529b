"""The shape of a strategy file: pydantic models, and nothing about what its expressions mean.

These models are also the source of the exported JSON Schema, so every field has a description: the text
below it, which only `schema` looks up (reading it at each start would cost as much as the rest). They
accept what JSON can say and no more: a number is not a truth value, a text is not a number, unknown keys
are refused. Expressions stay texts here; `loader` checks them. Source: docs/strategy-language.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    model_validator,
)

from sos.strategy import fields
from sos.types import Regime

__all__ = [
    "ExecutionModel",
    "ParamModel",
    "PartialModel",
    "PhaseModel",
    "RegimeModel",
    "StrategyModel",
    "TrailModel",
]

MAX_ITEMS = 64


def _finite(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("is too large a number") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def _whole(value: object) -> object:
    number = _finite(value)
    if not isinstance(number, float) or number != math.floor(number):
        raise ValueError(f"must be a whole number, not {value!r}")
    return int(number)


def _kind(value: object) -> str:
    names = {bool: "true or false", str: "a text", list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _off_when_null(value: object) -> object:
    return 0 if value is None else value


def _checked(parse: Any) -> AfterValidator:
    """Check a text with a parser from `fields`, and keep the text."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


Number: TypeAlias = Annotated[float, BeforeValidator(_finite)]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole)]
Expression: TypeAlias = Annotated[StrictStr, Field(min_length=1, max_length=2_000)]
ClockText: TypeAlias = Annotated[
    StrictStr, _checked(fields.parse_clock), Field(json_schema_extra={"pattern": fields.CLOCK_PATTERN})
]
PartOfTheWay: TypeAlias = Annotated[Number, Field(ge=0, le=1)]
Minutes: TypeAlias = Annotated[Whole, Field(ge=0, le=100_000)]
Name: TypeAlias = Annotated[StrictStr, Field(pattern=fields.NAME_PATTERN)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


class ParamModel(_Part):
    """A number of the pattern that a run or a sweep may change."""

    default: Number
    """Value used when nothing else is given."""
    min: Number | None = None
    """Smallest sensible value; a smaller one is refused."""
    max: Number | None = None
    """Largest sensible value; a larger one is refused."""
    step: Annotated[Number, Field(gt=0)] | None = None
    """Distance between two values of a sweep."""
    description: StrictStr = ""
    """What the number means."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        self.check(self.default, "default")
        return self

    def check(self, value: float, what: str) -> None:
        """Raises ValueError if ``value`` lies outside min..max."""
        if self.min is not None and value < self.min:
            raise ValueError(f"{what} {value:g} is below min {self.min:g}")
        if self.max is not None and value > self.max:
            raise ValueError(f"{what} {value:g} is above max {self.max:g}")


class RegimeModel(_Part):
    """What a market regime means for this pattern. A regime that is not named is allowed, at 1.0."""

    allow_entry: StrictBool = True
    """False: no new attempt starts and no trigger counts while this regime lasts."""
    quantity_mod: Annotated[Number, Field(ge=0, le=100)] = 1.0
    """Factor on the position size."""
    tp_mult: Annotated[Number, Field(gt=0, le=1000)] = 1.0
    """The number that `tp_mult` stands for in `tp`."""
    buffer_atr: Annotated[Number, Field(ge=0, le=100)] = 0.5
    """The number that `regime.buffer_atr` stands for in expressions."""


class PhaseModel(_Part):
    """One step of the pattern. All its conditions must hold on one bar; the next step looks at later bars."""

    id: Annotated[StrictStr, Field(pattern=fields.ID_PATTERN)]
    """Name of the phase, unique in the file."""
    conditions: Annotated[tuple[Expression, ...], Field(max_length=MAX_ITEMS)] = ()
    """Expressions that must all be true on the same bar."""
    capture: Annotated[dict[Name, Expression], Field(max_length=MAX_ITEMS)] = Field(default_factory=dict)
    """Values kept when the phase passes, in file order; later phases read them as vars.NAME."""
    timeout: Annotated[Whole, Field(ge=0, le=100_000)] = 0
    """Number of bars without success after which the pattern starts again; 0 is never."""
    invalidate: Annotated[
        tuple[Expression, ...],
        BeforeValidator(_listed),
        Field(max_length=MAX_ITEMS),
    ] = ()
    """Expressions that end the attempt as soon as one is true while this phase waits."""


class TrailModel(_Part):
    """A stop that follows the best price. A stop moved on one bar counts from the next."""

    by: Literal["step", "atr", "structure"]
    """step: points; atr: multiples of ATR; structure: behind the last pivot."""
    distance: Annotated[Number, Field(ge=0)] = 0.0
    """Points (step) or multiples of ATR (atr) behind the best price."""
    step: Annotated[Number, Field(ge=0)] = 0.0
    """Points by which the stop moves at least (step)."""
    length: Annotated[Whole, Field(ge=1, le=5_000)] = 14
    """Window of the ATR, or bars on each side of a pivot."""
    start_r: Annotated[Number, Field(ge=0)] = 0.0
    """Active once the best price is so many R in favour."""

    @model_validator(mode="after")
    def _has_a_distance(self) -> Self:
        if self.by != "structure" and self.distance <= 0:
            raise ValueError(f"a trail by {self.by} needs a distance above 0")
        return self


class PartialModel(_Part):
    """Leave a part of the position early."""

    at_r: Annotated[Number, Field(gt=0)]
    """Profit in R (multiples of the initial risk) at which the part leaves."""
    fraction: Annotated[Number, Field(gt=0, lt=1)]
    """Part of the initial quantity, 0 to 1; floored to lots."""


class ExecutionModel(_Part):
    """What a signal asks for. Levels are on the underlying; settings left out come from the configuration."""

    side: Annotated[
        StrictStr, _checked(fields.parse_side), Field(json_schema_extra={"enum": list(fields.SIDES)})
    ]
    """BUY or SELL; LONG and SHORT are accepted."""
    entry: Expression
    """Entry level. Equal to the close: at once; beyond it: a stop entry; else a limit."""
    sl: Expression
    """Stop level; may use `entry`."""
    tp: Expression
    """Target level; may use `entry`, `sl`, `risk`, `tp_mult` and `quantity_mod`."""
    option_selection: (
        Annotated[
            StrictStr,
            _checked(fields.parse_selection),
            Field(json_schema_extra={"pattern": fields.SELECTION_PATTERN}),
        ]
        | None
    ) = None
    """NONE (the underlying itself), ATM, OTM_n or ITM_n; the side decides between call and put."""
    entry_valid_bars: Annotated[Whole, Field(ge=1, le=5_000)] | None = None
    """Bars during which a stop or limit entry may fill."""
    breakeven_at: Annotated[PartOfTheWay | None, BeforeValidator(_off_when_null)] = None
    """Part of the way to the target at which the stop moves to the fill; 0 or null is off."""
    time_stop_minutes: Annotated[Minutes | None, BeforeValidator(_off_when_null)] = None
    """Leave so many minutes after the fill; 0 or null is off."""
    square_off: ClockText | None = None
    """Time from which open positions leave, HH:MM."""
    last_entry: ClockText | None = None
    """Time from which signals are refused, HH:MM."""
    trail: TrailModel | None = None
    """Trailing stop; null is off."""
    partials: Annotated[tuple[PartialModel, ...], Field(max_length=10)] | None = None
    """Partial exits, nearest first; an empty list is none."""
    exit_basis: Literal["underlying", "premium"] | None = None
    """Where stop and target are watched."""
    exit_price: Literal["level", "close"] | None = None
    """Where an exit inside a minute is priced: at the level, or at the bar's close."""
    fixed_lots: Annotated[Whole, Field(ge=1, le=100_000)] | None = None
    """Size in lots."""
    quantity: Annotated[Whole, Field(ge=1, le=100_000_000)] | None = None
    """Size in units, for shares."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fixed_lots is not None and self.quantity is not None:
            raise ValueError("give fixed_lots or quantity, not both")
        parts = self.partials or ()
        if any(a.at_r >= b.at_r for a, b in pairwise(parts)):
            raise ValueError("partials must rise in at_r")
        if sum(part.fraction for part in parts) > 1 + 1e-9:
            raise ValueError("the fractions of partials add up to more than 1")
        return self


class StrategyModel(_Part):
    """One trading pattern of SOS: phases that must follow each other, and the trade that they lead to."""

    model_config = ConfigDict(title="SOS strategy", populate_by_name=False)

    schema_: Annotated[StrictStr | None, Field(alias="$schema")] = None
    """Address of this schema, for editors."""
    pattern_id: Annotated[StrictStr, Field(pattern=fields.ID_PATTERN)]
    """Unique name of the pattern."""
    description: StrictStr = ""
    """What the pattern looks for, in one sentence."""
    interval: Annotated[
        StrictStr,
        _checked(fields.parse_interval),
        Field(json_schema_extra={"pattern": fields.INTERVAL_PATTERN}),
    ] = "1m"
    """Bars that the pattern looks at: 1m, 3m, 5m, 15m, 30m, 1h and so on."""
    params: Annotated[dict[Name, ParamModel], Field(max_length=MAX_ITEMS)] = Field(default_factory=dict)
    """Numbers used as params.NAME: a number, or its default with a range."""
    regime_config: dict[Regime, RegimeModel] = Field(default_factory=dict)
    """What each market regime means for this pattern."""
    phases: Annotated[tuple[PhaseModel, ...], Field(min_length=1, max_length=MAX_ITEMS)]
    """The steps, in order."""
    execution: ExecutionModel
    """The trade."""
    carry: StrictBool = False
    """True: a half-finished pattern goes on in the next session."""
    recheck: StrictBool = True
    """False: the regime is not checked again at the trigger."""

    @model_validator(mode="before")
    @classmethod
    def _plain_params(cls, data: Any) -> Any:
        """A plain number among the params is its default."""
        if not isinstance(data, Mapping) or not isinstance(data.get("params"), Mapping):
            return data
        params = {
            name: value if isinstance(value, dict) else {"default": value}
            for name, value in data["params"].items()
        }
        return {**data, "params": params}

    @model_validator(mode="after")
    def _unique_phases(self) -> Self:
        seen: set[str] = set()
        for phase in self.phases:
            if phase.id in seen:
                raise ValueError(f"phase id {phase.id!r} is used twice")
            seen.add(phase.id)
        return self
