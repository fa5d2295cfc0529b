"""A running fold that starts anew where its caller says: first, last, largest, smallest, sum.

NaN is kept by every fold but the first and the last of a stretch, which are what they are. Both paths do
the same operations in the same order. Pure; knows nothing of sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sos.bars import F64
from sos.indicators.window import NAN

__all__ = ["ADD", "FIRST", "LAST", "MAX", "MIN", "Fold", "Op"]


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """How to fold. ``one(a, x)`` takes the next value; ``many(x)`` is all running results of a stretch."""

    one: Callable[[float, float], float]
    many: Callable[[F64], F64]


FIRST: Final = Op(lambda a, x: a, lambda x: np.full(len(x), x[0]))
LAST: Final = Op(lambda a, x: x, lambda x: x)
MAX: Final = Op(lambda a, x: a if a > x or a != a else x, np.maximum.accumulate)
MIN: Final = Op(lambda a, x: a if a < x or a != a else x, np.minimum.accumulate)
ADD: Final = Op(lambda a, x: a + x, np.add.accumulate)


class Fold:
    """The fold of the present stretch; ``value`` is NaN before the first one."""

    def __init__(self, op: Op) -> None:
        self.value = NAN
        self._op = op

    def push(self, x: float, new: bool) -> float:
        """Take a value; ``new``: it begins a stretch."""
        self.value = x if new else self._op.one(self.value, x)
        return self.value

    def push_block(self, x: F64, spans: Sequence[tuple[int, int, bool]]) -> F64:
        """Take values in stretches of (start, stop, begins anew) that cover ``x`` in order."""
        out = np.empty(len(x))
        many = self._op.many
        for start, stop, new in spans:
            part = x[start:stop]
            if not new:
                part = part.copy()
                part[0] = self._op.one(self.value, float(part[0]))
            out[start:stop] = many(part)
            self.value = float(out[stop - 1])
        return out
