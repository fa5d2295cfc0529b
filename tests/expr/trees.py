"""Hypothesis strategies for checked trees and for the bars to run them on. Depth is bounded."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from sos.expr.tree import (
    Arith,
    BoolOp,
    Call,
    Compare,
    Const,
    Indicator,
    Input,
    IsTrue,
    Lag,
    Lookup,
    Member,
    Negate,
    Not,
    Num,
    Resample,
    Select,
    TimeBetween,
    Truth,
    Truth01,
)

FIELDS = ("open", "high", "low", "close", "volume", "oi")
ODD = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 100.0, 1e-300, 1e308, -1e308, math.inf, -math.inf, math.nan)
ONE_SERIES = ("sma", "ema", "wma", "rsi", "stdev", "highest", "lowest", "sum", "roc", "percentrank")
PRICES = (Input("high"), Input("low"), Input("close"))

constants = st.one_of(st.sampled_from(ODD), st.floats(-1e6, 1e6)).map(Const)
inputs = st.sampled_from([*FIELDS, "minute", "since_open", "to_close", "regime"]).map(Input)
windows = st.integers(1, 6)


@st.composite
def indicators(draw: st.DrawFn, depth: int) -> Num:
    kind = draw(
        st.sampled_from(["one", "one", "lag", "slope", "atr", "vwap_rolling", "vwap", "day", "previous"])
    )
    n = draw(windows)
    match kind:
        case "one":
            return Indicator(draw(st.sampled_from(ONE_SERIES)), (draw(base(depth - 1)),), (n,))
        case "lag":
            return Lag(draw(base(depth - 1)), n)
        case "slope":
            return Indicator("slope", (draw(base(depth - 1)),), (n + 1,))
        case "atr":
            return Indicator("atr", PRICES, (n,))
        case "vwap_rolling":
            return Indicator("vwap_rolling", (*PRICES, Input("volume")), (n,))
        case "vwap":
            return Indicator("vwap", (*PRICES, Input("volume"), Input("session")), ())
        case "day":
            return Indicator("day_high", (Input("high"), Input("session")), ())
        case _:
            return Indicator("prev_day_close", (Input("close"), Input("session")), ())


@st.composite
def base(draw: st.DrawFn, depth: int = 3) -> Num:
    """A number over one clock."""
    if depth <= 0:
        return draw(st.one_of(constants, inputs, inputs))
    kind = draw(
        st.sampled_from(["leaf", "arith", "arith", "indicator", "indicator", "one", "two", "choice", "table"])
    )
    match kind:
        case "leaf":
            return draw(st.one_of(constants, inputs))
        case "arith":
            op = draw(st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]))
            return Arith(op, draw(base(depth - 1)), draw(base(depth - 1)))
        case "indicator":
            return draw(indicators(depth))
        case "one":
            name = draw(st.sampled_from(["abs", "floor", "ceil", "sqrt", "log", "negate"]))
            x = draw(base(depth - 1))
            return Negate(x) if name == "negate" else Call(name, (x,))
        case "two":
            name = draw(st.sampled_from(["min", "max", "round", "clamp"]))
            count = 3 if name == "clamp" else 2
            return Call(name, tuple(draw(base(depth - 1)) for _ in range(count)))
        case "choice":
            test = draw(over(base(depth - 1), depth - 1))
            if draw(st.booleans()):
                return Truth01(test)
            return Select(test, draw(base(depth - 1)), draw(base(depth - 1)))
        case _:
            return Lookup(draw(base(depth - 1)), (1.0, 1.5, 0.5))


@st.composite
def numbers(draw: st.DrawFn) -> Num:
    """A number that may look at longer intervals too."""
    x = draw(base(3))
    if draw(st.booleans()):
        return x
    return Arith("-", Resample(draw(st.sampled_from([2, 3, 5])), draw(base(2))), x)


@st.composite
def over(draw: st.DrawFn, numbers: st.SearchStrategy[Num], depth: int = 2) -> Truth:
    """A truth value over the given numbers."""
    kinds = ["compare", "compare", "member", "time", "cross", "number"] + (
        ["not", "and", "or"] if depth > 0 else []
    )
    match draw(st.sampled_from(kinds)):
        case "compare":
            op = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
            return Compare(op, draw(numbers), draw(numbers))
        case "member":
            return Member(draw(numbers), (0.0, 1.0, 7.0), draw(st.booleans()))
        case "time":
            return TimeBetween(draw(st.integers(550, 570)), draw(st.integers(550, 570)))
        case "cross":
            a, b = draw(inputs), draw(st.one_of(constants, inputs))
            name = draw(st.sampled_from(["crossover", "crossunder"]))
            return IsTrue(Call(name, (a, b, Lag(a, 1), Lag(b, 1))))
        case "number":
            return IsTrue(draw(numbers))
        case "not":
            return Not(draw(over(numbers, depth - 1)))
        case op:
            count = draw(st.integers(0, 3))
            return BoolOp(op, tuple(draw(over(numbers, depth - 1)) for _ in range(count)))


truths: st.SearchStrategy[Truth] = over(numbers())
values = st.one_of(
    st.floats(90.0, 110.0), st.integers(90, 110).map(float), st.sampled_from(ODD), st.floats(allow_nan=True)
)
