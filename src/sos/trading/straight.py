"""The commonest life of a trade in one go: in at the next open, out at stop, target or square-off.

A shortcut of the fast path, nothing else: same checks, same orders, same fills, same records as the core
and the venue give for such a trade, without the steps between. Whatever is not that simple (another kind
of entry, a refusal, a moving stop, partials, an end outside this block) is left to them, untouched.
`tests/trading/test_paths.py` holds both together.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from sos.effects import Approved, EntryKind, LeaveAtOnce, SubmitOrder
from sos.events import OrderFilled, Signal
from sos.trading.execution import Slot
from sos.trading.exits import protect
from sos.trading.plan import Plan, make_plan
from sos.trading.positions import Trade
from sos.trading.risk import check
from sos.trading.settings import ExitPlan
from sos.trading.venue import NoSlippage, TickSlippage
from sos.types import ExitReason, Side

if TYPE_CHECKING:
    from sos.trading.desk import Desk
    from sos.trading.scan import LaneRows

__all__ = ["is_straight", "live_straight"]

_AT_ONCE: Final = EntryKind.AT_ONCE
_BUY: Final = Side.BUY
_STOP: Final = ExitReason.STOP
_TARGET: Final = ExitReason.TARGET
_SQUARE_OFF: Final = ExitReason.SQUARE_OFF


def is_straight(plan: ExitPlan, desk: Desk) -> bool:
    """Whether trades of this plan may take the shortcut: fixed levels, slippage in ticks, no limits."""
    moves = plan.trail or plan.partials or plan.breakeven_at or plan.time_stop_ns
    return (
        not moves and isinstance(desk.venue.slippage, TickSlippage | NoSlippage) and not desk.core.limits.any
    )


def live_straight(desk: Desk, rows: LaneRows, slot: Slot, i: int, signal: Signal) -> int:
    """The whole trade of a free slot's signal at local row ``i``; the row of its exit.

    -1 if it is not that simple: then nothing was done. The instrument stands in the row's session.
    """
    facts = slot.facts()
    entered = i + 1
    session_end = rows.ends_at[slot.instrument.session]
    if entered >= session_end or signal.end >= slot.last_entry_ns or rows.ts[entered] >= slot.last_entry_ns:
        return -1
    plan = make_plan(signal, facts)
    if not isinstance(plan, Plan) or plan.kind is not _AT_ONCE:
        return -1
    o = plan.sign * rows.open[entered]
    if o <= plan.stop or o >= plan.target:
        return -1
    core = desk.core
    order = check(
        signal,
        plan,
        slot.sizer,
        slot.instrument,
        facts,
        core.limits,
        core.book,
        order_id=slot.next_id,
        slot=slot.index,
        valid_bars=slot.plan.entry_valid_bars,
    )
    if not isinstance(order, Approved):
        return -1
    slip = desk.venue.slippage.paise(plan.tick, o, signal.end)
    square_off = bisect_left(rows.ts, slot.square_off_ns, entered, session_end)
    out = _exit(rows, plan, entered, square_off, slip, desk.venue.through(plan.tick))
    left = out[0]
    if left >= session_end:
        return -1
    fill = OrderFilled(
        rows.ts[entered], order.id, order.side, order.qty, plan.sign * (o + slip), 0, None, True
    )
    _record(desk, slot, signal, order, fill, rows.ts[left], plan.sign * out[1], out[2], out[3])
    return left


def _exit(
    rows: LaneRows, plan: Plan, entered: int, square_off: int, slip: int, through: int
) -> tuple[int, int, ExitReason, bool]:
    """Row, signed price, reason and whether at the open; the row is the session's end if there is none."""
    sign, stop, target = plan.sign, plan.stop, plan.target
    row = entered
    while True:
        row = rows.reaches(sign, row, square_off, stop, target)
        if row >= square_off:
            price = sign * rows.open[row] - slip if row < rows.n else 0
            return row, price, _SQUARE_OFF, True
        o = sign * rows.open[row]
        if row > entered and o <= stop:
            return row, o - slip, _STOP, True
        if row > entered and o >= target:
            return row, o, _TARGET, True
        high, low = (rows.highs[row], rows.lows[row]) if sign > 0 else (-rows.lows[row], -rows.highs[row])
        if low <= stop:
            return row, stop - slip, _STOP, False
        if high >= target + through:
            return row, target, _TARGET, False
        row += 1


def _record(
    desk: Desk,
    slot: Slot,
    signal: Signal,
    order: Approved,
    entry: OrderFilled,
    exit_ts: int,
    exit_price: int,
    reason: ExitReason,
    at_open: bool,
) -> None:
    """The orders, fills and trade row that the core and the venue would leave."""
    side, qty, entry_price = order.side, order.qty, entry.price
    count = len(desk.core.slots)
    protection = protect(order.id + count, order, entry, ())
    slot.next_id = protection.id + count
    fill = OrderFilled(exit_ts, protection.id, protection.side, qty, exit_price, 0, reason, at_open)
    pending = desk.records[slot.index].pending
    if reason is _SQUARE_OFF:
        pending += (
            SubmitOrder(order),
            entry,
            SubmitOrder(protection),
            LeaveAtOnce(protection.id, reason),
            fill,
        )
    else:
        pending += (SubmitOrder(order), entry, SubmitOrder(protection), fill)
    schedule = slot.facts().schedule
    points = exit_price - entry_price if side is _BUY else entry_price - exit_price
    desk.core.trades.append(
        Trade(
            0,
            signal.pattern_id,
            signal.underlying,
            order.instrument,
            signal.side,
            qty,
            signal.ts,
            entry.ts,
            entry_price,
            order.stop,
            order.target,
            exit_ts,
            exit_price,
            reason,
            points * qty,
            schedule.fill(side, entry_price, qty) + schedule.fill(protection.side, exit_price, qty),
            signal.regime,
            abs(entry_price - order.stop),
            (),
            slot.index,
        )
    )
