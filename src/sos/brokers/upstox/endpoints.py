"""The reads of the broker as calls: method, path, query, rate category, and how the reply is read.

Pure. Each function returns a `Call`; nothing is sent here. Dates are IST dates. Keys are written
``SEGMENT|ID``; where the broker answers with ``SEGMENT:SYMBOL``, the ``|`` key inside the value is what
comes out. Source: docs/upstox.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, TypeVar
from urllib.parse import quote

from sos.brokers.upstox import analytics, models
from sos.brokers.upstox.candles import Candles, Span, Unit, decode_candles
from sos.brokers.upstox.decode import Reader
from sos.brokers.upstox.wire import Access, Call, Category, Pairs, Reply, Request, path
from sos.errors import ConfigError
from sos.types import InstrumentKey

__all__ = [
    "MAX_GREEKS",
    "MAX_KEYS",
    "ExpiredInterval",
    "batches",
    "chain",
    "dii",
    "expired_candles",
    "expired_contracts",
    "expiries",
    "fii",
    "full_quotes",
    "funds",
    "greeks",
    "history",
    "holidays",
    "intraday",
    "ltp",
    "market_status",
    "max_pain",
    "ohlc",
    "oi",
    "oi_change",
    "option_contracts",
    "pcr",
    "profile",
    "timings",
]

T = TypeVar("T")
MAX_KEYS: Final = 500
MAX_GREEKS: Final = 50
_MAX_LIST: Final = 6_000  # characters of a list of keys: servers refuse request lines above 8,000


class ExpiredInterval(StrEnum):
    """Candle lengths of expired contracts."""

    M1 = "1minute"
    M3 = "3minute"
    M5 = "5minute"
    M15 = "15minute"
    M30 = "30minute"
    DAY = "day"

    @property
    def span(self) -> Span:
        """The same length as a `Span`, for splitting ranges."""
        if self is ExpiredInterval.DAY:
            return Span(Unit.DAYS)
        return Span(Unit.MINUTES, int(self.removesuffix("minute")))


def history(key: str, span: Span, first: date, last: date) -> Call[Candles]:
    """Candles of finished days, both ends inside; at most one range of `candles.split_range`."""
    where = path("v3", "historical-candle", key, span.unit, str(span.count), str(last), str(first))
    return _call(_candle_request("history", where, key), decode_candles)


def intraday(key: str, span: Span) -> Call[Candles]:
    """Candles of today, the forming one too; on a day without a session maybe those of the last one.

    Raises:
        ConfigError: weeks or months.
    """
    if span.unit not in (Unit.MINUTES, Unit.HOURS, Unit.DAYS):
        raise ConfigError(f"candles of today: {span.unit} are not given, use minutes, hours or days")
    where = path("v3", "historical-candle", "intraday", key, span.unit, str(span.count))
    return _call(_candle_request("candles of today", where, key), decode_candles)


def expiries(underlying: str) -> Call[tuple[date, ...]]:
    """Expiries of the past about six months, ascending. Needs Upstox Plus."""
    request = _request(
        "expired expiries", Category.HISTORY, "v2/expired-instruments/expiries", underlying, _key(underlying)
    )
    return _call(request, lambda reply, request: tuple(sorted(_rows(_DATES, reply, request))))


def expired_contracts(
    underlying: str, expiry: date, *, futures: bool = False
) -> Call[tuple[models.Contract, ...]]:
    """Contracts that expired on a day; their keys are for `expired_candles`. Needs Upstox Plus."""
    kind = "future" if futures else "option"
    query = (*_key(underlying), ("expiry_date", str(expiry)))
    request = _request(
        f"expired {kind}s", Category.HISTORY, f"v2/expired-instruments/{kind}/contract", underlying, query
    )
    return _call(request, lambda reply, request: _rows(_CONTRACTS, reply, request))


def expired_candles(key: str, interval: ExpiredInterval, first: date, last: date) -> Call[Candles]:
    """Candles of an expired contract (``SEGMENT|token|DD-MM-YYYY``), both ends inside. Needs Upstox Plus."""
    where = path("v2", "expired-instruments", "historical-candle", key, interval, str(last), str(first))
    request = Request("expired history", where, Category.HISTORY, subject=key)
    return _call(request, decode_candles)


def ltp(keys: Sequence[str]) -> Call[dict[InstrumentKey, models.LtpQuote]]:
    """Last prices of at most `MAX_KEYS` keys; keys that the broker does not know are absent."""
    return _call(_quotes("last prices", "ltp", keys), _quote_map(_LTP, keys))


def ohlc(keys: Sequence[str], interval: str = "I1") -> Call[dict[InstrumentKey, models.OhlcQuote]]:
    """The forming bar and the one before; ``interval`` is ``1d``, ``I1`` or ``I30``."""
    return _call(_quotes("bars", "ohlc", keys, (("interval", interval),)), _quote_map(_OHLC, keys))


def greeks(keys: Sequence[str]) -> Call[dict[InstrumentKey, models.GreeksQuote]]:
    """Greeks of at most `MAX_GREEKS` options; ``iv`` as a fraction."""
    return _call(_quotes("greeks", "option-greek", keys), _quote_map(_GREEKS, keys))


def full_quotes(keys: Sequence[str]) -> Call[dict[InstrumentKey, models.Quote]]:
    """Full quotes with depth of at most `MAX_KEYS` keys."""
    return _call(_quotes("quotes", "quotes", keys, version="v2"), _quote_map(_QUOTES, keys))


def chain(underlying: str, expiry: date) -> Call[tuple[models.ChainRow, ...]]:
    """The option chain, ascending by strike. It carries no time: it was known when it was received."""
    query = (*_key(underlying), ("expiry_date", str(expiry)))
    request = _request("option chain", Category.OPTIONS, "v2/option/chain", underlying, query)
    return _call(request, lambda reply, request: _rows(_CHAIN, reply, request))


def option_contracts(underlying: str, expiry: date | None = None) -> Call[tuple[models.Contract, ...]]:
    """Listed options of an underlying, of one expiry or of all, in the broker's order."""
    query = (*_key(underlying), *((("expiry_date", str(expiry)),) if expiry else ()))
    request = _request("option contracts", Category.OPTIONS, "v2/option/contract", underlying, query)
    return _call(request, lambda reply, request: _rows(_CONTRACTS, reply, request))


def oi(underlying: str, expiry: date, day: date) -> Call[models.OiTable]:
    """Open interest by strike at the end of a day (today: now)."""
    return _call(_market("open interest", "oi", underlying, expiry, day), analytics.decode_oi)


def oi_change(underlying: str, expiry: date, day: date, days: int) -> Call[models.OiTable]:
    """The change of open interest by strike over ``days`` days up to ``day``."""
    request = _market("change of OI", "change-oi", underlying, expiry, day, ("interval", str(days)))
    return _call(request, analytics.decode_oi)


def pcr(underlying: str, expiry: date, day: date, bucket_minutes: int) -> Call[models.PcrSeries]:
    """The put/call ratio over a day, one point for each bucket."""
    extra = ("bucket_interval", str(bucket_minutes))
    return _call(_market("PCR", "pcr", underlying, expiry, day, extra), _one(_PCR, models.PcrSeries))


def max_pain(underlying: str, expiry: date, day: date, bucket_minutes: int) -> Call[models.MaxPain]:
    """Max pain over a day, one point for each bucket."""
    extra = ("bucket_interval", str(bucket_minutes))
    return _call(
        _market("max pain", "max-pain", underlying, expiry, day, extra), _one(_MAX_PAIN, models.MaxPain)
    )


def fii(data_type: str, interval: str = "1D", first: date | None = None) -> Call[analytics.Flows]:
    """Foreign institutions. ``data_type`` e.g. ``NSE_FO|INDEX_FUTURES``; ``interval`` ``1D`` or ``1M``."""
    return _call(_flows("fii", data_type, interval, first), analytics.decode_flows)


def dii(
    data_type: str = "NSE_EQ|CASH", interval: str = "1D", first: date | None = None
) -> Call[analytics.Flows]:
    """Domestic institutions; the broker has the cash market only."""
    return _call(_flows("dii", data_type, interval, first), analytics.decode_flows)


def holidays(day: date | None = None) -> Call[tuple[models.Holiday, ...]]:
    """Holidays and special sessions of the current year, or what one day is."""
    where = "v2/market/holidays" + (f"/{day}" if day else "")
    request = _request("holidays", Category.MARKET, where, str(day or ""), access=Access.OPTIONAL)
    return _call(request, lambda reply, request: _rows(_HOLIDAYS, reply, request))


def timings(day: date) -> Call[tuple[models.ExchangeTiming, ...]]:
    """Hours of the exchanges that are open on a day; none on a full holiday."""
    request = _request(
        "market timings", Category.MARKET, f"v2/market/timings/{day}", str(day), access=Access.OPTIONAL
    )
    return _call(request, lambda reply, request: _rows(_TIMINGS, reply, request))


def market_status(exchange: str) -> Call[models.ExchangeStatus]:
    """What an exchange (``NSE``, ``NFO``, ``BSE``, ...) is doing now."""
    where = path("v2", "market", "status", exchange)[1:]
    return _call(
        _request("market status", Category.MARKET, where, exchange), _one(_STATUS, models.ExchangeStatus)
    )


def profile() -> Call[models.Profile]:
    """Who the token belongs to."""
    return _call(_request("profile", Category.ACCOUNT, "v2/user/profile"), _one(_PROFILE, models.Profile))


def funds() -> Call[dict[str, models.FundsLine]]:
    """Money by segment (``equity`` holds all of it). Closed from 00:00 to 05:30 IST."""
    return _call(_request("funds", Category.ACCOUNT, "v2/user/get-funds-and-margin"), _funds)


def batches(keys: Iterable[str], most: int = MAX_KEYS) -> Iterator[tuple[str, ...]]:
    """Distinct keys in order, in lists that one request can carry: ``most`` keys, and not too long."""
    batch: list[str] = []
    length = 0
    for key in dict.fromkeys(keys):
        size = len(quote(key, safe="")) + 1
        if batch and (len(batch) == most or length + size > _MAX_LIST):
            yield tuple(batch)
            batch, length = [], 0
        batch.append(key)
        length += size
    if batch:
        yield tuple(batch)


class _Quoted(Protocol):
    @property
    def instrument_token(self) -> str | None: ...


Q = TypeVar("Q", bound=_Quoted)
_DATES: Final[Reader[list[date | None]]] = Reader(list[date | None])
_CONTRACTS: Final[Reader[list[models.Contract | None]]] = Reader(list[models.Contract | None])
_CHAIN: Final[Reader[list[models.ChainRow | None]]] = Reader(list[models.ChainRow | None])
_HOLIDAYS: Final[Reader[list[models.Holiday | None]]] = Reader(list[models.Holiday | None])
_TIMINGS: Final[Reader[list[models.ExchangeTiming | None]]] = Reader(list[models.ExchangeTiming | None])
_LTP: Final[Reader[dict[str, models.LtpQuote | None]]] = Reader(dict[str, models.LtpQuote | None])
_OHLC: Final[Reader[dict[str, models.OhlcQuote | None]]] = Reader(dict[str, models.OhlcQuote | None])
_GREEKS: Final[Reader[dict[str, models.GreeksQuote | None]]] = Reader(dict[str, models.GreeksQuote | None])
_QUOTES: Final[Reader[dict[str, models.Quote | None]]] = Reader(dict[str, models.Quote | None])
_PCR: Final[Reader[models.PcrSeries]] = Reader(models.PcrSeries)
_MAX_PAIN: Final[Reader[models.MaxPain]] = Reader(models.MaxPain)
_STATUS: Final[Reader[models.ExchangeStatus]] = Reader(models.ExchangeStatus)
_PROFILE: Final[Reader[models.Profile]] = Reader(models.Profile)
_FUNDS: Final[Reader[dict[str, models.FundsLine | None]]] = Reader(dict[str, models.FundsLine | None])


def _call(request: Request, decode: Callable[[Reply, Request], T]) -> Call[T]:
    return Call(request, lambda reply: decode(reply, request))


def _request(
    name: str,
    category: Category,
    where: str,
    subject: str = "",
    query: Pairs = (),
    access: Access = Access.REQUIRED,
) -> Request:
    return Request(name, f"/{where}", category, query, subject, access=access)


def _candle_request(name: str, where: str, key: str) -> Request:
    return Request(name, where, Category.HISTORY, subject=key, access=Access.OPTIONAL)


def _key(underlying: str) -> Pairs:
    return (("instrument_key", underlying),)


def _quotes(name: str, kind: str, keys: Sequence[str], extra: Pairs = (), version: str = "v3") -> Request:
    subject = keys[0] if len(keys) == 1 else f"{len(keys)} instruments"
    query = (("instrument_key", ",".join(keys)), *extra)
    return _request(name, Category.QUOTES, f"{version}/market-quote/{kind}", subject, query)


def _market(
    name: str, kind: str, underlying: str, expiry: date, day: date, *extra: tuple[str, str]
) -> Request:
    query = (*_key(underlying), ("expiry", str(expiry)), ("date", str(day)), *extra)
    return _request(name, Category.MARKET, f"v2/market/{kind}", underlying, query)


def _flows(kind: str, data_type: str, interval: str, first: date | None) -> Request:
    query = (("data_type", data_type), ("interval", interval), *((("from", str(first)),) if first else ()))
    return _request(f"{kind.upper()} flows", Category.MARKET, f"v2/market/{kind}", data_type, query)


def _rows(reader: Reader[list[T | None]], reply: Reply, request: Request) -> tuple[T, ...]:
    return tuple(row for row in reader.data(reply, request) or () if row is not None)


def _one(reader: Reader[T], empty: Callable[[], T]) -> Callable[[Reply, Request], T]:
    def decode(reply: Reply, request: Request) -> T:
        found = reader.data(reply, request)
        return empty() if found is None else found

    return decode


def _quote_map(
    reader: Reader[dict[str, Q | None]], keys: Sequence[str]
) -> Callable[[Reply, Request], dict[InstrumentKey, Q]]:
    def decode(reply: Reply, request: Request) -> dict[InstrumentKey, Q]:
        found: dict[InstrumentKey, Q] = {}
        for spelt, quoted in (reader.data(reply, request) or {}).items():
            key = None if quoted is None else quoted.instrument_token or _respelt(spelt, keys)
            if key and quoted is not None:
                found[InstrumentKey(key)] = quoted
        return found

    return decode


def _respelt(spelt: str, keys: Sequence[str]) -> str | None:
    """``SEGMENT:ID`` as the key that was asked for; symbols of contracts cannot be turned back."""
    key = spelt.replace(":", "|", 1)
    return key if key in keys else None


def _funds(reply: Reply, request: Request) -> dict[str, models.FundsLine]:
    return {name: line for name, line in (_FUNDS.data(reply, request) or {}).items() if line is not None}
