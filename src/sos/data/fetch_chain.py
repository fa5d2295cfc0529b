"""The option chain as it stands now, into the store.

The broker's chain carries no time: it was known when it came. During a session that is also the time it is
about; after one, that is the session's close, so that a night does not make it look younger than it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.brokers.upstox import endpoints
from sos.brokers.upstox.models import ChainRow, ChainSide
from sos.calendar import Calendar, Segment
from sos.clock import Clock, ist_date
from sos.data.fetch_lists import Asking
from sos.data.store import Store
from sos.data.symbols import Instrument
from sos.types import NS_PER_MINUTE

__all__ = ["chain_columns", "chain_is_due", "fetch_chain", "time_of_chain"]

_MARKET: Final = {
    "oi": "oi",
    "oi_prev": "prev_oi",
    "volume": "volume",
    "ltp": "ltp",
    "bid": "bid_price",
    "bid_qty": "bid_qty",
    "ask": "ask_price",
    "ask_qty": "ask_qty",
}
_GREEKS: Final = ("delta", "gamma", "theta", "vega")
_PRICES: Final = ("ltp", "bid", "ask")
_NAN: Final = float("nan")
_LOOK_BACK: Final = 30  # days without a session; no pause comes near


def time_of_chain(calendar: Calendar, now_ns: int) -> int:
    """The moment that a chain received now is about: now, or the close of the last session."""
    today = ist_date(now_ns)
    for n in range(_LOOK_BACK):
        for session in reversed(calendar.sessions(today - timedelta(days=n), Segment.FNO)):
            if session.open_ns <= now_ns:
                return min(now_ns, session.close_ns)
    return now_ns


def chain_is_due(store: Store, of: Instrument, expiry: date, now_ns: int) -> bool:
    """Whether the market can have moved since the chain that the store has."""
    about = time_of_chain(Calendar.packaged(), now_ns)
    kept = store.read_snapshots("chain", of.key, expiry, about - NS_PER_MINUTE + 1, None)
    return kept is None or int(kept["ts"].max()) <= about - NS_PER_MINUTE


async def fetch_chain(
    broker: Asking, store: Store, of: Instrument, expiry: date, clock: Clock, source: str
) -> int:
    """Write the chain of one expiry; returns the number of strikes, 0 where the broker has none.

    Raises:
        BrokerError: it is refused.
        DataError: the store cannot be written.
    """
    rows = await broker.call(endpoints.chain(of.key, expiry))
    now = clock.now_ns()
    columns = chain_columns(rows, time_of_chain(Calendar.packaged(), now), now)
    if len(columns["ts"]):
        store.write_snapshots("chain", of.key, expiry, columns, source, "old")
    return len(columns["ts"])


def chain_columns(rows: Iterable[ChainRow], ts: int, known_ts: int) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of the store by strike, ascending; rows without a strike are left out.

    A price of 0 is no price; the volatility, percent on the wire, becomes a fraction and 0 is missing.
    """
    strikes = {row.strike_price: row for row in rows if row.strike_price is not None}
    ordered = [strikes[strike] for strike in sorted(strikes)]
    table: dict[str, list[float]] = {
        "strike": sorted(strikes),
        "spot": [_number(row.underlying_spot_price) for row in ordered],
    }
    for prefix, field in (("ce", "call_options"), ("pe", "put_options")):
        sides = [_side(getattr(row, field)) for row in ordered]
        for name in (*_MARKET, "iv", *_GREEKS):
            table[f"{prefix}_{name}"] = [side.get(name, _NAN) for side in sides]
    columns: dict[str, npt.NDArray[np.generic]] = {
        name: np.array(values, np.float64) for name, values in table.items()
    }
    columns["ts"] = np.full(len(ordered), ts, np.int64)
    columns["known_ts"] = np.full(len(ordered), known_ts, np.int64)
    return columns


def _side(side: ChainSide | None) -> dict[str, float]:
    found: dict[str, float] = {}
    if side is None:
        return found
    if side.market_data is not None:
        for name, field in _MARKET.items():
            value = _number(getattr(side.market_data, field))
            found[name] = _NAN if name in _PRICES and value <= 0.0 else value
    if side.option_greeks is not None:
        for name in _GREEKS:
            found[name] = _number(getattr(side.option_greeks, name))
        iv = _number(side.option_greeks.iv)
        found["iv"] = iv / 100.0 if iv > 0.0 else _NAN
    return found


def _number(value: float | None) -> float:
    return _NAN if value is None else float(value)
