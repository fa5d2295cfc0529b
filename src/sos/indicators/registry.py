"""The table of indicators: name, series, parameters, how to make one and how long it warms up.

The checker of expressions reads arities and warm-ups here, the compiler makes states here; nothing else
knows the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sos.errors import StrategyError
from sos.indicators.base import Indicator
from sos.indicators.extremes import Highest, Lowest
from sos.indicators.fold import FIRST, LAST, MAX, MIN
from sos.indicators.lag import Lag, Roc
from sos.indicators.pivots import PivotHigh, PivotLow
from sos.indicators.rank import PercentRank
from sos.indicators.recursive import Atr, Ema, Rsi
from sos.indicators.session import Day, OpeningRange, PreviousDay, SessionVwap
from sos.indicators.spread import Band, Slope, Stdev
from sos.indicators.sums import Sma, Sum, VwapRolling, Wma

__all__ = ["REGISTRY", "Spec", "make"]

SESSION_BARS: Final = 375  # one-minute bars of a normal session: the nominal warm-up of the day before


@dataclass(frozen=True, slots=True)
class Spec:
    """One indicator.

    ``series``: names of its series arguments, in the order of `push`. ``params``: kinds of its numbers,
    "window" (int, 1 .. 5,000) or "factor" (float). ``make(*params)`` gives a fresh state; StrategyError
    where a number is not of its kind. ``warmup(params)``: bars until it can be ready when every series is
    ready from the first bar; nominal where it depends on the clock (sessions) or on the prices (pivots).
    """

    name: str
    series: tuple[str, ...]
    params: tuple[str, ...]
    make: Callable[..., Indicator]
    warmup: Callable[[Sequence[float]], int]


def _bars(times: int = 1, plus: int = 0) -> Callable[[Sequence[float]], int]:
    return lambda params: int(params[0]) * times + plus


def _always(bars: int) -> Callable[[Sequence[float]], int]:
    return lambda params: bars


_X: Final = ("x",)
_N: Final = ("window",)
_RANGE: Final = ("session", "since_open", "since_open_end")

_SPECS: Final = (
    Spec("sma", _X, _N, Sma, _bars()),
    Spec("ema", _X, _N, Ema, _bars()),
    Spec("wma", _X, _N, Wma, _bars()),
    Spec("sum", _X, _N, Sum, _bars()),
    Spec("rsi", _X, _N, Rsi, _bars(plus=1)),
    Spec("atr", ("high", "low", "close"), _N, Atr, _bars(plus=1)),
    Spec("stdev", _X, _N, Stdev, _bars()),
    Spec("bb_upper", _X, ("window", "factor"), Band, _bars()),
    Spec("bb_lower", _X, ("window", "factor"), lambda n, k: Band(n, -k), _bars()),
    Spec("slope", _X, _N, Slope, _bars()),
    Spec("highest", _X, _N, Highest, _bars()),
    Spec("lowest", _X, _N, Lowest, _bars()),
    Spec("roc", _X, _N, Roc, _bars(plus=1)),
    Spec("lag", _X, _N, Lag, _bars(plus=1)),
    Spec("percentrank", _X, _N, PercentRank, _bars(plus=1)),
    Spec("vwap_rolling", ("high", "low", "close", "volume"), _N, VwapRolling, _bars()),
    Spec("vwap", ("high", "low", "close", "volume", "session"), (), SessionVwap, _always(1)),
    Spec("day_open", ("open", "session"), (), lambda: Day(FIRST), _always(1)),
    Spec("day_high", ("high", "session"), (), lambda: Day(MAX), _always(1)),
    Spec("day_low", ("low", "session"), (), lambda: Day(MIN), _always(1)),
    Spec("prev_day_close", ("close", "session"), (), lambda: PreviousDay(LAST), _always(SESSION_BARS + 1)),
    Spec("prev_day_high", ("high", "session"), (), lambda: PreviousDay(MAX), _always(SESSION_BARS + 1)),
    Spec("prev_day_low", ("low", "session"), (), lambda: PreviousDay(MIN), _always(SESSION_BARS + 1)),
    Spec("opening_range_high", ("high", *_RANGE), _N, lambda m: OpeningRange(MAX, m), _bars()),
    Spec("opening_range_low", ("low", *_RANGE), _N, lambda m: OpeningRange(MIN, m), _bars()),
    Spec("pivot_high", ("high",), _N, PivotHigh, _bars(times=2, plus=1)),
    Spec("pivot_low", ("low",), _N, PivotLow, _bars(times=2, plus=1)),
)

REGISTRY: Final[Mapping[str, Spec]] = MappingProxyType({spec.name: spec for spec in _SPECS})


def make(name: str, params: Sequence[float] = ()) -> Indicator:
    """A fresh indicator. Raises StrategyError for an unknown name, a wrong number of parameters or a
    parameter out of range."""
    spec = REGISTRY.get(name)
    if spec is None:
        raise StrategyError(f"unknown indicator {name!r}; known are {', '.join(sorted(REGISTRY))}")
    if len(params) != len(spec.params):
        raise StrategyError(
            f"{name} takes {len(spec.params)} numbers ({', '.join(spec.params)}), not {len(params)}"
        )
    return spec.make(*params)
