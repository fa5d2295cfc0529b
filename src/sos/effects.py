"""What execution wants done: immutable imperatives, the only things that leave the core.

Words only: no behaviour, no state, no import above `types`. A venue or an outbox takes `SubmitOrder`
with an `Approved` entry (made only by `trading.risk.check`) or a `Protection` (made only from a fill by
`trading.exits.protect`, and never larger than that fill), so an unchecked order has no type.

Prices are integer paise, quantities units, times ns UTC.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sos.types import ExitReason, InstrumentKey, Refusal, Side

__all__ = [
    "Approved",
    "CancelOrder",
    "Effect",
    "EntryKind",
    "LeaveAtOnce",
    "MoveStop",
    "Note",
    "PartialLevel",
    "Protection",
    "SubmitOrder",
]


class EntryKind(StrEnum):
    """How an entry meets the market."""

    AT_ONCE = "AT_ONCE"  # at the next open
    STOP = "STOP"  # when the market reaches the level in the direction of the trade
    LIMIT = "LIMIT"  # when the market comes back to the level


class Approved(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="Approved"):
    """An entry that passed every risk rule.

    ``level`` is the entry level (the close for an at-once entry), ``stop``/``target`` the plan's exits,
    all paise on the traded instrument. ``valid_bars``: bars of the instrument after the one that caused
    it on which it may fill. ``book`` is the index of the pattern-and-underlying slot it belongs to.
    """

    id: int
    ts: int
    book: int
    instrument: InstrumentKey
    side: Side
    kind: EntryKind
    qty: int
    level: int
    stop: int
    target: int
    tick: int
    valid_bars: int


class PartialLevel(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="PartialLevel"):
    """Leave ``qty`` units at ``level`` paise, as a limit."""

    level: int
    qty: int


class Protection(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="Protection"):
    """Stop, target and partial exits of one filled entry: one cancels the other, quantity ``qty`` in all.

    ``side`` is the side of the exit, opposite to the entry's.
    """

    id: int
    book: int
    instrument: InstrumentKey
    side: Side
    qty: int
    stop: int
    target: int
    tick: int
    partials: tuple[PartialLevel, ...]


class Effect(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Base of everything the core asks for."""


class SubmitOrder(Effect, frozen=True, gc=False, array_like=True, tag="SubmitOrder"):
    order: Approved | Protection


class CancelOrder(Effect, frozen=True, gc=False, array_like=True, tag="CancelOrder"):
    """Withdraw a waiting entry; the venue answers with `OrderWithdrawn`."""

    order_id: int
    reason: Refusal


class MoveStop(Effect, frozen=True, gc=False, array_like=True, tag="MoveStop"):
    """Replace the stop of a protection. ``reason`` is what an exit there will be called."""

    order_id: int
    stop: int
    reason: ExitReason


class LeaveAtOnce(Effect, frozen=True, gc=False, array_like=True, tag="LeaveAtOnce"):
    """Give up the levels of a protection: everything left goes at the next price."""

    order_id: int
    reason: ExitReason


class Note(Effect, frozen=True, gc=False, array_like=True, tag="Note"):
    """Something worth keeping that changes nothing: here, a signal that was refused, and why."""

    ts: int
    book: int
    reason: Refusal
