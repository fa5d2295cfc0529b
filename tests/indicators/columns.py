"""Columns to test indicators with, and how to call any of them by its registry entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sos.bars import F64
from sos.indicators import REGISTRY, Indicator, Spec, make


def walk(rows: int, seed: int = 7, start: float = 20_000.0, step: float = 5.0) -> F64:
    """A random walk of prices on a grid of 0.05."""
    moves = np.random.default_rng(seed).normal(0.0, step, rows)
    return np.round((start + np.add.accumulate(moves)) * 20.0) / 20.0


def bars(rows: int, seed: int = 7, session_rows: int = 375) -> dict[str, F64]:
    """Bars of whole one-minute sessions, by the names that the registry gives to its series."""
    rng = np.random.default_rng(seed + 1)
    close = walk(rows, seed)
    opened = close + np.round(rng.normal(0.0, 2.0, rows), 2)
    at = np.arange(rows)
    return {
        "x": close,
        "open": opened,
        "high": np.maximum(close, opened) + np.round(rng.exponential(4.0, rows), 2),
        "low": np.minimum(close, opened) - np.round(rng.exponential(4.0, rows), 2),
        "close": close,
        "volume": np.round(rng.lognormal(10.0, 1.0, rows)),
        "session": (at // session_rows + 3.0).astype(np.float64),
        "since_open": (at % session_rows).astype(np.float64),
        "since_open_end": (at % session_rows + 1.0).astype(np.float64),
    }


def series(spec: Spec, columns: Mapping[str, F64]) -> tuple[F64, ...]:
    """The columns that an indicator takes, in its order."""
    return tuple(columns[name] for name in spec.series)


def params(spec: Spec, window: int, factor: float = 2.0) -> tuple[float, ...]:
    return tuple({"window": window, "factor": factor}[kind] for kind in spec.params)


def in_blocks(state: Indicator, args: Sequence[F64], size: int | None = None) -> F64:
    """All values by the block path, ``size`` rows at a time (None: all at once)."""
    rows = len(args[0])
    step = size or max(rows, 1)
    return np.concatenate([state.push_block(*(a[i : i + step] for a in args)) for i in range(0, rows, step)])


def one_by_one(state: Indicator, args: Sequence[F64]) -> F64:
    """All values by the bar path."""
    return np.array([state.push(*row) for row in zip(*(a.tolist() for a in args), strict=True)])


def block(name: str, columns: Mapping[str, F64], *numbers: float) -> F64:
    """All values of the named indicator over ``columns``."""
    return in_blocks(make(name, numbers), series(REGISTRY[name], columns))
