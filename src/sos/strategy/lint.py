"""Warnings about a pattern that loads: what has no effect, and what can never happen.

Pure. `dead_reasons` is also the import's answer to "could this ever have fired?".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from sos.expr.tree import Local, Node, Num, Var
from sos.expr.walk import walk
from sos.strategy.fields import clock_text
from sos.strategy.model import StrategyModel
from sos.strategy.pattern import Pattern, Phase
from sos.strategy.prove import CLOSES, OPENS, Prover, regime_codes, special_sessions_only
from sos.types import REGIMES, Right, Side

__all__ = ["contradicts_side", "dead_reasons", "lint"]

_PARAM: Final = re.compile(r"\bparams\s*\.\s*(\w+)", re.ASCII)


def lint(pattern: Pattern, model: StrategyModel) -> tuple[str, ...]:
    """All warnings of one file, ``place: message``, in file order."""
    prover = Prover()
    return (
        *_phase_warnings(pattern, prover),
        *dead_reasons(pattern, prover),
        *_special_sessions(pattern),
        *_unused(pattern, model),
        *_execution_warnings(pattern),
    )


def dead_reasons(pattern: Pattern, prover: Prover | None = None) -> list[str]:
    """Why the pattern can never give a position, as far as it can be proved; empty if it cannot."""
    prover = prover or Prover()
    found: list[str] = []
    if not any(rule.allow_entry for rule in pattern.rules):
        found.append("regime_config: every regime forbids entries")
    for phase in pattern.phases:
        found += [f"phase {phase.id}: {reason}" for reason in _dead_conditions(phase, prover)]
    found += _vetoed(pattern)
    found += _impossible_levels(pattern, prover)
    return found


def _dead_conditions(phase: Phase, prover: Prover) -> Iterator[str]:
    single = False
    for index, condition in enumerate(phase.conditions):
        why = prover.never_true(condition.tree)
        if why:
            single = True
            yield f"conditions[{index}]: '{condition.text}' is never true: {why}"
    why = None if single else prover.contradiction([(c.text, c.tree) for c in phase.conditions])
    if why:
        yield f"its conditions can never hold together: {why}"


def _vetoed(pattern: Pattern) -> Iterator[str]:
    """The first phase, or the last when the regime is checked again, asks for regimes that forbid entries."""
    allowed = {code for code, rule in enumerate(pattern.rules) if rule.allow_entry}
    if not allowed:
        return
    checked = {pattern.phases[0].id: pattern.phases[0]}
    if pattern.recheck:
        checked[pattern.phases[-1].id] = pattern.phases[-1]
    for phase in checked.values():
        codes = regime_codes([condition.tree for condition in phase.conditions])
        if not codes & allowed:
            named = ", ".join(REGIMES[code] for code in sorted(codes)) or "no regime"
            yield f"phase {phase.id}: needs {named}, where regime_config forbids entries"


def _impossible_levels(pattern: Pattern, prover: Prover) -> Iterator[str]:
    entry, stop, target = (
        pattern.entry,
        _with_entry(pattern.stop, pattern),
        _with_entry(pattern.target, pattern),
    )
    at_most, buy = prover.at_most, pattern.side is Side.BUY
    if at_most(entry, stop) if buy else at_most(stop, entry):
        yield f"execution: sl is never {'below' if buy else 'above'} the entry of a {pattern.side}"
    if at_most(target, entry) if buy else at_most(entry, target):
        yield f"execution: tp is never {'above' if buy else 'below'} the entry of a {pattern.side}"


def _with_entry(level: Num, pattern: Pattern) -> Num:
    return pattern.entry if level == Local("entry") else level


def _special_sessions(pattern: Pattern) -> Iterator[str]:
    """Phases that no regular session reaches; Muhurat and other special sessions may."""
    hint = f"outside the regular session {clock_text(OPENS)}–{clock_text(CLOSES)}; only special sessions"
    for phase in pattern.phases:
        alone = [special_sessions_only([condition.tree]) for condition in phase.conditions]
        for index, condition in enumerate(phase.conditions):
            if alone[index]:
                yield f"phase {phase.id}: conditions[{index}]: '{condition.text}' is {hint}"
        if not any(alone) and special_sessions_only([condition.tree for condition in phase.conditions]):
            yield f"phase {phase.id}: its time windows are {hint}"


def _phase_warnings(pattern: Pattern, prover: Prover) -> Iterator[str]:
    for index, phase in enumerate(pattern.phases):
        where = f"phase {phase.id}"
        if not phase.conditions:
            yield f"{where}: no conditions: it passes on every bar"
        for number, condition in enumerate(phase.conditions):
            if prover.always_true(condition.tree):
                yield f"{where}: conditions[{number}]: '{condition.text}' is always true"
        if index == 0 and phase.timeout:
            yield f"{where}: timeout has no effect on the first phase, there is nothing to give up"
        if index == 0 and phase.invalidate:
            yield f"{where}: invalidate has no effect on the first phase"
        for number, condition in enumerate(phase.invalidate):
            if prover.always_true(condition.tree):
                yield f"{where}: invalidate[{number}]: '{condition.text}' is always true: nothing passes"


def _unused(pattern: Pattern, model: StrategyModel) -> Iterator[str]:
    used = {node.name for tree in _trees(pattern) for node in walk(tree) if isinstance(node, Var)}
    for phase in pattern.phases:
        for capture in phase.captures:
            if capture.name not in used:
                yield f"phase {phase.id}: capture.{capture.name} is never used"
    named = {name for text in _texts(pattern) for name in _PARAM.findall(text)}
    for name in model.params:
        if name not in named:
            yield f"params: {name} is never used"


def _trees(pattern: Pattern) -> Iterator[Node]:
    yield from (pattern.entry, pattern.stop, pattern.target)
    for phase in pattern.phases:
        yield from (condition.tree for condition in (*phase.conditions, *phase.invalidate))
        yield from (capture.tree for capture in phase.captures)


def _texts(pattern: Pattern) -> Iterable[str]:
    yield from pattern.texts.values()
    for phase in pattern.phases:
        yield from (condition.text for condition in (*phase.conditions, *phase.invalidate))
        yield from (capture.text for capture in phase.captures)


def _execution_warnings(pattern: Pattern) -> Iterator[str]:
    right = pattern.selection.right if pattern.selection else None
    if contradicts_side(pattern.side, right):
        bought = "call" if pattern.side is Side.BUY else "put"
        yield f"execution: option_selection: a {pattern.side} signal buys a {bought}; _{right} is ignored"
    exits = pattern.exits
    if exits.square_off is not None and exits.last_entry is not None and exits.last_entry > exits.square_off:
        yield "execution: last_entry is after square_off"


def contradicts_side(side: Side, right: Right | None) -> bool:
    """Does the suffix of a selection name the contract that this side never buys?"""
    return right is not None and (right is Right.CALL) != (side is Side.BUY)
