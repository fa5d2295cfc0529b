"""Questions about a checked tree: which inputs it needs, and how many bars until it can be ready."""

from __future__ import annotations

from typing import Final

from sos.expr.tree import Indicator, Input, InputName, Lag, Node, Resample
from sos.expr.walk import children, walk

__all__ = ["needs", "warmup"]

_ALWAYS_THERE: Final = frozenset(InputName) - {InputName.VOLUME, InputName.OI, InputName.DAYS_TO_EXPIRY}


def needs(node: Node) -> frozenset[str]:
    """Inputs beyond prices, session and regime: "volume", "oi", "sentiment.pcr", "structure.support"..."""
    names = frozenset(part.name for part in walk(node) if isinstance(part, Input))
    return frozenset(str(name) for name in names - _ALWAYS_THERE)


def warmup(node: Node, interval: int = 1) -> int:
    """Bars of ``interval`` minutes until the tree can be ready for the first time; 0 for a constant.

    Counts what the tree itself asks for: an input is taken to be there from the first bar on, a capture
    from the moment it is used. Other intervals are counted as if the data began with one of their bars.
    """
    below = max((warmup(child, interval) for child in children(node)), default=0)
    match node:
        case Input():
            return 1
        case Lag(_, n):
            return below + n
        case Resample(minutes, source):
            return -(-warmup(source, minutes) * minutes // interval)
        case Indicator(name, _, params):
            return max(below, 1) - 1 + _own(name, params, interval)
        case _:
            return below


def _own(name: str, params: tuple[float, ...], interval: int) -> int:
    from sos.indicators import REGISTRY

    bars = int(REGISTRY[name].warmup(params))
    # those that wait for the clock are registered in minutes, the others in bars
    return -(-bars // interval) if name.startswith(("prev_day_", "opening_range_")) else bars
