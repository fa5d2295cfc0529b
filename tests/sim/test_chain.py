"""Chain, contracts, instrument files and analytics: shapes, units, and one model behind them."""

from __future__ import annotations

import gzip
from datetime import date
from typing import Any

import numpy as np
import orjson
import pytest

from sos.clock import ist_ns
from sos.options.black76 import greeks, year_fraction
from sos.sim import World
from sos.sim.model import forward_of
from sos.types import Right
from tests.sim.ask import DAY, ELEVEN, HEADERS, NIFTY, NOW, ask, data, intraday

EXPIRY = "2026-02-03"
CONTRACT = {
    *(
        "name",
        "segment",
        "exchange",
        "expiry",
        "weekly",
        "instrument_key",
        "exchange_token",
        "trading_symbol",
    ),
    *("tick_size", "lot_size", "instrument_type", "freeze_quantity", "underlying_key", "underlying_type"),
    *("underlying_symbol", "strike_price", "minimum_lot"),
}
MASTER = {
    "INDEX": {
        *(
            "segment",
            "name",
            "exchange",
            "instrument_type",
            "instrument_key",
            "exchange_token",
            "trading_symbol",
        )
    },
    "EQ": {
        *("segment", "name", "exchange", "isin", "instrument_type", "instrument_key", "lot_size"),
        *("freeze_quantity", "exchange_token", "tick_size", "trading_symbol", "qty_multiplier"),
        *("security_type", "short_name"),
    },
    "CE": {
        *("weekly", "segment", "name", "exchange", "expiry", "instrument_type", "asset_symbol"),
        *(
            "underlying_symbol",
            "instrument_key",
            "lot_size",
            "freeze_quantity",
            "exchange_token",
            "minimum_lot",
        ),
        *("asset_key", "underlying_key", "tick_size", "asset_type", "underlying_type", "trading_symbol"),
        *("strike_price", "qty_multiplier"),
    },
}


def chain(world: World, now: int = NOW, expiry: str = EXPIRY) -> list[dict[str, Any]]:
    rows = data(world, "/v2/option/chain", now, instrument_key=NIFTY, expiry_date=expiry)
    assert isinstance(rows, list)
    return rows


def master(world: World, name: str = "NSE", now: int = NOW) -> list[dict[str, Any]]:
    answer = ask(world, f"/market-quote/instruments/exchange/{name}.json.gz", now)
    rows = orjson.loads(gzip.decompress(answer.body))
    assert isinstance(rows, list)
    return rows


def test_a_chain_row_has_the_documented_shape(world: World) -> None:
    row = chain(world)[60]
    assert set(row) == {
        *("pcr", "expiry", "strike_price", "underlying_key", "underlying_spot_price"),
        *("call_options", "put_options"),
    }
    for side in ("call_options", "put_options"):
        assert set(row[side]) == {"instrument_key", "market_data", "option_greeks"}
        assert set(row[side]["market_data"]) == {
            *("ltp", "volume", "oi", "close_price", "bid_price", "bid_qty", "ask_price", "ask_qty", "prev_oi")
        }
        assert set(row[side]["option_greeks"]) == {"vega", "theta", "gamma", "delta", "iv", "pop"}


def test_a_chain_is_ascending_and_agrees_with_itself(world: World) -> None:
    rows = chain(world)
    strikes = [row["strike_price"] for row in rows]
    assert strikes == sorted(set(strikes))
    assert len({row["underlying_spot_price"] for row in rows}) == 1
    for row in rows:
        call, put = (row[side]["market_data"] for side in ("call_options", "put_options"))
        assert ("pcr" in row) == (call["oi"] > 0)
        if call["oi"]:
            assert row["pcr"] == round(put["oi"] / call["oi"], 4)
        assert call["oi"] % 65 == put["volume"] % 65 == 0
        assert call["ltp"] == 0 or 0 < call["bid_price"] < call["ask_price"]
    assert any("pcr" not in row for row in rows)
    assert any(row["call_options"]["market_data"]["ltp"] == 0 for row in rows)


def test_strikes_within_a_tenth_of_the_money_all_trade(world: World) -> None:
    for row in chain(world):
        if abs(row["strike_price"] / row["underlying_spot_price"] - 1) < 0.06:
            assert row["call_options"]["market_data"]["volume"] > 0
            assert row["put_options"]["market_data"]["volume"] > 0


def test_premiums_and_greeks_are_black_76_on_the_stated_volatility(world: World) -> None:
    rows = chain(world, ELEVEN)
    spot, expiry = rows[0]["underlying_spot_price"], date.fromisoformat(EXPIRY)
    forward, years = forward_of(spot, expiry, ELEVEN), year_fraction(ELEVEN, expiry)
    for row in rows:
        for side, right in (("call_options", Right.CALL), ("put_options", Right.PUT)):
            shown = row[side]
            if shown["market_data"]["ltp"] > 1:
                vol = shown["option_greeks"]["iv"] / 100
                want = greeks(right, forward, row["strike_price"], years, vol)
                slack = 0.026 + abs(want.vega) * 0.006  # a tick, and volatility shown to two digits
                assert shown["market_data"]["ltp"] == pytest.approx(want.price, abs=slack)
                assert shown["option_greeks"]["delta"] == pytest.approx(want.delta, abs=2e-3)


def test_put_and_call_of_a_strike_keep_parity_within_ticks(world: World) -> None:
    rows = chain(world)
    forward = forward_of(rows[0]["underlying_spot_price"], date.fromisoformat(EXPIRY), NOW)
    for row in rows:
        call, put = (row[side]["market_data"]["ltp"] for side in ("call_options", "put_options"))
        if call > 0.05 and put > 0.05:
            assert call - put == pytest.approx(forward - row["strike_price"], abs=0.11)


def test_the_chain_the_quotes_and_the_candles_of_a_contract_are_one(world: World) -> None:
    row = chain(world)[62]["put_options"]
    quote = next(
        iter(data(world, "/v3/market-quote/option-greek", instrument_key=row["instrument_key"]).values())
    )
    candles = data(world, intraday(row["instrument_key"], "minutes", 1))["candles"]
    market = row["market_data"]
    assert market["ltp"] == quote["last_price"] == candles[0][4]
    assert market["volume"] == quote["volume"] == sum(candle[5] for candle in candles)
    assert market["oi"] == quote["oi"] == candles[0][6]
    assert market["close_price"] == quote["cp"]
    assert row["option_greeks"]["iv"] == pytest.approx(quote["iv"] * 100, abs=0.006)


def test_a_date_without_an_expiry_has_an_empty_chain(world: World) -> None:
    assert chain(world, expiry="2026-02-04") == []
    assert chain(world, expiry="2026-01-20") == []  # it is over


@pytest.mark.parametrize(
    ("word", "expiry"),
    [("next_week", "2026-02-03"), ("far_week", "2026-02-10"), ("next_month", "2026-02-24")],
)
def test_an_expiry_may_be_named_by_week_or_month(world: World, word: str, expiry: str) -> None:
    assert chain(world, expiry=word) == chain(world, expiry=expiry) != []


def test_contracts_have_exactly_the_documented_fields(world: World) -> None:
    rows = data(world, "/v2/option/contract", instrument_key=NIFTY)
    assert all(set(row) == CONTRACT for row in rows)
    assert len({row["instrument_key"] for row in rows}) == len(rows)
    assert {row["lot_size"] for row in rows} == {65}
    assert {row["freeze_quantity"] for row in rows} == {1755.0}
    weekly = {row["expiry"]: row["weekly"] for row in rows}
    assert weekly["2026-02-03"]
    assert not weekly["2026-02-24"]
    one = data(world, "/v2/option/contract", instrument_key=NIFTY, expiry_date=EXPIRY)
    assert one == [row for row in rows if row["expiry"] == EXPIRY]


def test_the_instrument_file_has_the_masters_fields_and_units(world: World) -> None:
    rows = master(world)
    for row in rows:
        kind = "CE" if row["instrument_type"] in ("PE", "FUT") else row["instrument_type"]
        assert set(row) == MASTER[kind]
    keys = [row["instrument_key"] for row in rows]
    assert len(set(keys)) == len(keys)
    call = next(row for row in rows if row["trading_symbol"] == "NIFTY 25250 CE 03 FEB 26")
    assert call["expiry"] == (ist_ns(date(2026, 2, 3), 24 * 60) // 10**9 - 1) * 1000
    assert (call["tick_size"], call["strike_price"], call["weekly"]) == (5.0, 25250.0, True)


def test_the_files_of_both_exchanges_make_the_complete_one(world: World) -> None:
    keys = [{row["instrument_key"] for row in master(world, name)} for name in ("NSE", "BSE", "complete")]
    assert keys[0] | keys[1] == keys[2]
    assert all(key.startswith("BSE") for key in keys[1])


def test_an_unchanged_instrument_file_is_not_sent_twice(world: World) -> None:
    path = "/market-quote/instruments/exchange/NSE.json.gz"
    first = ask(world, path)
    again = ask(world, path, headers={**HEADERS, "if-none-match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    later = ask(
        world, path, ist_ns(DAY, 36 * 60), headers={**HEADERS, "if-none-match": first.headers["ETag"]}
    )
    assert later.status == 200


def test_every_key_of_the_contract_read_has_quotes_and_stands_in_the_file(world: World) -> None:
    rows = data(world, "/v2/option/contract", instrument_key=NIFTY, expiry_date=EXPIRY)
    assert {row["instrument_key"] for row in rows} <= {row["instrument_key"] for row in master(world)}
    keys = ",".join(row["instrument_key"] for row in rows)
    quotes = data(world, "/v3/market-quote/ltp", instrument_key=keys)
    traded = {
        row[side]["instrument_key"]
        for row in chain(world)
        for side in ("call_options", "put_options")
        if row[side]["market_data"]["ltp"]
    }
    assert {row["instrument_token"] for row in quotes.values()} == traded


def test_search_finds_by_words_and_pages(world: World) -> None:
    answer = ask(
        world, "/v2/instruments/search", query="nifty 25250", segments="OPT", records="5", page_number="2"
    )
    rows, page = answer.json()["data"], answer.json()["meta_data"]["page"]
    assert len(rows) == page["records"] == 5
    assert page["total_pages"] == -(-page["total_records"] // 5)
    assert all("25250" in row["trading_symbol"] for row in rows)
    assert data(world, "/v2/instruments/search", query="RELIANCE", segments="EQ")[0]["isin"] == "INE002A01018"
    week = data(world, "/v2/instruments/search", query="NIFTY 25250 CE", expiry=EXPIRY)
    assert [row["trading_symbol"] for row in week if row["name"] == "NIFTY"] == ["NIFTY 25250 CE 03 FEB 26"]


def test_open_interest_reads_count_the_chain(world: World) -> None:
    rows = chain(world)
    calls, puts = (
        [row[side]["market_data"]["oi"] for row in rows] for side in ("call_options", "put_options")
    )
    oi = data(world, "/v2/market/oi", instrument_key=NIFTY, expiry=EXPIRY)
    assert (oi["total_calls"], oi["total_puts"]) == (sum(calls), sum(puts))
    assert [row["call_oi"] for row in oi["call_put_oi_data_list"]] == calls
    change = data(world, "/v2/market/change-oi", instrument_key=NIFTY, expiry=EXPIRY, interval="1")
    before = [row["put_options"]["market_data"]["prev_oi"] for row in rows]
    assert change["total_put_change_oi"] == sum(puts) - sum(before)


def test_pcr_and_max_pain_follow_the_chain_by_bucket(world: World) -> None:
    query = {"instrument_key": NIFTY, "expiry": EXPIRY, "bucket_interval": "60"}
    pcr = data(world, "/v2/market/pcr", params=query)
    oi = data(world, "/v2/market/oi", instrument_key=NIFTY, expiry=EXPIRY)
    assert pcr["pcr"] == round(oi["total_puts"] / oi["total_calls"], 4)
    assert pcr["expiry_date"] == "03-02-2026"
    assert [row["time"] for row in pcr["insights"]] == ["09:15", "10:15"]
    pain = data(world, "/v2/market/max-pain", params=query)
    strikes = np.array([row["strike_price"] for row in oi["call_put_oi_data_list"]])
    calls, puts = (
        np.array([row[name] for row in oi["call_put_oi_data_list"]]) for name in ("call_oi", "put_oi")
    )
    cost = [
        float((calls * np.maximum(x - strikes, 0) + puts * np.maximum(strikes - x, 0)).sum()) for x in strikes
    ]
    assert pain["max_pain"] == strikes[int(np.argmin(cost))]


def test_analytics_of_a_past_date_are_those_of_its_close(world: World) -> None:
    query = {"instrument_key": NIFTY, "expiry": EXPIRY, "date": "2026-01-27"}
    past = data(world, "/v2/market/oi", params=query)
    assert past == data(world, "/v2/market/oi", ist_ns(date(2026, 1, 27), 23 * 60), params=query)
    assert len(data(world, "/v2/market/pcr", bucket_interval="15", params=query)["insights"]) == 26


def test_an_unlisted_expiry_has_no_analytics(world: World) -> None:
    assert data(world, "/v2/market/oi", instrument_key=NIFTY, expiry="2026-02-04") == {}


def test_flows_have_rows_by_day_and_nulls_where_cash_has_no_contracts(world: World) -> None:
    rows = data(world, "/v2/market/fii", data_type="NSE_EQ|CASH,NSE_FO|INDEX_OPTIONS")
    assert set(rows) == {"NSE_EQ|CASH", "NSE_FO|INDEX_OPTIONS"}
    assert rows["NSE_EQ|CASH"][-1]["buy_contracts"] is None
    assert rows["NSE_FO|INDEX_OPTIONS"][-1]["total_put_long_contracts"] > 0
    assert rows["NSE_EQ|CASH"][-1]["time_stamp"] == ist_ns(date(2026, 1, 27)) // 1_000_000
    months = data(world, "/v2/market/dii", data_type="NSE_EQ|CASH", interval="1M")["NSE_EQ|CASH"]
    assert 10 <= len(months) <= 13


@pytest.mark.parametrize("expiry", ["2026-02-03", "2026-02-24", "2026-03-30"])
def test_put_call_ratios_move_with_the_market_within_a_believable_range(world: World, expiry: str) -> None:
    query = {"instrument_key": NIFTY, "expiry": expiry, "bucket_interval": "15"}
    found = {row["pcr"] for row in data(world, "/v2/market/pcr", params=query)["insights"]}
    assert len(found) > 3
    assert all(0.4 < pcr < 2.5 for pcr in found)
