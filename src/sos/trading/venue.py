"""The paper venue on bars: it fills, withdraws and nothing else.

Prices inside are signed paise (times the side of the *position*, so up is in its favour); events carry
real prices. Per bar the desk calls, for each working order: `open_phase`, then `inside_phase` for the
order that is working then. Rules, worse when in doubt (docs/semantics.md):

open phase, at the bar's first price ``o``
- told to leave: all goes at o - slippage;
- o at or beyond the stop: all goes at o - slippage (the gap is ours);
- o at or beyond the target: all goes at o (a limit is never worse than its level);
- o at or beyond a partial's level: that part goes at o;
- entry at once: fills at o + slippage; stop entry with o at or beyond its level: o + slippage; limit
  entry with o at or better than its level: o. An entry that would fill at an open at or beyond its stop
  or target is withdrawn (GAPPED) instead.

inside phase, knowing only high and low
- stop first: low <= stop, all goes at stop - slippage, even if the target was touched too;
- then partials and target in order: high >= level + one tick (``fill_on_touch``: >= level), at the level;
- stop entry: high >= level, at level + slippage; limit entry: low <= level - one tick (or touch), at it.

An entry counts the bars on which it was offered; after ``valid_bars`` of them it is withdrawn (EXPIRED).
Fills are whole or by partial level, never larger than the order, and not clamped to the bar's range.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from sos.effects import (
    Approved,
    CancelOrder,
    Effect,
    EntryKind,
    LeaveAtOnce,
    MoveStop,
    Protection,
    SubmitOrder,
)
from sos.errors import InvariantBroken
from sos.events import OrderFilled, OrderWithdrawn
from sos.types import ExitReason, Refusal, Side

__all__ = ["NoSlippage", "PaperVenue", "Report", "Slippage", "TickSlippage", "Working"]

Report = OrderFilled | OrderWithdrawn
_NONE: Final[tuple[Report, ...]] = ()
# Members read on every bar; an enum's own lookup is slow.
_BUY: Final = Side.BUY
_STOP_ENTRY: Final = EntryKind.STOP
_LIMIT_ENTRY: Final = EntryKind.LIMIT
_STOP: Final = ExitReason.STOP
_TARGET: Final = ExitReason.TARGET


class Slippage(Protocol):
    """Paise lost per unit on an at-once or stop fill."""

    def paise(self, tick: int, price: int, ts: int, /) -> int: ...


class TickSlippage:
    """A fixed number of ticks."""

    __slots__ = ("_ticks",)

    def __init__(self, ticks: int) -> None:
        self._ticks = ticks

    def paise(self, tick: int, price: int, ts: int, /) -> int:
        return self._ticks * tick


class NoSlippage:
    """Every fill at its price."""

    __slots__ = ()

    def paise(self, tick: int, price: int, ts: int, /) -> int:
        return 0


class Working(msgspec.Struct, gc=False):
    """The venue's copy of an order, signed. ``kind`` None: a protection. ``through``: paise beyond a
    limit that the market must trade. ``bars_left``: bars an entry is still offered on."""

    id: int
    sign: int
    side: Side
    kind: EntryKind | None
    qty: int
    level: int
    stop: int
    target: int
    tick: int
    through: int
    bars_left: int
    partials: tuple[tuple[int, int], ...]
    stop_reason: ExitReason
    leave: ExitReason | None


class PaperVenue:
    """Working orders by id. `apply` takes effects; the phases give back what happened."""

    def __init__(self, slippage: Slippage, *, fill_on_touch: bool = False) -> None:
        self.slippage = slippage
        self._touch = fill_on_touch
        self.working: dict[int, Working] = {}

    def through(self, tick: int) -> int:
        """Paise beyond its level that the market must trade before a limit fills."""
        return 0 if self._touch else tick

    def apply(self, effect: Effect) -> None:
        """Carry out an effect other than a cancel.

        Raises:
            InvariantBroken: it names no working order, or is none of the venue's effects.
        """
        if isinstance(effect, SubmitOrder):
            self._submit(effect.order)
        elif isinstance(effect, MoveStop):
            working = self._of(effect.order_id)
            working.stop = working.sign * effect.stop
            working.stop_reason = effect.reason
        elif isinstance(effect, LeaveAtOnce):
            self._of(effect.order_id).leave = effect.reason
        else:
            raise InvariantBroken(f"the venue cannot apply {type(effect).__name__}")

    def cancel(self, effect: CancelOrder, ts: int) -> OrderWithdrawn:
        """Take a waiting entry back."""
        return self._withdraw(self._of(effect.order_id), ts, effect.reason)

    def open_phase(self, w: Working, ts: int, o: int) -> tuple[Report, ...]:
        """The order meets the first price of the bar that opens at ``ts``; ``o`` signed paise."""
        kind = w.kind
        if kind is None:
            if w.leave is not None:
                return (self._all(w, ts, o - self.slippage.paise(w.tick, o, ts), w.leave, True),)
            if o <= w.stop:
                return (self._all(w, ts, o - self.slippage.paise(w.tick, o, ts), w.stop_reason, True),)
            if o >= w.target:
                return (self._all(w, ts, o, _TARGET, True),)
            return self._partial_fills(w, ts, o, o, True) if w.partials else _NONE
        if kind is _STOP_ENTRY:
            if o < w.level:
                return _NONE
        elif kind is _LIMIT_ENTRY and o > w.level:
            return _NONE
        if o <= w.stop or o >= w.target:
            return (self._withdraw(w, ts, Refusal.GAPPED),)
        slip = 0 if kind is _LIMIT_ENTRY else self.slippage.paise(w.tick, o, ts)
        return (self._all(w, ts, o + slip, None, True),)

    def inside_phase(self, w: Working, ts: int, h: int, low: int) -> tuple[Report, ...]:
        """The order meets the rest of the bar; ``h`` and ``low`` signed, ``low <= h``."""
        kind = w.kind
        if kind is None:
            if low <= w.stop:
                price = w.stop - self.slippage.paise(w.tick, w.stop, ts)
                return (self._all(w, ts, price, w.stop_reason, False),)
            reports = self._partial_fills(w, ts, h - w.through, None, False) if w.partials else _NONE
            if w.qty and h >= w.target + w.through:
                return (*reports, self._all(w, ts, w.target, _TARGET, False))
            return reports
        if kind is _STOP_ENTRY:
            if h >= w.level:
                price = w.level + self.slippage.paise(w.tick, w.level, ts)
                return (self._all(w, ts, price, None, False),)
        elif low <= w.level - w.through:
            return (self._all(w, ts, w.level, None, False),)
        w.bars_left -= 1
        return _NONE if w.bars_left > 0 else (self._withdraw(w, ts, Refusal.EXPIRED),)

    def close_phase(self, w: Working, ts: int, c: int) -> tuple[Report, ...]:
        """The session is over: what was told to leave goes at its last price ``c`` (signed)."""
        if w.leave is None:
            raise InvariantBroken(f"order {w.id} outlives its session")
        return (self._all(w, ts, c - self.slippage.paise(w.tick, c, ts), w.leave, False),)

    def _of(self, order_id: int) -> Working:
        working = self.working.get(order_id)
        if working is None:
            raise InvariantBroken(f"no working order {order_id}")
        return working

    def _submit(self, order: Approved | Protection) -> None:
        if isinstance(order, Approved):
            sign = 1 if order.side is _BUY else -1
            kind: EntryKind | None = order.kind
            level, bars_left = sign * order.level, order.valid_bars
            partials: tuple[tuple[int, int], ...] = ()
        elif isinstance(order, Protection):
            sign = 1 if order.side is not _BUY else -1
            kind, level, bars_left = None, 0, 0
            partials = tuple((sign * p.level, p.qty) for p in order.partials) if order.partials else ()
        else:
            raise InvariantBroken(f"the venue takes approved orders, not {type(order).__name__}")
        tick = order.tick
        self.working[order.id] = Working(
            order.id,
            sign,
            order.side,
            kind,
            order.qty,
            level,
            sign * order.stop,
            sign * order.target,
            tick,
            self.through(tick),
            bars_left,
            partials,
            _STOP,
            None,
        )

    def _all(self, w: Working, ts: int, price: int, reason: ExitReason | None, at_open: bool) -> OrderFilled:
        del self.working[w.id]
        qty, w.qty = w.qty, 0
        return OrderFilled(ts, w.id, w.side, qty, w.sign * price, 0, reason, at_open)

    def _partial_fills(
        self, w: Working, ts: int, reached: int, price: int | None, at_open: bool
    ) -> tuple[Report, ...]:
        """Fill the partials whose level is at or below ``reached``, at ``price`` or at their level."""
        reports: list[Report] = []
        while w.partials and w.partials[0][0] <= reached:
            level, qty = w.partials[0]
            w.partials = w.partials[1:]
            w.qty -= qty
            if not w.qty:
                del self.working[w.id]
            done = w.sign * (level if price is None else price)
            reports.append(OrderFilled(ts, w.id, w.side, qty, done, w.qty, _TARGET, at_open))
        return tuple(reports)

    def _withdraw(self, w: Working, ts: int, reason: Refusal) -> OrderWithdrawn:
        del self.working[w.id]
        return OrderWithdrawn(ts, w.id, reason)
