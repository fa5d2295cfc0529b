"""Small chains made by hand, random ones, and the recorded ones of the shared data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sos.bars import F64
from sos.clock import ist_ns
from sos.options.chain import OptionChain, build_chain, chains_from_columns
from sos.types import InstrumentKey

NIFTY = InstrumentKey("NSE_INDEX|Nifty 50")
BANKNIFTY = InstrumentKey("NSE_INDEX|Nifty Bank")
DAY = date(2026, 1, 22)
EXPIRY = date(2026, 1, 27)
_RENAMED = {"ce_oi_chg": "ce_oi_change", "pe_oi_chg": "pe_oi_change"}


def column(*values: float) -> F64:
    return np.array(values, np.float64)


def chain(
    strikes: tuple[float, ...] = (24_900.0, 25_000.0, 25_100.0),
    calls: tuple[float, ...] = (10.0, 20.0, 70.0),
    puts: tuple[float, ...] = (60.0, 30.0, 10.0),
    *,
    minute: float = 600,
    known_after_s: float = 0.0,
    spot: float = 25_010.0,
    expiry: date = EXPIRY,
    **others: Any,
) -> OptionChain:
    """Open interest only, unless ``others`` (``ce_bid=...``) say more; ``minute`` of the day."""
    ts = ist_ns(DAY) + round(minute * 60e9)
    sides: list[dict[str, F64]] = [{"oi": column(*calls)}, {"oi": column(*puts)}]
    for name, values in others.items():
        prefix, _, field = name.partition("_")
        sides[["ce", "pe"].index(prefix)][field] = column(*values)
    return build_chain(
        NIFTY, expiry, ts, column(*strikes), *sides, known_ts=ts + round(known_after_s * 1e9), spot=spot
    )


def recorded(shared: Path, name: str, key: InstrumentKey, lot: int | None = None) -> list[OptionChain]:
    """The chains of one Parquet file of snapshots."""
    import pyarrow.parquet as pq

    table = pq.read_table(shared / "chain" / f"{name}.parquet")
    columns: Mapping[str, F64] = {
        _RENAMED.get(field, field): table[field].cast("float64").to_numpy()
        for field in table.schema.names
        if field not in ("ts", "expiry")
    }
    ts = table["ts"].cast("int64").to_numpy() * 1000
    return list(chains_from_columns(key, ts, table["expiry"].to_pylist(), columns, lot=lot))


def broker_chain(shared: Path) -> tuple[OptionChain, list[dict[str, Any]]]:
    """The broker's recorded answer of 2026-04-02 as a chain, and its rows by strike."""
    path = shared / "rest_fixtures" / "upstox" / "nifty_chain_2026-04-07.json"
    answer = json.loads(path.read_text("utf-8"))
    rows = sorted(answer["response"]["data"], key=lambda row: float(row["strike_price"]))

    def side(name: str) -> dict[str, F64]:
        market = [row[name]["market_data"] for row in rows]
        oi = column(*(one["oi"] for one in market))
        return {
            "oi": oi,
            "oi_change": oi - column(*(one["prev_oi"] for one in market)),
            "volume": column(*(one["volume"] for one in market)),
            "ltp": column(*(one["ltp"] for one in market)),
            "bid": column(*(one["bid_price"] for one in market)),
            "ask": column(*(one["ask_price"] for one in market)),
        }

    ts = round(datetime.fromisoformat(answer["recorded_at"]).timestamp()) * 10**9
    made = build_chain(
        NIFTY,
        date.fromisoformat(rows[0]["expiry"]),
        ts,
        column(*(row["strike_price"] for row in rows)),
        side("call_options"),
        side("put_options"),
        spot=rows[0]["underlying_spot_price"],
        lot=65,
    )
    return made, rows
