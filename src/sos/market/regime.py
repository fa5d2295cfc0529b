"""The market regime by policy. Thresholds are settings; a band of hysteresis avoids flicker.

`price_only`: on completed bars of ``interval`` minutes the score is

    (close - ema(close, ema_window)) / atr(atr_window)

in units of the average true range. Its size is cut at ``complete > directional > sideways``:
above ``complete`` COMPLETE_BULLISH, above ``directional`` BULLISH, above ``sideways``
SIDEWAYS_BULLISH, within it SIDEWAYS, and the same below zero on the bearish side. UNKNOWN until the score is
ready; a bar without a new score changes nothing.

`high_pcr_bullish` looks at the put-call ratio known at the bar's end: written puts are support, so a high
ratio is bullish. `low_pcr_bullish` reads it the other way round, as a contrarian does. UNKNOWN while the
ratio is missing or too old. `auto` is `high_pcr_bullish` where the run has a ratio, else `price_only`.

Each policy cuts its measure at six edges into seven regimes. A regime is left only when the measure is the
band of hysteresis beyond the edge next to it.
Sources: names and the published edges of the ratio (above 1.2, above 1.0, 0.8 to 1.0, below 0.8, below 0.6;
and below 0.7, below 1.0, above 1.0, above 1.3) from the market reference, section 6; the edges of the two
tilted sideways regimes and those of the score are assumptions of ours. Velocity, breadth and build-up modify
nothing: no thresholds are published, and conditions may ask for them by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator

from sos.bars import F64
from sos.events import RegimeChanged
from sos.expr.tree import Arith, Indicator, Input, Num, Resample
from sos.types import REGIMES, InstrumentKey, Regime

__all__ = [
    "UNKNOWN",
    "Policy",
    "RegimeSettings",
    "RegimeTracker",
    "explained",
    "policy_of",
    "score_tree",
]

UNKNOWN: Final = REGIMES.index(Regime.UNKNOWN)
_NAN: Final = float("nan")
_Ratio: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Edges: TypeAlias = tuple[_Ratio, _Ratio, _Ratio, _Ratio, _Ratio, _Ratio]


class RegimeSettings(BaseModel):
    """Section ``[regime]``. Distances of the score are in average true ranges of the interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Literal["auto", "price_only", "high_pcr_bullish", "low_pcr_bullish"] = "auto"
    interval: PositiveInt = Field(default=15, description="minutes of the bars that price_only looks at")
    ema_window: PositiveInt = 20
    atr_window: PositiveInt = 14
    complete: float = Field(default=3.0, gt=0)
    directional: float = Field(default=1.5, gt=0)
    sideways: float = Field(default=0.5, gt=0)
    hysteresis: float = Field(default=0.15, ge=0)
    high_pcr_edges: _Edges = Field(
        default=(1.2, 1.0, 0.95, 0.85, 0.8, 0.6), description="high_pcr_bullish: falling, most bullish first"
    )
    low_pcr_edges: _Edges = Field(
        default=(0.7, 1.0, 1.0, 1.0, 1.0, 1.3), description="low_pcr_bullish: rising, most bullish first"
    )
    pcr_hysteresis: float = Field(default=0.02, ge=0)

    @field_validator("high_pcr_edges")
    @classmethod
    def _falling(cls, edges: _Edges) -> _Edges:
        if any(after > before for before, after in pairwise(edges)):
            raise ValueError("must fall, most bullish first")
        return edges

    @field_validator("low_pcr_edges")
    @classmethod
    def _rising(cls, edges: _Edges) -> _Edges:
        if any(after < before for before, after in pairwise(edges)):
            raise ValueError("must rise, most bullish first")
        return edges

    @model_validator(mode="after")
    def _ordered(self) -> RegimeSettings:
        if not self.complete > self.directional > self.sideways:
            raise ValueError("thresholds must fall: complete > directional > sideways")
        return self


@dataclass(frozen=True, slots=True)
class Policy:
    """How a measure becomes a regime. ``edges`` fall; a measure whose low values are bullish is negated
    (``sign`` -1), and so are its edges. ``needs_value``: without one the regime is UNKNOWN."""

    name: str
    measure: Literal["score", "pcr"]
    sign: float
    edges: tuple[float, ...]
    hysteresis: float
    needs_value: bool


def policy_of(settings: RegimeSettings, has_pcr: bool) -> Policy:
    """The policy in force for an underlying with or without a put-call ratio."""
    name = settings.policy
    if name == "auto":
        name = "high_pcr_bullish" if has_pcr else "price_only"
    if name == "price_only":
        upper = (settings.complete, settings.directional, settings.sideways)
        edges = (*upper, *(-edge for edge in reversed(upper)))
        return Policy(name, "score", 1.0, edges, settings.hysteresis, False)
    if name == "high_pcr_bullish":
        return Policy(name, "pcr", 1.0, settings.high_pcr_edges, settings.pcr_hysteresis, True)
    edges = tuple(-edge for edge in settings.low_pcr_edges)
    return Policy(name, "pcr", -1.0, edges, settings.pcr_hysteresis, True)


def score_tree(settings: RegimeSettings, minutes: int) -> Num:
    """The score as an expression over bars of ``minutes`` minutes."""
    close = Input("close")
    ema = Indicator("ema", (close,), (settings.ema_window,))
    atr = Indicator("atr", (Input("high"), Input("low"), close), (settings.atr_window,))
    score = Arith("/", Arith("-", close, ema), atr)
    return score if settings.interval <= minutes else Resample(settings.interval, score)


class RegimeTracker:
    """Turns a measure into regime codes (indices of types.REGIMES), remembering the current one."""

    def __init__(self, settings: RegimeSettings, policy: Policy | None = None) -> None:
        """``policy`` None: the one in force without a put-call ratio."""
        self.policy = policy_of(settings, False) if policy is None else policy
        self.code = UNKNOWN
        self._last: float | None = None

    def push(self, value: float) -> int:
        """The code after a bar with this measure. NaN: what is known stays, or is UNKNOWN, by the policy."""
        if value == self._last:
            return self.code
        if value != value:
            if self.policy.needs_value:
                self.code, self._last = UNKNOWN, None
            return self.code
        self._last = value
        self.code = self._classified(value * self.policy.sign)
        return self.code

    def _classified(self, score: float) -> int:
        plain = sum(score <= edge for edge in self.policy.edges)
        return plain if plain == self.code else self._moved(self.code, plain, score)

    def _moved(self, current: int, plain: int, score: float) -> int:
        """The code after ``current`` when the score alone would say ``plain``, another one."""
        if current == UNKNOWN:
            return plain
        if plain < current:  # more bullish: must clear the edge above by the band
            cleared = score > self.policy.edges[current - 1] + self.policy.hysteresis
        else:
            cleared = score < self.policy.edges[current] - self.policy.hysteresis
        return plain if cleared else current

    def push_block(self, values: F64) -> F64:
        """The codes after each bar of a block, as floats."""
        if len(values) == 0:
            return values
        changes = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
        scores = values[changes] * self.policy.sign
        plains = sum((scores <= edge).astype(np.int64) for edge in self.policy.edges)
        codes, code, missing = [], self.code, UNKNOWN if self.policy.needs_value else None
        for plain, score in zip(np.asarray(plains).tolist(), scores.tolist(), strict=True):
            if score != score:
                code = code if missing is None else missing
            elif plain != code:
                code = self._moved(code, plain, score)
            codes.append(float(code))
        self.code, self._last = code, None  # asking again about the last value changes nothing
        return np.repeat(codes, np.diff(np.concatenate([changes, [len(values)]])))


# ---------------------------------------------------------------------- why


def explained(
    policy: Policy, key: InstrumentKey, ts: int, end: int, old: int, new: int, value: float, close: float
) -> RegimeChanged:
    """The record of a change: codes before and after, the measure and the close of the bar ``ts`` to
    ``end``.
    """
    edge = _NAN
    reasons: tuple[str, ...] = (_reason_unknown(policy, old, value),)
    if UNKNOWN not in (old, new):
        edge = policy.edges[new if new < old else new - 1] * policy.sign + 0.0
        left = policy.edges[old - 1 if new < old else old] * policy.sign
        rose = (new < old) == (policy.sign > 0.0)
        beyond = left + (policy.hysteresis if rose else -policy.hysteresis)
        reasons = (
            f"{policy.measure} {value:.4g} {'rose above' if rose else 'fell below'} {edge:g}",
            f"{REGIMES[old]} ends beyond {beyond:g} (edge {left:g}, band {policy.hysteresis:g})",
        )
    return RegimeChanged(
        ts=ts,
        end=end,
        key=key,
        old=REGIMES[old],
        new=REGIMES[new],
        policy=policy.name,
        measure=policy.measure,
        value=value,
        edge=edge,
        band=policy.hysteresis,
        close=close,
        reasons=reasons,
    )


def _reason_unknown(policy: Policy, old: int, value: float) -> str:
    if old == UNKNOWN:
        return f"{policy.measure} {value:.4g} is known now"
    return f"{policy.measure} is missing or too old"
