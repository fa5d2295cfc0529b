"""What is proved about conditions: the tables, and soundness against random bars."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sos.expr import Scope, check_condition
from sos.expr.tree import Arith, BoolOp, Call, Compare, Const, Input, Not, Truth
from sos.strategy.prove import Prover, regime_codes, special_sessions_only

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "prove_cases.json").read_text())


def tree(text: str) -> Truth:
    return check_condition(text, Scope())


@pytest.mark.parametrize("text", CASES["never"])
def test_a_condition_that_no_bar_satisfies_is_found(text: str) -> None:
    assert Prover().never_true(tree(text))


@pytest.mark.parametrize("text", CASES["possible"])
def test_a_condition_that_some_bar_satisfies_is_left_alone(text: str) -> None:
    assert Prover().never_true(tree(text)) is None


@pytest.mark.parametrize("texts", CASES["together_never"])
def test_conditions_that_exclude_each_other_are_found(texts: list[str]) -> None:
    assert Prover().contradiction([(text, tree(text)) for text in texts])


@pytest.mark.parametrize("texts", CASES["together_possible"])
def test_conditions_that_can_meet_are_left_alone(texts: list[str]) -> None:
    assert Prover().contradiction([(text, tree(text)) for text in texts]) is None


@pytest.mark.parametrize("text", ["close <= high", "true", "close > 0", "rsi(14) >= 0", "not (close > high)"])
def test_a_condition_that_always_holds_is_found(text: str) -> None:
    assert Prover().always_true(tree(text))


def test_the_mistake_of_the_window_is_explained() -> None:
    assert "includes the current bar" in str(Prover().never_true(tree("close > highest(high, 20)")))


def test_regimes_that_conditions_ask_for_are_read() -> None:
    conditions = [
        tree("regime.name in ['BULLISH', 'SIDEWAYS']"),
        tree("regime.name != 'SIDEWAYS' and close > open"),
    ]
    assert regime_codes(conditions) == {1}


@pytest.mark.parametrize(
    ("texts", "only"),
    [
        (["time_is_between(timestamp, '18:15', '19:15')"], True),
        (["time_is_between(timestamp, '15:30', '09:15')"], True),
        (["not time_is_between(timestamp, '09:00', '16:00')"], True),
        (
            [
                "time_is_between(timestamp, '07:00', '10:00')",
                "not time_is_between(timestamp, '09:15', '11:00')",
            ],
            True,
        ),
        (["time_is_between(timestamp, '15:29', '16:00')"], False),
        (["time_is_between(timestamp, '18:15', '19:15') or close > open"], False),
        (
            ["time_is_between(timestamp, '18:15', '19:15')", "time_is_between(timestamp, '07:00', '08:00')"],
            False,
        ),
        (["close > open"], False),
    ],
)
def test_windows_that_leave_only_special_sessions_are_told_from_those_that_leave_nothing(
    texts: list[str], only: bool
) -> None:
    assert special_sessions_only([tree(text) for text in texts]) is only


def test_beyond_its_steps_a_prover_proves_nothing() -> None:
    truth = tree("close <= high and low <= open")
    assert Prover().always_true(truth)
    assert not Prover(limit=3).always_true(truth)
    spent = Prover(limit=0)
    assert spent.never_true(tree("close > high")) is None
    assert spent.contradiction([("a", tree("close > 2")), ("b", tree("close < 1"))]) is None


# ------------------------------------------------- soundness: a bar that satisfies it refutes the proof

FIELDS = ("open", "high", "low", "close", "volume")
NUMBERS = st.recursive(
    st.sampled_from([Input(name) for name in FIELDS]) | st.integers(-2, 4).map(lambda n: Const(float(n))),
    lambda x: (
        st.tuples(st.sampled_from("+-*"), x, x).map(lambda t: Arith(*t))
        | st.tuples(st.sampled_from(["min", "max"]), x, x).map(lambda t: Call(t[0], t[1:]))
        | x.map(lambda item: Call("abs", (item,)))
    ),
    max_leaves=4,
)
COMPARISONS = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS, NUMBERS).map(
    lambda t: Compare(*t)
)
TRUTHS = st.recursive(
    COMPARISONS,
    lambda x: (
        x.map(Not)
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(x, max_size=3)).map(
            lambda t: BoolOp(t[0], tuple(t[1]))
        )
    ),
    max_leaves=4,
)
PRICE = st.sampled_from([0.5, 1.0, 2.0, 3.0])


@st.composite
def bars(draw: st.DrawFn) -> dict[str, float]:
    prices = sorted(draw(st.lists(PRICE, min_size=4, max_size=4)))
    opened, closed = draw(st.permutations(prices[1:3]))
    volume = draw(st.sampled_from([0.0, 1.0, 3.0]))
    return {"low": prices[0], "open": opened, "close": closed, "high": prices[3], "volume": volume}


def value(node: Any, bar: dict[str, float]) -> float:
    match node:
        case Const(x):
            return float(x)
        case Input(name):
            return bar[name]
        case Arith(op, a, b):
            x, y = value(a, bar), value(b, bar)
            return {"+": x + y, "-": x - y, "*": x * y}[op]
        case Call("abs", (x,)):
            return abs(value(x, bar))
        case Call(name, (a, b)):
            return (min if name == "min" else max)(value(a, bar), value(b, bar))
    raise AssertionError(node)


def holds(node: Any, bar: dict[str, float]) -> bool:
    match node:
        case Compare(op, a, b):
            x, y = value(a, bar), value(b, bar)
            return {"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y, "==": x == y, "!=": x != y}[op]
        case Not(x):
            return not holds(x, bar)
        case BoolOp(op, items):
            return (all if op == "and" else any)(holds(item, bar) for item in items)
    raise AssertionError(node)


@given(TRUTHS, bars())
def test_what_is_called_never_or_always_true_is_so_on_every_bar(truth: Truth, bar: dict[str, float]) -> None:
    if Prover().never_true(truth):
        assert not holds(truth, bar)
    if Prover().always_true(truth):
        assert holds(truth, bar)


@given(st.lists(COMPARISONS, min_size=2, max_size=4), bars())
def test_what_is_called_contradictory_never_holds_together(parts: list[Truth], bar: dict[str, float]) -> None:
    assume(all(math.isfinite(value(side, bar)) for part in parts for side in (part.a, part.b)))  # type: ignore[union-attr]
    if Prover().contradiction([(str(i), part) for i, part in enumerate(parts)]):
        assert not all(holds(part, bar) for part in parts)
