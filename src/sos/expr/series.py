"""Arguments of functions that look back: a series, and the bars (the clock) it runs on.

A series is a number made of the market alone, all of it on one clock: the pattern's own bars, or
one longer interval, in which case the function works on those bars and its result is carried over
to the pattern's (`Resample` stands outside, never inside). Two spellings are read: ``sma(close, 20)``
and the older ``moving_avg(history, 20, 'close')``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from sos.expr.error import ExprError, Span, nearest
from sos.expr.names import CLOSE, FIELDS
from sos.expr.tree import Const, Indicator, Input, Lag, Local, Node, Num, Resample, TimeBetween, Var
from sos.expr.values import Bars, Number, Text, Value, limited, number
from sos.expr.walk import children, walk

__all__ = ["Series", "Site", "bars_of", "live", "place", "take_series"]

_OWN: Final = 0


@dataclass(frozen=True, slots=True)
class Site:
    """A call as it was written: the function's name and ways to call it, its arguments, its place."""

    name: str
    forms: tuple[str, ...]
    args: tuple[Value, ...]
    span: Span

    def arity(self) -> ExprError:
        """The error for too few or too many arguments."""
        given = "no argument" if not self.args else f"{len(self.args)} argument{'s' * (len(self.args) > 1)}"
        return self.span.error(f"{self.name}() is called as {' or '.join(self.forms)}; here it has {given}")

    def count(self, least: int, most: int) -> None:
        """Refuse another number of arguments."""
        if not least <= len(self.args) <= most:
            raise self.arity()


@dataclass(frozen=True, slots=True)
class Series:
    """``node`` is free of Resample and runs on bars of ``minutes`` (0: the pattern's own)."""

    node: Num
    minutes: int = _OWN


def place(node: Num, minutes: int) -> Num:
    """A result computed on bars of ``minutes``, as the pattern's bars see it."""
    return Resample(minutes, node) if minutes else node


def live(value: Value, function: str) -> Num:
    """A number without captures and levels of `execution`, as whatever looks back needs."""
    node = number(value)
    limited(node, value.span)
    for part in walk(node):
        if isinstance(part, Var | Local):
            name = f"vars.{part.name}" if isinstance(part, Var) else part.name
            raise value.span.error(f"{function}() looks back over bars, so {name} cannot be inside it")
    return node


def take_series(site: Site, implicit: bool, field: str) -> tuple[Series, tuple[Value, ...]]:
    """The series of a call and the arguments after it.

    ``implicit``: without a series the closes are meant (``rsi(14)``). ``field``: the one meant by the
    older spelling without a field; empty where it must be named.
    """
    if site.args and isinstance(site.args[0], Bars):
        return _older(site, bars_of(site.args[0], site.name), field)
    if implicit and (not site.args or _is_constant(site.args[0])):
        return Series(CLOSE), site.args
    if not site.args:
        raise site.arity()
    return _series(site.args[0], site), site.args[1:]


def bars_of(bars: Bars, function: str) -> int:
    """Minutes of the bars that `history` or `m5` stands for (0: the pattern's own)."""
    if bars.name in ("candle", "prev_candle"):
        raise bars.span.error(f"{bars.name} is one bar, {function}() needs many", "history")
    return bars.minutes


def _is_constant(value: Value) -> bool:
    return isinstance(value, Number) and isinstance(value.node, Const)


def _older(site: Site, minutes: int, field: str) -> tuple[Series, tuple[Value, ...]]:
    last = site.args[-1]
    if isinstance(last, Text):
        if last.value not in FIELDS:
            known = ", ".join(FIELDS)
            raise last.span.error(
                f"there is no field '{last.value[:40]}' ({known})", nearest(last.value, FIELDS)
            )
        return Series(FIELDS[last.value], minutes), site.args[1:-1]
    if not field:
        raise site.span.error(f"name the field at the end: {site.name}(history, 20, 'high')")
    return Series(FIELDS[field], minutes), site.args[1:]


def _series(value: Value, site: Site) -> Series:
    if isinstance(value, Text):
        raise value.span.error("a series is written without quotes", nearest(value.value, FIELDS))
    node = live(value, site.name)
    if isinstance(node, Const):
        raise value.span.error(f"the series comes first and cannot be a constant: {site.forms[0]}")
    clocks = set(_clocks(node))
    if len(clocks) > 1:
        names = " and ".join(f"m{clock}" if clock else "the pattern's own bars" for clock in sorted(clocks))
        raise value.span.error(f"a series runs on one kind of bars, this mixes {names}")
    minutes = clocks.pop() if clocks else _OWN
    return Series(_strip(node) if minutes else node, minutes)


def _clocks(node: Node) -> Iterator[int]:
    """The interval of every part that has one."""
    if isinstance(node, Resample):
        yield node.minutes
    elif isinstance(node, Input | Indicator | Lag | TimeBetween):
        yield _OWN
    else:
        for child in children(node):
            yield from _clocks(child)


def _strip(part: Any) -> Any:
    """The same tree with each Resample replaced by what it holds."""
    if isinstance(part, Resample):
        return part.source
    if isinstance(part, tuple):
        return tuple(_strip(item) for item in part)
    if not is_dataclass(part) or isinstance(part, type):
        return part
    return type(part)(*(_strip(getattr(part, item.name)) for item in fields(part)))
