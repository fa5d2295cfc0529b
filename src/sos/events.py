"""What happened: immutable values, past tense. The only things that enter the engine.

Times are nanoseconds UTC; prices of market data are float rupees (index points); a missing volume
or open interest is NaN, never 0. Values are `msgspec.Struct`, frozen and untracked by the garbage
collector (see docs/decisions/0002-event-values.md).
"""

from __future__ import annotations

import msgspec

from sos.types import ExitReason, InstrumentKey, Refusal, Regime, Side

__all__ = [
    "Bar",
    "ChainSnapshot",
    "Event",
    "OrderFilled",
    "OrderWithdrawn",
    "RegimeChanged",
    "SentimentPoint",
    "SessionEnded",
    "Signal",
    "TimePassed",
]


class Event(msgspec.Struct, frozen=True, gc=False):
    """Base of everything that the bus may carry. ``ts`` is the time the event is about."""

    ts: int


class Bar(Event, frozen=True, gc=False):
    """One finished bar, published at its end. ``ts`` is its open time, ``end`` the first ns after it."""

    end: int
    key: InstrumentKey
    open: float
    high: float
    low: float
    close: float
    volume: float  # units in the bar; NaN where the instrument has none
    oi: float  # units open at the end of the bar; NaN where unknown


class Signal(msgspec.Struct, frozen=True, gc=False):
    """What a pattern wants, decided at ``end`` on the bar that opened at ``ts``.

    Levels are on the underlying, unrounded, as the expressions gave them; NaN means not ready.
    """

    ts: int
    end: int
    pattern_id: str
    underlying: InstrumentKey
    side: Side
    close: float
    entry: float
    stop: float
    target: float
    regime: Regime
    quantity_mod: float
    tp_mult: float
    captures: tuple[tuple[str, float], ...]


class OrderFilled(Event, frozen=True, gc=False, array_like=True, tag="OrderFilled"):
    """Part or all of an order was done at ``price`` (paise). ``ts``: open time of the bar of the fill.

    ``left``: units of the order still to be done. ``reason`` names an exit and is None for an entry.
    ``at_open``: done at the bar's first price, so the rest of that bar came after it.
    """

    order_id: int
    side: Side
    qty: int
    price: int
    left: int
    reason: ExitReason | None
    at_open: bool


class OrderWithdrawn(Event, frozen=True, gc=False, array_like=True, tag="OrderWithdrawn"):
    """A waiting entry is gone without a fill."""

    order_id: int
    reason: Refusal


class TimePassed(Event, frozen=True, gc=False):
    """A bar of ``key`` is about to start at ``ts``: time rules that act at an open are due."""

    key: InstrumentKey


class SessionEnded(Event, frozen=True, gc=False):
    """No more bars of this session will come for ``key``. ``at_data_end``: the data stopped inside it."""

    key: InstrumentKey
    at_data_end: bool


class ChainSnapshot(Event, frozen=True, gc=False, array_like=True, tag="ChainSnapshot"):
    """An option chain of one expiry as it stood at ``ts``, known from ``known_ts`` on.

    ``expiry`` is an ISO date, ``strikes`` rupees. ``calls`` and ``puts`` hold, each with one entry per
    strike: open interest, its change since the previous close, volume (units), last price, bid, ask (rupees);
    NaN where missing. `sos.options.chain` makes and reads it.
    """

    known_ts: int
    key: InstrumentKey
    expiry: str
    spot: float
    strikes: tuple[float, ...]
    calls: tuple[tuple[float, ...], ...]
    puts: tuple[tuple[float, ...], ...]


class SentimentPoint(Event, frozen=True, gc=False, array_like=True, tag="SentimentPoint"):
    """Values of the market's mood that held at ``ts`` and are known from ``known_ts`` on.

    ``values``: name as in expressions (``sentiment.pcr``) and number; NaN says that it is missing now.
    """

    known_ts: int
    key: InstrumentKey
    values: tuple[tuple[str, float], ...]


class RegimeChanged(Event, frozen=True, gc=False, array_like=True, tag="RegimeChanged"):
    """The regime of ``key`` became another one with the bar that opened at ``ts`` and is known at ``end``.

    ``measure``: what the policy looks at (``score`` or ``pcr``), ``value`` what it was, NaN where missing.
    ``edge``: the threshold that was crossed, with the band of hysteresis that had to be cleared; both NaN
    where the regime was or became unknown. ``reasons``: the same in words.
    """

    end: int
    key: InstrumentKey
    old: Regime
    new: Regime
    policy: str
    measure: str
    value: float
    edge: float
    band: float
    close: float
    reasons: tuple[str, ...]
