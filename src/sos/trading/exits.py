"""How positions end: the protection of a fill, and what a bar's end may change about it.

Pure. Prices are signed paise (up is in favour). A change decided at the end of bar n is an effect the
venue applies after that bar, so it acts from bar n + 1. Source: docs/semantics.md, "Exits".

- time stop: the first bar that ends at or after fill + minutes; leave at the next open;
- stop of a position entered inside the bar: tested against that bar's close only;
- breakeven: a close that has made the given part of the way to the target moves the stop to the fill;
- trail: by steps behind the best price, by ATR behind the best price, or behind the last pivot; moves
  only in favour, rounded away from the market to a tick.
"""

from __future__ import annotations

from math import ceil, floor, isfinite
from typing import TYPE_CHECKING, Final

from sos.effects import Approved, PartialLevel, Protection
from sos.events import OrderFilled, Signal
from sos.strategy.pattern import Trail
from sos.trading.positions import Position
from sos.trading.settings import ExitPlan
from sos.types import ExitReason, Side

if TYPE_CHECKING:
    from sos.trading.charges import Charges

__all__ = ["leave_reason", "moved_stop", "open_position", "protect"]

_EPS: Final = 1e-6
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL


def open_position(
    signal: Signal, order: Approved, fill: OrderFilled, plan: ExitPlan, charges: Charges, lot: int
) -> tuple[Position, tuple[PartialLevel, ...]]:
    """The position of an entry's fill and the partial exits (real prices) that go with it."""
    sign = 1 if order.side is _BUY else -1
    entry, stop, target = sign * fill.price, sign * order.stop, sign * order.target
    partials = _partial_levels(plan, sign, entry, stop, order, lot) if plan.partials else ()
    position = Position(
        signal,
        sign,
        fill.qty,
        fill.qty,
        fill.ts,
        entry,
        stop,
        stop,
        target,
        order.tick,
        entry,
        not fill.at_open,
        _breakeven_level(plan.breakeven_at, entry, target) if plan.breakeven_at else None,
        fill.ts + plan.time_stop_ns if plan.time_stop_ns else None,
        tuple(sign * partial.level for partial in partials),
        0,
        charges,
        (),
    )
    return position, partials


def protect(
    order_id: int, order: Approved, fill: OrderFilled, partials: tuple[PartialLevel, ...]
) -> Protection:
    """Stop, target and partials for exactly what was filled."""
    side = _SELL if order.side is _BUY else _BUY
    return Protection(
        order_id, order.book, order.instrument, side, fill.qty, order.stop, order.target, order.tick, partials
    )


def leave_reason(pos: Position, end: int, close: int) -> ExitReason | None:
    """Why the position leaves at the next open, asked once at each bar's end; clears ``fresh``."""
    if pos.fresh:
        pos.fresh = False
        if close <= pos.stop:
            return ExitReason.STOP
    if pos.time_limit is not None and end >= pos.time_limit:
        return ExitReason.TIME
    return None


def moved_stop(
    pos: Position, trail: Trail | None, trail_value: float, high: int, close: int
) -> tuple[int, ExitReason] | None:
    """The stop from the next bar on and the name of an exit there, or None if it stays.

    Args:
        trail_value: what the trail follows, signed paise: ATR, or the last pivot; NaN until known.
        high: best price of the bar that the position was in; its close when entered inside the bar.
    """
    stop, reason = pos.stop, None
    if pos.breakeven is not None and close >= pos.breakeven:
        pos.breakeven = None
        if pos.entry > stop:
            stop, reason = pos.entry, ExitReason.BREAKEVEN
    if trail is not None:
        pos.best = max(pos.best, high)
        candidate = _trailed(pos, trail, trail_value, stop)
        if candidate > stop:
            stop, reason = candidate, ExitReason.TRAIL
    return None if reason is None else (stop, reason)


def _trailed(pos: Position, trail: Trail, value: float, stop: int) -> int:
    if pos.best - pos.entry < trail.start_r * (pos.entry - pos.initial_stop) - _EPS:
        return stop
    distance = trail.distance * 100.0
    if trail.by == "step":
        return _stepped(pos, stop, pos.best - distance, trail.step * 100.0)
    if not isfinite(value):
        return stop
    if trail.by == "atr":
        return _tick_below(pos.best - trail.distance * value, pos.tick)
    return _tick_below(value - distance, pos.tick) - pos.tick


def _stepped(pos: Position, stop: int, candidate: float, step: float) -> int:
    if step > 0:
        candidate = stop + floor((candidate - stop) / step + _EPS) * step
    return _tick_below(candidate, pos.tick)


def _tick_below(price: float, tick: int) -> int:
    return floor(price / tick + _EPS) * tick


def _breakeven_level(part: float, entry: int, target: int) -> int | None:
    return entry + ceil(part * (target - entry) - _EPS) if target > entry else None


def _partial_levels(
    plan: ExitPlan, sign: int, entry: int, stop: int, order: Approved, lot: int
) -> tuple[PartialLevel, ...]:
    """Levels at R multiples of the fill's risk, rounded in favour to a tick; whole lots, never all twice.

    One at or beyond the target is none: the target is reached first and takes everything.
    """
    levels: list[PartialLevel] = []
    left = order.qty
    target = sign * order.target
    for partial in plan.partials:
        level = ceil((entry + partial.at_r * (entry - stop)) / order.tick - _EPS) * order.tick
        qty = min(floor(order.qty * partial.fraction / lot + _EPS) * lot, left)
        if qty > 0 and level < target:
            levels.append(PartialLevel(sign * level, qty))
            left -= qty
    return tuple(levels)
