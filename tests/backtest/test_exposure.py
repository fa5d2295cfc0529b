"""The capital that the trades of a run needed at once."""

from __future__ import annotations

from datetime import date

import pytest

from sos.backtest.exposure import peak_exposure
from sos.backtest.run import BacktestSettings, capital_lines, run_backtest
from sos.clock import ManualClock, ist_ns
from sos.data.sources import resolve_inputs
from sos.strategy.loader import load_patterns
from sos.trading.settings import RiskSettings
from tests.conftest import ROOT

RISK = RiskSettings()


def test_no_trades_need_nothing() -> None:
    assert peak_exposure([], {}, RISK).margin == 0
    assert capital_lines([], {}, RISK) == []


def test_the_head_says_when_the_trades_needed_more_than_the_capital() -> None:
    inputs = resolve_inputs(["NIFTY"], sample_sessions=4)
    patterns = load_patterns([ROOT / "strategies"]).patterns
    result = run_backtest(inputs, patterns, BacktestSettings(), ManualClock(0))
    peak = peak_exposure(result.trades, result.specs, RISK)
    open_then = [trade for trade in result.trades if trade.entry_ts <= peak.ts <= trade.exit_ts]
    assert peak.positions >= 2
    assert peak.margin == sum(trade.entry_price * trade.qty * 1500 // 10_000 for trade in open_then)
    assert peak.margin > RISK.capital * 100
    assert any("margin" in note and "max_capital_use=1" in note for note in result.data.notes)
    within = BacktestSettings(risk=RiskSettings(max_capital_use=1.0))
    held = run_backtest(inputs, patterns, within, ManualClock(0))
    assert peak_exposure(held.trades, held.specs, RISK).margin <= RISK.capital * 100
    assert not any("max_capital_use" in note for note in held.data.notes)


@pytest.mark.parametrize("day", [date(2024, 1, 1)])
def test_an_exit_frees_its_margin_after_the_bar_and_not_before(day: date) -> None:
    inputs = resolve_inputs(["RELIANCE"], sample_sessions=2)
    patterns = load_patterns([ROOT / "strategies"]).patterns
    result = run_backtest(inputs, patterns, BacktestSettings(), ManualClock(ist_ns(day)))
    peak = peak_exposure(result.trades, result.specs, RISK)
    brute = max(
        sum(
            trade.entry_price * trade.qty * 2000 // 10_000
            for trade in result.trades
            if trade.entry_ts <= moment <= trade.exit_ts
        )
        for moment in {trade.entry_ts for trade in result.trades}
    )
    assert peak.margin == brute
