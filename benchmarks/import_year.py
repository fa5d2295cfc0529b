"""A year of minute bars of 1 index and 40 options as CSV: `sos data import` against Arrow's own CSV reader.

``make`` (the first argument) writes the files (once, about 230 MB, into `.data/`); ``floor`` reads each of
them with `pyarrow.csv.read_csv` and its defaults and nothing more; ``sos`` imports them into a new store with
the command a user types: read, checked, merged, written, flushed, catalogued. Every minute of every option
has a bar, which is more than any real year.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from benchmarks.paths import DATA

__all__ = ["FOLDER", "ensure"]

FOLDER: Final = DATA / "import_year"
_CONTRACTS: Final = 40
_EXPIRY: Final = date(2024, 12, 26)
_SEED: Final = 20_240_101


def ensure() -> None:
    """Write the files that are missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = ["NIFTY_1m", *(f"NIFTY{_EXPIRY:%y%m%d}{20_000 + 100 * i}CE" for i in range(_CONTRACTS))]
    if all((FOLDER / f"{name}.csv").exists() for name in names):
        return
    from sos.contracts import Contracts

    stamps, lot = _stamps(), Contracts.packaged().lot("NIFTY", _EXPIRY)
    for i, name in enumerate(names):
        part = FOLDER / f"{name}.tmp"
        pc.write_csv(_table(stamps, 22_000.0 if i == 0 else 40.0 + 20 * i, lot if i else 0, _SEED + i), part)
        part.replace(FOLDER / f"{name}.csv")


def _stamps() -> pa.Array:
    """Open times of every minute of the trading days of the year, as texts with +05:30."""
    from sos.calendar import Calendar, Segment
    from sos.clock import IST_OFFSET_NS
    from sos.types import NS_PER_MINUTE

    calendar = Calendar.packaged()
    days = calendar.trading_days(date(2024, 1, 1), _EXPIRY)
    sessions = [session for day in days for session in calendar.sessions(day, Segment.FNO)]
    minutes = np.concatenate([np.arange(s.open_ns, s.close_ns, NS_PER_MINUTE) for s in sessions])
    walls = np.datetime_as_string((minutes + IST_OFFSET_NS).astype("datetime64[ns]"), unit="s")
    return pa.array(np.char.add(walls, "+05:30"))


def _table(stamps: pa.Array, level: float, lot: int, seed: int) -> pa.Table:
    """A walk on ticks of 0.05; an index (``lot`` 0) has no volume."""
    chance, size = np.random.default_rng(seed), len(stamps)
    close = np.rint(level * np.exp(np.cumsum(chance.normal(0, 0.0004, size))) * 20)
    opened = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(opened, close) + chance.integers(0, 9, size)
    low = np.maximum(np.minimum(opened, close) - chance.integers(0, 9, size), 1)
    prices = {"open": opened / 20, "high": high / 20, "low": low / 20, "close": close / 20}
    volume = np.rint(np.exp(chance.normal(4, 1, size))).astype(np.int64) * lot
    oi = (10_000 + np.cumsum(chance.integers(-3, 4, size))).astype(np.int64) * lot
    return pa.table({"ts": stamps, **prices, "volume": volume, "oi": oi})


def _files() -> Iterator[Path]:
    return iter(sorted(FOLDER.glob("*.csv")))


def _floor() -> int:
    return sum(pc.read_csv(path).num_rows for path in _files())


def _sos() -> int:
    import contextlib
    import io
    import json
    import os

    from sos.cli import main

    out = io.StringIO()
    with tempfile.TemporaryDirectory(dir=DATA) as folder, contextlib.redirect_stdout(out):
        os.environ["SOS_DATA_DIR"] = folder
        code = main(["data", "import", *map(str, _files()), "--json"])
    if code:
        raise SystemExit(code)
    return sum(outcome["added"] for outcome in json.loads(out.getvalue()))


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "make":
        ensure()
    else:
        print(_floor() if what == "floor" else _sos())
