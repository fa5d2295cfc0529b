"""The functions of the language, as one table.

Each row has the name, other names, the ways to call it, one line of meaning, its group, and the builder
that makes nodes of it. The checker finds functions here and `reference` gives the same rows to the
documentation; nothing else knows which functions exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sos.expr import builders as make
from sos.expr.builders import Builder
from sos.expr.error import Span, nearest
from sos.expr.names import CLOSE, HIGH, LOW, OPEN, VOLUME
from sos.expr.series import Site
from sos.expr.values import Value

__all__ = ["FUNCTIONS", "NAMES", "Function", "Row", "call", "reference"]


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``forms`` are ways to call it, the usual one first, separated by " | "."""

    name: str
    forms: str
    doc: str
    group: str
    build: Builder
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One function as the documentation shows it."""

    name: str
    aliases: tuple[str, ...]
    forms: tuple[str, ...]
    doc: str
    group: str


_highest = make.make_windowed("highest", field="")
_lowest = make.make_windowed("lowest", field="")


def _series(
    name: str, doc: str, build: Builder, *, n: str = "n", older: str = "", implicit: bool = False
) -> Function:
    """A row for a function of a series and a window, in both spellings."""
    forms = [f"{name}(series, {n})", f"{older or name}(history, {n}, 'close')"]
    if implicit:
        forms.insert(1, f"{name}({n})")
    return Function(name, " | ".join(forms), doc, "series", build, (older,) if older else ())


def _session(name: str, doc: str, build: Builder) -> Function:
    return Function(name, f"{name}()", doc, "session", build)


def _shape(name: str, doc: str) -> Function:
    return Function(name, f"{name}(candle) | {name}(prev_candle)", doc, "bar", make.make_shape(name))


def _pure(name: str, args: str, doc: str) -> Function:
    build = make.make_pure(name, args.count(",") + 1)
    return Function(name, f"{name}({args})", doc, "arithmetic", build)


FUNCTIONS: Final[tuple[Function, ...]] = (
    _series("sma", "mean of the last n values", make.make_windowed("sma"), older="moving_avg"),
    _series(
        "ema", "exponential mean, 2/(n+1), starting with the mean of n values", make.make_windowed("ema")
    ),
    _series("wma", "mean with weights 1 to n, the newest the heaviest", make.make_windowed("wma")),
    _series(
        "rsi",
        "relative strength index by Wilder, 0 to 100; n is 14 where not given",
        make.make_windowed("rsi", least=2, default=14, implicit=True),
        implicit=True,
    ),
    Function(
        "atr",
        "atr(n) | atr() | atr | atr(history, n)",
        "average true range by Wilder; n is 14 where not given",
        "series",
        make.make_bar_window("atr", (HIGH, LOW, CLOSE), 14),
    ),
    _series("stdev", "standard deviation of the last n values (population)", make.make_windowed("stdev")),
    _series(
        "bb_upper",
        "mean of n values plus k deviations; k is 2 where not given",
        make.make_bands("bb_upper"),
        n="n, k",
        implicit=True,
    ),
    _series(
        "bb_lower",
        "mean of n values less k deviations; k is 2 where not given",
        make.make_bands("bb_lower"),
        n="n, k",
        implicit=True,
    ),
    Function(
        "vwap",
        "vwap()",
        "the session's volume-weighted typical price; not ready while its volume is 0",
        "series",
        make.vwap,
    ),
    Function(
        "vwap_rolling",
        "vwap_rolling(n) | vwap_rolling(history, n)",
        "volume-weighted typical price of the last n bars",
        "series",
        make.make_bar_window("vwap_rolling", (HIGH, LOW, CLOSE, VOLUME), 0),
    ),
    Function(
        "highest",
        "highest(series, n) | highest(history, n, 'high')",
        "largest of the last n values, this bar included",
        "series",
        _highest,
    ),
    Function(
        "lowest",
        "lowest(series, n) | lowest(history, n, 'low')",
        "smallest of the last n values, this bar included",
        "series",
        _lowest,
    ),
    _series("sum", "sum of the last n values", make.make_windowed("sum")),
    _series("change", "difference to n bars ago; n is 1 where not given", make.change),
    _series("roc", "change over n bars in percent", make.make_windowed("roc")),
    _series(
        "slope",
        "rise per bar of the straight line through the last n values",
        make.make_windowed("slope", least=2),
    ),
    _series(
        "percentrank",
        "percent of the n values before that are not above this one",
        make.make_windowed("percentrank"),
    ),
    _series("prev", "the value n bars ago; n is 1 where not given", make.prev),
    Function(
        "crossover",
        "crossover(a, b)",
        "a is above b now and was not one bar ago",
        "series",
        make.make_crossing("crossover"),
    ),
    Function(
        "crossunder",
        "crossunder(a, b)",
        "a is below b now and was not one bar ago",
        "series",
        make.make_crossing("crossunder"),
    ),
    _shape("body_size", "distance of close and open"),
    _shape("candle_size", "high less low"),
    _shape("high_wick", "high less the larger of open and close"),
    _shape("low_wick", "the smaller of open and close less low"),
    _pure("abs", "x", "x without its sign"),
    Function(
        "round",
        "round(x) | round(x, digits)",
        "nearest number of so many digits, halves away from zero; digits may be negative",
        "arithmetic",
        make.rounded,
    ),
    _pure("floor", "x", "largest whole number not above x"),
    _pure("ceil", "x", "smallest whole number not below x"),
    _pure("sqrt", "x", "square root; not ready below 0"),
    _pure("log", "x", "natural logarithm; not ready at 0 and below"),
    Function(
        "min",
        "min(a, b) | min(history, n, 'low')",
        "the smaller number; after history the same as lowest",
        "arithmetic",
        make.make_extreme("min", _lowest),
    ),
    Function(
        "max",
        "max(a, b) | max(history, n, 'high')",
        "the larger number; after history the same as highest",
        "arithmetic",
        make.make_extreme("max", _highest),
    ),
    _pure("clamp", "x, low, high", "x, but not below low and not above high"),
    Function(
        "time_is_between",
        "time_is_between(timestamp, '09:15', '09:30')",
        "the bar opens at or after the first time and before the second (IST)",
        "session",
        make.between,
    ),
    _session(
        "minutes_since_open",
        "minutes from the session's open to the bar's open",
        make.make_input("since_open"),
    ),
    _session(
        "minutes_to_close", "minutes from the bar's open to the session's close", make.make_input("to_close")
    ),
    _session(
        "prev_day_close", "last close of the session before", make.make_session("prev_day_close", CLOSE)
    ),
    _session(
        "prev_day_high", "highest price of the session before", make.make_session("prev_day_high", HIGH)
    ),
    _session("prev_day_low", "lowest price of the session before", make.make_session("prev_day_low", LOW)),
    _session("day_open", "first price of the session", make.make_session("day_open", OPEN)),
    _session(
        "day_high",
        "highest price of the session so far, this bar included",
        make.make_session("day_high", HIGH),
    ),
    _session(
        "day_low", "lowest price of the session so far, this bar included", make.make_session("day_low", LOW)
    ),
    Function(
        "opening_range_high",
        "opening_range_high(minutes)",
        "highest price of the session's first minutes, once they are over",
        "session",
        make.make_opening_range("opening_range_high", HIGH),
    ),
    Function(
        "opening_range_low",
        "opening_range_low(minutes)",
        "lowest price of the session's first minutes, once they are over",
        "session",
        make.make_opening_range("opening_range_low", LOW),
    ),
    _session("days_to_expiry", "days to the contract's expiry", make.make_input("days_to_expiry")),
)

_BY_NAME: Final[Mapping[str, Function]] = {
    name: function for function in FUNCTIONS for name in (function.name, *function.aliases)
}
NAMES: Final = frozenset(_BY_NAME)


def call(name: str, args: tuple[Value, ...], span: Span, at: Span) -> Value:
    """Apply the function ``name`` (written at ``at``, the whole call is ``span``). Raises ExprError."""
    function = _BY_NAME.get(name)
    if function is None:
        raise at.error(f"unknown function '{name[:40]}'", nearest(name, NAMES))
    return function.build(Site(name, tuple(function.forms.split(" | ")), args, span))


def reference() -> list[Row]:
    """Every function, in the order of the documentation."""
    return [
        Row(function.name, function.aliases, tuple(function.forms.split(" | ")), function.doc, function.group)
        for function in FUNCTIONS
    ]
