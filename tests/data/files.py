"""Small files of bars for the tests of the readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sos.bars import BarRun
from sos.clock import ist_datetime
from sos.data import SeriesData, sample

PRICES = ("open", "high", "low", "close")


@cache
def week() -> SeriesData:
    """Five sessions of the sample share: bars with volume."""
    return sample("RELIANCE", seed=3, sessions=5)[0]


def rows(run: BarRun, stamp: Callable[[datetime], str]) -> list[list[str]]:
    """The bars as texts: stamp, prices, volume."""
    return [
        [stamp(ist_datetime(bar.ts)), *(repr(getattr(bar, name)) for name in PRICES), str(int(bar.volume))]
        for bar in run
    ]


def write_csv(
    path: Path, lines: Sequence[Sequence[str]], header: str = "ts,open,high,low,close,volume"
) -> Path:
    """A CSV file of the given rows."""
    text = "\n".join([header, *(",".join(line) for line in lines)])
    path.write_text(text + "\n", encoding="utf-8")
    return path


def columns_of(run: BarRun) -> dict[str, Any]:
    """The columns of a Parquet file of these bars, stamps at the open, labelled Asia/Kolkata."""
    stamps = pa.array(run.ts // 1000, pa.timestamp("us", tz="Asia/Kolkata"))
    prices = {name: getattr(run, name).copy() for name in PRICES}
    return {"ts": stamps, **prices, "volume": run.volume.astype("int64")}


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    """A Parquet file of the given columns."""
    pq.write_table(pa.table(columns), path)
    return path
