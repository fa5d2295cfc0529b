"""The table of functions as documentation."""

from __future__ import annotations

import re

import pytest

from sos.expr import ExprError, Scope, check_number, reference
from sos.expr.functions import NAMES

LISTED = """
    sma moving_avg ema wma rsi atr stdev bb_upper bb_lower vwap vwap_rolling highest max lowest min sum
    change roc crossover crossunder slope percentrank prev body_size high_wick low_wick candle_size abs
    round floor ceil sqrt log clamp time_is_between minutes_since_open minutes_to_close prev_day_close
    prev_day_high prev_day_low day_open day_high day_low opening_range_high opening_range_low
    days_to_expiry
"""
ARGUMENTS = {"series": "close", "n": "20", "k": "2", "digits": "1", "minutes": "15"}
ARGUMENTS |= dict.fromkeys(("a", "b", "x", "low", "high"), "close")


def test_the_table_has_exactly_the_functions_of_the_language() -> None:
    assert sorted(NAMES) == sorted(LISTED.split())
    rows = reference()
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.doc and row.group and row.forms for row in rows)


@pytest.mark.parametrize("form", [form for row in reference() for form in row.forms])
def test_every_documented_way_to_call_is_accepted(form: str) -> None:
    name, bracket, inside = form.partition("(")
    parts = [part.strip() for part in inside.rstrip(")").split(",")] if inside != ")" else []
    call = name + bracket + ", ".join(ARGUMENTS.get(part, part) for part in parts) + (")" if bracket else "")
    test = f"1 if {call} else 0" if re.match("cross|time", name) else call
    check_number(test, Scope())


@pytest.mark.parametrize("name", sorted(NAMES))
def test_too_many_arguments_are_answered_with_the_way_to_call(name: str) -> None:
    with pytest.raises(ExprError) as caught:
        check_number(f"{name}(close, 2, 3, 4, 5, 6, 7, 8, 9, 10)", Scope())
    assert f"{name}() is called as" in caught.value.message


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_misspelt_function_is_recognised(name: str) -> None:
    with pytest.raises(ExprError) as caught:
        check_number(f"{name}q(close, 2)", Scope())
    assert caught.value.suggestion in NAMES
