"""Chains and ratios in the store become sentiment that a run may look at, and never before it was known."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sos.clock import ManualClock, ist_ns
from sos.data.store import Store
from sos.data.stored_sentiment import stored_sentiment
from sos.data.symbols import resolve
from sos.market.sentiment import PCR, SentimentSettings, SeriesReader
from sos.types import NS_PER_MINUTE, NS_PER_SECOND

NIFTY = resolve("NIFTY").key
EVER = 2**62
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


def test_an_empty_store_knows_nothing(tmp_path: Path) -> None:
    assert stored_sentiment(store_at(tmp_path), NIFTY, 0, EVER, SentimentSettings()) == ((), ())


@pytest.mark.parametrize("late", [0, 90 * NS_PER_SECOND])
def test_a_chain_is_seen_from_the_time_at_which_it_was_known(tmp_path: Path, late: int) -> None:
    store = store_at(tmp_path)
    times = [OPEN + i * NS_PER_MINUTE for i in range(5)]
    store.write_snapshots("chain", NIFTY, EXPIRY, table(times, late=late), "test")
    series, notes = stored_sentiment(store, NIFTY, 0, EVER, SentimentSettings())
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
    series, _ = stored_sentiment(store, NIFTY, 0, EVER, SentimentSettings())
    assert SeriesReader(series, SentimentSettings()).row((PCR,), OPEN)[0] == 0.8


def test_the_range_is_respected(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    times = [OPEN + i * NS_PER_MINUTE for i in range(5)]
    store.write_snapshots("chain", NIFTY, EXPIRY, table(times), "test")
    series, _ = stored_sentiment(store, NIFTY, 0, times[2], SentimentSettings())
    assert series[0].known_ts.tolist() == times[:2]
