"""Quotes: last price, OHLC, greeks and full, in the V2 and V3 spellings.

Pure. Answers are keyed ``SEGMENT:SYMBOL``; each value says its key in ``instrument_token``. Known keys only;
when none is known the request is refused (a setting). Depth is made up around the last price, never crossed.
Source: the broker's market-quote pages.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from sos.clock import ist_date, ist_datetime, ist_ns
from sos.sim.http import Problem, Request, Response, ok
from sos.sim.listings import Listing
from sos.sim.market import Point
from sos.sim.params import keys, required
from sos.sim.routing import Handler, Route
from sos.sim.tape import Bars, candles
from sos.types import NS_PER_DAY

if TYPE_CHECKING:
    from sos.sim.world import World

__all__ = ["ROUTES"]

_Row: TypeAlias = Callable[["World", Listing, Point, Request], dict[str, Any]]
_DEPTH: Final = 5
_YEAR_NS: Final = 366 * NS_PER_DAY


def _quotes(row: _Row, most: int, too_many: str) -> Handler:
    """A handler that answers one row per known instrument."""

    def handle(world: World, request: Request) -> Response:
        text = required(request.query, "instrument_key", "UDAPI1009", "symbol")
        wanted = keys(text, "UDAPI1011", "instrument_key")
        if len(wanted) > most:
            raise Problem(400, too_many, f"Maximum number of instrument keys allowed is {most}")
        found = [one for key in wanted if (one := world.market.find(key, request.now)) is not None]
        if not found and world.settings.unknown_is_error:
            raise Problem(400, "UDAPI1087", "Invalid instrument key", "instrument_key", text)
        points = [(one, world.market.point(one, request.now)) for one in found]
        return ok({one.quote_key: row(world, one, at, request) for one, at in points if at is not None})

    return handle


def _last(world: World, listing: Listing, at: Point, request: Request) -> dict[str, Any]:
    return {"last_price": at.price, "instrument_token": listing.key}


def _last_v3(world: World, listing: Listing, at: Point, request: Request) -> dict[str, Any]:
    before = world.market.before(listing, request.now)
    return {
        **_last(world, listing, at, request),
        "ltq": listing.lot if _volume(at) else 0,
        "volume": _volume(at),
        "cp": None if before is None else before.price,
    }


def _ohlc_v2(world: World, listing: Listing, at: Point, request: Request) -> dict[str, Any]:
    _interval(request)
    return {"ohlc": _ohlc(at.day), **_last(world, listing, at, request)}


def _ohlc_v3(world: World, listing: Listing, at: Point, request: Request) -> dict[str, Any]:
    interval = _interval(request)
    bars = candles(at.day, *{"1d": ("days", 1), "I1": ("minutes", 1), "I30": ("minutes", 30)}[interval])
    before = _stamped(bars[1]) if len(bars) > 1 else None
    rows = {"prev_ohlc": before, "live_ohlc": _stamped(bars[0])}
    return {**_last(world, listing, at, request), **rows}


def _interval(request: Request) -> str:
    interval = required(request.query, "interval", "UDAPI1027")
    if interval not in ("1d", "I1", "I30"):
        raise Problem(400, "UDAPI1028", "Invalid interval", "interval", interval)
    return interval


def _stamped(row: list[Any]) -> dict[str, Any]:
    ts = int(datetime.fromisoformat(row[0]).timestamp() * 1000)
    return {"open": row[1], "high": row[2], "low": row[3], "close": row[4], "volume": row[5], "ts": ts}


def _greeks(world: World, listing: Listing, at: Point, request: Request) -> dict[str, Any]:
    row = _last_v3(world, listing, at, request)
    zero = dict.fromkeys(("iv", "vega", "gamma", "theta", "delta"), 0.0)
    return {**row, **(zero | world.greeks_of(listing, request.now)), "oi": float(at.day.oi[-1])}


def _full(world: World, listing: Listing, at: Point, request: Request) -> dict[str, Any]:
    before = world.market.before(listing, request.now)
    shown = at.price if before is None else before.price
    depth = _depth(listing, at.price)
    return {
        "ohlc": _ohlc(at.day),
        "depth": depth,
        "timestamp": _iso_ms(at.at_ns),
        "instrument_token": listing.key,
        "symbol": listing.quote_key.partition(":")[2],
        "last_price": float(np.float32(at.price)),  # the broker's own artefact
        "volume": _volume(at),
        "average_price": _average(at.day),
        "oi": float(at.day.oi[-1]),
        "net_change": round(at.price - shown, 2),
        "total_buy_quantity": float(sum(row["quantity"] for row in depth["buy"])),
        "total_sell_quantity": float(sum(row["quantity"] for row in depth["sell"])),
        "lower_circuit_limit": round(shown * 0.9, 2),
        "upper_circuit_limit": round(shown * 1.1, 2),
        "last_trade_time": str(at.at_ns // 1_000_000),
        "oi_day_high": float(at.day.oi.max()),
        "oi_day_low": float(at.day.oi.min()),
    }


def _full_v3(world: World, listing: Listing, at: Point, request: Request) -> dict[str, Any]:
    before = world.market.before(listing, request.now)
    first_ns = at.at_ns if listing.is_option else at.at_ns - _YEAR_NS  # null for an option
    year = world.market.bars(listing, request.now, first_ns, at.at_ns)
    day_ms = ist_ns(ist_date(at.at_ns - 1)) // 1_000_000
    return {
        **_full(world, listing, at, request),
        "ohlc": {**_ohlc(at.day), "volume": _volume(at), "ts": day_ms},
        "prev_close_price": None if before is None else before.price,
        "year_high": float(year.high.max()) if len(year) else None,
        "year_low": float(year.low.min()) if len(year) else None,
        "previous_oi": None if before is None else float(before.day.oi[-1]),
        "indicative_equilibrium_price": None,
        "reference_price": None,
        "indicative_equilibrium_quantity": None,
        "indicative_imbalance_quantity_total": None,
        "indicative_imbalance_quantity_market": None,
        "cas_eligible": listing.kind == "EQ",
    }


def _volume(at: Point) -> int:
    return int(at.day.volume.sum())


def _ohlc(day: Bars) -> dict[str, float]:
    return {
        "open": float(day.open[0]),
        "high": float(day.high.max()),
        "low": float(day.low.min()),
        "close": float(day.close[-1]),
    }


def _average(day: Bars) -> float | None:
    """Volume-weighted typical price; null where nothing trades (an index)."""
    volume = float(day.volume.sum())
    if not volume:
        return None
    return round(float(((day.high + day.low + day.close) / 3.0 * day.volume).sum()) / volume, 2)


def _depth(listing: Listing, price: float) -> dict[str, list[dict[str, Any]]]:
    """Five rows a side, one tick apart; zeros for an index and where the price leaves no room."""
    tick = listing.tick / 100.0
    sides: dict[str, list[dict[str, Any]]] = {"buy": [], "sell": []}
    for level in range(_DEPTH):
        for side, sign in (("buy", -1), ("sell", 1)):
            at = round(price + sign * tick * (level + (1 if side == "sell" else 0)), 2)
            there = listing.kind != "INDEX" and at > 0.0
            size = listing.lot * (2 + level * 3) if there else 0
            row = {"quantity": size, "price": at if there else 0.0, "orders": level + 1 if there else 0}
            sides[side].append(row)
    return sides


def _iso_ms(ts: int) -> str:
    return ist_datetime(ts).isoformat(timespec="milliseconds")


ROUTES: Final = (
    Route("GET", "/v3/market-quote/ltp", _quotes(_last_v3, 500, "UDAPI100043")),
    Route("GET", "/v3/market-quote/ohlc", _quotes(_ohlc_v3, 500, "UDAPI100043")),
    Route("GET", "/v3/market-quote/option-greek", _quotes(_greeks, 50, "UDAPI100076")),
    Route("GET", "/v3/market-quote/quotes", _quotes(_full_v3, 500, "UDAPI100042")),
    Route("GET", "/v2/market-quote/ltp", _quotes(_last, 500, "UDAPI100043")),
    Route("GET", "/v2/market-quote/ohlc", _quotes(_ohlc_v2, 500, "UDAPI100043")),
    Route("GET", "/v2/market-quote/quotes", _quotes(_full, 500, "UDAPI100042")),
)
