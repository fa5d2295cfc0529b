"""Quotes in all spellings: shapes as documented, one truth behind them."""

from __future__ import annotations

from typing import Any

import pytest

from sos.clock import ist_ns
from sos.sim import World
from tests.sim.ask import DAY, ELEVEN, NIFTY, NOW, RELIANCE, data, history, intraday, make_world

LTP = {"last_price", "instrument_token", "ltq", "volume", "cp"}
OHLC = {"open", "high", "low", "close"}
FULL = {
    *(
        "ohlc",
        "depth",
        "timestamp",
        "instrument_token",
        "symbol",
        "last_price",
        "volume",
        "average_price",
        "oi",
    ),
    *(
        "net_change",
        "total_buy_quantity",
        "total_sell_quantity",
        "lower_circuit_limit",
        "upper_circuit_limit",
    ),
    *("last_trade_time", "oi_day_high", "oi_day_low"),
}
FULL_V3 = FULL | {
    *("prev_close_price", "year_high", "year_low", "previous_oi", "indicative_equilibrium_price"),
    *("reference_price", "indicative_equilibrium_quantity", "indicative_imbalance_quantity_total"),
    *("indicative_imbalance_quantity_market", "cas_eligible"),
}


def one(world: World, path: str, key: str, now: int = NOW, **query: str) -> dict[str, Any]:
    (row,) = data(world, path, now, {"instrument_key": key, **query}).values()
    assert isinstance(row, dict)
    return row


def call_key(world: World) -> str:
    rows = data(world, "/v2/option/contract", instrument_key=NIFTY, expiry_date="2026-02-03")
    return next(
        str(row["instrument_key"]) for row in rows if row["trading_symbol"].endswith("25250 CE 03 FEB 26")
    )


def test_quotes_are_keyed_by_segment_and_symbol_and_name_their_key(world: World) -> None:
    rows = data(world, "/v3/market-quote/ltp", instrument_key=f"{NIFTY},{RELIANCE},{call_key(world)}")
    assert {key: row["instrument_token"] for key, row in rows.items()} == {
        "NSE_INDEX:Nifty 50": NIFTY,
        "NSE_EQ:RELIANCE": RELIANCE,
        "NSE_FO:NIFTY2620325250CE": call_key(world),
    }
    assert all(set(row) == LTP for row in rows.values())


def test_monthly_options_and_futures_are_spelt_by_month(world: World) -> None:
    found = data(world, "/v2/instruments/search", query="25250 24 FEB 26")
    future = data(world, "/v2/instruments/search", query="NIFTY FUT 24 FEB", records="30")
    keys = ",".join(row["instrument_key"] for row in found + future if row["underlying_key"] == NIFTY)
    rows = data(world, "/v2/market-quote/ltp", instrument_key=keys)
    assert set(rows) == {"NSE_FO:NIFTY26FEB25250CE", "NSE_FO:NIFTY26FEB25250PE", "NSE_FO:NIFTY26FEBFUT"}


def test_unknown_keys_are_dropped_while_one_is_known(world: World) -> None:
    rows = data(world, "/v3/market-quote/ltp", instrument_key=f"NSE_EQ|INE000000000,{NIFTY}")
    assert list(rows) == ["NSE_INDEX:Nifty 50"]
    lenient = make_world(unknown_is_error=False)
    assert data(lenient, "/v3/market-quote/ltp", instrument_key="NSE_EQ|INE000000000") == {}


def test_the_old_name_of_the_parameter_is_taken(world: World) -> None:
    assert data(world, "/v2/market-quote/ltp", symbol=NIFTY) == data(
        world, "/v2/market-quote/ltp", instrument_key=NIFTY
    )


@pytest.mark.parametrize("key", [NIFTY, RELIANCE])
def test_the_last_price_is_the_candles_and_the_close_before_yesterdays(world: World, key: str) -> None:
    row = one(world, "/v3/market-quote/ltp", key)
    minutes = data(world, intraday(key, "minutes", 1))["candles"]
    assert row["last_price"] == minutes[0][4]
    assert row["volume"] == sum(candle[5] for candle in minutes)
    assert row["cp"] == data(world, history(key, "days", 1, "2026-01-27", "2026-01-27"))["candles"][0][4]


def test_quotes_of_a_closed_market_are_the_last_ones(world: World) -> None:
    closed = one(world, "/v3/market-quote/ltp", NIFTY, ist_ns(DAY, 22 * 60))
    morning = one(world, "/v3/market-quote/ltp", NIFTY, ist_ns(DAY, 33 * 60))
    assert closed == morning


def test_ohlc_of_the_day_has_no_bar_before_and_of_a_minute_has(world: World) -> None:
    day = one(world, "/v3/market-quote/ohlc", NIFTY, interval="1d")
    assert day["prev_ohlc"] is None
    assert set(day["live_ohlc"]) == OHLC | {"volume", "ts"}
    minute = one(world, "/v3/market-quote/ohlc", NIFTY, interval="I1")
    assert minute["live_ohlc"]["ts"] == ELEVEN // 1_000_000
    assert minute["prev_ohlc"]["ts"] == ELEVEN // 1_000_000 - 60_000
    half = one(world, "/v3/market-quote/ohlc", NIFTY, interval="I30")
    assert half["live_ohlc"]["ts"] - half["prev_ohlc"]["ts"] == 1_800_000
    old = one(world, "/v2/market-quote/ohlc", NIFTY, interval="1d")
    assert old["ohlc"] == {name: day["live_ohlc"][name] for name in OHLC}


@pytest.mark.parametrize(
    ("path", "fields"), [("/v2/market-quote/quotes", FULL), ("/v3/market-quote/quotes", FULL_V3)]
)
def test_a_full_quote_has_every_documented_field(world: World, path: str, fields: set[str]) -> None:
    for key in (NIFTY, RELIANCE, call_key(world)):
        row = one(world, path, key)
        assert set(row) == fields
        assert row["last_trade_time"].isdigit()
        assert row["timestamp"].endswith("+05:30")
        assert row["last_price"] == pytest.approx(one(world, "/v3/market-quote/ltp", key)["last_price"])
        assert [len(row["depth"][side]) for side in ("buy", "sell")] == [5, 5]


def test_depth_never_crosses_and_an_index_has_none(world: World) -> None:
    depth = one(world, "/v2/market-quote/quotes", call_key(world))["depth"]
    buys, sells = ([row["price"] for row in depth[side] if row["quantity"]] for side in ("buy", "sell"))
    assert max(buys) < min(sells)
    assert buys == sorted(buys, reverse=True)
    assert sells == sorted(sells)
    index = one(world, "/v2/market-quote/quotes", NIFTY)
    assert index["average_price"] is None
    assert {row["quantity"] for side in index["depth"].values() for row in side} == {0}


def test_prices_of_full_quotes_carry_the_brokers_artefacts(world: World) -> None:
    row = one(world, "/v2/market-quote/quotes", NIFTY, ELEVEN)
    assert row["last_price"] != one(world, "/v3/market-quote/ltp", NIFTY, ELEVEN)["last_price"]


def test_greeks_of_an_option_are_fractions_and_of_a_share_zero(world: World) -> None:
    row = one(world, "/v3/market-quote/option-greek", call_key(world))
    assert set(row) == LTP | {"iv", "vega", "gamma", "theta", "delta", "oi"}
    assert 0.05 < row["iv"] < 0.5
    assert 0.3 < row["delta"] < 0.7
    assert row["theta"] < 0 < row["gamma"]
    assert one(world, "/v3/market-quote/option-greek", RELIANCE)["delta"] == 0.0
