"""The fast path over columns gives what the plain path gives, bit for bit, however the run is cut."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.clock import ist_day
from sos.events import Bar, Signal
from sos.strategy.pattern import Partial, Pattern, Trail
from sos.trading import scan, straight
from sos.trading.desk import Desk
from sos.trading.settings import ExecutionSettings, RiskSettings
from sos.types import NS_PER_MINUTE, InstrumentKey, Side
from tests.trading.market import KEY, OTHER, Days, columns, make_desk, pattern, signal

EXAMPLES = 600 if os.environ.get("SOS_FULL") else 60
SESSIONS = Days(3, opens=555, closes=630)  # 75 minutes: last entry 10:00, square-off 10:15


def walk(rng: np.random.Generator, key: InstrumentKey, start: float) -> list[Bar]:
    """Bars of three short sessions with missing minutes, gaps and wide ranges."""
    bars: list[Bar] = []
    close = start
    for opens in SESSIONS.opens.tolist():
        last = int(rng.integers(20, 76))
        for minute in range(last):
            if rng.random() < 0.1:
                continue
            o = round(close + (rng.normal(0, 1.5) if rng.random() < 0.3 else 0.0), 2)
            close = round(o + rng.normal(0, 1.0), 2)
            high = round(max(o, close) + rng.exponential(0.5), 2)
            low = round(min(o, close) - rng.exponential(0.5), 2)
            ts = opens + minute * NS_PER_MINUTE
            bars.append(Bar(ts, ts + NS_PER_MINUTE, key, o, high, low, close, nan, nan))
    return bars


def wanted(rng: np.random.Generator, bar: Bar, patterns: Sequence[Pattern]) -> list[Signal]:
    """Signals of one bar: at once, stop and limit entries, and levels that make no sense."""
    signals = []
    for one in patterns:
        if rng.random() < 0.15:
            sign = one.side.sign
            entry = bar.close + sign * float(rng.choice([0.0, 0.0, 0.6, -0.6]))
            stop = entry - sign * float(rng.choice([0.4, 1.1, 3.3, 0.0, nan], p=[0.3, 0.3, 0.3, 0.05, 0.05]))
            target = entry + sign * float(rng.uniform(0.3, 4.0))
            mod = float(rng.choice([1.0, 1.5, 3.0]))
            signals.append(signal(bar, stop, target, entry=entry, side=one.side, name=one.id, mod=mod))
    return signals


def random_exits(rng: np.random.Generator) -> dict[str, Any]:
    trails = [
        None,
        None,
        Trail("step", 1.0, 0.5),
        Trail("atr", 1.5, length=5),
        Trail("structure", 0.2, length=2),
    ]
    partials = [(), (), (Partial(0.5, 0.5),), (Partial(0.4, 0.34), Partial(0.9, 0.66))]
    return {
        "entry_valid_bars": int(rng.integers(1, 5)),
        "breakeven_at": float(rng.choice([0.0, 0.5])),
        "time_stop_minutes": int(rng.choice([0, 0, 7])),
        "trail": trails[int(rng.integers(len(trails)))],
        "partials": partials[int(rng.integers(len(partials)))],
        "fixed_lots": int(rng.integers(1, 4)),
    }


def random_risk(rng: np.random.Generator) -> RiskSettings:
    if rng.random() < 0.6:
        return RiskSettings()
    return RiskSettings(
        max_open_positions=int(rng.integers(0, 3)),
        max_trades_per_day=int(rng.integers(0, 6)),
        consecutive_losses=int(rng.integers(0, 4)),
        day_loss=float(rng.choice([0, 300, 3000])),
        max_capital_use=float(rng.choice([0, 0.01, 0.1])),
        price_sanity_pct=float(rng.choice([0, 0.4])),
    )


def outcome(desk: Desk) -> tuple[Any, ...]:
    """Everything a run leaves behind."""
    return desk.digest(), desk.trades, desk.refusals, desk.journal, list(desk.refused())


def plainly(desk: Desk, bars: Sequence[Bar], signals: Sequence[Sequence[Signal]]) -> Desk:
    for one, mine in zip(bars, signals, strict=True):
        desk.on_bar(one)
        for each in mine:
            desk.on_signal(each)
    desk.finish()
    return desk


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    block=st.sampled_from([5, 31, 16_384]),
    cuts=st.lists(st.integers(1, 200)),
    at_sessions=st.booleans(),
)
def test_columns_in_any_cut_equal_the_bars_one_by_one(
    seed: int, block: int, cuts: list[int], at_sessions: bool
) -> None:
    rng = np.random.default_rng(seed)
    keys = (KEY, OTHER) if rng.random() < 0.5 else (KEY,)
    bars = sorted((b for key in keys for b in walk(rng, key, 100.0)), key=lambda b: b.end)
    patterns = [
        pattern(f"P{i}", Side.BUY if rng.random() < 0.5 else Side.SELL, **random_exits(rng)) for i in range(3)
    ]
    signals = [wanted(rng, one, patterns) for one in bars]
    if at_sessions:  # what one slot leaves behind at the edge of a block must not reach the next one
        edges = [0, *(i for i in range(1, len(bars)) if ist_day(bars[i].ts) != ist_day(bars[i - 1].ts))]
        cuts = [stop - start for start, stop in itertools.pairwise(edges)]
    execution = ExecutionSettings(
        slippage_ticks=int(rng.integers(0, 3)), fill_on_touch=bool(rng.random() < 0.3), last_entry="15:00"
    )
    risk = random_risk(rng)

    def desk() -> Desk:
        return make_desk(patterns, execution=execution, risk=risk, keys=keys, days=SESSIONS)

    plain = outcome(plainly(desk(), bars, signals))
    fast = desk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_BLOCK", block)
        patch.setattr(scan, "_SHORT", 2)
        start = 0
        for cut in [*cuts, len(bars)]:
            stop = min(start + cut, len(bars))
            if stop > start:
                mine = {row - start: signals[row] for row in range(start, stop) if signals[row]}
                fast.run(columns(bars[start:stop]), mine)
            start = stop
    fast.finish()
    assert outcome(fast) == plain


def test_a_slot_leaves_at_its_own_last_close_whatever_another_slot_saw_in_the_block() -> None:
    """Sessions without a bar at the square-off: B's ends at the edge of a block in which A goes on."""
    bars = [
        Bar(
            opens + m * NS_PER_MINUTE,
            opens + (m + 1) * NS_PER_MINUTE,
            KEY,
            p,
            p + 0.05,
            p - 0.05,
            p,
            nan,
            nan,
        )
        for day, opens in enumerate(SESSIONS.opens.tolist())
        for m in range(20)
        for p in [round(100.0 + 10 * day + m * 0.05, 2)]
    ]
    patterns = [pattern("A"), pattern("B")]
    signals: list[list[Signal]] = [[] for _ in bars]
    signals[5] = [signal(bars[5], 50, 500, name="B")]
    signals[25] = [signal(bars[25], 50, 500, name="A")]
    plain = plainly(make_desk(patterns, days=SESSIONS), bars, signals)
    cut = make_desk(patterns, days=SESSIONS)
    for start, stop in ((0, 20), (20, 60)):
        mine = {row - start: signals[row] for row in range(start, stop) if signals[row]}
        cut.run(columns(bars[start:stop]), mine)
    cut.finish()
    assert outcome(cut) == outcome(plain)
    assert [trade.exit_ts for trade in cut.trades] == [bars[19].ts, bars[39].ts]


def test_the_random_markets_of_this_test_reach_every_exit_and_most_refusals() -> None:
    exits: set[str] = set()
    refusals: set[str] = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        bars = walk(rng, KEY, 100.0)
        patterns = [pattern(f"P{i}", Side.BUY, **random_exits(rng)) for i in range(3)]
        desk = make_desk(patterns, risk=random_risk(rng), days=SESSIONS)
        plainly(desk, bars, [wanted(rng, one, patterns) for one in bars])
        exits |= {trade.exit_reason for trade in desk.trades}
        refusals |= {refused.reason for refused in desk.refused()}
    assert exits >= {"TARGET", "STOP", "BREAKEVEN", "TRAIL", "TIME", "SQUARE_OFF"}
    assert refusals >= {"BUSY", "NOT_READY", "BAD_LEVELS", "LAST_ENTRY", "GAPPED", "EXPIRED", "MAX_POSITIONS"}


def test_a_block_with_missing_prices_is_walked_bar_by_bar_and_changes_nothing_before_it() -> None:
    rng = np.random.default_rng(5)
    bars = walk(rng, KEY, 100.0)
    patterns = [pattern("P0")]
    signals = [wanted(rng, one, patterns) for one in bars]
    holes = [
        Bar(b.ts, b.end, b.key, nan, nan, nan, nan, nan, nan) if i >= 60 else b for i, b in enumerate(bars)
    ]
    plain = outcome(plainly(make_desk(patterns, days=SESSIONS), holes, signals))
    fast = make_desk(patterns, days=SESSIONS)
    fast.run(columns(holes), {i: mine for i, mine in enumerate(signals) if mine})
    fast.finish()
    assert outcome(fast) == plain
    whole = plainly(make_desk(patterns, days=SESSIONS), bars, signals)
    before = [t for t in whole.trades if t.exit_ts < bars[60].ts]
    assert before
    assert [t.exit_price for t in fast.trades][: len(before)] == [t.exit_price for t in before]


def test_the_shortcut_for_straight_trades_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    exits: list[str] = []
    exit_of = straight._exit

    def counted(*args: Any) -> Any:
        found = exit_of(*args)
        exits.append(found[2].value)
        return found

    monkeypatch.setattr(straight, "_exit", counted)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        bars = walk(rng, KEY, 100.0)
        patterns = [pattern(f"P{i}", side) for i, side in enumerate((Side.BUY, Side.SELL))]
        signals = [wanted(rng, one, patterns) for one in bars]
        plain = plainly(make_desk(patterns, days=SESSIONS), bars, signals)
        fast = make_desk(patterns, days=SESSIONS)
        fast.run(columns(bars), {row: mine for row, mine in enumerate(signals) if mine})
        fast.finish()
        assert outcome(fast) == outcome(plain)
    assert len(exits) > 300
    assert set(exits) == {"STOP", "TARGET", "SQUARE_OFF"}


@pytest.mark.parametrize(
    "prices",
    [
        (0.0, 101.0, 99.0, 100.0),
        (100.0, 101.0, 0.0, 100.0),
        (98.0, 101.0, 99.0, 100.0),
        (100.0, 101.0, 99.0, nan),
    ],
    ids=["an open of zero", "a low of zero", "an open below the low", "a close without a value"],
)
def test_a_bar_whose_prices_cannot_be_trades_nothing_on_either_path(
    prices: tuple[float, float, float, float],
) -> None:
    opens = int(SESSIONS.opens[0])
    good = (100.0, 101.0, 99.0, 100.0)
    rows = [*[good] * 3, prices, *[good] * 8]
    bars = [
        Bar(opens + i * NS_PER_MINUTE, opens + (i + 1) * NS_PER_MINUTE, KEY, o, h, low, c, nan, nan)
        for i, (o, h, low, c) in enumerate(rows)
    ]
    patterns = [pattern("P")]
    signals: list[list[Signal]] = [[] for _ in bars]
    signals[1] = [signal(bars[1], 98.0, 103.0, name="P")]
    plain = plainly(make_desk(patterns, days=SESSIONS), bars, signals)
    fast = make_desk(patterns, days=SESSIONS)
    fast.run(columns(bars), {1: signals[1]})
    fast.finish()
    assert outcome(fast) == outcome(plain)
    (trade,) = plain.trades
    assert trade.exit_ts == bars[-1].ts  # nothing happened on the bar that cannot be
