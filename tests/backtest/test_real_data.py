"""The whole of the real bars through the shipped patterns: clean, whole, and true to the odd days."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from sos.backtest.books import keep_books
from sos.backtest.metrics import summarise
from sos.backtest.result import BacktestResult
from sos.backtest.run import BacktestSettings, run_backtest
from sos.backtest.specs import instrument_spec
from sos.clock import ManualClock, ist_date, ist_datetime, ist_minute_of_day
from sos.data.sources import RunInputs, resolve_inputs
from sos.strategy.loader import load_patterns
from sos.strategy.pattern import Pattern
from sos.trading.settings import ExecutionSettings
from sos.types import ExitReason, Side
from tests.conftest import ROOT

STOCKS = ("RELIANCE", "ICICIBANK", "TCS")
ODD_DAYS = {
    date(2021, 2, 24): "outage, evening session",
    date(2021, 11, 4): "Muhurat",
    date(2022, 10, 24): "Muhurat",
    date(2021, 7, 23): "short by a source gap",
    date(2022, 1, 21): "short by a source gap",
    date(2022, 3, 7): "short by a source gap",
    date(2024, 1, 20): "Saturday",
}


@pytest.fixture(scope="module")
def patterns() -> tuple[Pattern, ...]:
    return load_patterns([ROOT / "strategies"]).patterns


@pytest.fixture(scope="module")
def nifty(shared_data: Path) -> RunInputs:
    return resolve_inputs(["NIFTY"], [str(shared_data / "nifty_1m.parquet")])


@pytest.fixture(scope="module")
def nifty_result(nifty: RunInputs, patterns: tuple[Pattern, ...]) -> BacktestResult:
    return run_backtest(nifty, patterns, BacktestSettings(), ManualClock(0))


def test_three_years_of_nifty_run_clean(nifty: RunInputs, nifty_result: BacktestResult) -> None:
    assert nifty_result.data.bars == len(nifty.run) == 201_150
    assert nifty_result.data.sessions == 539
    assert all(outcome.funnel.bars == 201_150 for outcome in nifty_result.patterns)
    assert len(nifty_result.trades) > 1_000


def test_every_trade_is_inside_its_session_and_its_bars(
    nifty: RunInputs, nifty_result: BacktestResult
) -> None:
    row = {int(ts): i for i, ts in enumerate(nifty.run.ts.tolist())}
    low, high = nifty.run.low, nifty.run.high
    table = nifty.series[0].sessions
    for trade in nifty_result.trades:
        assert table.index(trade.signal_ts) == table.index(trade.entry_ts) == table.index(trade.exit_ts)
        for ts, price in ((trade.entry_ts, trade.entry_price), (trade.exit_ts, trade.exit_price)):
            i = row[ts]
            assert round(low[i] * 100) - 5 <= price <= round(high[i] * 100) + 5  # one tick of slippage
        assert ist_minute_of_day(trade.entry_ts) < 15 * 60 or trade.entry_ts > table.opens[0]


def test_nothing_is_held_over_night_and_everything_is_out_by_the_square_off(
    nifty_result: BacktestResult,
) -> None:
    for trade in nifty_result.trades:
        assert ist_date(trade.entry_ts) == ist_date(trade.exit_ts)
        if ist_date(trade.exit_ts) not in ODD_DAYS:
            assert ist_minute_of_day(trade.exit_ts) <= 15 * 60 + 15


def test_the_ledger_agrees_with_the_trades_to_the_last_unit(
    nifty: RunInputs, nifty_result: BacktestResult
) -> None:
    of = nifty.underlyings[0]
    ledger = keep_books(nifty_result.trades, {of.key: instrument_spec(of.key, of.symbol, of.kind)}, 10**9)
    summary = summarise(nifty_result.trades, nifty_result.data.days)
    assert ledger.net == summary.total.net == sum(group.net for group in summary.by_pattern)
    assert ledger.cash == 10**9 * 10**11 + summary.total.net


@pytest.mark.parametrize("day", ODD_DAYS, ids=str)
def test_odd_days_run_alone_and_leave_in_time(
    shared_data: Path, patterns: tuple[Pattern, ...], day: date
) -> None:
    inputs = resolve_inputs(["NIFTY"], [str(shared_data / "nifty_1m.parquet")], day, day)
    result = run_backtest(inputs, patterns, BacktestSettings(), ManualClock(0))
    assert result.data.days == (day,)
    table = inputs.series[0].sessions
    for trade in result.trades:
        session = table.index(trade.exit_ts)
        assert trade.exit_ts < table.ends[session]
        assert ist_date(trade.entry_ts) == day
    assert "END_OF_DATA" not in {trade.exit_reason.value for trade in result.trades}


def test_the_outage_day_is_two_sessions_and_the_first_is_left_at_its_last_bar(
    shared_data: Path, patterns: tuple[Pattern, ...]
) -> None:
    day = date(2021, 2, 24)
    inputs = resolve_inputs(["NIFTY"], [str(shared_data / "nifty_1m.parquet")], day, day)
    table = inputs.series[0].sessions
    ordinals = sorted(set(table.index_block(inputs.run.ts).tolist()))
    spans = [
        (
            ist_datetime(int(table.opens[i])).strftime("%H:%M"),
            ist_datetime(int(table.closes[i])).strftime("%H:%M"),
        )
        for i in ordinals
    ]
    assert spans == [("09:15", "11:40"), ("15:45", "17:00")]
    result = run_backtest(inputs, patterns, BacktestSettings(), ManualClock(0))
    for trade in result.trades:
        assert table.index(trade.entry_ts) == table.index(trade.exit_ts)


def test_patterns_that_need_volume_trade_on_the_shares(
    shared_data: Path, patterns: tuple[Pattern, ...]
) -> None:
    files = [str(shared_data / "stocks" / f"{symbol}_1m.parquet") for symbol in STOCKS]
    inputs = resolve_inputs(STOCKS, files)
    result = run_backtest(inputs, patterns, BacktestSettings(), ManualClock(0))
    assert result.data.bars == 3 * 41_625
    traded = Counter(trade.pattern_id for trade in result.trades)
    needing = {pattern.id for pattern in patterns if "volume" in pattern.needs}
    assert len(needing) >= 3
    assert all(traded[pattern_id] > 10 for pattern_id in needing)
    assert {trade.underlying for trade in result.trades} == {of.key for of in inputs.underlyings}
    assert all(not outcome.missing_inputs for outcome in result.patterns if outcome.pattern_id in needing)
    assert {trade.qty for trade in result.trades} <= {1, 2, 3}  # two shares, by regime one or three


def test_an_index_without_its_future_names_the_patterns_that_stay_silent(
    nifty_result: BacktestResult, patterns: tuple[Pattern, ...]
) -> None:
    needing = {pattern.id for pattern in patterns if "volume" in pattern.needs}
    silent = {outcome.pattern_id for outcome in nifty_result.patterns if "volume" in outcome.missing_inputs}
    assert silent == needing
    for pattern_id in needing:
        assert any(pattern_id in note and "--data" in note for note in nifty_result.data.notes)


def test_the_future_of_the_day_lends_its_volume(shared_data: Path, patterns: tuple[Pattern, ...]) -> None:
    inputs = resolve_inputs(
        ["NIFTY"],
        [str(shared_data / "nifty_1m.parquet"), f"NIFTY.FUT={shared_data / 'nifty_fut_1m.parquet'}"],
        date(2022, 11, 18),
        date(2022, 11, 18),
    )
    result = run_backtest(inputs, patterns, BacktestSettings(), ManualClock(0))
    assert result.data.bars == 375
    assert all("volume" not in outcome.missing_inputs for outcome in result.patterns)


def test_real_digests_do_not_depend_on_the_cut(
    nifty: RunInputs, nifty_result: BacktestResult, patterns: tuple[Pattern, ...]
) -> None:
    small = run_backtest(nifty, patterns, BacktestSettings(batch=4_096), ManualClock(0))
    assert small.digest == nifty_result.digest


def test_slippage_only_ever_costs(nifty: RunInputs, patterns: tuple[Pattern, ...]) -> None:
    """A long never leaves a stop above the smaller of stop and open, less slippage; shorts mirrored."""
    result = run_backtest(
        nifty, patterns, BacktestSettings(execution=ExecutionSettings(slippage_ticks=2)), ManualClock(0)
    )
    row = {int(ts): i for i, ts in enumerate(nifty.run.ts.tolist())}
    stopped = [trade for trade in result.trades if trade.exit_reason is ExitReason.STOP]
    assert len(stopped) > 500
    for trade in stopped:
        sign = 1 if trade.side is Side.BUY else -1
        opened = round(float(nifty.run.open[row[trade.exit_ts]]) * 100)
        bound = (
            min(sign * trade.stop, sign * opened) if trade.exit_ts != trade.entry_ts else sign * trade.stop
        )
        assert sign * trade.exit_price <= bound - 2 * 5 or sign * trade.exit_price <= sign * opened - 2 * 5
