"""A position while it lives, and the trade row that it leaves behind.

Values only. A `Position` keeps its prices signed (times +1 for a long, -1 for a short: up is always in
favour); a `Trade` has real prices. Money: integer paise, charges exact (`sos.trading.charges`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sos.events import OrderFilled, Signal
from sos.types import ExitReason, InstrumentKey, Regime, Side

if TYPE_CHECKING:
    from sos.trading.charges import Charges

__all__ = ["ExitLeg", "Position", "Trade", "close_trade"]


class ExitLeg(msgspec.Struct, frozen=True, gc=False):
    """One of several exits of a trade. ``ts``: open time of its bar; ``price`` paise."""

    ts: int
    price: int
    qty: int
    reason: ExitReason


class Position(msgspec.Struct, gc=False):
    """An open position in signed paise.

    ``fresh``: entered inside the bar, whose end has not come yet. ``breakeven`` is the close that moves
    the stop to the fill, ``time_limit`` the bar end at which the time is up; None is off.
    ``best``: best price since the entry. ``partials``: signed levels still open, nearest first.
    """

    signal: Signal
    sign: int
    qty: int
    left: int
    entry_ts: int
    entry: int
    initial_stop: int
    stop: int
    target: int
    tick: int
    best: int
    fresh: bool
    breakeven: int | None
    time_limit: int | None
    partials: tuple[int, ...]
    gross: int
    charges: Charges
    legs: tuple[ExitLeg, ...]


class Trade(msgspec.Struct, gc=False):
    """A finished trade, not to be changed. The desk numbers them from 1 by exit time, then slot.

    ``signal_ts``: open time of the bar that gave the signal; ``entry_ts``/``exit_ts``: open time of the
    bars of the fills. ``stop``/``target``: as planned, before any move. ``gross``: paise over all exits.
    ``risk_paise``: |fill - initial stop| per unit, so R = gross / (qty x risk_paise). ``exits`` is empty
    when the trade left in one piece; else every piece, and ``exit_*`` are those of the last.
    ``slot``: index of the pattern-and-underlying pair on the desk.
    """

    id: int
    pattern_id: str
    underlying: InstrumentKey
    instrument: InstrumentKey
    side: Side
    qty: int
    signal_ts: int
    entry_ts: int
    entry_price: int
    stop: int
    target: int
    exit_ts: int
    exit_price: int
    exit_reason: ExitReason
    gross: int
    charges: Charges
    regime: Regime
    risk_paise: int
    exits: tuple[ExitLeg, ...]
    slot: int = 0


def close_trade(slot: int, instrument: InstrumentKey, pos: Position, fill: OrderFilled) -> Trade:
    """The row of a position whose last unit left with ``fill``; its gross and charges are complete.

    ``id`` is 0 until the desk numbers the trades.
    """
    signal, sign = pos.signal, pos.sign
    reason = fill.reason
    if reason is None:
        raise ValueError("an entry does not close a trade")
    return Trade(
        0,
        signal.pattern_id,
        signal.underlying,
        instrument,
        signal.side,
        pos.qty,
        signal.ts,
        pos.entry_ts,
        sign * pos.entry,
        sign * pos.initial_stop,
        sign * pos.target,
        fill.ts,
        fill.price,
        reason,
        pos.gross,
        pos.charges,
        signal.regime,
        pos.entry - pos.initial_stop,
        pos.legs,
        slot,
    )
