"""The bundled patterns on real bars: each finds trades that make sense, with and without volume."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sos.bars import BarRun
from sos.calendar import Calendar, Segment
from sos.events import Signal
from sos.market.columns import SessionInputs
from sos.market.frame import MarketSettings
from sos.market.market import Market
from sos.market.matcher import Matcher
from sos.sessions import SessionTable
from sos.strategy.loader import load_patterns
from sos.types import NS_PER_MINUTE, InstrumentKey
from tests.conftest import ROOT

KEY = InstrumentKey("NSE_EQ|TEST")


def signals(path: Path, rows: int, *, volume: bool) -> list[Signal]:
    table = pq.read_table(path).slice(0, rows)
    ts = table["ts"].to_numpy(zero_copy_only=False).astype("datetime64[ns]").astype(np.int64)
    o, h, low, c = (np.asarray(table[name], dtype=np.float64) for name in ("open", "high", "low", "close"))
    missing = np.full(len(ts), np.nan)
    traded = np.asarray(table["volume"], dtype=np.float64) if volume else missing
    end = ts + NS_PER_MINUTE
    sessions, keep, _ = SessionTable.for_bars(Calendar.packaged(), Segment.CASH, ts, end)
    run = BarRun.single(KEY, ts, end, o, h, low, c, traded, missing).take(keep)
    patterns = load_patterns([ROOT / "strategies"]).patterns
    market = Market(KEY, SessionInputs(sessions, lambda _day: None), patterns, MarketSettings())
    return [signal for found in Matcher([market]).on_run(run).values() for signal in found]


def counted(found: list[Signal]) -> Counter[str]:
    """Signals by pattern; every one has its stop and target on the proper sides."""
    for signal in found:
        sign = signal.side.sign
        assert (signal.entry - signal.stop) * sign > 0, signal
        assert (signal.target - signal.entry) * sign > 0, signal
    return Counter(signal.pattern_id for signal in found)


def needing_volume() -> set[str]:
    return {p.id for p in load_patterns([ROOT / "strategies"]).patterns if "volume" in p.needs}


def test_on_an_index_every_pattern_without_volume_trades_and_the_others_are_silent(shared_data: Path) -> None:
    found = counted(signals(shared_data / "nifty_1m.parquet", 100_000, volume=False))
    ids = {pattern.id for pattern in load_patterns([ROOT / "strategies"]).patterns}
    assert set(found) == ids - needing_volume()
    assert min(found.values()) >= 20


@pytest.mark.parametrize("stock", ["RELIANCE", "ICICIBANK", "TCS"])
def test_on_stocks_the_patterns_that_need_volume_trade(shared_data: Path, stock: str) -> None:
    found = counted(signals(shared_data / "stocks" / f"{stock}_1m.parquet", 100_000, volume=True))
    assert min(found[pattern_id] for pattern_id in needing_volume()) >= 20
