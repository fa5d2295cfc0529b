"""The checker's trees where the canonical text does not show every detail."""

from __future__ import annotations

import pytest

from sos.expr import ExprError, Scope, VarType, check_capture, check_condition, check_number
from sos.expr.tree import (
    FALSE,
    TRUE,
    Arith,
    Call,
    Compare,
    Const,
    Indicator,
    Input,
    IsTrue,
    Lag,
    Local,
    Lookup,
    Member,
    Resample,
    TimeBetween,
    Truth01,
    Var,
)
from sos.types import REGIMES, Regime

CLOSE = Input("close")


def test_both_spellings_of_a_series_function_are_one_tree() -> None:
    old, new = (
        check_number("moving_avg(history, 20, 'close')", Scope()),
        check_number("sma(close, 20)", Scope()),
    )
    assert old == new == Indicator("sma", (CLOSE,), (20,))


def test_a_crossing_carries_both_values_of_one_bar_ago() -> None:
    tree = check_condition("crossover(close, 100)", Scope())
    assert tree == IsTrue(Call("crossover", (CLOSE, Const(100.0), Lag(CLOSE, 1), Const(100.0))))


def test_a_crossing_of_another_interval_is_seen_on_the_pattern_s_own_bars() -> None:
    high = Resample(5, Input("high"))
    tree = check_condition("crossover(close, m5.high)", Scope())
    assert tree == IsTrue(Call("crossover", (CLOSE, high, Lag(CLOSE, 1), Lag(high, 1))))


def test_an_indicator_of_another_interval_is_inside_the_resample() -> None:
    assert check_number("sma(m5.close, 20)", Scope()) == Resample(5, Indicator("sma", (CLOSE,), (20,)))


def test_regime_names_are_codes_in_the_order_of_the_types() -> None:
    for code, regime in enumerate(REGIMES):
        tree = check_condition(f"regime.name == '{regime}'", Scope())
        assert tree == Compare("==", Input("regime"), Const(float(code)))
    both = check_condition("regime.name not in ['UNKNOWN', 'BULLISH']", Scope())
    codes = sorted((REGIMES.index(Regime.UNKNOWN), REGIMES.index(Regime.BULLISH)))
    assert both == Member(Input("regime"), tuple(map(float, codes)), True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("structure.trend == 'UP'", 0),
        ("structure.trend == 'SIDEWAYS'", 2),
        ("sentiment.smart_trend == 'Long Buildup'", 0),
        ("sentiment.smart_trend == 'Neutral'", 4),
    ],
)
def test_texts_of_the_market_state_have_fixed_codes(text: str, code: int) -> None:
    tree = check_condition(text, Scope())
    assert isinstance(tree, Compare)
    assert tree.b == Const(float(code))


def test_regime_numbers_are_looked_up_in_the_file_s_table() -> None:
    rules = tuple((True, 1.0 + i, 2.0 + i, 3.0 + i) for i in range(8))
    scope = Scope(regime_rules=rules)
    for name, first in (("quantity_mod", 1.0), ("tp_mult", 2.0), ("buffer_atr", 3.0)):
        tree = check_number(f"regime.{name}", scope)
        assert tree == Lookup(Input("regime"), tuple(first + i for i in range(8)))


def test_a_captured_truth_is_a_number_for_the_machine_and_a_condition_for_the_reader() -> None:
    tree, is_truth = check_capture("close > open", Scope())
    assert (tree, is_truth) == (Truth01(Compare(">", CLOSE, Input("open"))), True)
    scope = Scope(vars={"up": VarType.TRUTH, "x": VarType.NUMBER})
    assert check_condition("vars.up", scope) == IsTrue(Var("up"))
    assert check_capture("vars.x", scope) == (Var("x"), False)
    with pytest.raises(ExprError, match="a condition is needed"):
        check_condition("vars.x", scope)


def test_times_are_minutes_of_the_indian_day() -> None:
    tree = check_condition("time_is_between(timestamp, '09:15', '15:30')", Scope())
    assert tree == TimeBetween(9 * 60 + 15, 15 * 60 + 30)


def test_constants_are_worked_out_and_round_keeps_its_digits() -> None:
    scope = Scope(params={"n": 7})
    assert check_number("sma(close, params.n * 2 + 6 // 4)", scope) == Indicator("sma", (CLOSE,), (15,))
    assert check_number("round(2.5) - round(-2.5)", scope) == Const(6.0)
    assert check_number("round(close)", scope) == Call("round", (CLOSE, Const(0.0)))
    assert check_number("close ** 2", scope) == Arith("**", CLOSE, Const(2.0))


def test_windows_are_whole_numbers_so_that_equal_indicators_are_equal() -> None:
    tree = check_number("bb_upper(close, 20.0)", Scope())
    assert isinstance(tree, Indicator)
    assert [type(value) for value in tree.params] == [int, float]


def test_a_decided_condition_is_a_constant() -> None:
    assert check_condition("close > 1 or true", Scope()) == TRUE
    assert check_condition("not (1 < 2) or close > open and false", Scope()) == FALSE


def test_levels_know_only_what_is_known_at_their_place() -> None:
    assert check_number("entry", Scope(in_execution=frozenset({"entry"}))) == Local("entry")
    with pytest.raises(ExprError, match="known here: entry"):
        check_number("risk", Scope(in_execution=frozenset({"entry"})))
    with pytest.raises(ExprError, match="only in execution"):
        check_number("risk", Scope())


@pytest.mark.parametrize(
    ("interval", "name", "fits"),
    [
        (1, "m5", True),
        (1, "m375", True),
        (5, "m15", True),
        (5, "m12", False),
        (15, "m5", False),
        (60, "h1", False),
    ],
)
def test_other_intervals_are_larger_multiples_of_the_pattern_s(interval: int, name: str, fits: bool) -> None:
    scope = Scope(interval=interval)
    if fits:
        assert isinstance(check_number(f"{name}.close", scope), Resample)
    else:
        with pytest.raises(ExprError):
            check_number(f"{name}.close", scope)


def test_a_series_on_two_clocks_is_refused_even_through_a_choice() -> None:
    for series in ("m5.close - close", "m5.close if close > 1 else m5.open", "m5.close + m15.close"):
        with pytest.raises(ExprError, match="one kind of bars"):
            check_number(f"sma({series}, 3)", Scope())
