"""What a change of price and of open interest together say: the build-up class.

    price up,   OI up     Long Buildup       fresh longs
    price down, OI up     Short Buildup      fresh shorts
    price down, OI down   Long Unwinding     longs leave
    price up,   OI down   Short Covering     shorts leave

Moves smaller than their least size are Neutral. The exchange publishes open interest in steps, so the class
is made over a window of minutes, never from one print. It reads the future (its price and open interest)
as the table says; a chain's total of calls and puts with the spot is a stand-in where there is no future.
Codes are the places in `sos.expr.names.SMART_TRENDS`. Source: market reference, section 6.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from typing import Final

from sos.types import NS_PER_MINUTE

__all__ = ["BuildUp", "Trend", "Window", "classify"]

_NAN: Final = float("nan")


class BuildUp(IntEnum):
    """In the order of `sos.expr.names.SMART_TRENDS`."""

    LONG_BUILDUP = 0
    SHORT_BUILDUP = 1
    LONG_UNWINDING = 2
    SHORT_COVERING = 3
    NEUTRAL = 4


def classify(
    price_change: float, oi_change: float, least_price: float = 0.0, least_oi: float = 0.0
) -> BuildUp:
    """The class of two relative changes (0.001 is 0.1 %); each must exceed its least size."""
    if not (abs(price_change) > least_price and abs(oi_change) > least_oi):
        return BuildUp.NEUTRAL
    if oi_change > 0.0:
        return BuildUp.LONG_BUILDUP if price_change > 0.0 else BuildUp.SHORT_BUILDUP
    return BuildUp.SHORT_COVERING if price_change > 0.0 else BuildUp.LONG_UNWINDING


class Window:
    """Rows by time; finds the one a declared number of minutes ago.

    The earlier row is the newest one at least ``minutes`` old, and at most twice that: a longer hole in the
    data (a night, a pause) has no answer.
    """

    def __init__(self, minutes: float) -> None:
        self.span = round(minutes * NS_PER_MINUTE)
        self._times: list[int] = []
        self._rows: list[tuple[float, ...]] = []

    def push(self, ts: int, row: tuple[float, ...]) -> tuple[float, tuple[float, ...]] | None:
        """Take a row (``ts`` never falls); (minutes since the earlier row, the earlier row), or None."""
        at = bisect_right(self._times, ts - self.span) - 1
        found = None
        if at >= 0 and ts - self._times[at] <= 2 * self.span:
            found = ((ts - self._times[at]) / NS_PER_MINUTE, self._rows[at])
            del self._times[:at], self._rows[:at]
        self._times.append(ts)
        self._rows.append(row)
        return found


class Trend:
    """The build-up class of a series of prices and open interest over a window of minutes."""

    def __init__(self, minutes: float, least_price: float, least_oi: float) -> None:
        self._window = Window(minutes)
        self._least_price = least_price
        self._least_oi = least_oi

    def push(self, ts: int, price: float, oi: float) -> float:
        """The class as a code, NaN while there is nothing to compare with or a value is missing."""
        if not (price > 0.0 and oi > 0.0):
            return _NAN
        earlier = self._window.push(ts, (price, oi))
        if earlier is None:
            return _NAN
        was_price, was_oi = earlier[1]
        return float(classify(price / was_price - 1.0, oi / was_oi - 1.0, self._least_price, self._least_oi))
