"""All patterns of one underlying and one interval: one program, one machine each.

Takes bars of the interval that arrives, makes the longer ones it needs, and steps the machines, by one
bar (`push`) or by a block (`push_block`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sos.bars import F64, I64
from sos.events import Signal
from sos.expr.compile import ProgramBuilder, picker
from sos.expr.tree import Input, Truth
from sos.market.aggregate import Aggregator
from sos.market.columns import FIELDS, REGIME, Columns
from sos.market.regime import RegimeSettings
from sos.market.screener import RVOL, RelativeVolume
from sos.market.sentiment import SentimentReader
from sos.market.structure import NAMES, Structure
from sos.market.timeline import Timeline
from sos.strategy.machine import BarFacts, BlockFacts, CompiledPattern, Machine
from sos.strategy.pattern import Pattern
from sos.types import NS_PER_MINUTE, InstrumentKey

__all__ = ["Frame", "MarketSettings"]

_CLOSE: Final = FIELDS.index("close")
_HIGH: Final = FIELDS.index("high")
_LOW: Final = FIELDS.index("low")
_SESSION: Final = FIELDS.index("session")
_MINUTE: Final = FIELDS.index("minute")
_VOLUME: Final = FIELDS.index("volume")
_SINCE: Final = FIELDS.index("since_open")
_HOLE: Final = FIELDS.index("hole")
_NAN: Final = float("nan")


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """``minutes``: interval of the bars that arrive. ``gap_minutes``: a longer hole inside a session
    restarts the machines' counters. ``constants``: values for inputs that the run does not have, or that are
    missing at a bar ("neutral" sentiment); an input that is neither computed nor named here is missing."""

    minutes: int = 1
    gap_minutes: float = 5.0
    structure_window: int = 5
    regime: RegimeSettings = field(default_factory=RegimeSettings)
    constants: Mapping[str, float] = field(default_factory=dict)


class Frame:
    """All patterns of one interval: one program, one machine each."""

    def __init__(
        self,
        minutes: int,
        patterns: Sequence[Pattern],
        key: InstrumentKey,
        settings: MarketSettings,
        sentiment: SentimentReader | None = None,
    ) -> None:
        self.aggregator = Aggregator(minutes) if minutes > settings.minutes else None
        builder = ProgramBuilder()
        for pattern in patterns:
            builder.add(*CompiledPattern.roots(pattern))
        self._extra = [node.name for node in builder.slots if isinstance(node, Input) and "." in node.name]
        self._structure = Structure(settings.structure_window) if set(self._extra) & set(NAMES) else None
        self._rvol = RelativeVolume(minutes) if RVOL in self._extra else None
        self._sentiment = sentiment
        self._asked = [name for name in self._extra if sentiment is not None and name in sentiment.names]
        self._constants = settings.constants
        self._gap = settings.gap_minutes
        shared: dict[Truth, Callable[..., Any]] = {}
        self.machines = {
            pattern.id: Machine(CompiledPattern(pattern, builder, shared), key) for pattern in patterns
        }
        self._timeline = Timeline(builder, self._extra)
        self._last_session = -1

    # ------------------------------------------------------------------ one bar

    def push(
        self, row: list[float], ts: int, end: int, opened: Callable[[int], int]
    ) -> list[tuple[str, Signal]]:
        if self.aggregator is None:
            return self._step(row, ts, end)
        found: list[tuple[str, Signal]] = []
        for long in self.aggregator.push(row):
            start = opened(int(long[_SESSION])) + round(long[_SINCE] * NS_PER_MINUTE)
            signals = self._step(long, start, end)
            if long[_SESSION] == row[_SESSION]:
                found += signals
            else:
                for pattern_id, _ in signals:
                    self.machines[pattern_id].funnel.late += 1
        return found

    def _step(self, row: list[float], ts: int, end: int) -> list[tuple[str, Signal]]:
        session = int(row[_SESSION])
        gap = session == self._last_session and row[_HOLE] > self._gap
        self._last_session = session
        values = self._timeline.push(row + self._extra_row(row, end))
        facts = BarFacts(ts, end, row[_CLOSE], session, gap, int(row[REGIME]))
        found = []
        for pattern_id, machine in self.machines.items():
            signal = machine.step(values, facts)
            if signal is not None:
                found.append((pattern_id, signal))
        return found

    def _extra_row(self, row: list[float], end: int) -> list[float]:
        if not self._extra:
            return []
        known = dict(self._constants)
        if self._structure is not None:
            known |= zip(NAMES, self._structure.push(row[_HIGH], row[_LOW], row[_CLOSE]), strict=True)
        if self._rvol is not None:
            known[RVOL] = self._rvol.push(row[_SESSION], row[_MINUTE], row[_SINCE], row[_VOLUME])
        if self._sentiment is not None and self._asked:
            for name, value in zip(self._asked, self._sentiment.row(self._asked, end), strict=True):
                known[name] = value if value == value else self._constants.get(name, _NAN)
        return [known.get(name, _NAN) for name in self._extra]

    # ------------------------------------------------------------------ a block

    def push_block(
        self, columns: list[F64], ts: I64, end: I64, opens: I64
    ) -> Callable[[str], list[tuple[int, Signal]]]:
        """Advance by a block; the function returned runs one machine on it: (row of the block, signal)."""
        completed: I64 | None = None
        sessions = columns[_SESSION]
        if self.aggregator is not None:
            columns, completed = self.aggregator.push_block(columns)
            end = end[completed]
            starts = opens[columns[_SESSION].astype(np.int64)]
            ts = starts + np.round(columns[_SINCE] * NS_PER_MINUTE).astype(np.int64)
        rows = len(ts)
        block = self._timeline.push_block(columns + self._extra_columns(columns, end), rows)
        facts = self._facts(columns, ts, end, rows)

        def run(pattern_id: str) -> list[tuple[int, Signal]]:
            machine = self.machines[pattern_id]
            found = machine.run(block, facts)
            if completed is None:
                return found
            in_time = [
                (int(completed[row]), signal)
                for row, signal in found
                if sessions[completed[row]] == facts.session[row]
            ]
            machine.funnel.late += len(found) - len(in_time)
            return in_time

        return run

    def _extra_columns(self, columns: list[F64], end: I64) -> list[F64]:
        known: Columns = {}
        rows = len(end)
        if self._structure is not None:
            known = self._structure.push_block(columns[_HIGH], columns[_LOW], columns[_CLOSE])
        if self._rvol is not None:
            known[RVOL] = self._rvol.push_block(*(columns[i] for i in (_SESSION, _MINUTE, _SINCE, _VOLUME)))
        if self._sentiment is not None and self._asked:
            for name, values in zip(self._asked, self._sentiment.columns(self._asked, end), strict=True):
                neutral = self._constants.get(name)
                known[name] = values if neutral is None else np.where(values == values, values, neutral)
        return [
            known[name] if name in known else np.full(rows, self._constants.get(name, _NAN))
            for name in self._extra
        ]

    def _facts(self, columns: list[F64], ts: I64, end: I64, rows: int) -> BlockFacts:
        session = columns[_SESSION].astype(np.int64)
        before = np.concatenate([[self._last_session], session[:-1]])
        new = session != before
        gaps = ~new & (columns[_HOLE] > self._gap)
        if rows:
            self._last_session = int(session[-1])
        regimes = columns[REGIME].astype(np.int8)
        return BlockFacts(
            ts=picker(ts),
            end=picker(end),
            close=picker(columns[_CLOSE]),
            regime=picker(regimes),
            regimes=regimes,
            session=session,
            starts=np.flatnonzero(new).tolist(),
            gaps=frozenset(np.flatnonzero(gaps).tolist()),
        )
