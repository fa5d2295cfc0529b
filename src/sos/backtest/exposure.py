"""How much of the capital the trades of a run needed at once. Pure; margins are those of the risk settings.

A trade counts from its entry's bar to the bar of its last exit, both inside, at its full quantity: the
figure is an upper bound when it left in parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sos.trading.positions import Trade
from sos.trading.settings import RiskSettings
from sos.trading.spec import InstrumentSpec
from sos.types import InstrumentKey

__all__ = ["Exposure", "peak_exposure"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """``positions``: most open at once; ``margin``: most needed at once, paise; ``ts``: that bar's open."""

    positions: int
    margin: int
    ts: int


def peak_exposure(
    trades: Sequence[Trade], specs: Mapping[InstrumentKey, InstrumentSpec], risk: RiskSettings
) -> Exposure:
    """The peaks over all underlyings and patterns; zeros where nothing was traded."""
    pct = {key: risk.margin_pct if spec.margined else risk.margin_pct_equity for key, spec in specs.items()}
    share = {key: round(value * 100) for key, value in pct.items()}  # in hundredths of a percent
    margins = [trade.entry_price * trade.qty * share[trade.instrument] // 10_000 for trade in trades]
    if not margins:
        return Exposure(0, 0, 0)
    times = np.array([trade.entry_ts for trade in trades] + [trade.exit_ts for trade in trades])
    moves = np.array(margins + [-margin for margin in margins])
    held = np.repeat((1, -1), len(margins))
    order = np.lexsort((-held, times))  # at one time entries come first
    used = np.cumsum(moves[order])
    at = int(np.argmax(used))
    return Exposure(int(np.cumsum(held[order]).max()), int(used[at]), int(times[order][at]))
