"""What a backtest gives: plain values, complete, not yet counted or formatted.

The runner fills these in; `metrics`, `serialise` and `tables` read them. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sos.strategy.machine import Funnel
from sos.trading.positions import Trade
from sos.trading.spec import InstrumentSpec
from sos.types import InstrumentKey, Refusal

__all__ = ["BacktestResult", "DataHead", "PatternOutcome", "SeriesHead", "merge_funnels"]


@dataclass(frozen=True, slots=True)
class SeriesHead:
    """One series that went in. ``first``/``last``: open times of its first and last bar, ns UTC."""

    symbol: str
    source: str
    bars: int
    first: int
    last: int
    minutes: int
    synthetic: bool


@dataclass(frozen=True, slots=True)
class DataHead:
    """What the run looked at.

    ``symbols``: the underlyings in the order given, with ``names`` from key to symbol for every
    instrument. ``bars``: bars of the underlyings. ``days``: IST dates with a session in the data, rising.
    ``notes``: lines for the head of the report, most important first.
    """

    symbols: tuple[str, ...]
    names: Mapping[InstrumentKey, str]
    series: tuple[SeriesHead, ...]
    bars: int
    sessions: int
    days: tuple[date, ...]
    first: int
    last: int
    synthetic: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatternOutcome:
    """One pattern over all underlyings. ``refusals``: signals that did not become trades, by reason.

    ``missing_inputs``: inputs it needs that the run does not have.
    """

    pattern_id: str
    funnel: Funnel
    refusals: Mapping[Refusal, int]
    missing_inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """One run. ``digest``: SHA-256 (hex) over every signal, order, fill and refusal, in their order.

    ``run_id`` is its beginning: equal decisions have equal ids. ``trades`` in the order in which they ended;
    ``patterns`` by id. ``specs``: what was traded, with its dated lots, ticks and charges.
    """

    run_id: str
    digest: str
    elapsed_s: float
    data: DataHead
    patterns: Sequence[PatternOutcome]
    trades: Sequence[Trade] = field(default_factory=tuple)
    specs: Mapping[InstrumentKey, InstrumentSpec] = field(default_factory=dict)


def merge_funnels(funnels: Sequence[Funnel]) -> Funnel:
    """The sum of one pattern's funnels over several underlyings; at least one, all of the same phases."""
    merged = Funnel(funnels[0].phases)
    for funnel in funnels:
        merged.passed = [a + b for a, b in zip(merged.passed, funnel.passed, strict=True)]
        for name in ("bars", "invalidated", "timed_out", "reset", "vetoed", "closed", "signals", "late"):
            setattr(merged, name, getattr(merged, name) + getattr(funnel, name))
    return merged
