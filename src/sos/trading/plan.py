"""From a signal to a plan: levels on the tick grid, and how the entry meets the market.

Pure. Levels arrive as float rupees and leave as integer paise in *signed* form: multiplied by +1 for a
long and -1 for a short, so that "up" is always in favour and one set of rules serves both sides.
A value within 1e-6 of a tick counts as on it, so binary floats never push a level to the next tick.
Source: docs/semantics.md, "Levels".
"""

from __future__ import annotations

from math import ceil, floor, isfinite
from typing import Final

import msgspec

from sos.effects import EntryKind
from sos.events import Signal
from sos.trading.spec import SessionFacts
from sos.types import Refusal, Side

__all__ = ["NO_PRICE", "REFUSED", "Plan", "Refused", "make_plan"]

_EPS: Final = 1e-6
_HALF: Final = 0.5 + _EPS
NO_PRICE: Final = 1e9  # rupees; beyond this a level is a mistake, not a price


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A signal that stops here, with its reason."""

    reason: Refusal


REFUSED: Final = {reason: Refused(reason) for reason in Refusal}
_NOT_READY: Final = REFUSED[Refusal.NOT_READY]
_BUY: Final = Side.BUY
_AT_ONCE: Final = EntryKind.AT_ONCE
_STOP: Final = EntryKind.STOP
_LIMIT: Final = EntryKind.LIMIT
_BAD_LEVELS: Final = REFUSED[Refusal.BAD_LEVELS]


class Plan(msgspec.Struct, frozen=True, gc=False):
    """A trade that makes sense: ``stop < entry < target`` in signed paise, all on the tick grid."""

    sign: int
    kind: EntryKind
    entry: int
    stop: int
    target: int
    tick: int


def make_plan(signal: Signal, facts: SessionFacts) -> Plan | Refused:
    """Round the levels, name the entry's kind, refuse what is not ready or not a trade."""
    entry_rupees, stop_rupees, target_rupees, close = signal.entry, signal.stop, signal.target, signal.close
    if not (
        0.0 < entry_rupees < NO_PRICE and 0.0 < stop_rupees < NO_PRICE and 0.0 < target_rupees < NO_PRICE
    ):
        return _BAD_LEVELS if isfinite(entry_rupees + stop_rupees + target_rupees) else _NOT_READY
    if not abs(close) < NO_PRICE:
        return _NOT_READY
    sign = 1 if signal.side is _BUY else -1
    tick = facts.tick(close)
    scale = 100.0 / tick
    entry = sign * floor(entry_rupees * scale + _HALF) * tick
    stop = floor(sign * stop_rupees * scale + _EPS) * tick
    target = ceil(sign * target_rupees * scale - _EPS) * tick
    if not stop < entry < target or sign * (stop if sign > 0 else target) <= 0:
        return _BAD_LEVELS
    here = sign * floor(close * scale + _HALF) * tick
    kind = _AT_ONCE if entry == here else _STOP if entry > here else _LIMIT
    return Plan(sign, kind, entry, stop, target, tick)
