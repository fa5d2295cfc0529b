"""What each kind of function makes of its arguments.

A builder takes a `Site` and returns a checked value; the `make_*` functions return builders for a
family. The registry names and argument orders of indicators are those of `indicators.REGISTRY`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from sos.expr import fold
from sos.expr.names import CLOSE, HIGH, LOW, OPEN, VOLUME, view
from sos.expr.series import Series, Site, bars_of, live, place, take_series
from sos.expr.tree import Arith, Call, Const, Indicator, Input, IsTrue, Num, TimeBetween
from sos.expr.values import Bars, Number, Stamp, Truthful, Value, limited, number, text, window

__all__ = [
    "Builder",
    "between",
    "change",
    "make_bands",
    "make_bar_window",
    "make_crossing",
    "make_extreme",
    "make_input",
    "make_opening_range",
    "make_pure",
    "make_session",
    "make_shape",
    "make_windowed",
    "prev",
    "rounded",
    "vwap",
]

Builder: TypeAlias = Callable[[Site], Value]

_SESSION: Final = Input("session")
_PRICES: Final = (HIGH, LOW, CLOSE)
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_SHAPES: Final[dict[str, Num]] = {
    "body_size": Call("abs", (Arith("-", CLOSE, OPEN),)),
    "candle_size": Arith("-", HIGH, LOW),
    "high_wick": Arith("-", HIGH, Call("max", (OPEN, CLOSE))),
    "low_wick": Arith("-", Call("min", (OPEN, CLOSE)), LOW),
}


def _lone_window(site: Site, rest: tuple[Value, ...], least: int, default: int) -> int:
    """The window that is all there is left; ``default`` 0 means it must be given."""
    if len(rest) > 1 or (not rest and not default):
        raise site.arity()
    return window(rest[0], least) if rest else default


# ---------------------------------------------------------------------- series


def make_windowed(
    indicator: str, *, least: int = 1, default: int = 0, implicit: bool = False, field: str = "close"
) -> Builder:
    """An indicator of one series and one window."""

    def build(site: Site) -> Value:
        series, rest = take_series(site, implicit, field)
        n = _lone_window(site, rest, least, default)
        return Number(place(Indicator(indicator, (series.node,), (n,)), series.minutes), site.span)

    return build


def make_bands(indicator: str) -> Builder:
    """A Bollinger band: series, window, number of deviations (2)."""

    def build(site: Site) -> Value:
        series, rest = take_series(site, implicit=True, field="close")
        if len(rest) not in (1, 2):
            raise site.arity()
        params = (window(rest[0]), _factor(rest[1]) if len(rest) == 2 else 2.0)
        return Number(place(Indicator(indicator, (series.node,), params), series.minutes), site.span)

    return build


def _factor(value: Value) -> float:
    node = number(value)
    if not isinstance(node, Const) or node.value <= 0.0:
        raise value.span.error("the number of deviations must be a constant above 0")
    return node.value


def make_bar_window(indicator: str, args: tuple[Num, ...], default: int) -> Builder:
    """An indicator of whole bars and one window: atr, vwap_rolling."""

    def build(site: Site) -> Value:
        rest, minutes = site.args, 0
        if rest and isinstance(rest[0], Bars):
            minutes, rest = bars_of(rest[0], site.name), rest[1:]
        n = _lone_window(site, rest, 1, default)
        return Number(place(Indicator(indicator, args, (n,)), minutes), site.span)

    return build


def prev(site: Site) -> Value:
    """A series n bars ago."""
    series, n = _series_and_lag(site)
    return Number(place(fold.lag(series.node, n), series.minutes), site.span)


def change(site: Site) -> Value:
    """The difference to n bars ago."""
    series, n = _series_and_lag(site)
    node = Arith("-", series.node, fold.lag(series.node, n))
    limited(node, site.span)
    return Number(place(node, series.minutes), site.span)


def _series_and_lag(site: Site) -> tuple[Series, int]:
    series, rest = take_series(site, implicit=False, field="close")
    return series, _lone_window(site, rest, 1, 1)


def make_crossing(name: str) -> Builder:
    """a and b now and one bar of the pattern ago; each may be of another interval, or b a constant."""

    def build(site: Site) -> Value:
        site.count(2, 2)
        a, b = (live(value, name) for value in site.args)
        if isinstance(a, Const) and isinstance(b, Const):
            raise site.span.error("two constants never cross")
        node = IsTrue(Call(name, (a, b, fold.lag(a, 1), fold.lag(b, 1))))
        limited(node, site.span)
        return Truthful(node, site.span)

    return build


def make_extreme(name: str, windowed: Builder) -> Builder:
    """max and min: of numbers, or (older spelling, `history` first) of a series over a window."""

    def build(site: Site) -> Value:
        if site.args and isinstance(site.args[0], Bars):
            return windowed(site)
        site.count(2, 8)
        node, *others = [number(value) for value in site.args]
        for other in others:
            node = fold.call(name, (node, other), site.span)
        return Number(node, site.span)

    return build


# ---------------------------------------------------------------------- bars, arithmetic, session


def make_shape(name: str) -> Builder:
    """The shape of one bar: candle, prev_candle, or one of a longer interval."""

    def build(site: Site) -> Value:
        site.count(1, 1)
        bars = site.args[0]
        if not isinstance(bars, Bars) or bars.name == "history":
            raise bars.span.error(f"{name}() is of one bar: candle or prev_candle")
        return Number(view(bars, _SHAPES[name]), site.span)

    return build


def make_pure(name: str, count: int) -> Builder:
    """A function of numbers."""

    def build(site: Site) -> Value:
        site.count(count, count)
        return Number(fold.call(name, tuple(number(value) for value in site.args), site.span), site.span)

    return build


def rounded(site: Site) -> Value:
    """round(x, digits): digits are a constant from -12 to 12 and always in the tree."""
    site.count(1, 2)
    digits = number(site.args[1]) if len(site.args) == 2 else Const(0.0)
    if not isinstance(digits, Const) or digits.value != int(digits.value) or abs(digits.value) > 12:
        raise site.args[1].span.error("the digits of round() are a whole constant from -12 to 12")
    return Number(fold.call("round", (number(site.args[0]), digits), site.span), site.span)


def make_session(indicator: str, source: Num) -> Builder:
    """A value of this session or the one before, from one field of the bars."""

    def build(site: Site) -> Value:
        site.count(0, 0)
        return Number(Indicator(indicator, (source, _SESSION), ()), site.span)

    return build


def make_opening_range(indicator: str, source: Num) -> Builder:
    """The range of the session's first m minutes."""

    def build(site: Site) -> Value:
        site.count(1, 1)
        args = (source, _SESSION, Input("since_open"), Input("since_open_end"))
        return Number(Indicator(indicator, args, (window(site.args[0]),)), site.span)

    return build


def vwap(site: Site) -> Value:
    """The session's volume-weighted typical price."""
    site.count(0, 1)
    if site.args and not (isinstance(site.args[0], Bars) and site.args[0].name == "history"):
        raise site.arity()
    return Number(Indicator("vwap", (*_PRICES, VOLUME, _SESSION), ()), site.span)


def make_input(name: str) -> Builder:
    """A function that only reads what the bar's surroundings offer."""

    def build(site: Site) -> Value:
        site.count(0, 0)
        return Number(Input(name), site.span)

    return build


def between(site: Site) -> Value:
    """time_is_between(timestamp, start, end), start included, end not."""
    site.count(3, 3)
    if not isinstance(site.args[0], Stamp):
        raise site.args[0].span.error("time_is_between() looks at the bar's time", "timestamp")
    start, end = (_minute(value) for value in site.args[1:])
    if start == end:
        raise site.args[2].span.error("the time span is empty: it starts when it ends")
    return Truthful(TimeBetween(start, end), site.span)


def _minute(value: Value) -> int:
    word = text(value, "a time such as '09:15'")
    found = _TIME.fullmatch(word)
    if not found:
        likely = f"'0{word}'" if _TIME.fullmatch("0" + word) else ""
        raise value.span.error(f"'{word[:40]}' is not a time of day (HH:MM, 00:00 to 23:59)", likely)
    return int(found[1]) * 60 + int(found[2])
