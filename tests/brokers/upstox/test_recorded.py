"""Recorded answers of the real broker read as they should, and no damage to them leads outside the tree."""

from __future__ import annotations

import gzip
import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sos.brokers.upstox import endpoints
from sos.brokers.upstox.candles import Span, Unit
from sos.brokers.upstox.wire import Call, Reply
from sos.clock import ist_iso
from sos.errors import BrokerError, Rejected
from tests.brokers.upstox.damage import damaged, is_sound, outcome, places, put

INDEX = "NSE_INDEX|Nifty 50"
FUND = "NSE_EQ|INF204KB14I2"
DAY = date(2026, 4, 1)
CALLS: dict[str, Call[Any]] = {
    "nifty_chain_2026-04-07.json": endpoints.chain(INDEX, date(2026, 4, 7)),
    "nifty_option_contracts.json.gz": endpoints.option_contracts(INDEX),
    "niftybees_daily_30d.json": endpoints.history(FUND, Span(Unit.DAYS), DAY, DAY),
    "niftybees_ltp.json": endpoints.ltp([FUND]),
}


@cache
def recorded(folder: Path, name: str) -> Any:
    raw = (folder / "rest_fixtures" / "upstox" / name).read_bytes()
    return json.loads(gzip.decompress(raw) if name.endswith(".gz") else raw)


def body(folder: Path, name: str) -> bytes:
    return json.dumps(recorded(folder, name)["response"]).encode()


def test_the_chain_has_every_strike_in_order_with_both_sides(shared_data: Path) -> None:
    name = "nifty_chain_2026-04-07.json"
    rows = CALLS[name].decode(Reply(200, body(shared_data, name)))
    strikes = [row.strike_price for row in rows]
    assert len(rows) == 129
    assert strikes == sorted(strikes)
    assert {row.expiry for row in rows} == {date(2026, 4, 7)}
    assert sum(row.pcr is None for row in rows) == 7
    with_calls = [row for row in rows if row.call_options.market_data.oi]
    for row in with_calls:
        ratio = row.put_options.market_data.oi / row.call_options.market_data.oi
        assert row.pcr == pytest.approx(ratio, abs=5.1e-5)


def test_the_contracts_are_all_there_with_their_lots(shared_data: Path) -> None:
    name = "nifty_option_contracts.json.gz"
    contracts = CALLS[name].decode(Reply(200, body(shared_data, name)))
    assert len(contracts) == len(recorded(shared_data, name)["response"]["data"])
    assert {contract.lot_size for contract in contracts} == {65}
    assert {contract.instrument_type for contract in contracts} == {"CE", "PE"}
    assert all(isinstance(contract.expiry, date) for contract in contracts)


def test_daily_candles_come_out_ascending_at_midnight_ist(shared_data: Path) -> None:
    name = "niftybees_daily_30d.json"
    wire = recorded(shared_data, name)["response"]["data"]["candles"]
    candles = CALLS[name].decode(Reply(200, body(shared_data, name)))
    assert [ist_iso(int(ts)) for ts in candles.ts] == [row[0] for row in reversed(wire)]
    assert candles.close.tolist() == [row[4] for row in reversed(wire)]
    assert candles.volume.tolist() == [float(row[5]) for row in reversed(wire)]


def test_the_quote_is_found_by_the_key_that_was_asked_for(shared_data: Path) -> None:
    name = "niftybees_ltp.json"
    quotes = CALLS[name].decode(Reply(200, body(shared_data, name)))
    assert quotes[FUND].last_price == 252.75
    assert quotes[FUND].cp == 257.45


def test_the_recorded_refusal_is_one_line_that_says_what_to_do(shared_data: Path) -> None:
    answer = recorded(shared_data, "niftybees_daily_error.json")["response"]
    call = CALLS["niftybees_daily_30d.json"]
    with pytest.raises(Rejected, match=r"unknown instrument key.*UDAPI100011"):
        call.decode(Reply(answer["http_status"], answer["body"].encode()))


def small(answer: Any) -> Any:
    """The same answer with three rows at most: every field is still there."""
    data = answer["data"]
    if isinstance(data, list):
        data = data[:3]
    elif "candles" in data:
        data = {"candles": data["candles"][:3]}
    return {**answer, "data": data}


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_field_missing_null_or_of_another_type_is_a_value_or_an_error_of_the_tree(
    name: str, shared_data: Path, data: st.DataObject
) -> None:
    answer = data.draw(damaged(small(recorded(shared_data, name)["response"])))
    assert is_sound(outcome(CALLS[name], answer))


@pytest.mark.parametrize("name", CALLS)
def test_every_single_field_may_be_missing_or_null(name: str, shared_data: Path) -> None:
    answer = small(recorded(shared_data, name)["response"])
    for place in places(answer):
        without = put(answer, place, lambda inside, key: inside.pop(key))
        null = put(answer, place, lambda inside, key: inside.__setitem__(key, None))
        for changed in (without, null):
            try:
                CALLS[name].decode(Reply(200, json.dumps(changed).encode()))
            except BrokerError:
                assert "candles" in place  # only a candle without its stamp cannot be used


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_cut_anywhere_is_an_error_of_the_tree(name: str, shared_data: Path) -> None:
    whole = json.dumps(small(recorded(shared_data, name)["response"])).encode()
    for end in range(0, len(whole) - 1, 7):
        with pytest.raises(BrokerError, match="cut off"):
            CALLS[name].decode(Reply(200, whole[:end]))
