"""What an indicator is: one state, two ways to advance it, one result.

`push` takes one bar, `push_block` takes many; pushing a block gives bit for bit what pushing its rows
one by one gives, and both move the same state, so a run may mix them freely. NaN (or any value that is
not finite) in an input is "missing": a windowed indicator is not ready while a missing value is in its
window, a recursive one starts its warm-up again. Not ready is NaN.

Source of the formulas: each class names its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sos.bars import F64

__all__ = ["Indicator"]


class Indicator(Protocol):
    """A stateful function of one or several series (all of one length and one clock).

    Both are methods that take as many arguments as the indicator has series; a Protocol can say that
    only by their result.
    """

    @property
    def push(self) -> Callable[..., float]:
        """Take the next value of each series; return the indicator's value at that bar, or NaN."""
        ...

    @property
    def push_block(self) -> Callable[..., F64]:
        """Take the next n values of each series; return n values, identical to n pushes."""
        ...
