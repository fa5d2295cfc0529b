"""Holidays, timings, status, and market analytics: OI, change in OI, PCR, max pain, FII and DII.

Pure. Days and hours come from the packaged calendar (equity, its derivatives; currency as documented); a
calendar is published ahead and is no look-ahead. Analytics are counted on the simulated chain; FII and DII
rows are drawn from a seed and synthetic. Source: the broker's market-information pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sos.calendar import Calendar, Segment, Session
from sos.clock import ist_date, ist_datetime, ist_ns
from sos.data.draws import Draws, derive_seed
from sos.sim.http import Problem, Request, Response, ok
from sos.sim.listings import Listing
from sos.sim.market import Chain
from sos.sim.params import iso_date, keys, required, whole
from sos.sim.routing import Route
from sos.types import NS_PER_DAY, NS_PER_MINUTE

if TYPE_CHECKING:
    from sos.sim.world import World

__all__ = ["ROUTES"]

_SEGMENTS: Final = {"NSE": Segment.CASH, "NFO": Segment.FNO, "BSE": Segment.CASH, "BFO": Segment.FNO}
_CURRENCY: Final = ("CDS", "BCD")
_KNOWN: Final = (*_SEGMENTS, *_CURRENCY, "MCX", "NSCOM")
_FLOW_TYPES: Final = (
    "NSE_EQ|CASH",
    "NSE_FO|INDEX_FUTURES",
    "NSE_FO|STOCK_FUTURES",
    "NSE_FO|INDEX_OPTIONS",
    "NSE_FO|STOCK_OPTIONS",
)


def _holidays(world: World, request: Request) -> Response:
    year = ist_date(request.now).year
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
    return ok([row for day in days if day.year == year for row in _holiday(day)])


def _holiday_on(world: World, request: Request) -> Response:
    return ok(list(_holiday(iso_date(request.args["date"], "UDAPI1088", "date"))))


def _holiday(day: date) -> Iterator[dict[str, Any]]:
    calendar = Calendar.packaged()
    name, sessions = calendar.holiday_name(day), calendar.sessions(day, Segment.FNO)
    special = bool(sessions) and (name is not None or sessions[0].kind != "normal")
    if not special and name is None:
        return
    yield {
        "date": day.isoformat(),
        "description": name or "Special trading session",
        "holiday_type": "SPECIAL_TIMING" if special else "TRADING_HOLIDAY",
        "closed_exchanges": [] if special else [*_SEGMENTS, *_CURRENCY],
        "open_exchanges": _timing_rows(day) if special else [],
    }


def _timings(world: World, request: Request) -> Response:
    return ok(_timing_rows(iso_date(request.args["date"], "UDAPI1088", "date")))


def _timing_rows(day: date) -> list[dict[str, Any]]:
    """One row per exchange that opens; a day of two sessions shows the whole of it."""
    calendar = Calendar.packaged()
    rows = []
    for exchange, segment in _SEGMENTS.items():
        sessions = calendar.sessions(day, segment)
        if sessions:
            rows.append(_timing(exchange, sessions[0].open_ns, sessions[-1].close_ns))
    if calendar.is_trading_day(day):
        rows += [_timing(name, ist_ns(day, 9 * 60), ist_ns(day, 17 * 60)) for name in _CURRENCY]
    return rows


def _timing(exchange: str, start_ns: int, end_ns: int) -> dict[str, Any]:
    return {"exchange": exchange, "start_time": start_ns // 1_000_000, "end_time": end_ns // 1_000_000}


def _status(world: World, request: Request) -> Response:
    exchange = request.args["exchange"]
    if exchange not in _KNOWN:
        raise Problem(400, "UDAPI1089", "Invalid exchange", "exchange", exchange)
    status, since = _status_at(_SEGMENTS.get(exchange), request.now)
    return ok({"exchange": exchange, "status": status, "last_updated": since // 1_000_000})


def _status_at(segment: Segment | None, now: int) -> tuple[str, int]:
    """The status and since when; an exchange that the calendar does not know is closed."""
    day = ist_date(now)
    steps: list[tuple[int, str]] = [(ist_ns(day), "NORMAL_CLOSE")]
    for session in Calendar.packaged().sessions(day, segment) if segment else ():
        steps += _steps(session)
    return next((status, since) for since, status in reversed(steps) if since <= now)


def _steps(session: Session) -> list[tuple[int, str]]:
    opens, closes = session.open_ns, session.close_ns
    return [
        (opens - 15 * NS_PER_MINUTE, "PRE_OPEN_START"),
        (opens - 7 * NS_PER_MINUTE, "PRE_OPEN_END"),
        (opens, "NORMAL_OPEN"),
        (closes, "NORMAL_CLOSE"),
        (closes + 10 * NS_PER_MINUTE, "CLOSING_START"),
        (closes + 30 * NS_PER_MINUTE, "CLOSING_END"),
    ]


class _Asked:
    """The common parameters: underlying, expiry, and the moment that a date means (its end, or now)."""

    def __init__(self, world: World, request: Request) -> None:
        query = request.query
        key = keys(required(query, "instrument_key", "UDAPI100011"), "UDAPI1021", "instrument_key")[0]
        listing = world.market.find(key, request.now)
        if listing is None:
            raise Problem(400, "UDAPI100011", "Invalid Instrument key")
        self.listing: Listing = listing
        self.expiry = iso_date(required(query, "expiry", "UDAPI1202"), "UDAPI1202", "expiry")
        today = ist_date(request.now)
        text = query.get("date")
        self.day = today if not text else iso_date(text, "UDAPI1203", "date")
        if self.day > today:
            raise Problem(400, "UDAPI1203", "Invalid date", "date", text)
        self.now = min(request.now, ist_ns(self.day) + NS_PER_DAY - 1)
        self.chain = world.market.chain(listing, self.expiry, self.now)


def _oi(world: World, request: Request) -> Response:
    asked = _Asked(world, request)
    if asked.chain is None:
        return ok({})
    calls, puts = _halves(asked.chain)
    rows = zip(asked.chain.strikes, calls, puts, strict=True)
    listed = [{"strike_price": k, "call_oi": call, "put_oi": put} for k, call, put in rows]
    return ok({**_totals(asked, calls, puts, "total_puts", "total_calls"), "call_put_oi_data_list": listed})


def _change_oi(world: World, request: Request) -> Response:
    asked = _Asked(world, request)
    days = whole(request.query, "interval", 1, 1, 30, "UDAPI1204")
    then = _days_before(world, asked, days)
    if asked.chain is None:
        return ok({})
    now_calls, now_puts = _halves(asked.chain)
    old_calls, old_puts = _halves(then) if then is not None else ([0.0] * len(now_calls),) * 2
    calls = [a - b for a, b in zip(now_calls, old_calls, strict=True)]
    puts = [a - b for a, b in zip(now_puts, old_puts, strict=True)]
    rows = zip(asked.chain.strikes, calls, puts, strict=True)
    listed = [{"strike_price": k, "call_change_oi": call, "put_change_oi": put} for k, call, put in rows]
    totals = _totals(asked, calls, puts, "total_put_change_oi", "total_call_change_oi")
    return ok({**totals, "call_put_oi_data_list": listed})


def _days_before(world: World, asked: _Asked, days: int) -> Chain | None:
    """The chain at the close ``days`` trading days before the date asked for."""
    traded = [day for day in world.market.days(asked.listing, asked.now) if day < asked.day]
    if len(traded) < days:
        return None
    return world.market.chain(asked.listing, asked.expiry, ist_ns(traded[-days]) + NS_PER_DAY - 1)


def _totals(
    asked: _Asked, calls: list[float], puts: list[float], puts_as: str, calls_as: str
) -> dict[str, Any]:
    assert asked.chain is not None
    return {
        puts_as: sum(puts),
        calls_as: sum(calls),
        "spot_closing_price": asked.chain.spot,
        "expiry": asked.expiry.isoformat(),
    }


def _pcr(world: World, request: Request) -> Response:
    asked = _Asked(world, request)
    rows = [
        {"pcr": _ratio(chain), "spot_price": chain.spot, "time": at}
        for at, chain in _buckets(world, request, asked)
    ]
    if asked.chain is None:
        return ok({})
    head = {"instrument_key": asked.listing.key, "expiry_date": f"{asked.expiry:%d-%m-%Y}"}
    return ok({**head, "pcr": _ratio(asked.chain), "spot_closing_price": asked.chain.spot, "insights": rows})


def _max_pain(world: World, request: Request) -> Response:
    asked = _Asked(world, request)
    rows = [
        {"max_pain": _pain(chain), "spot_price": chain.spot, "time": at}
        for at, chain in _buckets(world, request, asked)
    ]
    if asked.chain is None:
        return ok({})
    return ok({"max_pain": _pain(asked.chain), "spot_closing_price": asked.chain.spot, "insights": rows})


def _buckets(world: World, request: Request, asked: _Asked) -> Iterator[tuple[str, Chain]]:
    """The chain at the end of every ``bucket_interval`` minutes of the date, as far as it has come."""
    minutes = whole(request.query, "bucket_interval", 15, 1, 375, "UDAPI1205")
    for session in Calendar.packaged().sessions(asked.day, Segment.CASH):
        for at in range(session.open_ns, session.close_ns + 1, minutes * NS_PER_MINUTE):
            chain = world.market.chain(asked.listing, asked.expiry, at) if at <= asked.now else None
            if chain is not None:
                yield f"{ist_datetime(at):%H:%M}", chain


def _halves(chain: Chain) -> tuple[list[float], list[float]]:
    return chain.half(chain.now.oi, calls=True), chain.half(chain.now.oi, calls=False)


def _ratio(chain: Chain) -> float | None:
    calls, puts = _halves(chain)
    return round(sum(puts) / sum(calls), 4) if sum(calls) else None


def _pain(chain: Chain) -> float:
    """The strike at which the holders of all contracts would get least."""
    strikes = np.array(chain.strikes)
    calls, puts = (np.array(side) for side in _halves(chain))
    apart = strikes[:, None] - strikes[None, :]  # settles at the row, struck at the column
    cost = np.maximum(apart, 0.0) @ calls + np.maximum(-apart, 0.0) @ puts
    return float(strikes[int(np.argmin(cost))])


def _fii(world: World, request: Request) -> Response:
    return _flows(request, _FLOW_TYPES)


def _dii(world: World, request: Request) -> Response:
    return _flows(request, _FLOW_TYPES[:1])


def _flows(request: Request, known: tuple[str, ...]) -> Response:
    wanted = required(request.query, "data_type", "UDAPI1198").split(",")
    if any(one not in known for one in wanted):
        raise Problem(400, "UDAPI1198", "Invalid data_type", "data_type", request.query["data_type"])
    interval = request.query.get("interval", "1D")
    if interval not in ("1D", "1M"):
        raise Problem(400, "UDAPI1199", "Invalid interval", "interval", interval)
    end = ist_date(request.now) - timedelta(days=1)
    first = request.query.get("from")
    longest = end - timedelta(days=30 if interval == "1D" else 365)
    start = max(longest, iso_date(first, "UDAPI1200", "from")) if first else longest
    days = [] if end < start else Calendar.packaged().trading_days(start, end)
    if interval == "1M":
        days = [day for day, then in zip(days, [*days[1:], None], strict=True) if not _same_month(day, then)]
    return ok({kind: [_flow(kind, day) for day in days] for kind in wanted})


def _same_month(day: date, then: date | None) -> bool:
    return then is not None and (day.year, day.month) == (then.year, then.month)


def _flow(kind: str, day: date) -> dict[str, Any]:
    """One synthetic row."""
    draws = Draws(derive_seed(7, f"{kind} {day}"))
    amounts = ("buy_amount", "sell_amount")
    counts = (
        "buy_contracts",
        "sell_contracts",
        "oi_contracts",
        "total_long_contracts",
        "total_short_contracts",
    )
    sided = [f"total_{right}_{way}_contracts" for way in ("long", "short") for right in ("call", "put")]
    row: dict[str, Any] = {"time_stamp": ist_ns(day) // 1_000_000}
    row |= {name: round(draws.between(8_000.0, 16_000.0), 2) for name in amounts}
    cash, options = kind.endswith("CASH"), kind.endswith("OPTIONS")
    row |= {name: None if cash else int(draws.between(1e4, 1e5)) for name in counts}
    row["oi_amount"] = None if cash else round(draws.between(1e4, 5e4), 2)
    return row | {name: int(draws.between(1e4, 1e5)) if options else None for name in sided}


ROUTES: Final = (
    Route("GET", "/v2/market/holidays", _holidays, auth=False),
    Route("GET", "/v2/market/holidays/{date}", _holiday_on, auth=False),
    Route("GET", "/v2/market/timings/{date}", _timings, auth=False),
    Route("GET", "/v2/market/status/{exchange}", _status),
    Route("GET", "/v2/market/oi", _oi),
    Route("GET", "/v2/market/change-oi", _change_oi),
    Route("GET", "/v2/market/pcr", _pcr),
    Route("GET", "/v2/market/max-pain", _max_pain),
    Route("GET", "/v2/market/fii", _fii),
    Route("GET", "/v2/market/dii", _dii),
)
