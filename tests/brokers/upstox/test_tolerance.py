"""Answers composed as documented, for reads of which none is recorded, survive the same damage."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.brokers.upstox import endpoints as e
from sos.brokers.upstox.wire import Call
from sos.errors import BrokerError
from tests.brokers.upstox.damage import damaged, is_sound, outcome, places, put

INDEX, DAY = "NSE_INDEX|Nifty 50", date(2026, 11, 24)
ANSWERS: dict[str, Any] = json.loads((Path(__file__).parent / "documented.json").read_text("utf-8"))["data"]
CALLS: dict[str, Call[Any]] = {
    "ohlc": e.ohlc([INDEX]),
    "greeks": e.greeks(["NSE_FO|46175"]),
    "full_quotes": e.full_quotes(["NSE_EQ|INE062A01020"]),
    "chain": e.chain(INDEX, DAY),
    "option_contracts": e.option_contracts(INDEX),
    "expiries": e.expiries(INDEX),
    "holidays": e.holidays(),
    "timings": e.timings(DAY),
    "market_status": e.market_status("NSE"),
    "oi": e.oi(INDEX, DAY, DAY),
    "oi_change": e.oi_change(INDEX, DAY, DAY, 1),
    "pcr": e.pcr(INDEX, DAY, DAY, 5),
    "max_pain": e.max_pain(INDEX, DAY, DAY, 5),
    "fii": e.fii("NSE_FO|INDEX_FUTURES"),
    "profile": e.profile(),
    "funds": e.funds(),
}


def whole(name: str) -> Any:
    return {"status": "success", "data": ANSWERS[name]}


def test_every_answer_has_its_read() -> None:
    assert set(CALLS) == set(ANSWERS)


@pytest.mark.parametrize("name", CALLS)
def test_a_documented_answer_is_read_and_says_something(name: str) -> None:
    value = outcome(CALLS[name], whole(name))
    assert not isinstance(value, BrokerError)
    assert "=" not in str(value) or str(value).count("=None") < str(value).count("=")


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_answer_is_a_value_or_an_error_of_the_tree(name: str, data: st.DataObject) -> None:
    assert is_sound(outcome(CALLS[name], data.draw(damaged(whole(name)))))


@pytest.mark.parametrize("name", CALLS)
def test_every_field_may_be_missing_or_null(name: str) -> None:
    for place in places(whole(name)):
        for change in (
            lambda inside, key: inside.pop(key),
            lambda inside, key: inside.__setitem__(key, None),
        ):
            assert not isinstance(outcome(CALLS[name], put(whole(name), place, change)), BrokerError), place
