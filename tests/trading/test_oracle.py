"""The desk is held to an independent simulator (`oracle`) on random markets, bar by bar and as columns."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import inf, nan, nextafter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.clock import ist_ns
from sos.events import Bar, Signal
from sos.strategy.pattern import Partial, Pattern, Trail
from sos.trading.desk import Desk
from sos.trading.settings import ExecutionSettings, RiskSettings
from sos.types import Regime, Side
from tests.trading.market import KEY, columns, pattern, spec
from tests.trading.oracle import (
    MINUTE,
    Candle,
    Hours,
    Idea,
    Refused,
    Row,
    Rules,
    TrailRule,
    simulate,
)

FULL = bool(os.environ.get("SOS_FULL"))
WALKS = 12_000 if FULL else 480
MANAGED_WALKS = 6_000 if FULL else 200
SCRIPTS = 20_000 if FULL else 250
MONDAY = date(2024, 1, 1)
SPEC = spec()
LOT, TICK = SPEC.lot(MONDAY), SPEC.tick_paise(MONDAY, 100.0)

ORDINARY, MORNING, HALF_DAY, MUHURAT = (555, 930), (555, 615), (555, 735), (1095, 1155)


@dataclass(frozen=True)
class Case:
    """A market, one set of rules per pattern, and each pattern's ideas by the row of their bar."""

    hours: list[Hours]
    candles: list[Candle]
    rules: list[Rules]
    ideas: list[dict[int, Idea]]


class Table:
    """The session table of a case."""

    def __init__(self, hours: Sequence[Hours]) -> None:
        self.opens: npt.NDArray[np.int64] = np.array([one.open for one in hours], np.int64)
        self.closes: npt.NDArray[np.int64] = np.array([one.close for one in hours], np.int64)

    def index(self, ts_ns: int, /) -> int:
        i = int(np.searchsorted(self.opens, ts_ns, side="right")) - 1
        return i if i >= 0 and ts_ns < self.closes[i] else -1

    def index_block(self, ts: npt.NDArray[np.int64], /) -> npt.NDArray[np.int64]:
        return np.array([self.index(int(t)) for t in ts], np.int64)


# Random markets ---------------------------------------------------------------------------------------


def sessions(shapes: Sequence[tuple[int, int]]) -> list[Hours]:
    """One session a day; a shape is the minutes of the day of its open and close."""
    days = [MONDAY + timedelta(days=i) for i in range(len(shapes))]
    return [
        Hours(ist_ns(day), ist_ns(day, opens), ist_ns(day, closes))
        for day, (opens, closes) in zip(days, shapes, strict=True)
    ]


def walk(rng: random.Random, hours: Sequence[Hours], grid: int) -> list[Candle]:
    """Small bars on a grid of paise, gaps at some opens, missing bars, missing ends of sessions."""
    candles = []
    close = 10_000
    width = rng.choice([1, 1, 1, 1, 5, 30])
    for one in hours:
        length = (one.close - one.open) // MINUTE
        first = rng.choice([0, 0, rng.randrange(length), max(0, length - 45)])
        last = rng.choice([length, length, rng.randint(first + 1, length)])
        missing = rng.choice([0.0, 0.0, 0.15])
        jump = rng.choice([1, 3, 8])
        for minute in range(first - first % width, last, width):
            if rng.random() < missing:
                continue
            gap = rng.randint(-jump, jump) if minute <= first or rng.random() < 0.3 else 0
            ts = one.open + minute * MINUTE
            end = min(ts + width * MINUTE, one.close)
            candles.append(random_candle(rng, ts, end, close + gap * TICK, grid))
            close = candles[-1].close
    return candles


def random_candle(rng: random.Random, ts: int, end: int, opens: int, grid: int) -> Candle:
    reach = 3 * TICK // grid
    close = opens + rng.randint(-reach, reach) * grid
    high = max(opens, close) + rng.choice([0, 0, 1, rng.randint(0, reach)]) * grid
    low = min(opens, close) - rng.choice([0, 0, 1, rng.randint(0, reach)]) * grid
    return Candle(ts, end, opens, high, low, close)


def level(rng: random.Random, paise: float) -> float:
    """A level as an expression might give it: rupees, at times off the tick, noise in the last bit."""
    rupees = (paise + rng.choice([0, 0, 0, 1.25, 2.5, 3.75, 0.7])) / 100
    return rng.choice([rupees, rupees, nextafter(rupees, inf), nextafter(rupees, -inf)])


def random_idea(rng: random.Random, candle: Candle, *, long: bool) -> Idea:
    sign = TICK if long else -TICK
    entry = candle.close + sign * rng.choice([0, 0, 0, rng.randint(-4, 4), rng.randint(-4, 4)])
    stop = entry - sign * rng.choice([rng.randint(1, 4), rng.randint(1, 8), rng.randint(1, 20)])
    target = entry + sign * rng.choice([rng.randint(1, 4), rng.randint(1, 8), rng.randint(1, 20)])
    levels = [candle.close / 100 if rng.random() < 0.4 else level(rng, entry)]
    levels += [level(rng, stop), level(rng, target)]
    if rng.random() < 0.04:
        levels[rng.randrange(3)] = nan
    if rng.random() < 0.04:
        levels[rng.randrange(1, 3)] = rng.choice([levels[0], levels[1], levels[2], -1.0, inf, 0.0])
    return Idea(levels[0], levels[1], levels[2], rng.choice([1.0, 1.0, 1.0, 1.5, 0.5]))


def times_of_day(rng: random.Random, shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Last entry and square-off: as usual, within a session of the case, or so late that they never bind."""
    opens, closes = rng.choice(shapes)
    some = sorted(rng.randint(opens - 5, closes + 5) for _ in range(2))
    return rng.choice([(900, 915), (900, 915), (some[0], some[1]), (some[0], some[0]), (1438, 1439)])


def random_rules(
    rng: random.Random, shapes: Sequence[tuple[int, int]], *, on_touch: bool, slip: int, managed: bool
) -> Rules:
    last_entry, square_off = times_of_day(rng, shapes)
    trails = [
        None,
        TrailRule("step", Fraction(rng.randint(1, 6), 20), Fraction(rng.randint(0, 4), 20)),
        TrailRule(
            "step", Fraction(rng.randint(1, 50), 80), Fraction(rng.randint(0, 20), 80), 14, Fraction(1, 2)
        ),
        TrailRule("atr", Fraction(rng.randint(1, 8), 4), length=rng.randint(1, 6), start_r=Fraction(1)),
        TrailRule("structure", Fraction(rng.randint(0, 3), 20), length=rng.randint(1, 3)),
    ]
    half, third = Fraction(1, 2), Fraction(1, 3)
    parts: list[tuple[tuple[Fraction, Fraction], ...]] = [
        (),
        ((half, half),),
        ((Fraction(1), third), (half, third)),
        ((Fraction(3, 10), half), (Fraction(3, 2), half)),
    ]
    return Rules(
        long=rng.random() < 0.5,
        tick=TICK,
        lot=LOT,
        lots=rng.randint(1, 4),
        quantity=rng.choice([0, 0, 0, 120]),
        slippage_ticks=slip,
        fill_on_touch=on_touch,
        valid_bars=rng.randint(1, 4),
        breakeven_at=Fraction(rng.choice([0, 0, 50, 50, 25, 30, 55, 70, 100]), 100),
        time_stop_minutes=rng.choice([0, 0, 1, 2, 5, 12]),
        square_off=square_off,
        last_entry=last_entry,
        trail=rng.choice(trails) if managed else None,
        partials=rng.choice(parts) if managed else (),
    )


def random_case(seed: int, *, managed: bool = False) -> Case:
    rng = random.Random(seed)
    days = rng.randint(1, 4)
    shapes = [rng.choice([ORDINARY, MORNING, MORNING, HALF_DAY, MUHURAT]) for _ in range(days)]
    hours = sessions(shapes)
    candles = walk(rng, hours, rng.choice([TICK, TICK, TICK, 1]))
    on_touch, slip = rng.random() < 0.3, rng.randint(0, 2)
    rules = [
        random_rules(rng, shapes, on_touch=on_touch, slip=slip, managed=managed)
        for _ in range(rng.randint(1, 2))
    ]
    often = rng.choice([0.03, 0.15, 0.5])
    ideas = [
        {i: random_idea(rng, c, long=one.long) for i, c in enumerate(candles) if rng.random() < often}
        for one in rules
    ]
    return Case(hours, candles, rules, ideas)


@st.composite
def scripts(draw: st.DrawFn) -> Case:
    """A few bars on one or two days, near the open, the last entry, the square-off or the close."""
    shapes = draw(st.lists(st.sampled_from([ORDINARY, MORNING, MUHURAT]), min_size=1, max_size=2))
    hours = sessions(shapes)
    small = st.integers(-3, 3)
    candles: list[Candle] = []
    close = 10_000
    for one, (opens, closes) in zip(hours, shapes, strict=True):
        minute = draw(st.sampled_from([0, closes - opens - 34, closes - opens - 18, closes - opens - 6]))
        for skip in draw(st.lists(st.sampled_from([1, 1, 1, 2]), min_size=1, max_size=7)):
            o = close + draw(small) * TICK
            close = o + draw(small) * TICK
            high = max(o, close) + draw(st.integers(0, 2)) * TICK
            low = min(o, close) - draw(st.integers(0, 2)) * TICK
            ts = one.open + minute * MINUTE
            if ts < one.close:
                candles.append(Candle(ts, ts + MINUTE, o, high, low, close))
            minute += skip
    on_touch, slip = draw(st.booleans()), draw(st.integers(0, 2))
    rules = [draw(plain_rules(on_touch, slip)) for _ in range(draw(st.integers(1, 2)))]
    ideas = [
        {row: draw(plain_idea(candles[row], one)) for row in draw(st.sets(st.integers(0, len(candles) - 1)))}
        for one in rules
    ]
    return Case(hours, candles, rules, ideas)


@st.composite
def plain_rules(draw: st.DrawFn, on_touch: bool, slip: int) -> Rules:
    last_entry, square_off = draw(st.sampled_from([(900, 915), (570, 572), (1100, 1104), (1438, 1439)]))
    return Rules(
        long=draw(st.booleans()),
        tick=TICK,
        lot=LOT,
        slippage_ticks=slip,
        fill_on_touch=on_touch,
        valid_bars=draw(st.integers(1, 4)),
        breakeven_at=draw(st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1)])),
        time_stop_minutes=draw(st.integers(0, 3)),
        last_entry=last_entry,
        square_off=square_off,
    )


@st.composite
def plain_idea(draw: st.DrawFn, candle: Candle, rules: Rules) -> Idea:
    sign = TICK if rules.long else -TICK
    entry = candle.close + sign * draw(st.integers(-2, 2))
    stop = entry - sign * draw(st.integers(1, 5))
    target = entry + sign * draw(st.integers(1, 5))
    return Idea(entry / 100, stop / 100, target / 100)


# The desk on a case -----------------------------------------------------------------------------------


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def execution_of(rules: Rules) -> ExecutionSettings:
    return ExecutionSettings(
        entry_valid_bars=rules.valid_bars,
        fill_on_touch=rules.fill_on_touch,
        slippage_ticks=rules.slippage_ticks,
        breakeven_at=float(rules.breakeven_at),
        time_stop_minutes=rules.time_stop_minutes,
        square_off=clock(rules.square_off),
        last_entry=clock(rules.last_entry),
        fixed_lots=rules.lots,
    )


def pattern_of(name: str, rules: Rules, *, by_config: bool) -> Pattern:
    """A pattern with its own exits; ``by_config``: with only those that the config cannot say."""
    own: dict[str, Any] = {"quantity": rules.quantity or None}
    if not by_config:
        own |= {
            "entry_valid_bars": rules.valid_bars,
            "breakeven_at": float(rules.breakeven_at),
            "time_stop_minutes": rules.time_stop_minutes,
            "square_off": rules.square_off,
            "last_entry": rules.last_entry,
            "fixed_lots": rules.lots,
        }
    if rules.trail is not None:
        by = rules.trail
        own["trail"] = Trail(by.by, float(by.distance), float(by.step), by.length, float(by.start_r))
    if rules.partials:
        own["partials"] = tuple(Partial(float(at_r), float(part)) for at_r, part in rules.partials)
    return pattern(name, Side.BUY if rules.long else Side.SELL, **own)


def desk_of(case: Case) -> Desk:
    """The rules of the first pattern come from the config, those of the others from their files."""
    patterns = [pattern_of(f"P{i}", one, by_config=i == 0) for i, one in enumerate(case.rules)]
    execution = execution_of(case.rules[0])
    return Desk(patterns, {KEY: SPEC}, {KEY: Table(case.hours)}, execution, RiskSettings())


def bar_of(candle: Candle) -> Bar:
    prices = (candle.open / 100, candle.high / 100, candle.low / 100, candle.close / 100)
    return Bar(candle.ts, candle.end, KEY, *prices, nan, nan)


def signals_of(case: Case, row: int) -> list[Signal]:
    candle = case.candles[row]
    found = []
    for i, (rules, ideas) in enumerate(zip(case.rules, case.ideas, strict=True)):
        if (idea := ideas.get(row)) is not None:
            side = Side.BUY if rules.long else Side.SELL
            found.append(
                Signal(
                    candle.ts,
                    candle.end,
                    f"P{i}",
                    KEY,
                    side,
                    candle.close / 100,
                    idea.entry,
                    idea.stop,
                    idea.target,
                    Regime.SIDEWAYS,
                    idea.quantity_mod,
                    1.0,
                    (),
                )
            )
    return found


def bar_by_bar(case: Case) -> Desk:
    desk = desk_of(case)
    for row, candle in enumerate(case.candles):
        desk.on_bar(bar_of(candle))
        for one in signals_of(case, row):
            desk.on_signal(one)
    desk.finish()
    return desk


def as_columns(case: Case, cut: int) -> Desk:
    desk = desk_of(case)
    for start in range(0, len(case.candles), cut):
        rows = range(start, min(start + cut, len(case.candles)))
        signals = {row - start: found for row in rows if (found := signals_of(case, row))}
        desk.run(columns([bar_of(case.candles[row]) for row in rows]), signals)
    desk.finish()
    return desk


# Comparison -------------------------------------------------------------------------------------------

Outcome = dict[str, tuple[list[Row], list[Refused], Counter[str]]]


def desk_outcome(case: Case, desk: Desk) -> Outcome:
    """Trades, refusals and their counts by pattern; the trades also show side and risk."""
    found: Outcome = {}
    for i, rules in enumerate(case.rules):
        name = f"P{i}"
        mine = [trade for trade in desk.trades if trade.pattern_id == name]
        for trade in mine:
            assert trade.side is (Side.BUY if rules.long else Side.SELL)
            assert trade.risk_paise == abs(trade.entry_price - trade.stop)
        rows = [
            Row(
                t.qty,
                t.signal_ts,
                t.entry_ts,
                t.entry_price,
                t.stop,
                t.target,
                t.exit_ts,
                t.exit_price,
                t.exit_reason.value,
                t.gross,
            )
            for t in mine
        ]
        refused = [
            Refused(one.signal_ts, one.reason.value) for one in desk.refused() if one.pattern_id == name
        ]
        counts = Counter({reason.value: n for reason, n in desk.refusals.get(name, Counter()).items() if n})
        found[name] = rows, refused, counts
    return found


def oracle_outcome(case: Case) -> Outcome:
    found: Outcome = {}
    for i, (rules, ideas) in enumerate(zip(case.rules, case.ideas, strict=True)):
        result = simulate(case.candles, case.hours, ideas, rules)
        counts = Counter(one.reason for one in result.refused)
        found[f"P{i}"] = result.rows, result.refused, counts
    return found


def compare(case: Case, cut: int) -> Outcome:
    """The desk's two paths against the oracle; gives the oracle's outcome."""
    wanted = oracle_outcome(case)
    for desk in (bar_by_bar(case), as_columns(case, cut)):
        assert desk_outcome(case, desk) == wanted
        exits = [(trade.exit_ts, trade.slot) for trade in desk.trades]
        assert exits == sorted(exits)
    return wanted


# Tests ------------------------------------------------------------------------------------------------


def chunks(total: int) -> list[range]:
    """Seeds in four parts, so that progress is seen."""
    return [range(i, total, 4) for i in range(4)]


def compare_walks(seeds: range, *, managed: bool = False) -> tuple[Counter[str], Counter[str]]:
    """Exits and refusals of all random walks of these seeds, on which desk and oracle agree."""
    exits: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    for seed in seeds:
        case = random_case(seed, managed=managed)
        try:
            wanted = compare(case, cut=(7, 64, 10_000)[seed % 3])
        except AssertionError as error:
            raise AssertionError(f"random_case({seed}, managed={managed}): {error}") from error
        for rows, _, counts in wanted.values():
            exits.update(row.exit_reason for row in rows)
            refusals.update(counts)
    return exits, refusals


@pytest.mark.parametrize("seeds", chunks(WALKS), ids=["a", "b", "c", "d"])
def test_desk_and_oracle_make_the_same_trades_and_refusals_on_random_walks(seeds: range) -> None:
    exits, refusals = compare_walks(seeds)
    assert set(exits) == {"TARGET", "STOP", "BREAKEVEN", "TIME", "SQUARE_OFF", "END_OF_DATA"}
    entry_rules = {"BUSY", "LAST_ENTRY", "NOT_READY", "BAD_LEVELS", "ZERO_SIZE"}
    assert set(refusals) == entry_rules | {"GAPPED", "EXPIRED", "SESSION_END"}


@pytest.mark.parametrize("seeds", chunks(MANAGED_WALKS), ids=["a", "b", "c", "d"])
def test_desk_and_oracle_agree_on_trails_and_partial_exits(seeds: range) -> None:
    exits, _ = compare_walks(seeds, managed=True)
    assert set(exits) >= {"TARGET", "STOP", "BREAKEVEN", "TRAIL", "TIME", "SQUARE_OFF"}


@settings(max_examples=SCRIPTS, deadline=None)
@given(case=scripts())
def test_desk_and_oracle_agree_on_short_scripts_around_the_times_of_day(case: Case) -> None:
    compare(case, cut=3)


def test_a_position_at_the_scheduled_close_of_the_last_session_is_squared_off_not_cut_by_the_data() -> None:
    hours = sessions([HALF_DAY])
    half_hours = range(hours[0].open, hours[0].close, 30 * MINUTE)
    candles = [Candle(ts, ts + 30 * MINUTE, 10_000, 10_005, 9_995, 10_000) for ts in half_hours]
    rules, idea = Rules(long=True), {3: Idea(100.0, 99.0, 101.0)}
    for last, reason in ((6, "SQUARE_OFF"), (5, "END_OF_DATA")):
        wanted = compare(Case(hours, candles[:last], [rules], [idea]), cut=2)
        assert [row.exit_reason for row in wanted["P0"][0]] == [reason]


def test_a_partial_beyond_the_target_never_fills() -> None:
    rules = Rules(long=True, lots=2, slippage_ticks=0, partials=((Fraction(2), Fraction(1, 2)),))
    hours = sessions([ORDINARY])
    start = hours[0].open
    candles = [
        Candle(start, start + MINUTE, 10_000, 10_000, 10_000, 10_000),
        Candle(start + MINUTE, start + 2 * MINUTE, 10_000, 10_100, 10_000, 10_050),
    ]
    case = Case(hours, candles, [rules], [{0: Idea(100.0, 99.75, 100.25)}])
    (row,) = oracle_outcome(case)["P0"][0]
    assert (row.exit_price, row.gross) == (10_025, 100 * 25)
    assert [trade.gross for trade in bar_by_bar(case).trades] == [row.gross]
