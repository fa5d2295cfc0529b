"""One-minute bars for the benchmarks: a walk like NIFTY's, from a fixed seed, as Parquet.

375 bars a day on weekdays of 2015 to 2019 (unknown to the packaged calendar, so each of them is a session),
start 20,000, about 12 % a year, open = previous close, wicks, log-normal volume with a U over the day.
Prices lie on ticks of 0.05. Shorter files are beginnings of the longest one.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.paths import DATA, bars_file

__all__ = ["YEARS", "ensure"]

YEARS: Final = (1, 5)
_SEED: Final = 20_150_105
_DAYS_PER_YEAR: Final = 250
_BARS_PER_DAY: Final = 375
_FIRST_DAY: Final = date(2015, 1, 5)
_OPEN_MINUTE_UTC: Final = 3 * 60 + 45  # 09:15 IST


def _stamps(days: int) -> Any:
    """Open times of every bar, microseconds UTC."""
    weekdays = [_FIRST_DAY + timedelta(days=7 * (n // 5) + n % 5) for n in range(days)]
    midnights = np.array([(day - date(1970, 1, 1)).days for day in weekdays], np.int64) * 1440
    minutes = midnights[:, None] + _OPEN_MINUTE_UTC + np.arange(_BARS_PER_DAY)
    return minutes.ravel() * 60_000_000


def _columns(days: int) -> dict[str, Any]:
    chance = np.random.default_rng(_SEED)
    size = days * _BARS_PER_DAY
    sigma = 0.12 / np.sqrt(_DAYS_PER_YEAR * _BARS_PER_DAY)
    close = np.rint(20_000 * np.exp(np.cumsum(chance.normal(0, sigma, size))) * 20)
    opened = np.concatenate([[400_000.0], close[:-1]])
    wick = close * sigma * 0.6
    high = np.maximum(opened, close) + np.rint(chance.exponential(wick))
    low = np.minimum(opened, close) - np.rint(chance.exponential(wick))
    position = np.tile(np.linspace(-1, 1, _BARS_PER_DAY), days)
    volume = np.rint(np.exp(chance.normal(10, 0.6, size)) * (0.6 + 1.4 * position**2))
    prices = {"open": opened, "high": high, "low": low, "close": close}
    return {name: ticks / 20 for name, ticks in prices.items()} | {"volume": volume.astype(np.int64)}


def ensure() -> None:
    """Write the files that are missing."""
    if all(bars_file(years).exists() for years in YEARS):
        return
    DATA.mkdir(parents=True, exist_ok=True)
    days = max(YEARS) * _DAYS_PER_YEAR
    kind = pa.timestamp("us", tz="Asia/Kolkata")
    columns = {"ts": pa.array(_stamps(days), kind), **_columns(days)}
    columns["oi"] = np.zeros(days * _BARS_PER_DAY, np.int64)
    table = pa.table(columns)
    for years in YEARS:
        part = bars_file(years).with_suffix(".tmp")
        pq.write_table(table.slice(0, years * _DAYS_PER_YEAR * _BARS_PER_DAY), part, compression="zstd")
        part.replace(bars_file(years))


if __name__ == "__main__":
    ensure()
