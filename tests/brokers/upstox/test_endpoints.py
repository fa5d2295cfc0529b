"""What is sent for each read, and how each kind of answer is read."""

from __future__ import annotations

import gzip
from datetime import date
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.brokers.upstox import endpoints as e
from sos.brokers.upstox.candles import Span, Unit
from sos.brokers.upstox.files import instrument_file
from sos.brokers.upstox.wire import Access, Call, Category, Host, Reply
from sos.errors import ConfigError, Retryable
from tests.brokers.upstox.fakes import good

INDEX = "NSE_INDEX|Nifty 50"
A, B = date(2026, 4, 1), date(2026, 4, 30)
M1 = Span(Unit.MINUTES)
KEY = "instrument_key=NSE_INDEX%7CNifty%2050"
HISTORY = "/v3/historical-candle/NSE_INDEX%7CNifty%2050/minutes/1/2026-04-30/2026-04-01"
EXPIRED = "/v2/expired-instruments/"

TARGETS: list[tuple[Call[Any], str, Category, Access]] = [
    (e.history(INDEX, M1, A, B), HISTORY, Category.HISTORY, Access.OPTIONAL),
    (
        e.intraday("NSE_FO|1", Span(Unit.HOURS, 2)),
        "/v3/historical-candle/intraday/NSE_FO%7C1/hours/2",
        Category.HISTORY,
        Access.OPTIONAL,
    ),
    (e.expiries(INDEX), f"{EXPIRED}expiries?{KEY}", Category.HISTORY, Access.REQUIRED),
    (
        e.expired_contracts(INDEX, A),
        f"{EXPIRED}option/contract?{KEY}&expiry_date=2026-04-01",
        Category.HISTORY,
        Access.REQUIRED,
    ),
    (
        e.expired_contracts(INDEX, A, futures=True),
        f"{EXPIRED}future/contract?{KEY}&expiry_date=2026-04-01",
        Category.HISTORY,
        Access.REQUIRED,
    ),
    (
        e.expired_candles("NSE_FO|47983|17-04-2025", e.ExpiredInterval.M5, A, B),
        f"{EXPIRED}historical-candle/NSE_FO%7C47983%7C17-04-2025/5minute/2026-04-30/2026-04-01",
        Category.HISTORY,
        Access.REQUIRED,
    ),
    (e.ltp([INDEX, "NSE_FO|1"]), f"/v3/market-quote/ltp?{KEY},NSE_FO%7C1", Category.QUOTES, Access.REQUIRED),
    (e.ohlc([INDEX], "1d"), f"/v3/market-quote/ohlc?{KEY}&interval=1d", Category.QUOTES, Access.REQUIRED),
    (e.greeks([INDEX]), f"/v3/market-quote/option-greek?{KEY}", Category.QUOTES, Access.REQUIRED),
    (e.full_quotes([INDEX]), f"/v2/market-quote/quotes?{KEY}", Category.QUOTES, Access.REQUIRED),
    (e.chain(INDEX, A), f"/v2/option/chain?{KEY}&expiry_date=2026-04-01", Category.OPTIONS, Access.REQUIRED),
    (e.option_contracts(INDEX), f"/v2/option/contract?{KEY}", Category.OPTIONS, Access.REQUIRED),
    (
        e.option_contracts(INDEX, A),
        f"/v2/option/contract?{KEY}&expiry_date=2026-04-01",
        Category.OPTIONS,
        Access.REQUIRED,
    ),
    (
        e.pcr(INDEX, B, A, 5),
        f"/v2/market/pcr?{KEY}&expiry=2026-04-30&date=2026-04-01&bucket_interval=5",
        Category.MARKET,
        Access.REQUIRED,
    ),
    (
        e.max_pain(INDEX, B, A, 5),
        f"/v2/market/max-pain?{KEY}&expiry=2026-04-30&date=2026-04-01&bucket_interval=5",
        Category.MARKET,
        Access.REQUIRED,
    ),
    (
        e.oi(INDEX, B, A),
        f"/v2/market/oi?{KEY}&expiry=2026-04-30&date=2026-04-01",
        Category.MARKET,
        Access.REQUIRED,
    ),
    (
        e.oi_change(INDEX, B, A, 3),
        f"/v2/market/change-oi?{KEY}&expiry=2026-04-30&date=2026-04-01&interval=3",
        Category.MARKET,
        Access.REQUIRED,
    ),
    (
        e.fii("NSE_FO|INDEX_FUTURES", "1M", A),
        "/v2/market/fii?data_type=NSE_FO%7CINDEX_FUTURES&interval=1M&from=2026-04-01",
        Category.MARKET,
        Access.REQUIRED,
    ),
    (e.dii(), "/v2/market/dii?data_type=NSE_EQ%7CCASH&interval=1D", Category.MARKET, Access.REQUIRED),
    (e.holidays(), "/v2/market/holidays", Category.MARKET, Access.OPTIONAL),
    (e.holidays(A), "/v2/market/holidays/2026-04-01", Category.MARKET, Access.OPTIONAL),
    (e.timings(A), "/v2/market/timings/2026-04-01", Category.MARKET, Access.OPTIONAL),
    (e.market_status("NFO"), "/v2/market/status/NFO", Category.MARKET, Access.REQUIRED),
    (e.profile(), "/v2/user/profile", Category.ACCOUNT, Access.REQUIRED),
    (e.funds(), "/v2/user/get-funds-and-margin", Category.ACCOUNT, Access.REQUIRED),
]


@pytest.mark.parametrize(
    ("call", "target", "category", "access"), TARGETS, ids=lambda x: getattr(x, "name", "")
)
def test_a_read_is_sent_as_documented(
    call: Call[Any], target: str, category: Category, access: Access
) -> None:
    request = call.request
    assert (request.method, request.target) == ("GET", target)
    assert (request.category, request.access, request.host) == (category, access, Host.API)
    assert request.repeatable


@pytest.mark.parametrize("call", [call for call, *_ in TARGETS], ids=lambda call: call.request.name)
@pytest.mark.parametrize("data", [None, "absent"])
def test_an_answer_without_data_is_an_empty_value(call: Call[Any], data: Any) -> None:
    body = b'{"status":"success"}' if data == "absent" else good(None)
    value = call.decode(Reply(200, body))
    names = getattr(value, "__struct_fields__", None)
    if names is None:
        assert len(value) == 0
    else:
        assert {getattr(value, name) for name in names} <= {None, ()}


def test_quotes_are_found_by_the_key_inside_not_by_the_spelling_outside() -> None:
    body = good(
        {
            "NSE_FO:NIFTY2611326000CE": {
                "instrument_token": "NSE_FO|46175",
                "last_price": "120.5",
                "ltq": None,
            },
            "NSE_INDEX:Nifty 50": {"last_price": 26010.5},
            "NSE_EQ:SBIN": {"last_price": 1.0},
            "NSE_EQ:TCS": None,
        }
    )
    quotes = e.ltp(["NSE_FO|46175", INDEX, "NSE_EQ|INE062A01020"]).decode(Reply(200, body))
    assert {key: quote.last_price for key, quote in quotes.items()} == {"NSE_FO|46175": 120.5, INDEX: 26010.5}
    assert next(iter(quotes)).segment == "NSE_FO"


def test_a_full_quote_has_depth_and_a_trade_time_sent_as_text() -> None:
    depth = {"buy": [{"quantity": 410, "price": 912.35, "orders": 6}, None], "sell": None}
    value = {"instrument_token": "NSE_EQ|X", "depth": depth, "last_trade_time": "1795491901400", "oi": ""}
    quote = e.full_quotes(["NSE_EQ|X"]).decode(Reply(200, good({"NSE_EQ:X": value})))["NSE_EQ|X"]  # type: ignore[index]
    assert quote.depth is not None
    assert quote.depth.buy is not None
    assert quote.depth.buy[0] is not None
    assert quote.depth.buy[0].price == 912.35
    assert quote.last_trade_time == 1795491901400
    assert quote.oi is None


@pytest.mark.parametrize(
    "data",
    [
        {
            "total_put_change_oi": 5,
            "total_call_change_oi": -7,
            "call_put_oi_data_list": [{"strike_price": 100, "call_change_oi": -7, "put_change_oi": 5}],
        },
        {
            "total_puts": 5,
            "total_calls": -7,
            "call_put_oi_data_list": [{"strike_price": 100, "call_oi": -7, "put_oi": 5}, None],
        },
    ],
)
def test_the_change_of_open_interest_is_read_in_both_spellings(data: dict[str, Any]) -> None:
    table = e.oi_change(INDEX, B, A, 1).decode(Reply(200, good(data)))
    assert (table.total_puts, table.total_calls) == (5, -7)
    assert [(row.strike_price, row.call_oi, row.put_oi) for row in table.strikes] == [(100, -7, 5)]


def test_holidays_keep_both_lists_of_exchanges() -> None:
    row = {
        "date": "2026-11-08",
        "description": "Diwali",
        "holiday_type": "TRADING_HOLIDAY",
        "closed_exchanges": ["BSE"],
        "open_exchanges": [{"exchange": "NSE", "start_time": 1, "end_time": 2}],
        "new": {"field": 1},
    }
    (holiday,) = e.holidays().decode(Reply(200, good([row, None])))
    assert holiday.date == date(2026, 11, 8)
    assert holiday.closed_exchanges == ("BSE",)
    assert holiday.open_exchanges is not None
    assert holiday.open_exchanges[0] is not None
    assert holiday.open_exchanges[0].exchange == "NSE"


def test_flows_come_by_data_type() -> None:
    body = good({"NSE_EQ|CASH": [{"time_stamp": 1, "buy_amount": 2.5, "oi_amount": None}], "x": None})
    flows = e.dii().decode(Reply(200, body))
    assert list(flows) == ["NSE_EQ|CASH"]
    assert flows["NSE_EQ|CASH"][0].buy_amount == 2.5


def test_expiries_come_ascending() -> None:
    assert e.expiries(INDEX).decode(Reply(200, good(["2026-04-30", "2026-04-01"]))) == (A, B)


def test_weeks_of_today_are_refused_here() -> None:
    with pytest.raises(ConfigError, match="use minutes, hours or days"):
        e.intraday(INDEX, Span(Unit.WEEKS))


KEYS = st.lists(st.text("ABC|_ 0123456789", min_size=1, max_size=60), max_size=700)


@given(KEYS, st.integers(1, 500))
def test_batches_hold_every_key_once_and_fit_into_a_request(keys: list[str], most: int) -> None:
    parts = list(e.batches(keys, most))
    assert [key for part in parts for key in part] == list(dict.fromkeys(keys))
    for part in parts:
        assert len(part) <= most
        target = e.ltp(part).request.target
        assert len(target) < 7_000
        assert unquote(target.partition("=")[2]) == ",".join(part)


GZIP = gzip.compress(b'[{"segment":"NSE_EQ"}]' * 1, mtime=0)


def test_an_instrument_file_is_asked_without_a_token_and_only_when_it_changed() -> None:
    request = instrument_file("NSE", '"abc"', "Mon, 23 Nov 2026 00:30:00 GMT").request
    assert request.target == "/market-quote/instruments/exchange/NSE.json.gz"
    assert (request.host, request.access) == (Host.FILES, Access.NONE)
    assert request.headers == (
        ("If-None-Match", '"abc"'),
        ("If-Modified-Since", "Mon, 23 Nov 2026 00:30:00 GMT"),
    )


def test_an_unchanged_instrument_file_has_no_data_and_keeps_its_tag() -> None:
    file = instrument_file("NSE", '"abc"').decode(Reply(304, b""))
    assert (file.data, file.etag) == (None, '"abc"')


def test_a_whole_instrument_file_is_handed_over_as_it_came() -> None:
    file = instrument_file().decode(Reply(200, GZIP, {"etag": '"x"', "content-type": "application/gzip"}))
    assert (file.data, file.etag) == (GZIP, '"x"')


def test_an_unpacked_instrument_file_is_packed_again() -> None:
    file = instrument_file().decode(Reply(200, b'[{"a":1}]\n', {"content-type": "application/json"}))
    assert file.data is not None
    assert gzip.decompress(file.data) == b'[{"a":1}]\n'


@pytest.mark.parametrize("end", range(len(GZIP)))
def test_a_cut_instrument_file_is_never_handed_over(end: int) -> None:
    with pytest.raises(Retryable):
        instrument_file().decode(Reply(200, GZIP[:end]))


def test_a_damaged_instrument_file_is_never_handed_over() -> None:
    with pytest.raises(Retryable, match=r"damaged|cut off"):
        instrument_file().decode(Reply(200, GZIP[:-6] + b"\0" + GZIP[-5:]))
