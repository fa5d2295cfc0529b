"""What one event value costs as msgspec.Struct, slotted frozen dataclass and NamedTuple (decision 0002).

Usage: python -m benchmarks.values. Creation, reading four attributes, a full garbage collection and memory,
with their ratios to the struct.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec

_COUNT: Final = 200_000
_ROUNDS: Final = 9


class AsStruct(msgspec.Struct, frozen=True, gc=False):
    """The bar of the events module, field by field."""

    ts: int
    end: int
    key: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    oi: float


@dataclass(frozen=True, slots=True)
class AsDataclass:
    """The same as a dataclass."""

    ts: int
    end: int
    key: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    oi: float


class AsTuple(NamedTuple):
    """The same as a named tuple."""

    ts: int
    end: int
    key: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    oi: float


KINDS: Final[tuple[Callable[..., Any], ...]] = (AsStruct, AsDataclass, AsTuple)


def _make(kind: Callable[..., Any]) -> list[Any]:
    return [kind(n, n, "k", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0) for n in range(_COUNT)]


def _read(values: list[Any]) -> float:
    total = 0.0
    for value in values:
        total += value.open + value.high + value.low + value.close
    return total


def _timed(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def measure(kind: Callable[..., Any]) -> dict[str, float]:
    """ns per value for creation, reading and collection; bytes per value."""
    gc.disable()
    create = _timed(lambda: _make(kind))
    values = _make(kind)
    read = _timed(lambda: _read(values))
    collect = _timed(gc.collect)
    del values
    tracemalloc.start()
    values = _make(kind)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gc.enable()
    return {
        "create ns": create / _COUNT * 1e9,
        "read 4 ns": read / _COUNT * 1e9,
        "collect ns": collect / _COUNT * 1e9,
        "bytes": size / _COUNT,
    }


def main() -> None:
    """Print the medians and their ratios to the struct."""
    runs: dict[str, list[dict[str, float]]] = {}
    for _ in range(_ROUNDS):
        for kind in KINDS:
            runs.setdefault(kind.__name__, []).append(measure(kind))
    middle = {
        name: {what: median(run[what] for run in found) for what in found[0]} for name, found in runs.items()
    }
    base = middle[AsStruct.__name__]
    for name, found in middle.items():
        print(
            name.ljust(12),
            *(f"{what} {value:6.1f} ({value / base[what]:.2f}x)" for what, value in found.items()),
        )


if __name__ == "__main__":
    main()
