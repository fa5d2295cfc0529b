"""Option chain, option contracts, instrument search, and the instrument files.

Pure. The chain is ascending by strike and has no time stamp; ``pcr`` is per strike and absent where no call
is open; volatility is in percent. Source: the broker's option-chain, contract and instrument pages.
"""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from sos.clock import ist_date
from sos.sim.http import Problem, Request, Response, ok
from sos.sim.listings import Listing
from sos.sim.market import Chain
from sos.sim.model import Quotes
from sos.sim.params import iso_date, keys, required, whole
from sos.sim.routing import Route

if TYPE_CHECKING:
    from sos.sim.world import World

__all__ = ["ROUTES"]

_FILES: Final = "/market-quote/instruments/exchange/{file}"
_SEARCH_SEGMENTS: Final = {
    "ALL": ("INDEX", "EQ", "FUT", "CE", "PE"),
    "INDEX": ("INDEX",),
    "EQ": ("EQ",),
    "FO": ("FUT", "CE", "PE"),
    "FUT": ("FUT",),
    "OPT": ("CE", "PE"),
    "OPTION_CHAIN": ("CE", "PE"),
    "CURR": (),
    "COMM": (),
}


def _chain(world: World, request: Request) -> Response:
    underlying = _underlying(world, request)
    text = required(request.query, "expiry_date", "UDAPI1088")
    expiry = _expiry(world, underlying, text, request.now)
    chain = None if expiry is None else world.market.chain(underlying, expiry, request.now)
    if chain is None or expiry is None or expiry < ist_date(request.now):
        return ok([])
    listings = world.market.options(underlying, expiry, request.now)
    rows = [
        _row(underlying, chain, i, listings[2 * i], listings[2 * i + 1]) for i in range(len(chain.strikes))
    ]
    return ok(rows)


def _row(underlying: Listing, chain: Chain, i: int, call: Listing, put: Listing) -> dict[str, Any]:
    n = len(chain.strikes)
    row: dict[str, Any] = {
        "expiry": chain.terms.expiry.isoformat(),
        "strike_price": chain.strikes[i],
        "underlying_key": underlying.key,
        "underlying_spot_price": chain.spot,
        "call_options": _side(chain, i, call),
        "put_options": _side(chain, n + i, put),
    }
    call_oi, put_oi = float(chain.now.oi[i]), float(chain.now.oi[n + i])
    return {"pcr": round(put_oi / call_oi, 4), **row} if call_oi else row


def _side(chain: Chain, at: int, listing: Listing) -> dict[str, Any]:
    now, before = chain.now, chain.before
    last = float(now.last[at])
    market = {
        "ltp": last,
        "volume": int(now.volume[at]),
        "oi": float(now.oi[at]),
        "close_price": float(before.last[at]) if before is not None else 0.0,
        "bid_price": last,
        "bid_qty": listing.lot * 2 if last else 0,
        "ask_price": round(last + listing.tick / 100.0, 2) if last else 0.0,
        "ask_qty": listing.lot * 2 if last else 0,
        "prev_oi": float(before.oi[at]) if before is not None else 0.0,
    }
    greeks = _greeks(now, at) if last else _untraded(now, at)
    return {"instrument_key": listing.key, "market_data": market, "option_greeks": greeks}


def _greeks(now: Quotes, at: int) -> dict[str, float]:
    names = ("vega", "theta", "gamma", "delta")
    values = {name: round(float(getattr(now.greeks, name)[at]), 4) for name in names}
    return {
        **values,
        "iv": round(float(now.sigma[at]) * 100.0, 2),
        "pop": round(float(now.profit[at]) * 100.0, 2),
    }


def _untraded(now: Quotes, at: int) -> dict[str, float]:
    """What the broker sends for a strike without a trade: zeros, and a delta of 0 or ±1."""
    delta = float(round(float(now.greeks.delta[at])))
    zero = dict.fromkeys(("vega", "theta", "gamma", "iv"), 0.0)
    return {**zero, "delta": delta, "pop": 99.0 if delta else 0.0}


def _contracts(world: World, request: Request) -> Response:
    underlying = _underlying(world, request)
    days = world.market.expiries(underlying, request.now)
    if request.query.get("expiry_date"):
        wanted = iso_date(request.query["expiry_date"], "UDAPI1088", "expiry_date")
        days = [day for day in days if day == wanted]
    rows = [one.contract_row() for day in days for one in world.market.options(underlying, day, request.now)]
    return ok(rows)


def _underlying(world: World, request: Request) -> Listing:
    text = required(request.query, "instrument_key", "UDAPI100011")
    listing = world.market.find(keys(text, "UDAPI1021", "instrument_key")[0], request.now)
    if listing is None:
        raise Problem(400, "UDAPI100011", "Invalid Instrument key")
    return listing


def _expiry(world: World, underlying: Listing, text: str, now: int) -> date | None:
    """A date, or one of the words for a week or a month; None when nothing expires then."""
    days = world.market.expiries(underlying, now)
    unit = text.rpartition("_")[2]
    step = {"current": 0, "next": 1, "far": 2}.get(text.rpartition("_")[0])
    if unit not in ("week", "month") or step is None:
        return iso_date(text, "UDAPI1088", "expiry_date")
    today = ist_date(now)
    if unit == "week":
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
        return next((day for day in days if monday <= day < monday + timedelta(days=7)), None)
    month = (today.year * 12 + today.month - 1) + step
    within = [day for day in days if day.year * 12 + day.month - 1 == month]
    return within[-1] if within else None


def _search(world: World, request: Request) -> Response:
    query = request.query
    words = required(query, "query", "UDAPI100036").upper().split()
    page = whole(query, "page_number", 1, 1, 10_000, "UDAPI100036")
    size = whole(query, "records", 10, 1, 30, "UDAPI100036")
    found = [one for one in _searched(world, request) if all(word in _text(one) for word in words)]
    total = len(found)
    rows = [one.master_row() for one in found[(page - 1) * size : page * size]]
    pages = {
        "page_number": page,
        "total_pages": -(-total // size),
        "records": len(rows),
        "total_records": total,
    }
    return ok(rows, meta_data={"page": pages})


def _searched(world: World, request: Request) -> list[Listing]:
    segments = request.query.get("segments", "ALL").upper().split(",")
    if any(segment not in _SEARCH_SEGMENTS for segment in segments):
        raise Problem(400, "UDAPI100036", "Invalid segments", "segments", request.query["segments"])
    kinds = {kind for segment in segments for kind in _SEARCH_SEGMENTS[segment]}
    if request.query.get("instrument_types"):
        kinds &= set(request.query["instrument_types"].upper().split(","))
    exchanges = request.query.get("exchanges", "ALL").upper().split(",")
    when = request.query.get("expiry")
    return [
        one
        for one in world.master(request.now)
        if one.kind in kinds
        and ("ALL" in exchanges or one.key.exchange in exchanges)
        and (when is None or _expires(world, one, when, request.now))
    ]


def _expires(world: World, listing: Listing, when: str, now: int) -> bool:
    if listing.contract is None:
        return False
    underlying = world.market.find(listing.contract.underlying, now)
    return underlying is not None and listing.contract.expiry == _expiry(world, underlying, when, now)


def _text(listing: Listing) -> str:
    return f"{listing.trading_symbol} {listing.name} {listing.key}".upper()


def _file(world: World, request: Request) -> Response:
    """``NSE.json.gz`` and its like: no auth, gzip of a JSON array, with a tag and a date."""
    name, _, suffix = request.args["file"].partition(".")
    if suffix != "json.gz" or name not in ("NSE", "BSE", "complete"):
        raise Problem(404, "UDAPI100060", "Resource not Found")
    tag = f'"{name}-{ist_date(request.now):%Y%m%d}"'
    if request.headers.get("if-none-match") == tag:
        return Response(304, b"", {"ETag": tag})
    rows = [one.master_row() for one in world.master(request.now) if name in ("complete", one.key.exchange)]
    body = gzip.compress(orjson.dumps(rows), compresslevel=5, mtime=0)
    return Response(200, body, {"Content-Type": "application/gzip", "ETag": tag})


ROUTES: Final = (
    Route("GET", "/v2/option/chain", _chain),
    Route("GET", "/v2/option/contract", _contracts),
    Route("GET", "/v2/instruments/search", _search),
    Route("GET", _FILES, _file, auth=False, category="free"),
)
