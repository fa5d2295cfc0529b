"""Chains: what is refused, what is repaired and said, the money and the forward."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import date

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.errors import DataError
from sos.options.black76 import price
from sos.options.chain import (
    SIDE_FIELDS,
    ChainFlag,
    ChainSide,
    atm_strike,
    build_chain,
    chain_of_event,
    chains_from_columns,
    event_of_chain,
    in_units,
    parity_forward,
)
from sos.types import Right
from tests.options.chains import EXPIRY, NIFTY, chain, column


def flags(of: object) -> list[tuple[ChainFlag, int, str]]:
    return [(one.flag, one.count, one.where) for one in getattr(of, "flags")]  # noqa: B009


def test_a_sound_chain_has_no_findings_and_its_strikes_rise() -> None:
    found = chain((25_100.0, 24_900.0, 25_000.0), (3.0, 1.0, 2.0), (6.0, 4.0, 5.0))
    assert found.strikes.tolist() == [24_900.0, 25_000.0, 25_100.0]
    assert found.calls.oi.tolist() == [1.0, 2.0, 3.0]
    assert found.puts.oi.tolist() == [4.0, 5.0, 6.0]
    assert found.flags == ()
    assert np.isnan(found.calls.ltp).all()


@pytest.mark.parametrize(
    ("strikes", "known", "message"),
    [
        (column(), 0, "has no strikes"),
        (column(100.0, math.nan), 0, "is not a positive number"),
        (column(100.0, -1.0), 0, "is not a positive number"),
        (column(100.0, 110.0), -1, "known 1 ns before"),
    ],
)
def test_what_is_no_chain_is_refused(strikes: np.ndarray, known: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build_chain(NIFTY, EXPIRY, 0, strikes, {}, {}, known_ts=known)


def test_columns_must_be_as_long_as_the_strikes() -> None:
    with pytest.raises(DataError, match="1 values of oi for 2 strikes"):
        build_chain(NIFTY, EXPIRY, 0, column(100.0, 110.0), {"oi": column(1.0)}, {})


def test_crossed_quotes_are_missing_and_said() -> None:
    found = chain(ce_bid=(10.0, 9.0, 8.0), ce_ask=(9.5, 9.5, 8.0))
    assert flags(found) == [(ChainFlag.CROSSED, 1, "call 24900")]
    assert np.isnan(found.calls.bid[0])
    assert found.calls.mid[1:].tolist() == [9.25, 8.0]


def test_a_one_sided_quote_is_not_crossed_and_has_no_middle() -> None:
    found = chain(pe_bid=(10.0, 0.0, 8.0), pe_ask=(0.0, 9.5, 8.5), pe_ltp=(9.0, 0.0, 1.0))
    assert found.flags == ()
    assert np.isnan(found.puts.mid[:2]).all()
    np.testing.assert_array_equal(found.puts.mark, [9.0, math.nan, 8.25])


def test_negative_values_are_missing_but_a_change_may_fall() -> None:
    found = chain(calls=(-5.0, 20.0, 70.0), ce_oi_change=(-5.0, 1.0, -2.0))
    assert flags(found) == [(ChainFlag.NEGATIVE, 1, "call 24900")]
    assert np.isnan(found.calls.oi[0])
    assert found.calls.oi_change.tolist() == [-5.0, 1.0, -2.0]


def test_of_a_strike_that_comes_twice_the_last_row_counts() -> None:
    found = chain((25_000.0, 25_100.0, 25_000.0), (1.0, 2.0, 3.0), (1.0, 2.0, 4.0))
    assert found.strikes.tolist() == [25_000.0, 25_100.0]
    assert found.calls.oi.tolist() == [3.0, 2.0]
    assert flags(found) == [(ChainFlag.DUPLICATE_STRIKES, 1, "strike 25000")]


def test_a_side_without_open_interest_is_said() -> None:
    assert flags(chain(puts=(0.0, 0.0, 0.0))) == [(ChainFlag.ZERO_OI, 3, "every put")]


def test_open_interest_in_lots_is_noticed_and_can_be_turned_into_units() -> None:
    strikes, lots = np.arange(1.0, 11.0) * 100, np.arange(1.0, 11.0) + 900
    counted = build_chain(NIFTY, EXPIRY, 0, strikes, {"oi": lots}, {"oi": lots + 1}, lot=75)
    assert [one.flag for one in counted.flags] == [ChainFlag.LOTS]
    units = in_units(counted, 75)
    assert units.flags == ()
    assert units.calls.oi.tolist() == (lots * 75).tolist()
    whole = build_chain(NIFTY, EXPIRY, 0, strikes, {"oi": lots * 75}, {"oi": lots * 150}, lot=75)
    assert whole.flags == ()


@pytest.mark.parametrize(
    ("reference", "expected"),
    [(24_949.0, 24_900.0), (24_950.0, 25_000.0), (25_049.9, 25_000.0), (25_050.0, 25_100.0), (1.0, 24_900.0)],
)
def test_the_strike_at_the_money_is_the_nearest_one_half_up(reference: float, expected: float) -> None:
    assert atm_strike(column(24_900.0, 25_000.0, 25_100.0), reference) == expected


def test_strikes_come_from_those_that_exist() -> None:
    assert atm_strike(column(24_000.0, 25_500.0), 24_900.0) == 25_500.0
    assert atm_strike(column(), 24_900.0) is None
    assert atm_strike(column(1.0), math.nan) is None


@given(st.floats(24_000, 26_000), st.floats(0.0, 0.1), st.booleans())
def test_parity_gives_back_the_forward_that_priced_the_chain(
    forward: float, rate: float, with_spot: bool
) -> None:
    strikes = tuple(np.arange(23_500.0, 26_501.0, 50.0).tolist())
    bare = chain(strikes, strikes, strikes)
    prices = {
        name: tuple(price(right, forward, k, bare.years, 0.15, rate) for k in strikes)
        for name, right in (("ce", Right.CALL), ("pe", Right.PUT))
    }
    found = chain(
        strikes,
        strikes,
        strikes,
        spot=forward - 20 if with_spot else math.nan,
        ce_ltp=prices["ce"],
        pe_ltp=prices["pe"],
    )
    assert parity_forward(found, rate) == pytest.approx(forward, abs=1e-7)


def test_without_both_prices_of_any_strike_there_is_no_forward() -> None:
    assert parity_forward(chain()) is None
    assert parity_forward(chain(ce_ltp=(1.0, 0.0, 2.0), pe_ltp=(0.0, 3.0, 0.0))) is None


values = st.one_of(st.just(math.nan), st.floats(0, 1e8))


@given(st.lists(st.tuples(*[values] * 12), min_size=1, max_size=6), st.floats(0, 3e4))
def test_a_chain_survives_the_bus_and_the_journal(rows: list[tuple[float, ...]], spot: float) -> None:
    columns = [column(*values) for values in zip(*rows, strict=True)]
    calls, puts = (
        dict(zip(SIDE_FIELDS, columns, strict=False)),
        dict(zip(SIDE_FIELDS, columns[6:], strict=True)),
    )
    strikes = np.arange(1.0, len(rows) + 1)
    first = build_chain(NIFTY, EXPIRY, 5, strikes, calls, puts, known_ts=9, spot=spot)
    event = event_of_chain(first)
    coded = msgspec.msgpack.encode(event, enc_hook=str)
    again = chain_of_event(
        msgspec.msgpack.decode(coded, type=type(event), dec_hook=lambda of, text: of(text))
    )
    assert (again.ts, again.known_ts, again.expiry) == (5, 9, EXPIRY)
    for side in ("calls", "puts"):
        for field in fields(ChainSide):
            np.testing.assert_array_equal(
                getattr(getattr(again, side), field.name), getattr(getattr(first, side), field.name)
            )


@given(st.permutations(range(12)))
def test_a_table_gives_the_same_chains_whatever_the_order_of_its_rows(order: list[int]) -> None:
    ts = np.repeat([100, 100, 200], 4)
    expiries = [date(2026, 1, 27)] * 4 + [date(2026, 2, 3)] * 4 + [date(2026, 1, 27)] * 4
    columns = {"strike": np.tile([1.0, 2.0, 3.0, 4.0], 3), "ce_oi": np.arange(12.0), "spot": np.full(12, 2.5)}
    mixed = {name: values[order] for name, values in columns.items()}
    found = list(chains_from_columns(NIFTY, ts[order], [expiries[i] for i in order], mixed))
    assert [(one.ts, one.expiry.day, one.calls.oi.tolist()) for one in found] == [
        (100, 27, [0.0, 1.0, 2.0, 3.0]),
        (100, 3, [4.0, 5.0, 6.0, 7.0]),
        (200, 27, [8.0, 9.0, 10.0, 11.0]),
    ]
    assert {one.spot for one in found} == {2.5}
