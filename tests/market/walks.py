"""Random sessions of bars for tests: an index without volume and its future."""

from __future__ import annotations

from datetime import date

import numpy as np

from sos.bars import BarRun, merge_runs
from sos.calendar import Calendar, Segment
from sos.sessions import SessionTable
from sos.types import NS_PER_MINUTE, InstrumentKey

INDEX = InstrumentKey("NSE_INDEX|Nifty 50")
FUTURE = InstrumentKey("NSE_FO|NIFTY.FUT")


def sessions(days: int = 4) -> SessionTable:
    """The first trading sessions of January 2024."""
    table = SessionTable.from_calendar(Calendar.packaged(), Segment.CASH, date(2024, 1, 1), date(2024, 1, 31))
    return SessionTable.from_calendar(Calendar.packaged(), Segment.CASH, table.days[0], table.days[days - 1])


def walk(
    key: InstrumentKey, table: SessionTable, seed: int, *, drop: float = 0.0, volume: bool = True
) -> BarRun:
    """One-minute bars over the table's sessions; ``drop`` is the share of minutes without a bar."""
    rng = np.random.default_rng(seed)
    ts = np.concatenate(
        [
            np.arange(o, c, NS_PER_MINUTE)
            for o, c in zip(table.opens.tolist(), table.closes.tolist(), strict=True)
        ]
    )
    ts = ts[rng.random(len(ts)) >= drop]
    n = len(ts)
    close = np.round(20_000 + np.cumsum(rng.normal(0, 6, n)), 2)
    open_ = np.concatenate([[20_000.0], close[:-1]])
    wick = np.round(np.abs(rng.normal(0, 4, (2, n))), 2)
    high, low = np.maximum(open_, close) + wick[0], np.minimum(open_, close) - wick[1]
    volumes = np.floor(rng.lognormal(8, 0.7, n)) if volume else np.full(n, np.nan)
    return BarRun.single(key, ts, ts + NS_PER_MINUTE, open_, high, low, close, volumes, volumes * 10)


def index_and_future(table: SessionTable, seed: int, drop: float = 0.0) -> BarRun:
    """Both series merged in the declared order: the future's bar before the index's of the same minute."""
    return merge_runs(
        [walk(FUTURE, table, seed + 1, drop=drop), walk(INDEX, table, seed, drop=drop, volume=False)]
    )
