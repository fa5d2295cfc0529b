"""The same decisions whatever the cut, the order of files, the hash seed or the zone of the host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.backtest.result import BacktestResult
from sos.backtest.run import BacktestSettings, run_backtest
from sos.bars import BarRun
from sos.clock import ManualClock
from sos.data.sources import RunInputs, resolve_inputs
from sos.strategy.loader import load_patterns
from sos.strategy.pattern import Pattern
from sos.trading.positions import Trade
from sos.trading.settings import ExecutionSettings, RiskSettings
from tests.conftest import ROOT

STRATEGIES = ROOT / "strategies"


@pytest.fixture(scope="module")
def patterns() -> tuple[Pattern, ...]:
    return load_patterns([STRATEGIES]).patterns


@pytest.fixture(scope="module")
def inputs() -> RunInputs:
    return resolve_inputs(["NIFTY", "BANKNIFTY", "RELIANCE"], sample_sessions=4)


def run(inputs: RunInputs, patterns: tuple[Pattern, ...], **settings: Any) -> BacktestResult:
    return run_backtest(inputs, patterns, BacktestSettings(**settings), ManualClock(0))


def test_batches_of_any_size_give_the_same_digest(inputs: RunInputs, patterns: tuple[Pattern, ...]) -> None:
    whole = run(inputs, patterns, capacity=10**9)
    assert len(whole.trades) > 50
    for batch, capacity in ((1, 65_536), (7, 100), (256, 65_536), (0, 1_000)):
        part = run(inputs, patterns, batch=batch, capacity=capacity)
        assert part.digest == whole.digest, (batch, capacity)
        assert part.trades == whole.trades
        assert part.patterns == whole.patterns


def test_batches_of_any_size_give_the_same_digest_with_every_exit_on(
    inputs: RunInputs, patterns: tuple[Pattern, ...]
) -> None:
    execution = ExecutionSettings.model_validate(
        {
            "breakeven_at": 0.5,
            "time_stop_minutes": 20,
            "sizing": "risk_per_trade",
            "risk_rupees": 20_000,
            "trail": {"by": "atr", "distance": 2.0, "start_r": 0.5},
            "partials": [{"at_r": 0.7, "fraction": 0.5}],
        }
    )
    risk = RiskSettings(capital=5_000_000, max_open_positions=4, max_trades_per_day=20, day_loss=50_000)
    whole = run(inputs, patterns, capacity=10**9, execution=execution, risk=risk)
    assert {trade.exit_reason.value for trade in whole.trades} >= {"TRAIL", "STOP", "TIME"}
    for batch in (1, 64):
        assert run(inputs, patterns, batch=batch, execution=execution, risk=risk).digest == whole.digest


def test_the_order_of_patterns_does_not_matter(inputs: RunInputs, patterns: tuple[Pattern, ...]) -> None:
    assert run(inputs, tuple(reversed(patterns))).digest == run(inputs, patterns).digest


def command(folder: Path, **environment: str) -> dict[str, Any]:
    """`sos backtest NIFTY --json` in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "sos.cli", "backtest", "NIFTY", "--json", "--strategies", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=120,
    )
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


def test_hash_seed_zone_and_names_of_files_do_not_matter(tmp_path: Path) -> None:
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    for i, file in enumerate(sorted(STRATEGIES.glob("*.json"), reverse=True)):
        shutil.copy(file, shuffled / f"{i:02d}.json")
    first = command(STRATEGIES, PYTHONHASHSEED="0", TZ="UTC")
    second = command(shuffled, PYTHONHASHSEED="1", TZ="America/New_York")
    third = command(STRATEGIES, PYTHONHASHSEED="1", TZ="Asia/Kolkata")
    for result in (first, second, third):
        del result["run"]["elapsed_s"]
    assert first == second == third
    assert first["data"]["synthetic"] is True


# ---------------------------------------------------------------------- no look-ahead


def cut(inputs: RunInputs, n: int) -> RunInputs:
    """The first ``n`` bars of the merged run; the calendar is known ahead and stays."""
    return _with_run(inputs, inputs.run[:n])


def _with_run(inputs: RunInputs, run: BarRun) -> RunInputs:
    values = {name: getattr(inputs, name) for name in inputs.__dataclass_fields__}
    return RunInputs(**{**values, "run": run})


def last_seen(inputs: RunInputs, n: int) -> int:
    """Open time of the underlying's last bar among the first ``n``: what ends there may be a last close."""
    own = inputs.run.keys.index(inputs.underlyings[0].key)
    return int(inputs.run.ts[:n][inputs.run.which[:n] == own][-1])


def fills(trades: list[Trade], before: int) -> list[tuple[Any, ...]]:
    """Entries and exits in bars which opened before ``before``; the end of the data is not the market's."""
    found: list[tuple[Any, ...]] = []
    for trade in trades:
        who = trade.pattern_id, trade.underlying
        if trade.entry_ts < before:
            found.append((trade.entry_ts, *who, "in", trade.entry_price, trade.qty))
        if trade.exit_ts < before and trade.exit_reason.value != "END_OF_DATA":
            found.append((trade.exit_ts, *who, "out", trade.exit_price, trade.gross))
    return sorted(found, key=repr)


@settings(max_examples=40 if os.environ.get("SOS_FULL") else 8, deadline=None)
@given(n=st.integers(30, 4 * 375 * 2))
def test_what_comes_after_bar_n_changes_nothing_before_it(patterns: tuple[Pattern, ...], n: int) -> None:
    inputs = resolve_inputs(["NIFTY"], sample_sessions=4)
    whole = run(inputs, patterns)
    known = last_seen(inputs, n)
    assert fills(list(run(cut(inputs, n), patterns).trades), known) == fills(list(whole.trades), known)


@settings(max_examples=20 if os.environ.get("SOS_FULL") else 4, deadline=None)
@given(n=st.integers(400, 4 * 375 * 2 - 1))
def test_a_future_without_prices_changes_nothing_before_it(patterns: tuple[Pattern, ...], n: int) -> None:
    inputs = resolve_inputs(["NIFTY"], sample_sessions=4)
    blind = inputs.run.take(np.arange(len(inputs.run)))
    for column in (blind.open, blind.high, blind.low, blind.close, blind.volume, blind.oi):
        column[n:] = np.nan
    known = last_seen(inputs, n)
    found = run(_with_run(inputs, blind), patterns)
    assert fills(list(found.trades), known) == fills(list(run(inputs, patterns).trades), known)
