"""Promise 5: a strategy that loads cannot raise, whatever the bars, on either path, down to the desk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sos.backtest.specs import instrument_spec
from sos.bars import BarRun
from sos.errors import StrategyError
from sos.market.columns import SessionInputs
from sos.market.frame import MarketSettings
from sos.market.market import Market
from sos.market.matcher import Matcher
from sos.strategy.loader import load_patterns
from sos.strategy.pattern import Pattern
from sos.trading.desk import Desk
from sos.trading.settings import ExecutionSettings, RiskSettings
from sos.types import NS_PER_MINUTE, InstrumentKind
from tests.expr import grammar
from tests.market.walks import INDEX, sessions

TABLE = sessions(2)
SPEC = instrument_spec(INDEX, "NIFTY", InstrumentKind.INDEX)
EXAMPLES = 3000 if os.environ.get("SOS_FULL") else 100
PRICES = st.one_of(
    st.floats(95.0, 105.0),
    st.sampled_from([0.0, -1.0, float("nan"), float("inf"), -float("inf"), 1e308, 1e-320, 100.0]),
)


def bars(prices: list[float], starts: list[int]) -> BarRun:
    """60 bars over two sessions, with holes, from whatever prices."""
    n = 60
    minutes = np.sort(np.array((starts * n)[:n]) % 300 + np.arange(n))
    opens = np.where(np.arange(n) < n // 2, TABLE.opens[0], TABLE.opens[1])
    ts = np.unique(opens + minutes * NS_PER_MINUTE)
    columns = [np.array([prices[(7 * i + k) % len(prices)] for i in range(len(ts))]) for k in range(6)]
    return BarRun.single(INDEX, ts, ts + NS_PER_MINUTE, *columns)


def pattern_from(content: dict[str, Any], folder: Path) -> tuple[Pattern, ...]:
    file = folder / "fuzzed.json"
    file.write_text(json.dumps(content))
    try:
        return load_patterns([file]).patterns
    except StrategyError:
        return ()


conditions = grammar.conditions
numbers = grammar.numbers
patterns = st.builds(
    lambda first, second, invalid, a, b, entry, stop, target, interval: {
        "pattern_id": "FUZZED",
        "interval": interval,
        "phases": [
            {"id": "A", "conditions": first, "capture": {"a": a, "b": b}},
            {"id": "B", "conditions": second, "invalidate": invalid, "timeout": 3},
        ],
        "execution": {"side": "BUY", "entry": entry, "sl": stop, "tp": target, "option_selection": "NONE"},
    },
    st.lists(conditions, max_size=2),
    st.lists(
        st.one_of(conditions, st.just("vars.a > vars.b"), st.just("close < vars.a or vars.b == 0")),
        max_size=2,
    ),
    st.lists(st.one_of(conditions, st.just("vars.a / vars.b > 1e300")), max_size=1),
    numbers,
    numbers,
    st.one_of(st.just("close"), numbers),
    st.one_of(st.just("close - 1"), st.just("vars.b"), numbers),
    st.one_of(st.just("entry + risk * 2"), numbers),
    st.sampled_from(["1m", "1m", "3m"]),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    patterns,
    st.lists(PRICES, min_size=6, max_size=30),
    st.lists(st.integers(0, 300), min_size=1, max_size=10),
)
def test_what_loads_runs_on_any_bars_the_same_by_bar_and_by_block(
    tmp_path: Path, content: dict[str, Any], prices: list[float], starts: list[int]
) -> None:
    loaded = pattern_from(content, tmp_path)
    if not loaded:
        return
    run = bars(prices, starts)
    results = []
    for by_block in (False, True):
        market = Market(INDEX, SessionInputs(TABLE, lambda day: 3.0), loaded, MarketSettings())
        matcher = Matcher([market])
        desk = Desk(loaded, {INDEX: SPEC}, {INDEX: TABLE}, ExecutionSettings(), RiskSettings())
        if by_block:
            desk.run(run, matcher.on_run(run))
        else:
            for bar in run:
                signals = matcher.on_bar(bar)
                desk.on_bar(bar)
                for signal in signals:
                    desk.on_signal(signal)
        desk.finish()
        results.append((desk.digest(), market.funnels(), desk.refusals))
    assert results[0] == results[1]
