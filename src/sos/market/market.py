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
from sos.events import RegimeChanged, Signal
from sos.expr.compile import ProgramBuilder
from sos.market.columns import FIELDS, REGIME, SessionInputs
from sos.market.frame import Frame, MarketSettings
from sos.market.regime import Policy, RegimeTracker, explained, policy_of, score_tree
from sos.market.sentiment import PCR, SentimentReader
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
        sentiment: SentimentReader | None = None,
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
        self._pcr = sentiment if sentiment is not None and PCR in sentiment.names else None
        self.policy: Policy = policy_of(settings.regime, self._pcr is not None)
        self._regime = RegimeTracker(settings.regime, self.policy)
        self._changes: list[tuple[int, int, int, int, float, float]] = []
        ordered = sorted(patterns, key=lambda pattern: pattern.id)
        self._frame_of = {pattern.id: pattern.interval for pattern in ordered}
        self._frames = {
            minutes: Frame(minutes, [p for p in ordered if p.interval == minutes], key, settings, sentiment)
            for minutes in sorted(set(self._frame_of.values()))
        }

    def funnels(self) -> dict[str, Funnel]:
        """The funnel of every pattern, by pattern id in sorted order."""
        return {
            pattern_id: self._frames[minutes].machines[pattern_id].funnel
            for pattern_id, minutes in self._frame_of.items()
        }

    @property
    def regime_changes(self) -> list[RegimeChanged]:
        """Every change of the regime so far, with its reasons, oldest first."""
        return [explained(self.policy, self.key, *change) for change in self._changes]

    def push(
        self, ts: int, end: int, prices: tuple[float, float, float, float], volume: float, oi: float
    ) -> list[Signal]:
        """One bar of this underlying (open, high, low, close in rupees); the signals, by pattern id."""
        row = [*prices, volume, oi, *self._sessions.row(ts, end), _NAN]
        before, value = self._regime.code, self._measure(row, end)
        row[REGIME] = float(self._regime.push(value))
        if self._regime.code != before:
            self._changes.append((ts, end, before, self._regime.code, value, prices[3]))
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
        before, values = self._regime.code, self._measures(columns, end)
        columns[REGIME] = self._regime.push_block(values)
        self._note_changes(ts, end, before, columns[REGIME], values, prices[3])
        runs = {
            minutes: frame.push_block(columns, ts, end, self._sessions.sessions.opens)
            for minutes, frame in self._frames.items()
        }
        found: dict[int, list[Signal]] = {}
        for pattern_id, minutes in self._frame_of.items():
            for row, signal in runs[minutes](pattern_id):
                found.setdefault(row, []).append(signal)
        return found

    # ------------------------------------------------------------------ the regime

    def _measure(self, row: list[float], end: int) -> float:
        """What the regime's policy looks at, after a bar that ends at ``end``."""
        if self.policy.measure == "score":
            return self._score_event(self._scores.push(row), ())
        return _NAN if self._pcr is None else self._pcr.row((PCR,), end)[0]

    def _measures(self, columns: list[F64], end: I64) -> F64:
        """The same for a block."""
        rows = len(end)
        if self.policy.measure == "pcr":
            return np.full(rows, _NAN) if self._pcr is None else self._pcr.columns((PCR,), end)[0]
        block = self._scores.push_block(columns, rows)
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self._score_column(block.columns), np.float64), (rows,))

    def _note_changes(self, ts: I64, end: I64, before: int, codes: F64, values: F64, close: F64) -> None:
        old = np.concatenate([[float(before)], codes])[:-1]
        rows = np.flatnonzero(codes != old)
        if len(rows):
            columns = (ts, end, old.astype(np.int64), codes.astype(np.int64), values, close)
            self._changes.extend(zip(*(column[rows].tolist() for column in columns), strict=True))
