"""The regime of one underlying on one day: what it was at the first bar, each change, and why.

The same market that a run uses, without patterns, over all bars up to that day, so that the answer is what a
run would have seen. Values only, and the two ways to show them; nothing is printed here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from rich.console import Group
from rich.text import Text

from sos.backtest.grid import Column, fitted
from sos.backtest.mood import sentiment_lines, sentiment_of
from sos.backtest.run import BacktestSettings, market_of
from sos.clock import ist_date, ist_datetime, ist_iso, ist_ns
from sos.data.sources import RunInputs
from sos.errors import DataError
from sos.events import RegimeChanged
from sos.types import NS_PER_DAY, Regime

__all__ = ["RegimeDay", "as_data", "as_table", "regime_day"]


@dataclass(frozen=True, slots=True)
class RegimeDay:
    """``opening``: the regime before the day's first bar. ``changes``: of the day, in order. ``bars``: how
    many the day has. ``notes``: what the inputs were, most important first."""

    symbol: str
    day: date
    policy: str
    bars: int
    opening: Regime
    changes: tuple[RegimeChanged, ...]
    notes: tuple[str, ...]

    @property
    def closing(self) -> Regime:
        """The regime after the last bar."""
        return self.changes[-1].new if self.changes else self.opening


def regime_day(inputs: RunInputs, day: date, settings: BacktestSettings) -> RegimeDay:
    """Follow the regime of the inputs' first underlying through ``day``.

    Raises:
        DataError: there is no bar on that day.
    """
    of = inputs.underlyings[0]
    one = inputs.series_of(of.key)
    start, stop = np.searchsorted(one.run.ts, [ist_ns(day), ist_ns(day) + NS_PER_DAY]).tolist()
    if start == stop:
        raise DataError(
            f"{one.source}: no bars of {of.symbol} on {day}: it has {one.first_day} to {one.last_day}"
        )
    run = one.run[:stop]
    reader = sentiment_of(inputs, of, (), settings.sentiment)
    market = market_of(one, (), settings, reader)
    market.push_block(run.ts, run.end, (run.open, run.high, run.low, run.close), run.volume, run.oi)
    before = [change for change in market.regime_changes if ist_date(change.ts) < day]
    return RegimeDay(
        symbol=of.symbol,
        day=day,
        policy=market.policy.name,
        bars=stop - start,
        opening=before[-1].new if before else Regime.UNKNOWN,
        changes=tuple(market.regime_changes[len(before) :]),
        notes=(*inputs.notes, *sentiment_lines(inputs, [market], {of.key: reader}, settings.regime)),
    )


def as_data(found: RegimeDay) -> dict[str, Any]:
    """For JSON: times ISO 8601 with +05:30, missing numbers null."""
    return {
        "symbol": found.symbol,
        "day": found.day.isoformat(),
        "policy": found.policy,
        "bars": found.bars,
        "opening": found.opening.value,
        "closing": found.closing.value,
        "changes": [
            {
                "bar": ist_iso(change.ts),
                "known": ist_iso(change.end),
                "from": change.old.value,
                "to": change.new.value,
                "measure": change.measure,
                "value": _or_none(change.value),
                "edge": _or_none(change.edge),
                "band": change.band,
                "close": _or_none(change.close),
                "reasons": list(change.reasons),
            }
            for change in found.changes
        ],
        "notes": list(found.notes),
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def as_table(found: RegimeDay, width: int) -> Group:
    """A table of at most ``width`` columns; a day without a change says so."""
    head = f"{found.symbol} {found.day}: regime by {found.policy}, {found.bars} bars"
    notes = [Text(note) for note in found.notes]
    if not found.changes:
        return Group(*notes, Text(f"\n{head}: {found.opening} all day, no change"))
    changes = found.changes
    table = fitted(
        f"{head}, {found.opening} before the first",
        [
            Column("Known", [f"{ist_datetime(change.end):%H:%M}" for change in changes]),
            Column("From", [change.old.value for change in changes], drop=1),
            Column("To", [change.new.value for change in changes]),
            Column(changes[0].measure.capitalize(), [_number(c.value) for c in changes], right=True),
            Column("Close", [f"{change.close:.2f}" for change in changes], right=True, drop=2),
            Column("Why", ["; ".join(change.reasons) for change in changes], least=20, folds=True),
        ],
        width,
    )
    return Group(*notes, table)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"
