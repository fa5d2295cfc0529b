"""Chains and ratios in the store become sentiment that a run may look at, and never before it was known."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sos.bars import BarRun
from sos.calendar import Calendar, Segment
from sos.clock import ManualClock, ist_ns
from sos.data.series import SeriesData
from sos.data.store import Store
from sos.data.stored_sentiment import stored_sentiment
from sos.data.symbols import resolve
from sos.market.sentiment import PCR, SentimentSettings, SeriesReader
from sos.sessions import SessionTable
from sos.types import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

NIFTY = resolve("NIFTY").key
DAY = date(2024, 1, 25)
EXPIRY = DAY.isoformat()
OPEN = ist_ns(DAY, 9 * 60 + 15)


def table(ts: list[int], *, late: int = 0) -> dict[str, Any]:
    """A chain of three strikes at each time; the put/call ratio rises by one with every snapshot."""
    strikes = [21_400.0, 21_500.0, 21_600.0]
    rows = [(moment, strike, i) for i, moment in enumerate(ts) for strike in strikes]
    columns: dict[str, Any] = {
        "ts": np.array([moment for moment, _, _ in rows]),
        "known_ts": np.array([moment + late for moment, _, _ in rows]),
        "strike": np.array([strike for _, strike, _ in rows]),
        "spot": np.full(len(rows), 21_510.0),
    }
    for side, step in (("ce", 0.0), ("pe", 1.0)):
        for name in ("oi_prev", "volume", "ltp", "bid", "ask"):
            columns[f"{side}_{name}"] = np.full(len(rows), 100.0)
        columns[f"{side}_oi"] = np.array([1000.0 * (1 + step * i) for _, _, i in rows])
    return columns


def store_at(folder: Path) -> Store:
    return Store(folder, ManualClock(ist_ns(DAY)))


def bars(days: int = 1) -> SeriesData:
    """One bar at the open of each of the last ``days`` trading days up to DAY."""
    traded = Calendar.packaged().trading_days(date(2024, 1, 1), DAY)[-days:]
    ts = np.array([ist_ns(day, 9 * 60 + 15) for day in traded])
    p, none = np.full(days, 21_500.0), np.full(days, np.nan)
    run = BarRun.single(NIFTY, ts, ts + NS_PER_MINUTE, p, p, p, p, none, none)
    sessions, _, _ = SessionTable.for_bars(Calendar.packaged(), Segment.CASH, run.ts, run.end)
    return SeriesData(resolve("NIFTY"), run, 1, "test", False, sessions, (), 0, False, False)


def test_an_empty_store_knows_nothing(tmp_path: Path) -> None:
    assert stored_sentiment(store_at(tmp_path), bars(), SentimentSettings()) == ((), ())


@pytest.mark.parametrize("late", [0, 90 * NS_PER_SECOND])
def test_a_chain_is_seen_from_the_time_at_which_it_was_known(tmp_path: Path, late: int) -> None:
    store = store_at(tmp_path)
    times = [OPEN + i * NS_PER_MINUTE for i in range(5)]
    store.write_snapshots("chain", NIFTY, EXPIRY, table(times, late=late), "test")
    series, notes = stored_sentiment(store, bars(), SentimentSettings())
    assert notes == ()
    reader = SeriesReader(series, SentimentSettings())
    ends = np.array([moment + late + shift for moment in times for shift in (-1, 0)])
    seen = reader.columns((PCR,), ends)[0].tolist()
    assert seen[1::2] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert np.isnan(seen[0])
    assert seen[2::2] == [1.0, 2.0, 3.0, 4.0]


def test_a_series_of_ratios_serves_where_there_is_no_chain(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    ratios = {"ts": np.array([OPEN]), "pcr": np.array([0.8]), "spot": np.array([21_500.0])}
    store.write_snapshots("pcr", NIFTY, None, ratios, "test")
    series, _ = stored_sentiment(store, bars(), SentimentSettings())
    assert SeriesReader(series, SentimentSettings()).row((PCR,), OPEN)[0] == 0.8


def test_only_the_days_of_the_bars_are_read(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    times = [OPEN - 2 * NS_PER_DAY, OPEN, OPEN + NS_PER_DAY]
    store.write_snapshots("chain", NIFTY, EXPIRY, table(times), "test")
    series, _ = stored_sentiment(store, bars(), SentimentSettings())
    assert series[0].known_ts.tolist() == [OPEN]


def test_chains_of_few_days_are_left_out_and_it_is_said(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.write_snapshots("chain", NIFTY, EXPIRY, table([OPEN]), "test")
    series, lines = stored_sentiment(store, bars(3), SentimentSettings())
    assert series == ()
    assert lines == ("store: NIFTY: option chains of 1 of 3 days: too few, not used",)


def test_odd_chains_are_counted_by_kind(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    odd = table([OPEN])
    odd["ce_oi"] = np.zeros(3)
    store.write_snapshots("chain", NIFTY, EXPIRY, odd, "test")
    _, lines = stored_sentiment(store, bars(), SentimentSettings())
    assert lines == ("store: NIFTY: option chains: ZERO_OI in 1 of 1 snapshots",)
