"""The broker's master: read whatever is missing in it, searched as people type, held against our rules."""

from __future__ import annotations

import gzip
import json
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.contracts import Contracts
from sos.data.instruments import (
    ContractName,
    ContractTable,
    Master,
    MasterCache,
    differences,
    search,
    suggest,
)
from sos.errors import DataError

DAY = date(2026, 1, 13)


def option(strike: float, right: str, expiry_ms: int = 1_769_538_599_000, **changes: Any) -> dict[str, Any]:
    """A made-up option on NIFTY, by default of 2026-01-27."""
    day = {1_769_538_599_000: "27 JAN 26", 1_771_957_799_000: "24 FEB 26"}[expiry_ms]
    token = f"NSE_FO|{int(strike)}{right}{expiry_ms % 1000}{day[:2]}"
    return {
        "segment": "NSE_FO", "name": "NIFTY", "exchange": "NSE",
        "expiry": expiry_ms, "instrument_type": right, "instrument_key": token,
        "underlying_symbol": "NIFTY", "underlying_key": "NSE_INDEX|Nifty 50",
        "lot_size": 65, "freeze_quantity": 1755.0, "tick_size": 5.0, "strike_price": strike,
        "trading_symbol": f"NIFTY {strike:g} {right} {day}", **changes,
    }  # fmt: skip


def records() -> list[dict[str, Any]]:
    future = {**option(0, "FUT"), "trading_symbol": "NIFTY FUT 27 JAN 26", "instrument_key": "NSE_FO|1"}
    share = {
        "segment": "NSE_EQ", "name": "RELIANCE INDUSTRIES LTD", "isin": "INE002A01018", "lot_size": 1,
        "instrument_type": "EQ", "instrument_key": "NSE_EQ|INE002A01018", "trading_symbol": "RELIANCE",
        "tick_size": 10.0, "exchange": "NSE",
    }  # fmt: skip
    index = {
        "segment": "NSE_INDEX", "name": "Nifty 50", "instrument_type": "INDEX", "trading_symbol": "NIFTY",
        "instrument_key": "NSE_INDEX|Nifty 50",
    }  # fmt: skip
    options = [option(k, r) for k in (25600.0, 25650.0, 25700.0) for r in ("CE", "PE")]
    return [*options, option(25650.0, "CE", 1_771_957_799_000), future, share, index]


def master(*extra: dict[str, Any]) -> Master:
    return Master.parse(json.dumps([*records(), *extra]).encode(), DAY)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("NIFTY 25650 CE", ["NIFTY 25650 CE 27 JAN 26", "NIFTY 25650 CE 24 FEB 26"]),
        ("nifty 25650ce feb", ["NIFTY 25650 CE 24 FEB 26"]),
        ("NIFTY 27 JAN 26 25650 CALL", ["NIFTY 25650 CE 27 JAN 26"]),
        ("NIFTY FUT JAN", ["NIFTY FUT 27 JAN 26"]),
        ("NIFTY 25650 PE 24 FEB 2026", []),
        ("RELIANCE", ["RELIANCE"]),
        ("reliance industries", ["RELIANCE"]),
        ("INE002A01018", ["RELIANCE"]),
        ("NSE_EQ|INE002A01018", ["RELIANCE"]),
        ("RELI", ["RELIANCE"]),
        ("NOTHING", []),
    ],
)
def test_instruments_are_found_as_people_type(text: str, symbols: list[str]) -> None:
    assert [hit.symbol for hit in search(master(), text)] == symbols


def test_an_underlying_comes_before_its_contracts_and_options_narrow() -> None:
    hits = search(master(), "NIFTY")
    assert [hit.symbol for hit in hits[:2]] == ["NIFTY", "NIFTY FUT 27 JAN 26"]
    assert len(hits) == 9
    assert len(search(master(), "NIFTY", limit=3)) == 3
    assert len(search(master(), "NIFTY", kind="call")) == 4
    assert len(search(master(), "NIFTY", expiry=date(2026, 2, 24))) == 1
    assert len(search(master(), "NIFTY", strike=25700)) == 2
    assert suggest(master(), "RELIENCE")[0] == "RELIANCE"


def test_expired_contracts_are_not_offered() -> None:
    late = Master.parse(json.dumps(records()).encode(), date(2026, 1, 28))
    assert [hit.symbol for hit in search(late, "NIFTY 25650 CE")] == ["NIFTY 25650 CE 24 FEB 26"]


def test_a_table_knows_only_strikes_that_exist() -> None:
    table = ContractTable.from_master(master())
    expiry = date(2026, 1, 27)
    assert table.underlyings() == ["NIFTY"]
    assert table.expiries("NIFTY") == [expiry, date(2026, 2, 24)]
    assert table.expiries("NIFTY", futures=True) == [expiry]
    assert table.strikes("NIFTY", expiry) == [25600.0, 25650.0, 25700.0]
    found = table.option("NIFTY", expiry, 25650, "PE")
    assert (found.lot, found.freeze, found.tick) == (65, 1755, 5)
    future = table.future("NIFTY", expiry)
    assert future is not None
    assert future.key == "NSE_FO|1"
    with pytest.raises(DataError, match="no 25660 CE: the nearest strikes are 25650 and 25700"):
        table.option("NIFTY", expiry, 25660, "CE")
    with pytest.raises(DataError, match="known are 2026-01-27, 2026-02-24"):
        table.option("NIFTY", date(2026, 1, 20), 25650, "CE")


def test_expired_contracts_come_from_the_brokers_records_and_from_kept_names() -> None:
    name = ContractName("NIFTY", date(2022, 11, 24), 18000.0, "PE")
    record = {
        "instrument_key": "NSE_FO|73507|24-11-2022", "underlying_symbol": "NIFTY", "expiry": "2022-11-24",
        "instrument_type": "PE", "strike_price": 18000, "lot_size": 50, "freeze_quantity": None,
    }  # fmt: skip
    for table in (
        ContractTable.from_records([record, {}, {"instrument_key": None}, {**record, "strike_price": None}]),
        ContractTable.from_keys([name.key, "NSE_FO|49229", "NSE_INDEX|Nifty 50"]),
    ):
        assert [contract.name for contract in table] == [name]
        assert table.strikes("NIFTY", date(2022, 11, 24)) == [18000.0]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*sorted(records()[0]), "isin", "colour"]),
            st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.booleans() | st.just([]),
        ),
        max_size=5,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_record_lacks_or_has_new_nothing_crashes(odd: list[dict[str, Any]]) -> None:
    text = (
        json.dumps([*records(), *odd])
        .replace("NaN", "null")
        .replace("-Infinity", "null")
        .replace("Infinity", "null")
    )
    found = Master.parse(text.encode(), DAY)
    assert len(found) >= len(records())
    search(found, "NIFTY 25650 CE")
    ContractTable.from_master(found)
    ContractTable.from_records(odd)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>busy</html>",
        b"[1, null]",
        gzip.compress(b"[]" * 50)[:-5],
        b'[{"name": "x"}]',
    ],
)
def test_what_is_no_master_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="instrument file"):
        MasterCache(tmp_path).put("NSE", DAY, data)
    assert MasterCache(tmp_path).days("NSE") == []


def test_a_master_is_downloaded_once_a_day_and_the_right_day_is_found(tmp_path: Path) -> None:
    cache, asked = MasterCache(tmp_path), []

    def download(exchange: str) -> bytes:
        asked.append(exchange)
        return gzip.compress(json.dumps(records()).encode())

    for _ in range(2):
        assert len(cache.ensure("NSE", DAY, download)) == len(records())
    assert asked == ["NSE"]
    cache.put("NSE", date(2026, 1, 20), json.dumps(records()[:3]).encode())
    assert cache.days("NSE") == [DAY, date(2026, 1, 20)]
    for day, size in ((date(2026, 1, 19), len(records())), (date(2026, 1, 21), 3), (None, 3)):
        found = cache.latest("NSE", day)
        assert found is not None
        assert len(found) == size
    assert cache.latest("NSE", date(2026, 1, 1)) is None
    assert cache.latest("BSE") is None
    assert [hit.symbol for hit in search(cache.ensure("NSE", DAY, download), "RELIANCE")] == ["RELIANCE"]


def test_the_master_of_the_day_wins_and_says_where_the_rules_differ() -> None:
    odd = option(25800.0, "CE", lot_size=75, tick_size=10.0, freeze_quantity=1800.0)
    found = differences(ContractTable.from_master(master(odd)), Contracts.packaged(), DAY)
    assert {(one.what, one.rule, one.master) for one in found} == {("lot", "65", "75"), ("tick", "5", "10")}
    assert ContractTable.from_master(master(odd)).option("NIFTY", date(2026, 1, 27), 25800, "CE").lot == 75


def test_the_packaged_rules_are_those_of_the_real_master(shared_data: Path, tmp_path: Path) -> None:
    data = (shared_data / "instruments" / "NSE.json.gz").read_bytes()
    real = MasterCache(tmp_path).put("NSE", DAY, data)
    assert len(real) == 86_109
    table, rules = ContractTable.from_master(real), Contracts.packaged()
    levels = {"NIFTY": 25_700.0, "BANKNIFTY": 59_500.0, "FINNIFTY": 27_400.0, "MIDCPNIFTY": 13_600.0}
    assert differences(table, rules, DAY, levels) == []
    known = [name for name in rules.underlyings if table.expiries(name)]
    assert known == ["NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50"]
    for name in known:
        listed = table.expiries(name)
        for kind in ("weekly", "monthly"):
            expected = rules.expiries(name, kind, DAY, date(2026, 2, 13))
            assert set(expected) <= set(listed), (name, kind)
        assert (
            table.expiries(name, futures=True) == rules.expiries(name, "monthly", DAY, date(2026, 4, 10))[:3]
        )
        step = rules.strike_step(name)
        strikes = table.strikes(name, listed[0])
        assert step in {b - a for a, b in pairwise(strikes)}
    again = MasterCache(tmp_path).get("NSE", DAY)
    assert again is not None
    hits = search(again, "NIFTY 25650 CE")
    assert hits[0].symbol == "NIFTY 25650 CE 13 JAN 26"
    assert hits[0].lot == 65
