"""Market state of one underlying, and the machines that look at it.

For each bar, in this order: its place in the session, the regime, then for every interval that a
pattern uses the program's values and the machines' steps. `push` takes one bar, `push_block` takes a
block of columns; signals and state are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sos.bars import F64, I64
from sos.events import Signal
from sos.expr.compile import ProgramBuilder
from sos.market.columns import FIELDS, REGIME, SessionInputs
from sos.market.frame import Frame, MarketSettings
from sos.market.regime import RegimeTracker, score_tree
from sos.market.timeline import Timeline
from sos.strategy.machine import Funnel
from sos.strategy.pattern import Pattern
from sos.types import InstrumentKey

__all__ = ["Market"]

_NAN: Final = float("nan")


class Market:
    """One underlying: its state after the last bar, and its machines."""

    def __init__(
        self,
        key: InstrumentKey,
        sessions: SessionInputs,
        patterns: Sequence[Pattern],
        settings: MarketSettings,
    ) -> None:
        self.key = key
        self._sessions = sessions
        self._opens: list[int] = sessions.sessions.opens.tolist()
        builder = ProgramBuilder()
        score = score_tree(settings.regime, settings.minutes)
        builder.add(score)
        self._score_event = builder.value_function(score, {}, rows=False)
        self._score_column = builder.number_column(score)
        self._scores = Timeline(builder)
        self._regime = RegimeTracker(settings.regime)
        ordered = sorted(patterns, key=lambda pattern: pattern.id)
        self._frame_of = {pattern.id: pattern.interval for pattern in ordered}
        self._frames = {
            minutes: Frame(minutes, [p for p in ordered if p.interval == minutes], key, settings)
            for minutes in sorted(set(self._frame_of.values()))
        }

    def funnels(self) -> dict[str, Funnel]:
        """The funnel of every pattern, by pattern id in sorted order."""
        return {
            pattern_id: self._frames[minutes].machines[pattern_id].funnel
            for pattern_id, minutes in self._frame_of.items()
        }

    def push(
        self, ts: int, end: int, prices: tuple[float, float, float, float], volume: float, oi: float
    ) -> list[Signal]:
        """One bar of this underlying (open, high, low, close in rupees); the signals, by pattern id."""
        row = [*prices, volume, oi, *self._sessions.row(ts, end), _NAN]
        row[REGIME] = float(self._regime.push(self._score_event(self._scores.push(row), ())))
        found: list[tuple[str, Signal]] = []
        for frame in self._frames.values():
            found += frame.push(row, ts, end, self._opens.__getitem__)
        found.sort(key=lambda pair: pair[0])
        return [signal for _, signal in found]

    def push_block(
        self, ts: I64, end: I64, prices: Sequence[F64], volume: F64, oi: F64
    ) -> dict[int, list[Signal]]:
        """A block of bars as columns; the signals by row, each row's by pattern id."""
        rows = len(ts)
        named = self._sessions.columns(ts, end)
        named["days_to_expiry"] = self._sessions.expiry_column(named["session"])
        columns = [*prices, volume, oi, *(named[name] for name in FIELDS[6:REGIME]), np.full(rows, _NAN)]
        block = self._scores.push_block(columns, rows)
        with np.errstate(all="ignore"):
            scores = np.broadcast_to(np.asarray(self._score_column(block.columns), np.float64), (rows,))
        columns[REGIME] = self._regime.push_block(scores)
        runs = {
            minutes: frame.push_block(columns, ts, end, self._sessions.sessions.opens)
            for minutes, frame in self._frames.items()
        }
        found: dict[int, list[Signal]] = {}
        for pattern_id, minutes in self._frame_of.items():
            for row, signal in runs[minutes](pattern_id):
                found.setdefault(row, []).append(signal)
        return found
