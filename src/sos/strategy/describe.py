"""A pattern in plain words, for `sos strategy explain` and `sos strategy list`.

Pure: a checked pattern in, lines or plain values out. Expressions are shown as written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sos.strategy.fields import clock_text, interval_text, selection_text
from sos.strategy.pattern import NO_TRAIL, ExitRules, Pattern, Phase, RegimeRule, Trail
from sos.types import REGIMES, Side

__all__ = ["Summary", "describe", "summary"]

_NEEDS: Final = {
    "volume": "volume (an index has none: take it from the future, see volume_from)",
    "oi": "open interest",
    "days_to_expiry": "expiry dates of the underlying",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of `sos strategy list`."""

    pattern_id: str
    side: str
    interval: str
    phases: tuple[str, ...]
    needs: tuple[str, ...]
    warmup: int
    option_selection: str
    description: str
    warnings: tuple[str, ...]
    source: str
    digest: str


def summary(pattern: Pattern) -> Summary:
    """The facts of a pattern that fit a table."""
    return Summary(
        pattern_id=pattern.id,
        side=str(pattern.side),
        interval=interval_text(pattern.interval),
        phases=tuple(phase.id for phase in pattern.phases),
        needs=tuple(sorted(pattern.needs)),
        warmup=pattern.warmup,
        option_selection=selection_text(pattern.selection),
        description=pattern.description,
        warnings=pattern.warnings,
        source=pattern.source,
        digest=pattern.digest,
    )


def describe(pattern: Pattern) -> list[str]:
    """The whole pattern as lines of text, sections separated by an empty line."""
    sections = [
        list(_head(pattern)),
        *(list(_phase(pattern, index)) for index in range(len(pattern.phases))),
        list(_trade(pattern)),
        list(_exits(pattern.exits)),
        list(_regimes(pattern)),
        [f"Warning: {warning}" for warning in pattern.warnings],
    ]
    lines: list[str] = []
    for section in filter(None, sections):
        lines += ["", *section] if lines else section
    return lines


def _head(pattern: Pattern) -> Iterator[str]:
    yield f"{pattern.id}: {pattern.description or 'no description'}"
    yield f"Looks at bars of {interval_text(pattern.interval)}; every value is ready after {pattern.warmup}."
    needs = ", ".join(_NEEDS.get(need, need) for need in sorted(pattern.needs))
    yield f"Inputs beside prices: {needs or 'none'}."
    if pattern.params:
        yield (
            "Parameters: " + ", ".join(f"{name} = {value:g}" for name, value in pattern.params.items()) + "."
        )
    yield f"At a session's end a half-finished pattern {'goes on' if pattern.carry else 'starts again'}."


def _phase(pattern: Pattern, index: int) -> Iterator[str]:
    phase = pattern.phases[index]
    last = index + 1 == len(pattern.phases)
    yield f"Phase {index + 1}, {phase.id}: {_opening(phase, index)}"
    yield from (f"    {condition.text}" for condition in phase.conditions)
    if phase.captures:
        yield "  keeps:"
        yield from (f"    vars.{capture.name} = {capture.text}" for capture in phase.captures)
    if index:
        yield from _ways_out(phase)
    yield "  then: the signal." if last else f"  then: {pattern.phases[index + 1].id}, from the next bar on."


def _opening(phase: Phase, index: int) -> str:
    when = "waits for one bar" if index == 0 else "waits, from the bar after, for one"
    if not phase.conditions:
        return "passes on the first bar it sees (no conditions)"
    return f"{when} on which {'this holds' if len(phase.conditions) == 1 else 'all of these hold'}"


def _ways_out(phase: Phase) -> Iterator[str]:
    if phase.invalidate:
        yield "  starts again as soon as:"
        yield from (f"    {condition.text}" for condition in phase.invalidate)
    if phase.timeout:
        yield f"  starts again after {phase.timeout} bar{'s' if phase.timeout > 1 else ''} without success."


def _trade(pattern: Pattern) -> Iterator[str]:
    bought = "call" if pattern.side is Side.BUY else "put"
    selection = pattern.selection
    traded = (
        "the underlying itself"
        if selection is not None and selection.none
        else f"a {bought}, {selection_text(selection)}"
    )
    yield f"Trade: {pattern.side}, {traded}"
    yield from (f"    {name:<5} = {text}" for name, text in pattern.texts.items())
    if not pattern.recheck:
        yield "  the regime is not checked again at the trigger."


def _exits(exits: ExitRules) -> Iterator[str]:
    found = {
        "entry valid for": exits.entry_valid_bars and f"{exits.entry_valid_bars} bars",
        "breakeven": _off(exits.breakeven_at, f"at {exits.breakeven_at or 0:.0%} of the way to the target"),
        "time stop": _off(exits.time_stop_minutes, f"{exits.time_stop_minutes} minutes after the fill"),
        "square-off": exits.square_off and clock_text(exits.square_off),
        "last entry before": exits.last_entry and clock_text(exits.last_entry),
        "trailing stop": "off" if exits.trail == NO_TRAIL else exits.trail and _trail(exits.trail),
        "partial exits": _partials(exits),
        "stop and target on": exits.exit_basis,
        "exit price": exits.exit_price,
        "size": _size(exits),
    }
    given = [f"    {name}: {text}" for name, text in found.items() if text]
    if given:
        yield "Settings of this file (others come from the configuration):"
        yield from given


def _off(value: float | None, text: str) -> str | None:
    if value is None:
        return None
    return text if value else "off"


def _size(exits: ExitRules) -> str | None:
    if exits.fixed_lots is not None:
        return f"{exits.fixed_lots} lots"
    return None if exits.quantity is None else f"{exits.quantity} units"


def _trail(trail: Trail) -> str:
    how = {
        "step": f"{trail.distance:g} points behind the best price, in steps of {trail.step:g}",
        "atr": f"{trail.distance:g} x atr({trail.length}) behind the best price",
        "structure": f"behind the last pivot of {trail.length} bars each side",
    }[trail.by]
    return f"{how}, from {trail.start_r:g} R on" if trail.start_r else how


def _partials(exits: ExitRules) -> str | None:
    if exits.partials is None:
        return None
    return ", ".join(f"{part.fraction:.0%} at {part.at_r:g} R" for part in exits.partials) or "none"


def _regimes(pattern: Pattern) -> Iterator[str]:
    if not pattern.regimes:
        yield "Regimes: all allowed, size x 1, tp_mult 1."
        return
    yield "Regimes:"
    width = max(len(regime) for regime in REGIMES)
    for regime in REGIMES:
        if regime in pattern.regimes:
            yield f"    {regime:<{width}}  {_rule(pattern.regimes[regime])}"
    if len(pattern.regimes) < len(REGIMES):
        yield f"    {'others':<{width}}  {_rule(RegimeRule())}"


def _rule(rule: RegimeRule) -> str:
    if not rule.allow_entry:
        return "no entries"
    return f"size x {rule.quantity_mod:g}, tp_mult {rule.tp_mult:g}"
