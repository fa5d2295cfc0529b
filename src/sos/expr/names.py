"""The names of the language that are not functions: fields of a bar, namespaces, texts and their codes.

Tables and the few lines that read them. Codes of a text input are places in its tuple: regimes as in
`types.REGIMES`, trends and smart trends as listed here (the market state writes the same codes).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sos.expr.error import ExprError, Span, nearest
from sos.expr.fold import lag
from sos.expr.tree import (
    FALSE,
    TRUE,
    Arith,
    Call,
    Const,
    Indicator,
    Input,
    IsTrue,
    Local,
    Lookup,
    Num,
    Resample,
    Var,
)
from sos.expr.values import Bars, Coded, Number, Scope, Stamp, Truthful, Value, VarType
from sos.types import REGIMES

__all__ = [
    "BARE_NAMES",
    "CLOSE",
    "FIELDS",
    "HIGH",
    "LOW",
    "OPEN",
    "SMART_TRENDS",
    "TRENDS",
    "VOLUME",
    "attribute",
    "input_of",
    "name_value",
    "view",
]

TRENDS: Final = ("UP", "DOWN", "SIDEWAYS")
SMART_TRENDS: Final = ("Long Buildup", "Short Buildup", "Long Unwinding", "Short Covering", "Neutral")
_REGIME_TEXTS: Final = tuple(str(regime) for regime in REGIMES)

OPEN, HIGH, LOW, CLOSE, VOLUME = (Input(name) for name in ("open", "high", "low", "close", "volume"))
_RANGE: Final = Arith("-", HIGH, LOW)
_BODY: Final = Call("abs", (Arith("-", CLOSE, OPEN),))
FIELDS: Final[Mapping[str, Num]] = {
    "open": OPEN,
    "high": HIGH,
    "low": LOW,
    "close": CLOSE,
    "volume": VOLUME,
    "oi": Input("oi"),
    "body_size": _BODY,
    "range": _RANGE,
}
_ATR: Final = Indicator("atr", (HIGH, LOW, CLOSE), (14,))
_BAR_FIELDS: Final[Mapping[str, Num]] = {**FIELDS, "body": _BODY, "atr": _ATR}
_BARE: Final[Mapping[str, Num]] = {**FIELDS, "atr": _ATR}
# names that mean something everywhere without a dot before them, words of the grammar included
BARE_NAMES: Final = frozenset(
    {*_BARE, "true", "false", "True", "False", "history", "candle", "prev_candle", "timestamp"}
    | {"and", "or", "not", "in", "if", "else"}
)

_DAY_OPEN: Final = Indicator("day_open", (OPEN, Input("session")), ())
_CHANGE: Final = Arith("*", Arith("-", Arith("/", CLOSE, _DAY_OPEN), Const(1.0)), Const(100.0))
_SENTIMENT: Final = (
    "pcr",
    "pcr_velocity",
    "pcr_volume",
    "breadth_ratio",
    "advances",
    "declines",
    "oi_wall_above",
    "oi_wall_below",
    "ce_oi_change",
    "pe_oi_change",
    "max_pain",
    "vix",
)
_STRUCTURE: Final = ("support", "resistance", "last_pivot_high", "last_pivot_low")
_REGIME_NUMBERS: Final = {"quantity_mod": 1, "tp_mult": 2, "buffer_atr": 3}
_LOCALS: Final = ("entry", "sl", "risk", "tp_mult", "quantity_mod")
_SPACES: Final = (
    "candle",
    "prev_candle",
    "regime",
    "sentiment",
    "structure",
    "screener",
    "vars",
    "var",
    "params",
)
_LONGER: Final = re.compile(r"m([1-9][0-9]{0,2})|h1")

_INPUTS: Final[Mapping[str, Num]] = {
    **{f"sentiment.{name}": Input(f"sentiment.{name}") for name in _SENTIMENT},
    **{f"structure.{name}": Input(f"structure.{name}") for name in _STRUCTURE},
    "screener.rvol": Input("screener.rvol"),
    "screener.change_from_open": _CHANGE,
}
_CODED: Final[Mapping[str, tuple[Input, tuple[str, ...]]]] = {
    "regime.name": (Input("regime"), _REGIME_TEXTS),
    "sentiment.regime": (Input("regime"), _REGIME_TEXTS),
    "sentiment.smart_trend": (Input("sentiment.smart_trend"), SMART_TRENDS),
    "structure.trend": (Input("structure.trend"), TRENDS),
}


def input_of(node: Num) -> tuple[str, tuple[str, ...]] | None:
    """The name under which a text input is written, and its texts (for rendering codes as texts)."""
    return next(((name, texts) for name, (known, texts) in _CODED.items() if known == node), None)


def view(bars: Bars, node: Num) -> Num:
    """A number over the pattern's bars, as seen on other bars: one bar back, or a longer interval."""
    seen = lag(node, bars.lag) if bars.lag else node
    return Resample(bars.minutes, seen) if bars.minutes else seen


# ---------------------------------------------------------------------- bare names


def name_value(name: str, span: Span, scope: Scope, functions: Iterable[str]) -> Value:
    """What a name standing alone means. ``functions`` only serve the suggestion."""
    if name in _BARE:
        return Number(_BARE[name], span)
    if name in ("True", "true", "False", "false"):
        return Truthful(TRUE if name.lower() == "true" else FALSE, span)
    if name in ("history", "candle", "prev_candle"):
        return Bars(name, span, lag=1 if name == "prev_candle" else 0)
    if name == "timestamp":
        return Stamp(span)
    if name in scope.in_execution and name in _LOCALS:
        return Number(Local(name), span)
    longer = _LONGER.fullmatch(name)
    if longer:
        return _longer_bars(name, int(longer[1] or 60), span, scope)
    raise _unknown_name(name, span, scope, frozenset(functions))


def _longer_bars(name: str, minutes: int, span: Span, scope: Scope) -> Bars:
    if minutes == scope.interval:
        raise span.error(f"{name} is the pattern's own interval; write close instead of {name}.close")
    if not scope.interval < minutes <= 375 or minutes % scope.interval:
        raise span.error(
            f"{name} does not fit a pattern of {scope.interval}m bars; "
            "other intervals are larger multiples of it, at most m375"
        )
    return Bars(name, span, minutes=minutes)


def _unknown_name(name: str, span: Span, scope: Scope, functions: frozenset[str]) -> ExprError:
    if name in _LOCALS:
        known = ", ".join(word for word in _LOCALS if word in scope.in_execution)
        where = f"; known here: {known}" if known else "; it is known only in execution, after the trigger"
        return span.error(f"'{name}' is not known here{where}")
    if name in scope.vars:
        return span.error(f"'{name}' is a capture", f"vars.{name}")
    if name in scope.params:
        return span.error(f"'{name}' is a parameter", f"params.{name}")
    if name in functions:
        return span.error(f"'{name}' is a function and needs brackets", f"{name}(...)")
    if name in _SPACES:
        return span.error(f"'{name}' needs a field after a dot")
    likely = nearest(name, {*_BARE, *_SPACES, *scope.in_execution, "history", "timestamp"})
    for space, known_there in (("vars", scope.vars), ("params", scope.params)):
        close = nearest(name, known_there)
        likely = likely or (f"{space}.{close}" if close else "")
    return span.error(f"unknown name '{name[:40]}'", likely)


# ---------------------------------------------------------------------- names with a dot


def attribute(path: tuple[str, ...], span: Span, scope: Scope) -> Value:
    """What ``a.b`` (or ``vars.screener.x``) means; ``path`` are its parts."""
    if path[:2] in (("vars", "screener"), ("var", "screener")) and len(path) == 3:
        path = path[1:]
    if len(path) != 2:
        raise span.error(f"{span.quoted} goes too deep: names have one dot")
    space, field = path
    reader = _READERS.get(space)
    if reader is not None:
        return reader(field, span, scope)
    if _LONGER.fullmatch(space) or space in ("candle", "prev_candle", "history"):
        return _bar_field(space, field, span, scope)
    if space in _BARE or space in scope.in_execution:
        raise span.error(f"'{space}' is a number and has no fields")
    raise span.error(f"unknown name '{space[:40]}'", nearest(space, _SPACES))


def _bar_field(space: str, field: str, span: Span, scope: Scope) -> Value:
    bars = name_value(space, span, scope, ())
    if space == "history" or not isinstance(bars, Bars):
        raise span.error("history is for functions, e.g. highest(history, 20, 'high')", f"candle.{field}")
    if field == "timestamp" and space == "candle":
        return Stamp(span)
    if field in _BAR_FIELDS:
        return Number(view(bars, _BAR_FIELDS[field]), span)
    raise _unknown_field(space, field, span, _BAR_FIELDS)


def _unknown_field(space: str, field: str, span: Span, known: Iterable[str]) -> ExprError:
    likely = nearest(field, known)
    message = f"{space} has no '{field[:40]}'"
    return (
        span.error(message, f"{space}.{likely}")
        if likely
        else span.error(f"{message}; it has {', '.join(known)}")
    )


def _capture(field: str, span: Span, scope: Scope) -> Value:
    if field in scope.vars:
        if scope.vars[field] is VarType.TRUTH:
            return Truthful(IsTrue(Var(field)), span)
        return Number(Var(field), span)
    if field in scope.later:
        raise span.error(f"vars.{field} is not captured yet: phase '{scope.later[field]}' captures it later")
    if not scope.vars:
        raise span.error(f"unknown capture '{field[:40]}': nothing has been captured before this place")
    likely = nearest(field, scope.vars)
    known = "" if likely else "; captured so far: " + ", ".join(scope.vars)
    raise span.error(f"unknown capture '{field[:40]}'{known}", likely and f"vars.{likely}")


def _param(field: str, span: Span, scope: Scope) -> Value:
    if field in scope.params:
        value = float(scope.params[field]) + 0.0
        if not math.isfinite(value):
            raise span.error(f"params.{field} is not a number")
        return Number(Const(value), span)
    if not scope.params:
        raise span.error(f"unknown parameter '{field[:40]}': the file has no params")
    raise _unknown_field("params", field, span, tuple(scope.params))


def _regime(field: str, span: Span, scope: Scope) -> Value:
    if field in _REGIME_NUMBERS:
        table = tuple(float(rule[_REGIME_NUMBERS[field]]) for rule in scope.regime_rules)
        return Number(Lookup(Input("regime"), table), span)
    return _listed("regime", field, span)


def _reader(space: str) -> Callable[[str, Span, Scope], Value]:
    return lambda field, span, _scope: _listed(space, field, span)


def _listed(space: str, field: str, span: Span) -> Value:
    """A field that is in the tables above."""
    full = f"{space}.{field}"
    if full in _CODED:
        return Coded(*_CODED[full], span)
    if full in _INPUTS:
        return Number(_INPUTS[full], span)
    if full == "regime.tp":
        raise span.error("regime.tp is the older spelling", "regime.tp_mult")
    known = [name.partition(".")[2] for name in (*_CODED, *_INPUTS) if name.startswith(f"{space}.")]
    raise _unknown_field(space, field, span, known + (list(_REGIME_NUMBERS) if space == "regime" else []))


_READERS: Final[Mapping[str, Callable[[str, Span, Scope], Value]]] = {
    "vars": _capture,
    "var": _capture,
    "params": _param,
    "regime": _regime,
    "sentiment": _reader("sentiment"),
    "structure": _reader("structure"),
    "screener": _reader("screener"),
}
