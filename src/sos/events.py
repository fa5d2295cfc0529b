"""What happened: immutable values, past tense. The only things that enter the engine.

Times are nanoseconds UTC; prices of market data are float rupees (index points); a missing volume
or open interest is NaN, never 0. Values are `msgspec.Struct`, frozen and untracked by the garbage
collector (see docs/decisions/0002-event-values.md).
"""

from __future__ import annotations

import msgspec

from sos.types import InstrumentKey, Regime, Side

__all__ = ["Bar", "Event", "Signal"]


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
