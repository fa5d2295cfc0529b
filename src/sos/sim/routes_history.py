"""Candles: history and intraday, V3 and the deprecated V2, and those of expired contracts.

Pure. History is newest first and without the current date; intraday is the current date alone, the forming
candle first. Source: the broker's historical-data pages, for spans and codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from sos.clock import ist_date, ist_ns
from sos.sim.http import Problem, Request, Response, ok
from sos.sim.listings import Listing
from sos.sim.params import iso_date, keys, required
from sos.sim.routing import Route
from sos.sim.tape import candles
from sos.types import NS_PER_DAY

if TYPE_CHECKING:
    from sos.sim.world import World

__all__ = ["ROUTES", "months_before"]

_HISTORY: Final = "getHistoricalCandleData"
_INTRADAY: Final = "getIntraDayCandleData"
_INTERVALS: Final = {"minutes": 300, "hours": 5, "days": 1, "weeks": 1, "months": 1}
_OLD: Final = {  # V2 interval -> unit, length, longest span in months
    "1minute": ("minutes", 1, 1),
    "30minute": ("minutes", 30, 12),
    "day": ("days", 1, 12),
    "week": ("weeks", 1, 120),
    "month": ("months", 1, 120),
}
_EXPIRED: Final = {
    **{f"{n}minute": ("minutes", n) for n in (1, 3, 5, 15, 30)},
    "day": ("days", 1),
}
_EXPIRED_KEY: Final = re.compile(r"([A-Z]+_FO\|[\w-]+)\|(0[1-9]|[12]\d|3[01])-(0[1-9]|1[012])-(\d{4})")
_FIRST_DAY: Final = date(2000, 1, 1)


def months_before(day: date, months: int) -> date:
    """The same day ``months`` earlier, or the last day of that month."""
    number = day.year * 12 + day.month - 1 - months
    year, month = divmod(number, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue  # the month is shorter
    raise AssertionError("every month has 28 days")


def _history_v3(world: World, request: Request) -> Response:
    args = request.args
    listing = _listing(world, request, _HISTORY)
    unit, interval = _unit(args, _HISTORY, tuple(_INTERVALS))
    span = _span_months(unit, interval)
    first, last = _range(args, span, _HISTORY)
    return _answer(world, request, listing, unit, interval, first, last)


def _span_months(unit: str, interval: int) -> int | None:
    """The longest range of one request; None is unlimited."""
    if unit == "minutes":
        return 1 if interval <= 15 else 3
    return {"hours": 3, "days": 120}.get(unit)


def _intraday_v3(world: World, request: Request) -> Response:
    listing = _listing(world, request, _INTRADAY)
    unit, interval = _unit(request.args, _INTRADAY, ("minutes", "hours", "days"))
    return _today(world, request, listing, unit, interval)


def _history_v2(world: World, request: Request) -> Response:
    listing = _listing(world, request, _HISTORY)
    unit, interval, span = _old_interval(request.args["interval"], _OLD, "UDAPI1020")
    first, last = _range(request.args, span, _HISTORY)
    return _answer(world, request, listing, unit, interval, first, last)


def _intraday_v2(world: World, request: Request) -> Response:
    listing = _listing(world, request, _INTRADAY)
    old = {name: _OLD[name] for name in ("1minute", "30minute")}
    unit, interval, _ = _old_interval(request.args["interval"], old, "UDAPI1020")
    return _today(world, request, listing, unit, interval)


def _expired_candles(world: World, request: Request) -> Response:
    _check_plus(world)
    args = request.args
    match = _EXPIRED_KEY.fullmatch(args["key"])
    if match is None:
        raise Problem(400, "UDAPI1021", "Instrument key is of invalid format", None, args["key"])
    if args["interval"] not in _EXPIRED:
        raise Problem(
            400, "UDAPI1020", "Interval accepts one of (1minute,3minute,5minute,15minute,30minute,day)"
        )
    unit, interval = _EXPIRED[args["interval"]]
    first, last = _range(args, None, "getExpiredHistoricalCandleData")
    listing = world.market.find(match[1], request.now, expired=True)
    when = f"{match[4]}-{match[3]}-{match[2]}"
    if listing is None or listing.contract is None or listing.contract.expiry.isoformat() != when:
        raise Problem(400, "UDAPI100011", "Invalid Instrument key")
    return _answer(world, request, listing, unit, interval, first, last)


def _expired_expiries(world: World, request: Request) -> Response:
    _check_plus(world)
    underlying = _underlying(world, request)
    days = world.market.expiries(underlying, request.now, expired=True)
    return ok([day.isoformat() for day in days])


def _expired_options(world: World, request: Request) -> Response:
    _check_plus(world)
    underlying, expiry = _underlying(world, request), _expired_date(request)
    rows = world.market.options(underlying, expiry, request.now) if expiry < ist_date(request.now) else []
    return ok([one.contract_row(expired=True) for one in rows])


def _expired_futures(world: World, request: Request) -> Response:
    _check_plus(world)
    underlying, expiry = _underlying(world, request), _expired_date(request)
    rows = world.market.futures(underlying, request.now, expired=True)
    return ok(
        [one.contract_row(expired=True) for one in rows if one.contract and one.contract.expiry == expiry]
    )


def _check_plus(world: World) -> None:
    if not world.settings.plus:
        raise Problem(403, "UDAPI1149", "This API is available only with the Plus plan")


def _expired_date(request: Request) -> date:
    return iso_date(required(request.query, "expiry_date", "UDAPI1088"), "UDAPI1088", "expiry_date")


def _underlying(world: World, request: Request) -> Listing:
    key = keys(required(request.query, "instrument_key", "UDAPI100011"), "UDAPI1021")[0]
    listing = world.market.find(key, request.now)
    if listing is None:
        raise Problem(400, "UDAPI100011", "Invalid Instrument key")
    return listing


def _listing(world: World, request: Request, method: str) -> Listing:
    found = keys(request.args["key"], "UDAPI1021", f"{method}.instrumentKey")
    listing = world.market.find(found[0], request.now) if len(found) == 1 else None
    if listing is None:
        raise Problem(400, "UDAPI100011", "Invalid Instrument key")
    return listing


def _unit(args: Mapping[str, str], method: str, units: tuple[str, ...]) -> tuple[str, int]:
    unit, text = args["unit"], args["interval"]
    if unit not in units:
        raise Problem(400, "UDAPI1146", "Invalid unit", f"{method}.unit", unit)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= _INTERVALS[unit]:
        raise Problem(400, "UDAPI1147", "Invalid interval", f"{method}.interval", text)
    return unit, int(text)


def _old_interval(text: str, known: Mapping[str, tuple[str, int, int]], code: str) -> tuple[str, int, int]:
    if text not in known:
        raise Problem(400, code, f"Interval accepts one of ({','.join(known)})", None, text)
    return known[text]


def _range(args: Mapping[str, str], months: int | None, method: str) -> tuple[date, date]:
    """First and last date, both inside; without a first date the longest range that is allowed."""
    last = iso_date(args["to"], "UDAPI1015", f"{method}.toDate")
    longest = _FIRST_DAY if months is None else months_before(last, months)
    if "from" not in args:
        return longest, last
    first = iso_date(args["from"], "UDAPI1015", f"{method}.fromDate")
    if first > last:
        raise Problem(400, "UDAPI1015", "to_date must be greater than or equal to from_date")
    if months is not None and first < longest:
        raise Problem(400, "UDAPI1148", "Invalid date range", f"{method}.fromDate", args["from"])
    return first, last


def _answer(
    world: World, request: Request, listing: Listing, unit: str, interval: int, first: date, last: date
) -> Response:
    last = min(last, ist_date(request.now) - timedelta(days=1))  # today is the intraday read's
    if last < first:
        return _candles([])
    bars = world.market.bars(listing, request.now, ist_ns(first), ist_ns(last) + NS_PER_DAY)
    return _candles(candles(bars, unit, interval))


def _today(world: World, request: Request, listing: Listing, unit: str, interval: int) -> Response:
    day = ist_date(request.now)
    bars = world.market.bars(listing, request.now, ist_ns(day), ist_ns(day) + NS_PER_DAY)
    days = world.market.days(listing, request.now) if world.settings.before_open else []
    if not len(bars) and days:
        bars = world.market.bars(listing, request.now, ist_ns(days[-1]), ist_ns(days[-1]) + NS_PER_DAY)
    return _candles(candles(bars, unit, interval))


def _candles(rows: list[list[Any]]) -> Response:
    return ok({"candles": rows})


_V3: Final = "/v3/historical-candle"
_V2: Final = "/v2/historical-candle"
_GONE: Final = "/v2/expired-instruments"
ROUTES: Final = (
    Route("GET", f"{_V3}/{{key}}/{{unit}}/{{interval}}/{{to}}", _history_v3, auth=False),
    Route("GET", f"{_V3}/{{key}}/{{unit}}/{{interval}}/{{to}}/{{from}}", _history_v3, auth=False),
    Route("GET", f"{_V3}/intraday/{{key}}/{{unit}}/{{interval}}", _intraday_v3, auth=False),
    Route("GET", f"{_V2}/{{key}}/{{interval}}/{{to}}", _history_v2, auth=False),
    Route("GET", f"{_V2}/{{key}}/{{interval}}/{{to}}/{{from}}", _history_v2, auth=False),
    Route("GET", f"{_V2}/intraday/{{key}}/{{interval}}", _intraday_v2, auth=False),
    Route("GET", f"{_GONE}/expiries", _expired_expiries),
    Route("GET", f"{_GONE}/option/contract", _expired_options),
    Route("GET", f"{_GONE}/future/contract", _expired_futures),
    Route("GET", f"{_GONE}/historical-candle/{{key}}/{{interval}}/{{to}}/{{from}}", _expired_candles),
)
