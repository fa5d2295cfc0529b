"""The execution core: events in, effects out; pure, synchronous, the same for replay, paper and live.

It decides, it never fills: a venue or a broker answers with `OrderFilled` and `OrderWithdrawn`. One
`Slot` per pattern and underlying holds at most one waiting entry or one position. Time is the event's.
The per-slot methods are what the desk calls on its hot path; `step` is the same by event type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import Final

from sos.effects import Approved, CancelOrder, Effect, LeaveAtOnce, MoveStop, Note, SubmitOrder
from sos.errors import InvariantBroken
from sos.events import Bar, Event, OrderFilled, OrderWithdrawn, SessionEnded, Signal, TimePassed
from sos.trading.exits import leave_reason, moved_stop, open_position, protect
from sos.trading.orders import (
    CLOSED,
    ENTERED,
    FREE,
    REDUCED,
    SUBMITTED,
    TOLD_TO_LEAVE,
    WAITING,
    WITHDRAWN,
    WORKING,
    advance,
)
from sos.trading.plan import Refused, make_plan
from sos.trading.positions import ExitLeg, Position, Trade, close_trade
from sos.trading.risk import UNITS_PER_PAISA, Book, Limits, check, margin
from sos.trading.settings import ExitPlan
from sos.trading.size import Sizer
from sos.trading.spec import Instrument, SessionFacts, paise
from sos.trading.trails import TrailSeries
from sos.types import ExitReason, InstrumentKey, Refusal

__all__ = ["ExecutionCore", "Slot"]

_NONE: Final[tuple[Effect, ...]] = ()
_BUSY: Final = Refusal.BUSY
_LAST_ENTRY: Final = Refusal.LAST_ENTRY
_SQUARE_OFF: Final = ExitReason.SQUARE_OFF


class Slot:
    """One pattern on one underlying: its rules, and the order or position it has now.

    ``sign`` is +1/-1 of the current trade, ``session`` the session it was decided in. Order ids of slot k
    of n are k + 1, k + 1 + n, ..., so they do not depend on what other slots do. ``trail``: what its
    trailing stop follows (ATR or pivot), which the desk keeps up with the bars.
    """

    __slots__ = (
        "_facts",
        "index",
        "instrument",
        "last_entry_ns",
        "margin",
        "next_id",
        "order",
        "order_day",
        "order_id",
        "pattern_id",
        "plan",
        "position",
        "session",
        "sign",
        "signal",
        "sizer",
        "square_off_ns",
        "state",
        "trail",
    )

    def __init__(
        self, index: int, pattern_id: str, plan: ExitPlan, sizer: Sizer, instrument: Instrument
    ) -> None:
        self.index = index
        self.pattern_id = pattern_id
        self.plan = plan
        self.sizer = sizer
        self.instrument = instrument
        self.state = FREE
        self.order_id = 0
        self.next_id = index + 1
        self.session = -1
        self.order: Approved | None = None
        self.order_day = 0
        self.signal: Signal | None = None
        self.position: Position | None = None
        self.sign = 1
        self.margin = 0
        self.trail: TrailSeries | None = None
        self._facts: SessionFacts | None = None
        self.square_off_ns = 0
        self.last_entry_ns = 0

    def facts(self) -> SessionFacts:
        """The current session of its instrument; times of day are recomputed when it changes."""
        facts = self.instrument.facts
        if facts is None:
            raise InvariantBroken(f"{self.pattern_id}: no bar of {self.instrument.spec.symbol} came yet")
        if facts is not self._facts:
            self._facts = facts
            self.square_off_ns = facts.square_off_ns(self.plan.square_off)
            self.last_entry_ns = facts.last_entry_ns(self.plan.last_entry)
        return facts


class ExecutionCore:
    """Signals, fills and the passing of bars become effects. ``trades`` grows as positions end."""

    def __init__(self, slots: Sequence[Slot], limits: Limits) -> None:
        self.slots = tuple(slots)
        self.limits = limits
        self.book = Book()
        self.trades: list[Trade] = []
        self._count = len(self.slots)
        self._by_pattern: dict[tuple[InstrumentKey, str], Slot] = {
            (slot.instrument.spec.key, slot.pattern_id): slot for slot in slots
        }

    def step(self, event: Event | Signal) -> Sequence[Effect]:
        """One event of any kind. Events of instruments without slots ask for nothing.

        Raises:
            InvariantBroken: an order event that fits no order, or a signal without a slot.
        """
        match event:
            case Signal():
                slot = self._by_pattern.get((event.underlying, event.pattern_id))
                if slot is None:
                    raise InvariantBroken(f"signal of unknown {event.pattern_id} on {event.underlying}")
                return self.on_signal(slot, event)
            case OrderFilled():
                return self.on_filled(event)
            case OrderWithdrawn():
                return self.on_withdrawn(event)
            case Bar():
                return self._each(event.key, lambda slot: self._on_bar(slot, event))
            case TimePassed():
                return self._each(event.key, lambda slot: self.on_time(slot, event.ts))
            case SessionEnded():
                reason = ExitReason.END_OF_DATA if event.at_data_end else ExitReason.SQUARE_OFF
                return self._each(event.key, lambda slot: self.on_session_end(slot, reason))
            case _:
                raise InvariantBroken(f"execution knows no {type(event).__name__}")

    def on_signal(self, slot: Slot, signal: Signal) -> Sequence[Effect]:
        """Plan, size and risk the signal: one `SubmitOrder`, or a `Note` with the refusal."""
        if slot.state:
            return (Note(signal.ts, slot.index, _BUSY),)
        facts = slot.facts()
        if signal.end >= slot.last_entry_ns:
            return (Note(signal.ts, slot.index, _LAST_ENTRY),)
        plan = make_plan(signal, facts)
        if isinstance(plan, Refused):
            return (Note(signal.ts, slot.index, plan.reason),)
        book = self.book
        book.roll(facts.day_no)
        order_id = slot.next_id
        verdict = check(
            signal,
            plan,
            slot.sizer,
            slot.instrument,
            facts,
            self.limits,
            book,
            order_id=order_id,
            slot=slot.index,
            valid_bars=slot.plan.entry_valid_bars,
        )
        if isinstance(verdict, Refused):
            return (Note(signal.ts, slot.index, verdict.reason),)
        slot.next_id = order_id + self._count
        slot.session = slot.instrument.session
        slot.state = advance(slot.state, SUBMITTED)
        slot.signal, slot.order, slot.order_id, slot.sign = signal, verdict, order_id, plan.sign
        slot.order_day = book.day
        book.entries += 1
        book.exposed += 1
        if self.limits.max_margin:
            slot.margin = margin(verdict.qty, verdict.level, slot.instrument, self.limits)
            book.margin += slot.margin
        return (SubmitOrder(verdict),)

    def on_filled(self, fill: OrderFilled) -> Sequence[Effect]:
        """A fill of an entry asks for its protection; a fill of an exit books the result."""
        slot = self._of(fill.order_id)
        if slot.state is WAITING:
            return self._entered(slot, fill)
        self._left(slot, fill)
        return _NONE

    def on_withdrawn(self, event: OrderWithdrawn) -> Sequence[Effect]:
        """The entry is gone: the slot is free, and the signal counts as refused."""
        slot = self._of(event.order_id)
        signal = slot.signal
        if signal is None:
            raise InvariantBroken(f"order {event.order_id} has no signal")
        slot.state = advance(slot.state, WITHDRAWN)
        self.book.withdrawn(slot.order_day)
        self._release(slot)
        return (Note(signal.ts, slot.index, event.reason),)

    def on_time(self, slot: Slot, ts: int) -> Sequence[Effect]:
        """Rules of the clock, at the open of the bar that starts at ``ts``."""
        if slot.state is FREE:
            return _NONE
        slot.facts()
        if slot.state is WAITING:
            return (CancelOrder(slot.order_id, _LAST_ENTRY),) if ts >= slot.last_entry_ns else _NONE
        if ts >= slot.square_off_ns and slot.state is WORKING:
            return self._leave(slot, _SQUARE_OFF)
        return _NONE

    def on_bar_end(self, slot: Slot, end: int, high: int, close: int) -> Sequence[Effect]:
        """Manage a position at a bar's end; ``high``/``close`` in the position's signed paise."""
        pos = slot.position
        if pos is None or slot.state is not WORKING:
            return _NONE
        seen = close if pos.fresh else high
        reason = leave_reason(pos, end, close)
        if reason is not None:
            return self._leave(slot, reason)
        if pos.breakeven is None and slot.plan.trail is None:
            return _NONE
        move = moved_stop(pos, slot.plan.trail, self._trail_paise(slot), seen, close)
        if move is None:
            return _NONE
        pos.stop = move[0]
        return (MoveStop(slot.order_id, slot.sign * move[0], move[1]),)

    def on_session_end(self, slot: Slot, reason: ExitReason) -> Sequence[Effect]:
        """No more bars in this session: withdraw what waits, leave what is held."""
        if slot.state is FREE:
            return _NONE
        if slot.state is WAITING:
            return (CancelOrder(slot.order_id, Refusal.SESSION_END),)
        return self._leave(slot, reason)

    def _of(self, order_id: int) -> Slot:
        slot = self.slots[(order_id - 1) % self._count]
        if slot.order_id != order_id:
            raise InvariantBroken(f"order {order_id} is not with the venue")
        return slot

    def _entered(self, slot: Slot, fill: OrderFilled) -> Sequence[Effect]:
        order, signal = slot.order, slot.signal
        if order is None or signal is None or fill.qty != order.qty or fill.left:
            raise InvariantBroken(f"order {fill.order_id}: filled {fill.qty} in part or beyond its size")
        facts = slot.facts()
        charges = facts.schedule.fill(fill.side, fill.price, fill.qty)
        pos, partials = open_position(signal, order, fill, slot.plan, charges, facts.lot)
        slot.state = advance(slot.state, ENTERED)
        slot.position = pos
        slot.order_id = protection_id = slot.next_id
        slot.next_id = protection_id + self._count
        return (SubmitOrder(protect(protection_id, order, fill, partials)),)

    def _left(self, slot: Slot, fill: OrderFilled) -> None:
        pos = slot.position
        if pos is None or fill.reason is None or fill.qty > pos.left or fill.left != pos.left - fill.qty:
            raise InvariantBroken(f"order {fill.order_id}: exit of {fill.qty} does not fit the position")
        facts = slot.facts()
        pos.gross += (slot.sign * fill.price - pos.entry) * fill.qty
        pos.charges = pos.charges + facts.schedule.fill(fill.side, fill.price, fill.qty)
        pos.left = fill.left
        if pos.left or pos.legs:
            pos.legs = (*pos.legs, ExitLeg(fill.ts, fill.price, fill.qty, fill.reason))
        if pos.left:
            pos.partials = pos.partials[1:]
            slot.state = advance(slot.state, REDUCED)
            return
        slot.state = advance(slot.state, CLOSED)
        self.trades.append(close_trade(slot.index, slot.instrument.spec.key, pos, fill))
        if self.limits.any:
            self.book.closed(facts.day_no, pos.gross * UNITS_PER_PAISA - pos.charges.total)
        slot.position = None
        self._release(slot)

    def _release(self, slot: Slot) -> None:
        self.book.exposed -= 1
        self.book.margin -= slot.margin
        slot.margin = 0
        slot.order = slot.signal = None
        slot.order_id = 0

    def _leave(self, slot: Slot, reason: ExitReason) -> Sequence[Effect]:
        slot.state = advance(slot.state, TOLD_TO_LEAVE)
        return (LeaveAtOnce(slot.order_id, reason),)

    def _trail_paise(self, slot: Slot) -> float:
        trail = slot.plan.trail
        if trail is None or slot.trail is None:
            return nan
        value = slot.trail.value * 100.0
        return slot.sign * value if trail.by == "structure" else value

    def _on_bar(self, slot: Slot, bar: Bar) -> Sequence[Effect]:
        high = paise(bar.high) if slot.sign > 0 else -paise(bar.low)
        return self.on_bar_end(slot, bar.end, high, slot.sign * paise(bar.close))

    def _each(self, key: InstrumentKey, handle: Callable[[Slot], Sequence[Effect]]) -> Sequence[Effect]:
        slots = [slot for slot in self.slots if slot.instrument.spec.key == key]
        return [effect for slot in slots for effect in handle(slot)]
