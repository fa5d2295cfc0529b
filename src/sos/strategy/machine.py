"""The machine: one pattern on one underlying, with its phase, captures and counter.

Rules: docs/strategy-language.md, "The machine". `step` looks at one bar, `run` at a block; they are the
same machine and leave the same state. Pure: no time but the bar's, no event leaves except Signals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sos.events import Signal
from sos.expr.compile import Block, Mask, ProgramBuilder
from sos.expr.tree import Input, InputName, Node, Truth
from sos.expr.walk import path_free
from sos.strategy.pattern import Pattern, Phase
from sos.types import REGIMES, InstrumentKey

__all__ = ["BarFacts", "BlockFacts", "CompiledPattern", "Funnel", "Machine"]

_NAN: Final = float("nan")


@dataclass(slots=True)
class Funnel:
    """What became of the bars one machine looked at.

    ``passed[k]``: how often phase k passed. ``vetoed``: triggers stopped by the regime check;
    ``closed``: bars not looked at in the first phase because the regime forbids entries;
    ``reset``: half-finished patterns ended by the session's end. ``late``: signals of a session's last,
    unfinished longer bar that was known only with the next session; they are never traded.
    """

    phases: tuple[str, ...]
    bars: int = 0
    passed: list[int] = field(default_factory=list)
    invalidated: int = 0
    timed_out: int = 0
    reset: int = 0
    vetoed: int = 0
    closed: int = 0
    signals: int = 0
    late: int = 0

    def __post_init__(self) -> None:
        self.passed = self.passed or [0] * len(self.phases)


@dataclass(frozen=True, slots=True)
class BarFacts:
    """What a machine needs of a bar beside the program's values."""

    ts: int
    end: int
    close: float
    session: int
    gap: bool
    regime: int


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """The same for a block: numbers by row; ``starts`` are the rows that begin a session, ``gaps`` those
    after a hole; ``before`` is the session of the bar before the block."""

    ts: Sequence[int]
    end: Sequence[int]
    close: Sequence[float]
    regime: Sequence[int]
    regimes: Any  # int8 column of the same
    session: Any  # int64 column
    starts: list[int]
    gaps: frozenset[int]


@dataclass(frozen=True, slots=True)
class _CompiledPhase:
    timeout: int
    passes: Callable[..., bool]  # (V, v)
    columns: tuple[Callable[..., Any], ...]  # path-free conditions, (C) -> mask
    rest: Callable[..., bool] | None  # path-dependent ones, (L, i, v)
    invalid: tuple[Callable[..., bool], ...]  # each (V, v); any true ends the attempt
    invalid_columns: tuple[Callable[..., Any], ...]
    invalid_rest: tuple[Callable[..., bool], ...]
    captures: tuple[Callable[..., float], ...]  # (V, v)
    row_captures: tuple[Callable[..., float], ...]  # (L, i, v)
    variables: tuple[int, ...]  # where each capture is kept
    slots: frozenset[int]  # what the functions by row read


def _one_nan(x: float) -> float:
    """The same value with one NaN: its sign and payload depend on the path and must not reach a digest."""
    return x if x == x else _NAN


class CompiledPattern:
    """A pattern whose expressions are functions over the slots of one program. Has no state."""

    def __init__(
        self, pattern: Pattern, builder: ProgramBuilder, shared: dict[Truth, Callable[..., Any]]
    ) -> None:
        self.pattern = pattern
        names = [capture.name for phase in pattern.phases for capture in phase.captures]
        self.variables = {name: i for i, name in enumerate(dict.fromkeys(names))}
        self.allowed = tuple(rule.allow_entry for rule in pattern.rules)
        self.phases = tuple(self._phase(phase, builder, shared) for phase in pattern.phases)
        levels = (pattern.entry, pattern.stop, pattern.target)
        self.levels = builder.levels_function(*levels, self.variables, rows=False)
        self.row_levels = builder.levels_function(*levels, self.variables, rows=True)
        self.level_slots = builder.used_slots(*levels)

    @staticmethod
    def roots(pattern: Pattern) -> list[Node]:
        """Every tree of the pattern that must be registered with the builder first."""
        trees: list[Node] = [pattern.entry, pattern.stop, pattern.target, Input(InputName.REGIME)]
        for phase in pattern.phases:
            trees += [condition.tree for condition in (*phase.conditions, *phase.invalidate)]
            trees += [capture.tree for capture in phase.captures]
        return trees

    def _phase(
        self, phase: Phase, builder: ProgramBuilder, shared: dict[Truth, Callable[..., Any]]
    ) -> _CompiledPhase:
        conditions = [condition.tree for condition in phase.conditions]
        invalidate = [condition.tree for condition in phase.invalidate]
        captures = [capture.tree for capture in phase.captures]
        bound = [tree for tree in conditions if not path_free(tree)]
        bound_invalid = [tree for tree in invalidate if not path_free(tree)]

        def column(tree: Truth) -> Callable[..., Any]:
            if tree not in shared:
                shared[tree] = builder.column_function(tree)
            return shared[tree]

        return _CompiledPhase(
            timeout=phase.timeout,
            passes=builder.event_function(conditions, self.variables),
            columns=tuple(column(tree) for tree in conditions if path_free(tree)),
            rest=builder.row_function(bound, self.variables) if bound else None,
            invalid=tuple(builder.event_function([tree], self.variables) for tree in invalidate),
            invalid_columns=tuple(column(tree) for tree in invalidate if path_free(tree)),
            invalid_rest=tuple(builder.row_function([tree], self.variables) for tree in bound_invalid),
            captures=tuple(builder.value_function(tree, self.variables, rows=False) for tree in captures),
            row_captures=tuple(builder.value_function(tree, self.variables, rows=True) for tree in captures),
            variables=tuple(self.variables[capture.name] for capture in phase.captures),
            slots=builder.used_slots(*bound, *bound_invalid, *captures),
        )


class Machine:
    """State of one pattern on one underlying."""

    def __init__(self, compiled: CompiledPattern, underlying: InstrumentKey) -> None:
        self.compiled = compiled
        self.underlying = underlying
        self.phase = 0
        self.count = 0
        self.captured: list[float] = [_NAN] * len(compiled.variables)
        self.session = -1
        self.funnel = Funnel(tuple(phase.id for phase in compiled.pattern.phases))

    def _restart(self) -> None:
        self.phase = 0
        self.count = 0
        for index in range(len(self.captured)):
            self.captured[index] = _NAN

    def _new_session(self, session: int) -> None:
        if self.session >= 0 and not self.compiled.pattern.carry and self.phase:
            self.funnel.reset += 1
            self._restart()
        self.session = session

    # ------------------------------------------------------------------ one bar

    def step(self, values: Sequence[float], bar: BarFacts) -> Signal | None:
        """Look at one bar; ``values`` are the program's after that bar."""
        funnel = self.funnel
        funnel.bars += 1
        if bar.session != self.session:
            self._new_session(bar.session)
        elif bar.gap:
            self.count = 0
        phase = self.compiled.phases[self.phase]
        if self.phase:
            for invalid in phase.invalid:
                if invalid(values, self.captured):
                    funnel.invalidated += 1
                    self._restart()
                    return None
        elif not self.compiled.allowed[bar.regime]:
            funnel.closed += 1
            return None
        if not phase.passes(values, self.captured):
            self._fail(phase)
            return None
        for index, capture in zip(phase.variables, phase.captures, strict=True):
            self.captured[index] = _one_nan(capture(values, self.captured))
        return self._advance(bar.ts, bar.end, bar.close, bar.regime, self.compiled.levels, (values,))

    def _fail(self, phase: _CompiledPhase) -> None:
        if self.phase == 0:
            return  # the first phase has nothing to give up
        self.count += 1
        if phase.timeout and self.count >= phase.timeout:
            self.funnel.timed_out += 1
            self._restart()

    def _advance(
        self, ts: int, end: int, close: float, regime: int, levels: Callable[..., Any], where: tuple[Any, ...]
    ) -> Signal | None:
        """The current phase has passed and its captures are taken: the next phase, or the trigger."""
        funnel = self.funnel
        funnel.passed[self.phase] += 1
        self.phase += 1
        self.count = 0
        compiled = self.compiled
        if self.phase < len(compiled.phases):
            return None
        if compiled.pattern.recheck and not compiled.allowed[regime]:
            funnel.vetoed += 1
            self._restart()
            return None
        signal = self._signal(ts, end, close, regime, levels, where)
        self._restart()
        funnel.signals += 1
        return signal

    def _signal(
        self, ts: int, end: int, close: float, regime: int, levels: Callable[..., Any], where: tuple[Any, ...]
    ) -> Signal:
        pattern = self.compiled.pattern
        rule = pattern.rules[regime]
        entry, stop, target = levels(*where, self.captured, rule.tp_mult, rule.quantity_mod)
        if entry != entry or stop != stop or target != target:
            entry, stop, target = _one_nan(entry), _one_nan(stop), _one_nan(target)
        captures = (
            tuple((name, self.captured[i]) for name, i in self.compiled.variables.items())
            if self.captured
            else ()
        )
        return Signal(
            ts,
            end,
            pattern.id,
            self.underlying,
            pattern.side,
            close,
            entry,
            stop,
            target,
            REGIMES[regime],
            rule.quantity_mod,
            rule.tp_mult,
            captures,
        )

    # ------------------------------------------------------------------ a block of bars

    def run(self, block: Block, facts: BlockFacts) -> list[tuple[int, Signal]]:
        """Look at a block; gives (row, signal) in order. Steps only where something can happen."""
        if not block.rows:
            return []
        self.funnel.bars += block.rows
        return _BlockRun(self, block, facts).signals()


class _BlockRun:
    """One pass of one machine over one block."""

    def __init__(self, machine: Machine, block: Block, facts: BlockFacts) -> None:
        self.machine = machine
        self.block = block
        self.facts = facts
        self.compiled = machine.compiled
        self.first_rows, self.closed_before = self._first_phase_rows()
        self._masks: dict[int, tuple[Any, Any]] = {}
        self._tables: dict[int, Any] = {}

    def _first_phase_rows(self) -> tuple[list[int], Any]:
        """Rows on which the first phase passes, and a running count of rows closed by the regime."""
        mask = self._conjunction(self.compiled.phases[0].columns)
        if all(self.compiled.allowed):
            return np.flatnonzero(mask).tolist(), None
        open_rows = np.asarray(self.compiled.allowed)[self.facts.regimes]
        closed = np.concatenate([[0], np.cumsum(~open_rows)])
        return np.flatnonzero(mask & open_rows).tolist(), closed

    def _conjunction(self, functions: tuple[Callable[..., Any], ...]) -> Mask:
        mask = np.ones(self.block.rows, np.bool_) if len(functions) != 1 else self.block.mask(functions[0])
        if len(functions) > 1:
            for function in functions:
                mask = mask & self.block.mask(function)
        return mask

    def signals(self) -> list[tuple[int, Signal]]:
        machine, facts, rows = self.machine, self.facts, self.block.rows
        phases = self.compiled.phases
        if len(phases) == 1 and not phases[0].captures:
            found = self._each_row()
        else:
            found, row = [], 0
            while row < rows:
                row = self._first_phase(row, found) if machine.phase == 0 else self._later_phase(row, found)
        last_session = int(facts.session[-1])
        if machine.session != last_session:
            machine._new_session(last_session)
        return found

    def _each_row(self) -> list[tuple[int, Signal]]:
        """With one phase and nothing captured each row that passes is a signal, and no row knows another."""
        machine, facts, rows = self.machine, self.facts, self.first_rows
        funnel, levels, table = machine.funnel, self.compiled.row_levels, self._table(-1)
        if self.closed_before is not None:
            funnel.closed += int(self.closed_before[-1])
        funnel.passed[0] += len(rows)
        funnel.signals += len(rows)
        ts, end, close, regime, signal = facts.ts, facts.end, facts.close, facts.regime, machine._signal
        return [(i, signal(ts[i], end[i], close[i], regime[i], levels, (table, i))) for i in rows]

    def _first_phase(self, row: int, found: list[tuple[int, Signal]]) -> int:
        """From ``row`` in the first phase to the next row that passes it; the row after is returned."""
        at = bisect_left(self.first_rows, row)
        passing = self.first_rows[at] if at < len(self.first_rows) else self.block.rows
        if self.closed_before is not None:
            last = min(passing + 1, self.block.rows)
            self.machine.funnel.closed += int(self.closed_before[last] - self.closed_before[row])
        if passing >= self.block.rows:
            return self.block.rows
        self.machine.session = int(self.facts.session[passing])
        self._pass(passing, found)
        return passing + 1

    def _later_phase(self, row: int, found: list[tuple[int, Signal]]) -> int:
        machine = self.machine
        index = machine.phase
        phase = self.compiled.phases[index]
        passing, invalid = self._phase_masks(index)
        table = self._table(index)
        captured = machine.captured
        starts, gaps, timeout, rest = self.facts.starts, self.facts.gaps, phase.timeout, phase.rest
        next_start_at = bisect_left(starts, row)
        next_start = starts[next_start_at] if next_start_at < len(starts) else self.block.rows
        count = machine.count
        while row < self.block.rows:
            if row == next_start:
                machine.count = count
                machine._new_session(int(self.facts.session[row]))
                if machine.phase == 0:
                    return row
                next_start_at += 1
                next_start = starts[next_start_at] if next_start_at < len(starts) else self.block.rows
            elif row in gaps:
                count = 0
            if invalid[row] or any(test(table, row, captured) for test in phase.invalid_rest):
                machine.funnel.invalidated += 1
                machine._restart()
                return row + 1
            if passing[row] and (rest is None or rest(table, row, captured)):
                self._pass(row, found)
                return row + 1
            count += 1
            if timeout and count >= timeout:
                machine.funnel.timed_out += 1
                machine._restart()
                return row + 1
            row += 1
        machine.count = count
        return row

    def _pass(self, row: int, found: list[tuple[int, Signal]]) -> None:
        machine, facts = self.machine, self.facts
        phase = self.compiled.phases[machine.phase]
        if phase.row_captures:
            table = self._table(machine.phase)
            for index, capture in zip(phase.variables, phase.row_captures, strict=True):
                machine.captured[index] = _one_nan(capture(table, row, machine.captured))
        last = machine.phase + 1 == len(self.compiled.phases)
        where = (self._table(-1), row) if last else ()
        signal = machine._advance(
            facts.ts[row],
            facts.end[row],
            facts.close[row],
            facts.regime[row],
            self.compiled.row_levels,
            where,
        )
        if signal is not None:
            found.append((row, signal))

    def _phase_masks(self, index: int) -> tuple[Any, Any]:
        """Bytes by row: may the phase pass, and does a path-free invalidation hold?"""
        known = self._masks.get(index)
        if known is None:
            phase = self.compiled.phases[index]
            invalid = np.zeros(self.block.rows, np.bool_)
            for function in phase.invalid_columns:
                invalid = invalid | self.block.mask(function)
            known = (self._conjunction(phase.columns).tobytes(), invalid.tobytes())
            self._masks[index] = known
        return known

    def _table(self, index: int) -> Any:
        """The slots that a phase reads row by row; -1: those of the levels, which few rows need."""
        known = self._tables.get(index)
        if known is None:
            if index < 0:
                known = self.block.pickers(self.compiled.level_slots)
            else:
                known = self.block.lists(self.compiled.phases[index].slots)
            self._tables[index] = known
        return known
