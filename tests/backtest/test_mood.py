"""A run with sentiment: what its head says, what its patterns see, and that a later input changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sos.backtest.result import BacktestResult
from sos.backtest.run import BacktestSettings, run_backtest
from sos.clock import ManualClock
from sos.data.sources import RunInputs, resolve_inputs
from sos.market.regime import RegimeSettings
from sos.market.sentiment import PCR, SentimentSeries
from sos.strategy.loader import load_patterns
from sos.strategy.pattern import Pattern
from sos.types import NS_PER_SECOND


def pattern(name: str, condition: str) -> dict[str, Any]:
    return {
        "pattern_id": name,
        "phases": [{"id": "A", "conditions": [condition]}],
        "execution": {"side": "BUY", "entry": "close", "sl": "close - 20", "tp": "close + 40"},
    }


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pattern, ...]:
    folder = tmp_path_factory.mktemp("patterns")
    for name, condition in (
        ("RATIO", "sentiment.pcr > 1.1 and crossover(close, sma(close, 10))"),
        ("TREND", "sentiment.smart_trend == 'Long Buildup' and crossover(close, sma(close, 10))"),
        ("RVOL", "screener.rvol > 1.3 and crossover(close, sma(close, 10))"),
    ):
        (folder / f"{name.lower()}.json").write_text(json.dumps(pattern(name, condition)))
    return load_patterns([folder]).patterns


@pytest.fixture(scope="module")
def bare() -> RunInputs:
    return resolve_inputs(["NIFTY"], sample_sessions=6)


def with_ratio(inputs: RunInputs, late_s: int = 0) -> RunInputs:
    """A ratio every two bars, known ``late_s`` after it was made, for the first two thirds of the run."""
    of = inputs.underlyings[0]
    ends = inputs.series_of(of.key).run.end
    made = ends[: len(ends) * 2 // 3 : 2]
    ratio = 1.0 + 0.3 * np.sin(np.arange(len(made)) / 40)
    series = SentimentSeries(made + late_s * NS_PER_SECOND, {PCR: ratio}, made)
    return replace(inputs, sentiment={of.key: (series,)})


def run(inputs: RunInputs, patterns: tuple[Pattern, ...], **settings: Any) -> BacktestResult:
    return run_backtest(inputs, patterns, BacktestSettings(**settings), ManualClock(0))


def test_the_head_says_how_much_of_the_run_had_sentiment_and_which_regime(
    bare: RunInputs, patterns: tuple[Pattern, ...]
) -> None:
    found = run(with_ratio(bare, 61), patterns)
    notes = "\n".join(found.data.notes)
    assert "NIFTY: sentiment from option chains: 66." in notes
    assert "of bars, oldest 180 s" in notes
    assert "NIFTY: smart trend: 9" in notes
    assert "regime by high_pcr_bullish (auto: this run has a put-call ratio)" in notes
    plain = "\n".join(run(bare, patterns).data.notes)
    assert "sentiment from option chains" not in plain
    assert "regime by price_only (auto: this run has no put-call ratio)" in plain


def test_patterns_see_what_the_run_has_and_are_named_where_it_has_not(
    bare: RunInputs, patterns: tuple[Pattern, ...]
) -> None:
    missing = {one.pattern_id: one.missing_inputs for one in run(bare, patterns).patterns}
    assert missing == {"RATIO": ("sentiment.pcr",), "TREND": (), "RVOL": ()}
    found = run(with_ratio(bare), patterns)
    assert {one.pattern_id: one.missing_inputs for one in found.patterns} == {
        "RATIO": (),
        "TREND": (),
        "RVOL": (),
    }
    assert all(one.funnel.signals > 0 for one in found.patterns)


def test_batches_of_any_size_give_the_same_digest(bare: RunInputs, patterns: tuple[Pattern, ...]) -> None:
    inputs = with_ratio(bare, 45)
    whole = run(inputs, patterns)
    assert len(whole.trades) > 20
    for batch in (1, 7, 256):
        assert run(inputs, patterns, batch=batch).digest == whole.digest


def test_a_policy_without_its_ratio_is_said(bare: RunInputs, patterns: tuple[Pattern, ...]) -> None:
    found = run(bare, patterns, regime=RegimeSettings(policy="low_pcr_bullish"))
    assert any("UNKNOWN throughout" in note for note in found.data.notes)
    assert {trade.regime.value for trade in found.trades} == {"UNKNOWN"}


def test_ratios_known_later_change_no_trade_before(bare: RunInputs, patterns: tuple[Pattern, ...]) -> None:
    inputs = with_ratio(bare)
    of = inputs.underlyings[0]
    (series,) = inputs.sentiment[of.key]
    cut = len(series) // 2
    known = series.known_ts.copy()
    known[cut:] += 10 * 86_400 * NS_PER_SECOND
    late = replace(inputs, sentiment={of.key: (SentimentSeries(known, series.columns, series.ts),)})
    gone = {name: column[:cut] for name, column in series.columns.items()}
    cut_off = replace(
        inputs, sentiment={of.key: (SentimentSeries(series.known_ts[:cut], gone, series.ts[:cut]),)}
    )
    assert run(late, patterns).digest == run(cut_off, patterns).digest != run(inputs, patterns).digest
