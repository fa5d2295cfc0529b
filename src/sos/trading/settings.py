"""Execution and risk settings, and their merge with one pattern's own exit rules.

Typed, frozen, unknown keys refused. What this version cannot do is refused here with a line that says
so, never silently ignored. Times of day are IST; money is rupees; distances are points unless said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sos.errors import ConfigError
from sos.strategy.pattern import NO_TRAIL, ExitRules, Partial, Trail
from sos.types import NS_PER_MINUTE

__all__ = [
    "ExecutionSettings",
    "ExitPlan",
    "PartialSettings",
    "RiskSettings",
    "TrailSettings",
    "resolve_exits",
]

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NonNegativeInt = Annotated[int, Field(ge=0)]
_T = TypeVar("_T")


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrailSettings(_Settings):
    """A trailing stop; see `sos.strategy.pattern.Trail`."""

    by: Literal["step", "atr", "structure"]
    distance: NonNegative = 0.0
    step: NonNegative = 0.0
    length: Annotated[int, Field(ge=1, le=5000)] = 14
    start_r: NonNegative = 0.0


class PartialSettings(_Settings):
    """Leave ``fraction`` of the initial quantity at ``at_r`` times the risk in favour."""

    at_r: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    fraction: Annotated[float, Field(gt=0, lt=1)]


def _minute_of_day(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    valid = colon and len(minutes) == 2 and hours.isascii() and hours.isdigit() and minutes.isdigit()
    if not valid or int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"{text!r} is not a time of day, write it as HH:MM")
    return int(hours) * 60 + int(minutes)


class ExecutionSettings(_Settings):
    """How signals become positions and how positions end. 0 turns an optional exit off."""

    entry_valid_bars: Annotated[int, Field(ge=1)] = 3
    fill_on_touch: bool = False
    slippage_ticks: Annotated[int, Field(ge=0, le=100)] = 1
    breakeven_at: Annotated[float, Field(ge=0, le=1)] = 0.0
    time_stop_minutes: NonNegativeInt = 0
    square_off: str = "15:15"
    last_entry: str = "15:00"
    sizing: Literal["fixed_lots", "risk_per_trade"] = "fixed_lots"
    fixed_lots: Annotated[int, Field(ge=1)] = 1
    risk_rupees: NonNegative = 0.0
    risk_pct: Annotated[float, Field(ge=0, le=100)] = 0.0
    trail: TrailSettings | None = None
    partials: tuple[PartialSettings, ...] = ()
    exit_basis: str = "underlying"
    exit_price: str = "level"

    @field_validator("square_off", "last_entry")
    @classmethod
    def _is_time(cls, text: str) -> str:
        _minute_of_day(text)
        return text

    @model_validator(mode="after")
    def _consistent(self) -> ExecutionSettings:
        if self.sizing == "risk_per_trade" and not (self.risk_rupees or self.risk_pct):
            raise ValueError("sizing 'risk_per_trade' needs risk_rupees or risk_pct above 0")
        return self


class RiskSettings(_Settings):
    """Limits over all patterns together, per IST day where they speak of a day. 0 is off.

    ``max_capital_use``: share of ``capital`` that the margin of open and waiting trades may use; with
    sizing "risk_per_trade" it is 1.0 when off. Margin is ``margin_pct`` of the value of an index or a
    future, ``margin_pct_equity`` of a share's.
    """

    capital: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 500_000.0
    max_capital_use: Annotated[float, Field(ge=0, le=100)] = 0.0
    margin_pct: Annotated[float, Field(gt=0, le=100)] = 15.0
    margin_pct_equity: Annotated[float, Field(gt=0, le=100)] = 20.0
    max_open_positions: NonNegativeInt = 0
    max_trades_per_day: NonNegativeInt = 0
    day_loss: NonNegative = 0.0
    consecutive_losses: NonNegativeInt = 0
    price_sanity_pct: NonNegative = 0.0


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """One pattern's execution rules, nothing left open. Minutes are IST minutes of the day."""

    entry_valid_bars: int
    breakeven_at: float
    time_stop_ns: int
    square_off: int
    last_entry: int
    trail: Trail | None
    partials: tuple[Partial, ...]
    fixed_lots: int
    own_lots: bool  # the file gives fixed_lots: they count whatever the configured sizing is
    quantity: int  # units; 0: by lots


def resolve_exits(pattern_id: str, rules: ExitRules, settings: ExecutionSettings) -> ExitPlan:
    """The pattern's own rules over the configured ones.

    Raises:
        ConfigError: a rule that this version cannot execute, or times that contradict each other.
    """
    _only(pattern_id, "exit_basis", rules.exit_basis or settings.exit_basis, "underlying")
    _only(pattern_id, "exit_price", rules.exit_price or settings.exit_price, "level")
    square_off = _first(rules.square_off, _minute_of_day(settings.square_off))
    last_entry = _first(rules.last_entry, _minute_of_day(settings.last_entry))
    if last_entry > square_off:
        raise ConfigError(
            f"{pattern_id}: last_entry {_clock(last_entry)} is after square_off {_clock(square_off)}; "
            "a position could not be left again, set last_entry earlier"
        )
    return ExitPlan(
        entry_valid_bars=_first(rules.entry_valid_bars, settings.entry_valid_bars),
        breakeven_at=_first(rules.breakeven_at, settings.breakeven_at),
        time_stop_ns=_first(rules.time_stop_minutes, settings.time_stop_minutes) * NS_PER_MINUTE,
        square_off=square_off,
        last_entry=last_entry,
        trail=_checked_trail(pattern_id, _first(rules.trail, _trail(settings.trail))),
        partials=_checked_partials(pattern_id, _first(rules.partials, _partials(settings.partials))),
        fixed_lots=_first(rules.fixed_lots, settings.fixed_lots),
        own_lots=rules.fixed_lots is not None,
        quantity=rules.quantity or 0,
    )


def _first(value: _T | None, default: _T) -> _T:
    return default if value is None else value


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _only(pattern_id: str, name: str, value: str, known: str) -> None:
    if value != known:
        raise ConfigError(
            f"{pattern_id}: {name} = {value!r} needs option contracts, which this version does not trade; "
            f"use {known!r}"
        )


def _trail(settings: TrailSettings | None) -> Trail | None:
    if settings is None:
        return None
    return Trail(settings.by, settings.distance, settings.step, settings.length, settings.start_r)


def _partials(settings: tuple[PartialSettings, ...]) -> tuple[Partial, ...]:
    return tuple(Partial(item.at_r, item.fraction) for item in settings)


def _checked_trail(pattern_id: str, trail: Trail | None) -> Trail | None:
    if trail is None or trail == NO_TRAIL:
        return None
    if trail.by not in ("step", "atr", "structure"):
        raise ConfigError(
            f"{pattern_id}: trail by {trail.by!r} is not known; use 'step', 'atr' or 'structure'"
        )
    if trail.by != "structure" and trail.distance <= 0:
        raise ConfigError(f"{pattern_id}: trail by {trail.by!r} needs a distance above 0")
    return trail


def _checked_partials(pattern_id: str, partials: tuple[Partial, ...]) -> tuple[Partial, ...]:
    if sum(partial.fraction for partial in partials) > 1 + 1e-9:
        raise ConfigError(f"{pattern_id}: the fractions of partials add up to more than 1")
    return tuple(sorted(partials, key=lambda partial: partial.at_r))
