"""Fakes and scripts for the trading tests: a small market without files, charges or a calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import nan
from typing import Any

import numpy as np

from sos.bars import BarRun
from sos.clock import ist_ns
from sos.events import Bar, Signal
from sos.expr.tree import Const
from sos.strategy.pattern import ExitRules, Pattern
from sos.trading.charges import ChargeSegment, ChargeTable
from sos.trading.desk import Desk
from sos.trading.settings import ExecutionSettings, RiskSettings
from sos.trading.spec import InstrumentSpec
from sos.types import NS_PER_MINUTE, InstrumentKey, Regime, Side

KEY = InstrumentKey("NSE_INDEX|Nifty 50")
OTHER = InstrumentKey("NSE_EQ|INE002A01018")
MONDAY = date(2024, 1, 1)


class Days:
    """Sessions 09:15 to 15:30 (or given minutes of the day) on consecutive dates."""

    def __init__(self, count: int = 1, opens: int = 555, closes: int = 930) -> None:
        days = [MONDAY + timedelta(days=i) for i in range(count)]
        self.opens = np.array([ist_ns(day, opens) for day in days], np.int64)
        self.closes = np.array([ist_ns(day, closes) for day in days], np.int64)

    def index(self, ts_ns: int, /) -> int:
        i = int(np.searchsorted(self.opens, ts_ns, side="right")) - 1
        return i if i >= 0 and ts_ns < self.closes[i] else -1

    def index_block(self, ts: Any, /) -> Any:
        return np.array([self.index(int(t)) for t in ts], np.int64)


def pattern(name: str = "P", side: Side = Side.BUY, **exits: Any) -> Pattern:
    one = Const(1.0)
    return Pattern(
        name,
        "",
        1,
        {},
        {},
        (),
        side,
        one,
        one,
        one,
        {},
        None,
        ExitRules(**exits),
        False,
        True,
        frozenset(),
        0,
        "",
        "",
    )


def spec(key: InstrumentKey = KEY, lot: int = 50, tick: int = 5) -> InstrumentSpec:
    segment = ChargeSegment.FUTURES if key.is_index else ChargeSegment.EQUITY_INTRADAY
    table = ChargeTable.packaged()
    return InstrumentSpec(
        key,
        key.partition("|")[2],
        key.exchange,
        key.is_index,
        lambda day, price: tick,
        lambda day: lot,
        lambda day: table.schedule(key.exchange, segment, day),
    )


def exact() -> ExecutionSettings:
    """Execution without slippage, so that prices in a script are the prices of the fills."""
    return ExecutionSettings(slippage_ticks=0)


def make_desk(
    patterns: Sequence[Pattern] = (),
    *,
    execution: ExecutionSettings | None = None,
    risk: RiskSettings | None = None,
    keys: Sequence[InstrumentKey] = (KEY,),
    days: Days | None = None,
    specs: Mapping[InstrumentKey, InstrumentSpec] | None = None,
) -> Desk:
    """A desk that keeps its journal; without slippage unless ``execution`` says otherwise."""
    table = days or Days(4)
    return Desk(
        patterns or (pattern(),),
        specs or {key: spec(key) for key in keys},
        dict.fromkeys(keys, table),
        execution or exact(),
        risk or RiskSettings(),
        keep_journal=True,
    )


def at(clock: str, day: int = 0) -> int:
    """ns UTC of an IST time on the n-th day of the script."""
    hours, minutes = clock.split(":")
    return ist_ns(MONDAY + timedelta(days=day), int(hours) * 60 + int(minutes))


def bar(
    clock: str, o: float, h: float, low: float, c: float, *, day: int = 0, key: InstrumentKey = KEY
) -> Bar:
    ts = at(clock, day)
    return Bar(ts, ts + NS_PER_MINUTE, key, o, h, low, c, nan, nan)


def signal(
    last: Bar,
    stop: float,
    target: float,
    *,
    entry: float | None = None,
    side: Side = Side.BUY,
    name: str = "P",
    mod: float = 1.0,
) -> Signal:
    """A signal at the end of ``last``; at once unless ``entry`` says otherwise."""
    return Signal(
        last.ts,
        last.end,
        name,
        last.key,
        side,
        last.close,
        last.close if entry is None else entry,
        stop,
        target,
        Regime.SIDEWAYS,
        mod,
        1.0,
        (),
    )


def feed(desk: Desk, script: Sequence[object]) -> Desk:
    """Hand bars and signals to the plain path in their order."""
    for step in script:
        if isinstance(step, Bar):
            desk.on_bar(step)
        elif isinstance(step, Signal):
            desk.on_signal(step)
        else:
            raise TypeError(f"a script has bars and signals, not {step!r}")
    return desk


def mirrored(value: object, around: float = 200.0) -> Bar | Signal:
    """The same market upside down: what a long meets, a short meets here."""
    if isinstance(value, Bar):
        return Bar(
            value.ts,
            value.end,
            value.key,
            around - value.open,
            around - value.low,
            around - value.high,
            around - value.close,
            value.volume,
            value.oi,
        )
    if not isinstance(value, Signal):
        raise TypeError(f"a script has bars and signals, not {value!r}")
    return Signal(
        value.ts,
        value.end,
        value.pattern_id,
        value.underlying,
        value.side.opposite,
        around - value.close,
        around - value.entry,
        around - value.stop,
        around - value.target,
        value.regime,
        value.quantity_mod,
        value.tp_mult,
        value.captures,
    )


def columns(bars: Sequence[Bar]) -> BarRun:
    """Bars in their given order as a run."""
    keys = tuple(dict.fromkeys(b.key for b in bars))
    ts, end = (np.array([getattr(b, name) for b in bars], np.int64) for name in ("ts", "end"))
    o, h, low, c = (np.array([getattr(b, name) for b in bars]) for name in ("open", "high", "low", "close"))
    empty = np.full(len(bars), nan)
    which = np.array([keys.index(b.key) for b in bars], np.int16)
    return BarRun(keys, which, ts, end, o, h, low, c, empty, empty)
