"""Market state: one meaning by bar and by block, longer intervals, structure, regime, borrowed volume."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.bars import BarRun, merge_runs
from sos.calendar import Session
from sos.events import Signal
from sos.market.aggregate import Aggregator
from sos.market.columns import FIELDS, SessionInputs
from sos.market.frame import MarketSettings
from sos.market.market import Market
from sos.market.matcher import Matcher
from sos.market.regime import UNKNOWN, RegimeSettings, RegimeTracker
from sos.market.structure import NAMES, Structure
from sos.sessions import SessionTable
from sos.strategy.loader import load_patterns
from sos.strategy.pattern import Pattern
from sos.types import NS_PER_MINUTE
from tests.market.walks import FUTURE, INDEX, index_and_future, sessions, walk


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pattern, ...]:
    folder = tmp_path_factory.mktemp("patterns")
    for content in json.loads((Path(__file__).parent / "patterns.json").read_text()):
        (folder / f"{content['pattern_id'].lower()}.json").write_text(json.dumps(content))
    return load_patterns([folder]).patterns


def matcher_for(patterns: tuple[Pattern, ...], table: SessionTable) -> Matcher:
    market = Market(INDEX, SessionInputs(table, lambda day: 3.0), patterns, MarketSettings())
    return Matcher([market], {INDEX: FUTURE})


def signals_by_event(matcher: Matcher, run: BarRun) -> list[tuple[int, Signal]]:
    return [(i, signal) for i, bar in enumerate(run) for signal in matcher.on_bar(bar)]


def signals_by_block(matcher: Matcher, run: BarRun, edges: list[int]) -> list[tuple[int, Signal]]:
    found = []
    for start, stop in itertools.pairwise(edges):
        part = matcher.on_run(run[start:stop])
        found += [(start + at, signal) for at in sorted(part) for signal in part[at]]
    return found


@pytest.mark.parametrize("drop", [0.0, 0.1])
def test_signals_and_funnels_do_not_depend_on_how_the_bars_are_cut(
    patterns: tuple[Pattern, ...], drop: float
) -> None:
    table = sessions()
    run = index_and_future(table, seed=5, drop=drop)
    plain = matcher_for(patterns, table)
    expected = signals_by_event(plain, run)
    silent = {"SESSION"} if drop else set()  # its vwap is not ready after a minute without volume
    assert {signal.pattern_id for _, signal in expected} >= {pattern.id for pattern in patterns} - silent
    rng = np.random.default_rng(1)
    for cuts in ([], [7], range(0, len(run), 256), rng.integers(0, len(run), 40).tolist()):
        matcher = matcher_for(patterns, table)
        found = signals_by_block(matcher, run, sorted({0, len(run), *cuts}))
        assert repr(found) == repr(expected)
        assert matcher.markets[INDEX].funnels() == plain.markets[INDEX].funnels()


def test_bars_and_blocks_may_be_mixed(patterns: tuple[Pattern, ...]) -> None:
    table = sessions()
    run = index_and_future(table, seed=9)
    expected = signals_by_event(matcher_for(patterns, table), run)
    mixed = matcher_for(patterns, table)
    half = len(run) // 2
    found = signals_by_event(mixed, run[:half])
    block = mixed.on_run(run[half : half + 500])
    found += [(half + at, signal) for at in sorted(block) for signal in block[at]]
    found += [(half + 500 + at, signal) for at, signal in signals_by_event(mixed, run[half + 500 :])]
    assert repr(found) == repr(expected)


@settings(max_examples=12, deadline=None)
@given(n=st.integers(10, 700))
def test_the_future_changes_no_signal(patterns: tuple[Pattern, ...], n: int) -> None:
    table = sessions(2)
    run = index_and_future(table, seed=3)
    whole = [
        pair for pair in signals_by_block(matcher_for(patterns, table), run, [0, len(run)]) if pair[0] < n
    ]
    assert repr(signals_by_block(matcher_for(patterns, table), run[:n], [0, n])) == repr(whole)
    blind = run.take(np.arange(len(run)))
    for column in (blind.open, blind.high, blind.low, blind.close, blind.volume, blind.oi):
        column[n:] = np.nan
    found = signals_by_block(matcher_for(patterns, table), blind, [0, len(run)])
    assert repr([pair for pair in found if pair[0] < n]) == repr(whole)


def test_without_its_future_an_index_has_no_volume(patterns: tuple[Pattern, ...]) -> None:
    table = sessions()
    run = walk(INDEX, table, 5, volume=False)
    found = signals_by_block(matcher_for(patterns, table), run, [0, len(run)])
    assert "VOLUME" not in {signal.pattern_id for _, signal in found}


def brute_force_bars(run: BarRun, table: SessionTable, minutes: int) -> dict[tuple[int, int], list[float]]:
    """(session, bucket) -> open, high, low, close, volume."""
    found: dict[tuple[int, int], list[float]] = {}
    for bar in run:
        session = table.index(bar.ts)
        bucket = (bar.ts - int(table.opens[session])) // (minutes * 60 * 10**9)
        long = found.setdefault((session, bucket), [bar.open, bar.high, bar.low, bar.close, 0.0])
        long[1:4] = [max(long[1], bar.high), min(long[2], bar.low), bar.close]
        long[4] += bar.volume
    return found


@pytest.mark.parametrize("minutes", [2, 5, 15, 60, 375])
@pytest.mark.parametrize("drop", [0.0, 0.2])
def test_longer_bars_are_the_shorter_ones_taken_together(minutes: int, drop: float) -> None:
    table = sessions(3)
    run = walk(INDEX, table, 1, drop=drop)
    inputs = SessionInputs(table, lambda day: None)
    aggregator = Aggregator(minutes)
    long = [
        row
        for bar in run
        for row in aggregator.push(
            [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.oi, *inputs.row(bar.ts, bar.end), 7.0]
        )
    ]
    expected = brute_force_bars(run, table, minutes)
    assert len(long) in (len(expected), len(expected) - 1)  # the very last may still be open
    assert [row[:5] for row in long] == list(expected.values())[: len(long)]


def test_the_last_longer_bar_is_complete_at_the_close() -> None:
    table = sessions(1)
    run = walk(INDEX, table, 1)
    inputs = SessionInputs(table, lambda day: None)
    aggregator = Aggregator(60)
    rows = [
        [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.oi, *inputs.row(bar.ts, bar.end), 7.0]
        for bar in run
    ]
    done = [len(aggregator.push(row)) for row in rows]
    assert sum(done) == 7
    assert done[-1] == 1  # 15:15 to 15:30 is 15 minutes long


def test_structure_by_bar_equals_structure_by_block_and_is_known_late() -> None:
    run = walk(INDEX, sessions(2), 4)
    one, many = Structure(3), Structure(3)
    rows = [one.push(bar.high, bar.low, bar.close) for bar in run]
    table = many.push_block(run.high, run.low, run.close)
    np.testing.assert_array_equal(np.array(rows).T, np.array([table[name] for name in NAMES]))
    last_high = table["structure.last_pivot_high"]
    first = int(np.flatnonzero(~np.isnan(last_high))[0])
    assert last_high[first] == run.high[first - 3] == run.high[first - 6 : first + 1].max()
    assert set(np.unique(table["structure.trend"][~np.isnan(table["structure.trend"])])) <= {0.0, 1.0, 2.0}


def test_a_regime_is_left_only_beyond_the_band() -> None:
    tracker = RegimeTracker(RegimeSettings(complete=3, directional=2, sideways=1, hysteresis=0.5))
    assert tracker.push(float("nan")) == UNKNOWN
    steps: list[tuple[float, int]] = [
        (0.0, 3),  # SIDEWAYS
        (1.2, 3),  # above the edge but inside the band
        (1.6, 2),  # SIDEWAYS_BULLISH
        (0.8, 2),  # below the edge but inside the band
        (0.4, 3),
        (4.0, 0),  # a jump goes straight to COMPLETE_BULLISH
        (2.9, 0),
        (2.4, 1),
        (-4.0, 6),
    ]
    assert [(score, tracker.push(score)) for score, _ in steps] == steps


@given(st.lists(st.one_of(st.floats(-5, 5), st.just(float("nan"))), max_size=60))
def test_regimes_by_block_equal_regimes_by_bar(scores: list[float]) -> None:
    one, many = RegimeTracker(RegimeSettings()), RegimeTracker(RegimeSettings())
    expected: list[Any] = [float(one.push(score)) for score in scores]
    assert many.push_block(np.array(scores, np.float64)).tolist() == expected


def test_the_order_of_fields_is_what_the_aggregator_expects() -> None:
    assert FIELDS[-1] == "regime"
    assert FIELDS[:6] == ("open", "high", "low", "close", "volume", "oi")


def late_bars(table: SessionTable) -> BarRun:
    """Two sessions of a walk; the first day's bars run on for twenty minutes past the close."""
    run = walk(INDEX, table, 2)
    extra = run[:20]
    ts = int(table.closes[0]) + np.arange(20) * NS_PER_MINUTE
    names = ("open", "high", "low", "close", "volume", "oi")
    past = BarRun.single(INDEX, ts, ts + NS_PER_MINUTE, *(getattr(extra, name) for name in names))
    return merge_runs([run, past])


def half_hours(tmp_path: Path) -> tuple[Pattern, ...]:
    content = {
        "pattern_id": "HALF",
        "interval": "30m",
        "phases": [{"id": "A", "conditions": ["close > 0"]}],
        "execution": {"side": "BUY", "entry": "close", "sl": "close - 50", "tp": "close + 50"},
    }
    (tmp_path / "half.json").write_text(json.dumps(content))
    return load_patterns([tmp_path]).patterns


@pytest.mark.parametrize("cuts", [[], [100], [375], [380, 390], list(range(0, 770, 7))])
def test_bars_past_the_close_make_the_same_longer_bars_on_both_paths(tmp_path: Path, cuts: list[int]) -> None:
    calendar = sessions(2)
    run = late_bars(calendar)
    spans = zip(calendar.days, calendar.opens.tolist(), calendar.closes.tolist(), strict=True)
    listed = [Session(day, opens, closes, "from_data", False) for day, opens, closes in spans]
    table = SessionTable(listed, [int(calendar.closes[0]) + 20 * NS_PER_MINUTE, int(calendar.closes[1])])
    pattern = half_hours(tmp_path)

    def matcher() -> Matcher:
        return Matcher([Market(INDEX, SessionInputs(table, lambda day: None), pattern, MarketSettings())])

    expected = signals_by_event(matcher(), run)
    assert repr(signals_by_block(matcher(), run, sorted({0, len(run), *cuts}))) == repr(expected)
    first_day = [row for row, signal in expected if signal.ts < int(calendar.closes[0])]
    assert len(first_day) == 13  # twelve half hours and the quarter that the close ends
    assert first_day[-1] == 374


@pytest.mark.parametrize("by_block", [False, True])
def test_an_unfinished_longer_bar_of_yesterday_is_never_traded_today(tmp_path: Path, by_block: bool) -> None:
    table = sessions(2)
    whole = walk(INDEX, table, 2)
    run = whole.take(np.flatnonzero((np.arange(len(whole)) < 370) | (np.arange(len(whole)) >= 375)))
    market = Market(INDEX, SessionInputs(table, lambda day: None), half_hours(tmp_path), MarketSettings())
    matcher = Matcher([market])
    found = signals_by_block(matcher, run, [0, len(run)]) if by_block else signals_by_event(matcher, run)
    assert all(table.index(signal.ts) == table.index(int(run.ts[row])) for row, signal in found)
    funnel = market.funnels()["HALF"]
    assert (funnel.late, funnel.signals - funnel.late) == (1, len(found))


@pytest.mark.parametrize("by_block", [False, True])
def test_a_hole_inside_a_longer_bar_restarts_counters_too(tmp_path: Path, by_block: bool) -> None:
    content = {
        "pattern_id": "HOLE",
        "interval": "15m",
        "phases": [
            {"id": "A", "conditions": ["close > 0"]},
            {"id": "B", "conditions": ["close < 0"], "timeout": 3},
        ],
        "execution": {"side": "BUY", "entry": "close", "sl": "close - 50", "tp": "close + 50"},
    }
    (tmp_path / "hole.json").write_text(json.dumps(content))
    patterns = load_patterns([tmp_path]).patterns
    table = sessions(1)
    whole = walk(INDEX, table, 2)
    rows = np.arange(len(whole))
    for hole, timed_out in ((range(0), 1), (range(32, 44), 0)):  # twelve minutes of the third bar
        run = whole.take(np.flatnonzero(~np.isin(rows, hole) & (rows < 60)))
        market = Market(INDEX, SessionInputs(table, lambda day: None), patterns, MarketSettings())
        matcher = Matcher([market])
        _ = signals_by_block(matcher, run, [0, len(run)]) if by_block else signals_by_event(matcher, run)
        assert market.funnels()["HOLE"].timed_out == timed_out
