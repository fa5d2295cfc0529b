"""Sentiment as of a time: nothing before it was known, nothing too old, one meaning of two forms."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.clock import ist_ns
from sos.errors import DataError
from sos.events import SentimentPoint
from sos.market.columns import SessionInputs
from sos.market.frame import MarketSettings
from sos.market.market import Market
from sos.market.matcher import Matcher
from sos.market.sentiment import (
    NAMES,
    PCR,
    VIX,
    SentimentReader,
    SentimentSeries,
    SentimentSettings,
    SentimentState,
    SeriesReader,
    coverage,
)
from sos.market.sentiment_sources import (
    ChainSentiment,
    LiveSentiment,
    Member,
    breadth_series,
    chain_series,
    future_series,
    vix_series,
)
from sos.options.chain import OptionChain, event_of_chain
from sos.strategy.loader import load_patterns
from sos.strategy.pattern import Pattern
from sos.types import NS_PER_MINUTE, NS_PER_SECOND
from tests.market.test_market import signals_by_block, signals_by_event
from tests.market.walks import FUTURE, INDEX, index_and_future, sessions
from tests.options.chains import BANKNIFTY, EXPIRY, NIFTY, chain, column, recorded

SETTINGS = SentimentSettings()
S = NS_PER_SECOND


def series(*rows: tuple[int, int, float], name: str = PCR) -> SentimentSeries:
    """Rows of (known, made, value), in seconds."""
    known, made, values = (np.array(part) for part in zip(*rows, strict=True))
    return SentimentSeries(known * S, {name: values.astype(np.float64)}, made * S)


def at(reader: SentimentReader, *seconds: int, name: str = PCR) -> list[float]:
    """By row, held against the columns."""
    rows = [reader.row([name], second * S)[0] for second in seconds]
    np.testing.assert_array_equal(reader.columns([name], np.array(seconds, np.int64) * S)[0], rows)
    return rows


def test_a_value_counts_from_the_time_it_was_known() -> None:
    reader = SeriesReader([series((100, 90, 1.0), (160, 150, 2.0))], SETTINGS)
    found = at(reader, 99, 100, 159, 160, 161)
    assert found[1:] == [1.0, 1.0, 2.0, 2.0]
    assert math.isnan(found[0])


def test_older_than_its_maximum_age_it_is_missing() -> None:
    reader = SeriesReader([series((100, 90, 1.0))], SETTINGS)
    found = at(reader, 269, 270, 271)
    assert found[:2] == [1.0, 1.0]
    assert math.isnan(found[2])
    patient = SentimentSettings(vix_max_age_s=86_400.0)
    level = SeriesReader([series((100, 90, 13.5), name=VIX)], patient)
    assert at(level, 80_000, name=VIX) == [13.5]


def test_a_missing_value_hides_the_one_before_it() -> None:
    reader = SeriesReader([series((100, 100, 1.0), (110, 110, math.nan))], SETTINGS)
    assert math.isnan(at(reader, 111)[0])


def test_what_arrives_after_something_newer_is_ignored() -> None:
    reader = SeriesReader([series((100, 95, 1.0), (130, 60, 9.0), (140, 120, 2.0))], SETTINGS)
    assert at(reader, 131, 140) == [1.0, 2.0]


def test_each_series_has_a_clock_of_its_own_and_the_first_wins_a_name() -> None:
    mine, theirs = series((100, 100, 1.0)), series((100, 100, 5.0))
    level = series((300, 300, 13.0), name=VIX)
    reader = SeriesReader([mine, theirs, level], SETTINGS)
    assert at(reader, 150) == [1.0]
    assert math.isnan(at(reader, 300)[0])  # the newer level of India VIX does not refresh it
    assert reader.names == {PCR, VIX}


def test_a_series_refuses_what_cannot_be() -> None:
    with pytest.raises(DataError, match="before it was made"):
        series((90, 100, 1.0))
    with pytest.raises(DataError, match="is not a sentiment value"):
        series((100, 100, 1.0), name="sentiment.mood")
    with pytest.raises(DataError, match="2 values for 1 times"):
        SentimentSeries(np.array([1]), {PCR: np.array([1.0, 2.0])})


def test_without_a_row_everything_is_missing() -> None:
    empty = SentimentSeries(np.empty(0, np.int64), {PCR: np.empty(0)})
    reader = SeriesReader([empty], SETTINGS)
    assert np.isnan(at(reader, 1, 2)).all()
    assert coverage(reader, PCR, np.array([1, 2])).oldest_s is None
    assert SentimentSeries.from_points([]).columns == {}


def test_coverage_says_the_share_of_bars_and_the_oldest_age_used() -> None:
    reader = SeriesReader([series((100, 90, 1.0))], SETTINGS)
    found = coverage(reader, PCR, np.array([50, 100, 151, 400]) * S)
    assert (found.share, found.oldest_s) == (0.5, 61.0)


# ---------------------------------------------------------------------- properties

made_at = st.integers(0, 600)
points = st.lists(
    st.tuples(made_at, st.integers(0, 200), st.one_of(st.just(math.nan), st.floats(0.1, 3.0))), max_size=15
)
times = st.lists(st.integers(0, 1000), min_size=1, max_size=30).map(sorted)


def point(made: int, delay: int, value: float) -> SentimentPoint:
    return SentimentPoint(made * S, (made + delay) * S, INDEX, ((PCR, value),))


def reader_of(rows: Sequence[SentimentPoint]) -> SeriesReader:
    empty = SentimentSeries(np.empty(0, np.int64), {PCR: np.empty(0)})
    return SeriesReader([SentimentSeries.from_points(rows) if rows else empty], SETTINGS)


@settings(max_examples=200)
@given(points, times, st.booleans())
def test_points_as_they_arrive_say_what_columns_say(
    rows: list[tuple[int, int, float]], seconds: list[int], early: bool
) -> None:
    """A point may be handed over at once and wait, or arrive when it is known: no difference."""
    all_points = sorted((point(*row) for row in rows), key=lambda one: one.known_ts)
    expected = at(reader_of(all_points), *seconds)
    state = SentimentState([PCR], SETTINGS)
    waiting = list(all_points)
    found = []
    for second in seconds:
        while waiting and (early or waiting[0].known_ts <= second * S):
            state.push(waiting.pop(0))
        found += state.row([PCR], second * S)
    np.testing.assert_array_equal(found, expected)
    fresh = SentimentState([PCR], SETTINGS)
    for one in all_points:
        fresh.push(one)
    np.testing.assert_array_equal(fresh.columns([PCR], np.array(seconds) * S)[0], expected)


@settings(max_examples=200)
@given(points.filter(bool), times, st.data())
def test_an_input_that_comes_later_changes_nothing_before_its_new_time(
    rows: list[tuple[int, int, float]], seconds: list[int], data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(rows) - 1))
    made, delay, value = rows[which]
    later = made + delay + data.draw(st.integers(1, 400))
    others = [point(*row) for row in rows[:which] + rows[which + 1 :]]
    shifted = [*others, SentimentPoint(made * S, later * S, INDEX, ((PCR, value),))]
    before = [second for second in seconds if second < later]
    np.testing.assert_array_equal(at(reader_of(shifted), *before), at(reader_of(others), *before))
    earlier = [second for second in seconds if second < made + delay]
    as_it_was = [point(*row) for row in rows]
    np.testing.assert_array_equal(at(reader_of(shifted), *earlier), at(reader_of(as_it_was), *earlier))


chains = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 240), st.tuples(*[st.integers(1, 10**6)] * 6)),
    min_size=1,
    max_size=10,
    unique_by=lambda row: row[0],
)


def chain_of(row: tuple[int, int, tuple[int, ...]], shift: int = 0) -> OptionChain:
    minute, delay, oi = row
    calls, puts = tuple(map(float, oi[:3])), tuple(map(float, oi[3:]))
    spot = 25_000.0 + sum(oi) % 97
    return chain(calls=calls, puts=puts, minute=600 + minute, known_after_s=delay + shift, spot=spot)


@settings(max_examples=80)
@given(chains, st.data())
def test_a_chain_that_comes_later_changes_no_derived_value_before_its_new_time(
    rows: list[tuple[int, int, tuple[int, ...]]], data: st.DataObject
) -> None:
    """Velocity, walls and trend too: as if the chain did not exist until then."""
    which = data.draw(st.integers(0, len(rows) - 1))
    shift = data.draw(st.integers(1, 900))
    others = [chain_of(row) for row in rows[:which] + rows[which + 1 :]]
    late = chain_of(rows[which], shift)
    ends = ist_ns(date(2026, 1, 22), 600) + np.arange(0, 60 * NS_PER_MINUTE, NS_PER_MINUTE // 2)
    ends = ends[ends < late.known_ts]
    short = SentimentSettings(velocity_minutes=3.0, trend_minutes=3.0)
    with_it = SeriesReader([chain_series([*others, late], short)], short)
    if not others:
        assert all(np.isnan(with_it.columns([name], ends)[0]).all() for name in with_it.names)
        return
    without = SeriesReader([chain_series(others, short)], short)
    for name in sorted(without.names):
        np.testing.assert_array_equal(with_it.columns([name], ends)[0], without.columns([name], ends)[0])


# ---------------------------------------------------------------------- chains to values


def values(of: SentimentPoint | None) -> dict[str, float]:
    assert of is not None
    return {name.removeprefix("sentiment."): value for name, value in of.values}


def test_a_chain_becomes_every_value_it_can() -> None:
    reader = ChainSentiment(SentimentSettings(velocity_minutes=10.0, trend_minutes=10.0))
    first = values(reader.push(chain(minute=600)))
    assert (first["pcr"], first["oi_wall_above"], first["oi_wall_below"]) == (1.0, 25_100.0, 24_900.0)
    assert math.isnan(first["pcr_velocity"])
    assert math.isnan(first["ce_oi_change"])
    later = chain(minute=612, puts=(120.0, 60.0, 20.0), spot=25_060.0, ce_oi_change=(1.0, 2.0, 3.0))
    found = values(reader.push(later))
    assert found["pcr"] == 2.0
    assert found["pcr_velocity"] == pytest.approx(1.0 / 12.0)
    assert found["smart_trend"] == 0.0  # spot up, open interest up
    assert found["ce_oi_change"] == 6.0
    assert set(found) | {"breadth_ratio", "advances", "declines", "vix"} == {
        n.partition(".")[2] for n in NAMES
    }


def test_only_the_nearest_expiry_that_has_not_passed_counts() -> None:
    reader = ChainSentiment(SETTINGS)
    monthly = date(2026, 2, 24)
    assert reader.push(chain(minute=600, expiry=monthly)) is not None
    assert reader.push(chain(minute=601)) is not None  # nearer: it takes over
    assert reader.push(chain(minute=602, expiry=monthly)) is None
    assert reader.push(chain(minute=603, expiry=date(2026, 1, 20))) is None  # expired
    next_day = replace(chain(expiry=monthly), ts=ist_ns(EXPIRY, 24 * 60 + 560), known_ts=ist_ns(EXPIRY, 3000))
    assert reader.push(next_day) is not None


def test_an_older_chain_than_the_last_is_passed_over() -> None:
    reader = ChainSentiment(SETTINGS)
    assert reader.push(chain(minute=610)) is not None
    assert reader.push(chain(minute=605, known_after_s=600)) is None


def test_the_future_gives_smart_trend_and_india_vix_its_level() -> None:
    ends = ist_ns(date(2026, 1, 22), 600) + np.arange(10) * NS_PER_MINUTE
    price, oi = np.linspace(25_000.0, 25_180.0, 10), np.linspace(1e7, 9.1e6, 10)
    found = future_series(ends, price, oi, SETTINGS).columns["sentiment.smart_trend"]
    assert np.isnan(found[:5]).all()
    assert set(found[5:].tolist()) == {3.0}  # price up, open interest down: shorts cover
    assert vix_series(ends, price).columns[VIX].tolist() == price.tolist()


def test_breadth_is_against_the_last_close_of_the_day_before() -> None:
    days = [ist_ns(date(2026, 1, 22), 15 * 60 + 30), *(ist_ns(date(2026, 1, 23), 556 + i) for i in range(3))]
    ends = np.array(days)
    up, down = Member(ends, column(10.0, 11.0, 12.0, 9.0)), Member(ends, column(10.0, 9.0, 9.0, 9.0))
    late = Member(ends[[0, 2, 3]], column(10.0, 11.0, 11.0))
    found = breadth_series([up, down, late], SentimentSettings(breadth_least_members=0.6))
    assert found.known_ts.tolist() == ends.tolist()
    np.testing.assert_array_equal(found.columns["sentiment.advances"], [math.nan, 1.0, 2.0, 1.0])
    np.testing.assert_array_equal(found.columns["sentiment.declines"], [math.nan, 1.0, 1.0, 2.0])
    np.testing.assert_array_equal(found.columns["sentiment.breadth_ratio"], [math.nan, 1.0, 2.0, 0.5])
    strict = breadth_series([up, down, late], SETTINGS)
    assert np.isnan(strict.columns["sentiment.advances"][1])  # two of three are too few


# ---------------------------------------------------------------------- in the market


def pattern(name: str, interval: str, *conditions: str) -> dict[str, Any]:
    return {
        "pattern_id": name,
        "interval": interval,
        "phases": [{"id": "A", "conditions": list(conditions)}],
        "execution": {"side": "BUY", "entry": "close", "sl": "close - 20", "tp": "close + 40"},
    }


PATTERNS = [
    pattern("MOOD", "1m", "sentiment.pcr > 1.0 and sentiment.pcr_velocity > 0"),
    pattern("MOOD_5", "5m", "sentiment.pcr < 1.0", "sentiment.vix < 14"),
    pattern("TREND", "1m", "sentiment.smart_trend == 'Long Buildup'", "close > sentiment.oi_wall_below"),
    pattern("BUSY", "1m", "screener.rvol > 1.1 and screener.change_from_open > 0"),
    pattern("BUSY_15", "15m", "screener.rvol > 1.0"),
    pattern("REGIME", "1m", "regime.name == 'COMPLETE_BULLISH' and prev(close, 1) < close"),
]


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pattern, ...]:
    folder = tmp_path_factory.mktemp("mood")
    for content in PATTERNS:
        (folder / f"{content['pattern_id'].lower()}.json").write_text(json.dumps(content))
    return load_patterns([folder]).patterns


def mood(table: Any, seed: int) -> list[SentimentSeries]:
    """A ratio that wanders, known with a delay, with holes; and a level of India VIX."""
    rng = np.random.default_rng(seed)
    made = np.concatenate([np.arange(o, c, 70 * S) for o, c in zip(table.opens, table.closes, strict=True)])
    made = made[rng.random(len(made)) > 0.2]
    n = len(made)
    ratio = np.exp(np.clip(np.cumsum(rng.normal(0, 0.02, n)), -0.5, 0.5))
    ratio[rng.random(n) < 0.05] = np.nan
    columns = {
        PCR: ratio,
        "sentiment.pcr_velocity": rng.normal(0, 1, n),
        "sentiment.smart_trend": rng.integers(0, 5, n).astype(np.float64),
        "sentiment.oi_wall_below": np.full(n, 19_000.0),
    }
    chains = SentimentSeries(made + rng.integers(0, 200, n) * S, columns, made)
    return [chains, vix_series(made, rng.uniform(12, 16, n))]


def matcher(table: Any, patterns: tuple[Pattern, ...], moods: list[SentimentSeries]) -> Matcher:
    reader = SeriesReader(moods, SETTINGS)
    inputs = SessionInputs(table, lambda day: 3.0)
    return Matcher([Market(INDEX, inputs, patterns, MarketSettings(), reader)], {INDEX: FUTURE})


def test_with_sentiment_the_cut_of_the_bars_changes_no_signal_and_no_regime(
    patterns: tuple[Pattern, ...],
) -> None:
    table = sessions(6)
    run, moods = index_and_future(table, seed=5), mood(table, 2)
    plain = matcher(table, patterns, moods)
    expected = signals_by_event(plain, run)
    assert {signal.pattern_id for _, signal in expected} == {one["pattern_id"] for one in PATTERNS}
    assert {signal.regime.value for _, signal in expected} >= {"COMPLETE_BULLISH", "UNKNOWN"}
    rng = np.random.default_rng(1)
    for cuts in ([], [7], range(0, len(run), 256), rng.integers(0, len(run), 40).tolist()):
        other = matcher(table, patterns, moods)
        found = signals_by_block(other, run, sorted({0, len(run), *cuts}))
        assert repr(found) == repr(expected)
        mine, theirs = other.markets[INDEX].regime_changes, plain.markets[INDEX].regime_changes
        assert repr(mine) == repr(theirs)
    assert len(plain.markets[INDEX].regime_changes) > 20


@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 1500), delay=st.integers(1, 3600))
def test_a_later_input_changes_no_signal_before_its_new_time(
    patterns: tuple[Pattern, ...], row: int, delay: int
) -> None:
    table = sessions(4)
    run, (chains_in, level) = index_and_future(table, seed=5), mood(table, 2)
    row %= len(chains_in)
    known = chains_in.known_ts.copy()
    known[row] += delay * S
    shifted = SentimentSeries(known, chains_in.columns, chains_in.ts)
    kept = np.arange(len(known)) != row
    removed = SentimentSeries(
        chains_in.known_ts[kept], {n: c[kept] for n, c in chains_in.columns.items()}, chains_in.ts[kept]
    )
    edges = [0, len(run)]
    one = signals_by_block(matcher(table, patterns, [shifted, level]), run, edges)
    other = signals_by_block(matcher(table, patterns, [removed, level]), run, edges)
    before = [repr(pair) for pair in one if pair[1].end < known[row]]
    assert before == [repr(pair) for pair in other if pair[1].end < known[row]]


def test_chains_and_points_as_events_give_the_signals_that_columns_give(
    patterns: tuple[Pattern, ...],
) -> None:
    """What live does against what a replay does: the same bars, the same chains, the same decisions."""
    table = sessions(2)
    run = index_and_future(table, seed=5)
    rng = np.random.default_rng(4)
    chains_in = [
        replace(
            chain(
                calls=tuple(rng.integers(1, 10**6, 3).astype(float).tolist()),
                puts=tuple(rng.integers(1, 10**6, 3).astype(float).tolist()),
                strikes=(19_900.0, 20_000.0, 20_100.0),
                spot=20_000.0,
            ),
            underlying=INDEX,
            ts=ts,
            known_ts=ts + 20 * S,
        )
        for ts in range(int(run.ts[0]), int(run.end[-1]), 100 * S)
    ]
    level = SentimentPoint(int(run.ts[0]), int(run.ts[5]), INDEX, ((VIX, 13.0),))
    patient = SentimentSettings(vix_max_age_s=10**6, velocity_minutes=5.0)
    inputs = SessionInputs(table, lambda day: 3.0)
    reader = SeriesReader([chain_series(chains_in, patient), SentimentSeries.from_points([level])], patient)
    by_columns = Matcher([Market(INDEX, inputs, patterns, MarketSettings(), reader)], {INDEX: FUTURE}).on_run(
        run
    )
    live = LiveSentiment(reader.names, patient)
    by_events = Matcher(
        [Market(INDEX, inputs, patterns, MarketSettings(), live.state)], {INDEX: FUTURE}, {INDEX: live}
    )
    moods = [(level.known_ts, level), *((one.known_ts, event_of_chain(one)) for one in chains_in)]
    events = [(bar.end, 1, bar) for bar in run] + [(known, 0, event) for known, event in moods]
    found = by_events.on_events([event for _, _, event in sorted(events, key=lambda row: row[:2])])
    expected = [repr(signal) for at_row in sorted(by_columns) for signal in by_columns[at_row]]
    assert [repr(signal) for at_row in sorted(found) for signal in found[at_row]] == expected
    assert {"MOOD", "MOOD_5"} <= {signal.pattern_id for rows in found.values() for signal in rows}


def test_neutral_values_stand_in_bar_by_bar_only_where_declared(patterns: tuple[Pattern, ...]) -> None:
    table = sessions(2)
    run, moods = index_and_future(table, seed=5), mood(table, 2)
    declared = MarketSettings(constants={PCR: 0.5})
    reader = SeriesReader(moods, SETTINGS)

    def count(settings_of: MarketSettings, by_block: bool) -> int:
        market = Market(INDEX, SessionInputs(table, lambda day: 3.0), patterns, settings_of, reader)
        of = Matcher([market], {INDEX: FUTURE})
        found = signals_by_block(of, run, [0, len(run)]) if by_block else signals_by_event(of, run)
        return sum(signal.pattern_id == "MOOD_5" for _, signal in found)

    assert count(declared, True) == count(declared, False) > count(MarketSettings(), True)


# ---------------------------------------------------------------------- recorded sentiment


@pytest.mark.parametrize(
    ("name", "key", "rows"),
    [("nifty_chain_2026-01", NIFTY, 250), ("banknifty_chain_2026-01", BANKNIFTY, 230)],
)
def test_real_chains_cover_the_minutes_that_they_should(
    shared_data: Path, name: str, key: Any, rows: int
) -> None:
    patient = SentimentSettings(max_age_s=420.0)
    found = chain_series(recorded(shared_data, name, key), patient)
    assert len(found) >= rows
    reader = SeriesReader([found], patient)
    minutes = np.unique(found.known_ts // NS_PER_MINUTE + 1) * NS_PER_MINUTE
    assert coverage(reader, PCR, minutes).share == 1.0
    assert coverage(reader, PCR, minutes).oldest_s == pytest.approx(60, abs=60)
    assert coverage(reader, "sentiment.pcr_velocity", minutes).share > 0.7
    trends = found.columns["sentiment.smart_trend"]
    assert set(trends[trends == trends].tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0}


def test_the_real_ratio_of_2026_01_12_is_read_as_of_its_time(shared_data: Path) -> None:
    """No chain was recorded that day: the series itself is the input, one value in three minutes."""
    import pyarrow.parquet as pq

    table = pq.read_table(shared_data / "chain" / "nifty_pcr_2026-01-12.parquet")
    ts = table["ts"].cast("int64").to_numpy() * 1000
    ratio = table["pcr"].to_numpy()
    reader = SeriesReader([SentimentSeries(ts, {PCR: ratio})], SETTINGS)
    ends = ist_ns(date(2026, 1, 12), 9 * 60 + 16) + np.arange(374) * NS_PER_MINUTE
    found = coverage(reader, PCR, ends)
    assert found.share > 0.99
    assert found.oldest_s == 120.0
    by_hand = [ratio[np.flatnonzero(ts <= end)[-1]] for end in ends[:300].tolist()]
    held = reader.columns([PCR], ends[:300])[0]
    np.testing.assert_array_equal(held[held == held], np.array(by_hand)[held == held])
