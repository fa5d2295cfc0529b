"""The gate: a plan becomes an `Approved` order here or nowhere, and a refusal keeps its reason.

Order of the rules, first one that fails names the refusal: BUSY, LAST_ENTRY, NOT_READY, BAD_LEVELS
(the first four need no book and are asked where the signal arrives, in `execution`), then here
PRICE_SANITY, DAY_LOSS, CONSECUTIVE_LOSSES, MAX_TRADES, MAX_POSITIONS, ZERO_SIZE, CAPITAL.
A day is an IST date. Money is exact: charges in 1e-13 rupee, everything else paise.
"""

from __future__ import annotations

from typing import Final

from sos.effects import Approved
from sos.events import Signal
from sos.trading.plan import REFUSED, Plan, Refused
from sos.trading.settings import ExecutionSettings, RiskSettings
from sos.trading.size import Sizer
from sos.trading.spec import Instrument, SessionFacts
from sos.types import Refusal, Side

__all__ = ["Book", "Limits", "check"]

_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
UNITS_PER_PAISA: Final = 10**11  # 1e-13 rupee in a paisa


class Limits:
    """`RiskSettings` as the integers the check compares. 0 is off."""

    __slots__ = (
        "any",
        "consecutive_losses",
        "day_loss",
        "margin_bp",
        "margin_bp_equity",
        "max_margin",
        "max_open_positions",
        "max_trades_per_day",
        "price_sanity",
    )

    def __init__(self, risk: RiskSettings, execution: ExecutionSettings) -> None:
        use = risk.max_capital_use or (1.0 if execution.sizing == "risk_per_trade" else 0.0)
        self.max_margin = int(risk.capital * 100 * use)  # paise
        self.margin_bp = round(risk.margin_pct * 100)
        self.margin_bp_equity = round(risk.margin_pct_equity * 100)
        self.max_open_positions = risk.max_open_positions
        self.max_trades_per_day = risk.max_trades_per_day
        self.day_loss = round(risk.day_loss * 100) * UNITS_PER_PAISA
        self.consecutive_losses = risk.consecutive_losses
        self.price_sanity = risk.price_sanity_pct / 100.0
        self.any = bool(
            self.max_margin
            or self.max_open_positions
            or self.max_trades_per_day
            or self.day_loss
            or self.consecutive_losses
            or self.price_sanity
        )


class Book:
    """What the limits look at: today's results, and what is open or waiting now.

    ``net`` in 1e-13 rupee, ``margin`` in paise. A result belongs to the day of its exit; one that is
    booked after a newer day has begun no longer counts for a limit.
    """

    __slots__ = ("day", "entries", "exposed", "losses", "margin", "net")

    def __init__(self) -> None:
        self.day = 0
        self.net = 0
        self.losses = 0
        self.entries = 0
        self.exposed = 0
        self.margin = 0

    def roll(self, day: int) -> None:
        """Start a new day (an ordinal that only grows)."""
        if day > self.day:
            self.day = day
            self.net = self.losses = self.entries = 0

    def closed(self, day: int, net: int) -> None:
        """A trade ended on ``day`` with ``net``."""
        self.roll(day)
        if day == self.day:
            self.net += net
            self.losses = self.losses + 1 if net < 0 else 0

    def withdrawn(self, day: int) -> None:
        """An entry approved on ``day`` was withdrawn without a fill: it is no trade."""
        if day == self.day:
            self.entries -= 1


def check(
    signal: Signal,
    plan: Plan,
    sizer: Sizer,
    instrument: Instrument,
    facts: SessionFacts,
    limits: Limits,
    book: Book,
    *,
    order_id: int,
    slot: int,
    valid_bars: int,
) -> Approved | Refused:
    """Approve the plan with a size, or say which rule forbids it."""
    if limits.any:
        refusal = _limit_reached(signal, limits, book)
        if refusal is not None:
            return REFUSED[refusal]
    risk_per_unit = plan.entry - plan.stop
    qty = sizer.units(facts.lot, signal.quantity_mod, risk_per_unit)
    if qty <= 0:
        return REFUSED[Refusal.ZERO_SIZE]
    if limits.max_margin:
        qty = _affordable(qty, abs(plan.entry), instrument, facts, limits, book)
        if qty <= 0:
            return REFUSED[Refusal.CAPITAL]
    sign = plan.sign
    return Approved(
        order_id,
        signal.end,
        slot,
        signal.underlying,
        _BUY if sign > 0 else _SELL,
        plan.kind,
        qty,
        sign * plan.entry,
        sign * plan.stop,
        sign * plan.target,
        plan.tick,
        valid_bars,
    )


def margin(qty: int, price: int, instrument: Instrument, limits: Limits) -> int:
    """Paise of margin that ``qty`` units at ``price`` paise block, rounded up."""
    basis_points = limits.margin_bp if instrument.spec.margined else limits.margin_bp_equity
    return -(-qty * price * basis_points // 10_000)


def _limit_reached(signal: Signal, limits: Limits, book: Book) -> Refusal | None:
    sanity = limits.price_sanity
    if sanity and abs(signal.entry - signal.close) > sanity * signal.close:
        return Refusal.PRICE_SANITY
    if limits.day_loss and book.net <= -limits.day_loss:
        return Refusal.DAY_LOSS
    if limits.consecutive_losses and book.losses >= limits.consecutive_losses:
        return Refusal.CONSECUTIVE_LOSSES
    if limits.max_trades_per_day and book.entries >= limits.max_trades_per_day:
        return Refusal.MAX_TRADES
    if limits.max_open_positions and book.exposed >= limits.max_open_positions:
        return Refusal.MAX_POSITIONS
    return None


def _affordable(
    qty: int, price: int, instrument: Instrument, facts: SessionFacts, limits: Limits, book: Book
) -> int:
    """``qty`` or the largest number of whole lots whose margin is still free."""
    free = limits.max_margin - book.margin
    if margin(qty, price, instrument, limits) <= free:
        return qty
    per_lot = margin(facts.lot, price, instrument, limits)
    return max(0, free // per_lot) * facts.lot
