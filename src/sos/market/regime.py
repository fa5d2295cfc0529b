"""The market regime by policy. Thresholds are settings; a band of hysteresis avoids flicker.

`price_only`: on completed bars of ``interval`` minutes the score is

    (close - ema(close, ema_window)) / atr(atr_window)

in units of the average true range. Its size is cut at ``complete > directional > sideways``:
above ``complete`` COMPLETE_BULLISH, above ``directional`` BULLISH, above ``sideways``
SIDEWAYS_BULLISH, within it SIDEWAYS, and the same below zero on the bearish side. A regime is left only
when the score is ``hysteresis`` beyond its edge. UNKNOWN until the score is ready.
The scheme of names: reference of the market, seven states; thresholds are an assumption of ours.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from sos.bars import F64
from sos.expr.tree import Arith, Indicator, Input, Num, Resample
from sos.types import REGIMES, Regime

__all__ = ["UNKNOWN", "RegimeSettings", "RegimeTracker", "score_tree"]

UNKNOWN: Final = REGIMES.index(Regime.UNKNOWN)


class RegimeSettings(BaseModel):
    """Section ``[regime]``. Distances are in average true ranges of the interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Literal["price_only"] = "price_only"
    interval: PositiveInt = Field(default=15, description="minutes of the bars that are looked at")
    ema_window: PositiveInt = 20
    atr_window: PositiveInt = 14
    complete: float = Field(default=3.0, gt=0)
    directional: float = Field(default=1.5, gt=0)
    sideways: float = Field(default=0.5, gt=0)
    hysteresis: float = Field(default=0.15, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> RegimeSettings:
        if not self.complete > self.directional > self.sideways:
            raise ValueError("thresholds must fall: complete > directional > sideways")
        return self


def score_tree(settings: RegimeSettings, minutes: int) -> Num:
    """The score as an expression over bars of ``minutes`` minutes."""
    close = Input("close")
    ema = Indicator("ema", (close,), (settings.ema_window,))
    atr = Indicator("atr", (Input("high"), Input("low"), close), (settings.atr_window,))
    score = Arith("/", Arith("-", close, ema), atr)
    return score if settings.interval <= minutes else Resample(settings.interval, score)


class RegimeTracker:
    """Turns scores into regime codes (indices of types.REGIMES), remembering the current one."""

    def __init__(self, settings: RegimeSettings) -> None:
        edges = (settings.complete, settings.directional, settings.sideways)
        self._edges = (*edges, *(-edge for edge in reversed(edges)))  # falling; code k lies above edge k
        self._hysteresis = settings.hysteresis
        self.code = UNKNOWN
        self._score: float | None = None

    def push(self, score: float) -> int:
        """The code after a bar with this score; NaN keeps what is known."""
        if score == self._score or score != score:
            return self.code
        self._score = score
        self.code = self._classified(score)
        return self.code

    def _classified(self, score: float) -> int:
        edges, current = self._edges, self.code
        plain = sum(score <= edge for edge in edges)
        if current == UNKNOWN or plain == current:
            return plain
        if plain < current:  # more bullish: must clear the edge above by the band
            cleared = score > edges[current - 1] + self._hysteresis
        else:
            cleared = score < edges[current] - self._hysteresis
        return plain if cleared else current

    def push_block(self, scores: F64) -> F64:
        """The codes after each bar of a block, as floats."""
        if len(scores) == 0:
            return scores
        changes = np.concatenate([[0], np.flatnonzero(scores[1:] != scores[:-1]) + 1])
        codes = [float(self.push(score)) for score in scores[changes].tolist()]
        return np.repeat(codes, np.diff(np.concatenate([changes, [len(scores)]])))
