"""The broker's own SDK reads from the simulator unchanged: only its host is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sos.clock import SystemClock
from sos.sim import SimClock
from sos.sim.server import serving
from tests.sim.ask import NIFTY, NOW, RELIANCE, TOKEN, data, history, make_world

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK's own, at its import
upstox_client = pytest.importorskip("upstox_client")
Read = Callable[[Any], Any]


async def through(read: Read) -> Any:
    """The answer of one SDK call against a world on a socket."""

    def blocking(url: str) -> Any:
        configuration = upstox_client.Configuration()
        configuration.host = url
        configuration.access_token = TOKEN
        api = upstox_client.ApiClient(configuration)
        try:
            return read(api)
        finally:
            api.rest_client.pool_manager.clear()

    async with serving(make_world(), SimClock(SystemClock(), NOW)) as url:
        return await asyncio.to_thread(blocking, url)


async def test_it_reads_history_and_intraday_candles() -> None:
    def read(api: Any) -> Any:
        candles = upstox_client.HistoryV3Api(api)
        return (
            candles.get_historical_candle_data1(NIFTY, "minutes", "1", "2026-01-27", "2026-01-27"),
            candles.get_historical_candle_data(NIFTY, "days", "1", "2026-01-27"),
            candles.get_intra_day_candle_data(NIFTY, "minutes", "30"),
        )

    minutes, days, today = await through(read)
    world = make_world()
    want = data(world, history(NIFTY, "minutes", 1, "2026-01-27", "2026-01-27"))["candles"]
    assert minutes.status == "success"
    assert minutes.data.candles == want
    assert days.data.candles[0][0] == "2026-01-27T00:00:00+05:30"
    assert today.data.candles[0][0] == "2026-01-28T10:45:00+05:30"


async def test_it_reads_expired_contracts() -> None:
    def read(api: Any) -> Any:
        expired = upstox_client.ExpiredInstrumentApi(api)
        options = expired.get_expired_option_contracts(NIFTY, "2026-01-20")
        middle = next(row for row in options.data if row.trading_symbol == "NIFTY 25500 CE 20 JAN 26")
        return (
            expired.get_expiries(NIFTY),
            expired.get_expired_future_contracts(NIFTY, "2026-01-27"),
            expired.get_expired_historical_candle_data(
                middle.instrument_key, "5minute", "2026-01-20", "2026-01-19"
            ),
        )

    expiries, futures, candles = await through(read)
    assert str(expiries.data[0])[:10] == "2026-01-06"
    assert futures.data[0].trading_symbol == "NIFTY FUT 27 JAN 26"
    assert len(candles.data.candles) == 150


async def test_it_reads_quotes_in_every_spelling() -> None:
    both = f"{NIFTY},{RELIANCE}"

    def read(api: Any) -> Any:
        new, old = upstox_client.MarketQuoteV3Api(api), upstox_client.MarketQuoteApi(api)
        return (
            new.get_ltp(instrument_key=both),
            new.get_market_quote_ohlc("I1", instrument_key=both),
            new.get_market_quote_option_greek(instrument_key=RELIANCE),
            old.get_full_market_quote(both, "2.0"),
            old.ltp(both, "2.0"),
            old.get_market_quote_ohlc(both, "1d", "2.0"),
        )

    ltp, ohlc, greek, full, old_ltp, old_ohlc = await through(read)
    names = {"NSE_INDEX:Nifty 50", "NSE_EQ:RELIANCE"}
    for answer in (ltp, ohlc, full, old_ltp, old_ohlc):
        assert set(answer.data) == names
    price = ltp.data["NSE_EQ:RELIANCE"].last_price
    assert greek.data["NSE_EQ:RELIANCE"].last_price == old_ltp.data["NSE_EQ:RELIANCE"].last_price == price
    assert full.data["NSE_EQ:RELIANCE"].depth.buy[0].quantity > 0
    assert ohlc.data["NSE_EQ:RELIANCE"].live_ohlc.close == price


async def test_it_reads_chain_contracts_and_instruments() -> None:
    def read(api: Any) -> Any:
        options, instruments = upstox_client.OptionsApi(api), upstox_client.InstrumentsApi(api)
        return (
            options.get_put_call_option_chain(NIFTY, "2026-02-03"),
            options.get_option_contracts(NIFTY, expiry_date="2026-02-03"),
            instruments.search_instrument("NIFTY 25250", records=30),
        )

    chain, contracts, found = await through(read)
    assert [row.strike_price for row in chain.data] == sorted(row.strike_price for row in chain.data)
    assert {row.instrument_key for row in contracts.data} == {
        side.instrument_key for row in chain.data for side in (row.call_options, row.put_options)
    }
    assert chain.data[60].call_options.option_greeks.iv > 1
    assert found.meta_data.page.total_records >= len(found.data) > 0


async def test_it_reads_days_and_analytics() -> None:
    def read(api: Any) -> Any:
        days, market = upstox_client.MarketHolidaysAndTimingsApi(api), upstox_client.MarketApi(api)
        return (
            days.get_holidays(),
            days.get_exchange_timings("2026-01-28"),
            days.get_market_status("NSE"),
            market.get_pcr_data(NIFTY, "2026-02-03", "2026-01-28", 60),
            market.get_max_pain_data(NIFTY, "2026-02-03", "2026-01-28", 60),
            market.get_oi_data(NIFTY, "2026-02-03", "2026-01-28"),
            market.get_change_oi_data(NIFTY, "2026-02-03", "2026-01-28", 1),
            market.get_fii_data("NSE_EQ|CASH", "1D"),
        )

    holidays, timings, status, *analytics = await through(read)
    assert any(str(row._date)[:10] == "2026-01-26" for row in holidays.data)
    assert {row.exchange for row in timings.data} >= {"NSE", "NFO"}
    assert status.data.status == "NORMAL_OPEN"
    assert all(answer.status == "success" and answer.data for answer in analytics)


async def test_it_reads_profile_and_funds_and_logs_out() -> None:
    def read(api: Any) -> Any:
        user = upstox_client.UserApi(api)
        found = user.get_profile("2.0"), user.get_user_fund_margin("2.0")
        upstox_client.LoginApi(api).logout("2.0")
        with pytest.raises(upstox_client.rest.ApiException) as refused:
            user.get_profile("2.0")
        return (*found, refused.value.status)

    profile, funds, status = await through(read)
    assert profile.data.user_id == "SIM001"
    assert funds.data["equity"].available_margin == 500_000.0
    assert status == 401


async def test_it_logs_in_for_a_token() -> None:
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            """Do not follow: the code is in the place that the answer names."""

    def read(api: Any) -> Any:
        dialog = (
            "/v2/login/authorization/dialog?response_type=code&client_id=a&redirect_uri=http://127.0.0.1:1/"
        )
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.build_opener(Stay).open(api.configuration.host + dialog)
        code = answer.value.headers["Location"].rpartition("code=")[2]
        answer.value.close()
        return upstox_client.LoginApi(api).token(
            "2.0",
            code=code,
            client_id="a",
            client_secret="b",
            redirect_uri="http://127.0.0.1:1/",
            grant_type="authorization_code",
        )

    assert (await through(read)).access_token.count(".") == 2
