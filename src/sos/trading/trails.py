"""What a trailing stop follows on the traded bars: ATR or the last pivot, kept bar by bar.

Pure; the values come from `sos.indicators`, continuous over sessions like everything in the language.
"""

from __future__ import annotations

from math import nan

from sos.bars import F64
from sos.indicators import make
from sos.strategy.pattern import Trail
from sos.types import Side

__all__ = ["TrailSeries", "series_name"]


def series_name(trail: Trail, side: Side) -> tuple[str, int] | None:
    """Indicator and window that a trail needs, None for a trail by steps."""
    if trail.by == "step":
        return None
    if trail.by == "atr":
        return "atr", trail.length
    return ("pivot_low" if side is Side.BUY else "pivot_high"), trail.length


class TrailSeries:
    """One indicator of one instrument. ``value`` (rupees, NaN until ready) is as of the last bar taken."""

    __slots__ = ("_column", "_indicator", "_name", "value")

    def __init__(self, name: str, length: int) -> None:
        self._name = name
        self._indicator = make(name, (length,))
        self._column: list[float] = []
        self.value = nan

    def push(self, high: float, low: float, close: float) -> None:
        """Take one bar."""
        if self._name == "atr":
            self.value = self._indicator.push(high, low, close)
        else:
            self.value = self._indicator.push(high if self._name == "pivot_high" else low)

    def load(self, high: F64, low: F64, close: F64) -> None:
        """Take a block of bars; `seek` then chooses the row to stand on."""
        if self._name == "atr":
            column = self._indicator.push_block(high, low, close)
        else:
            column = self._indicator.push_block(high if self._name == "pivot_high" else low)
        self._column = column.tolist()
        if self._column:
            self.value = self._column[-1]

    def seek(self, row: int) -> None:
        """Stand on a row of the loaded block."""
        self.value = self._column[row]
