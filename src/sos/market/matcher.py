"""The matcher: bars in, signals out, for all underlyings of a run.

Joins the volume and open interest of an index from its future's bar of the same minute, which must
come before the index's bar (the declared order of one instant). Pure and synchronous; the coroutine
around it is in `backtest`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.bars import F64, I64, BarRun
from sos.events import Bar, ChainSnapshot, Event, SentimentPoint, Signal
from sos.market.market import Market
from sos.market.sentiment_sources import LiveSentiment
from sos.types import InstrumentKey

__all__ = ["Matcher"]

_FEW: Final = 16  # below this many rows, bar by bar is quicker than columns
_NAN: Final = float("nan")


class _VolumeOf:
    """The last bar of a future: what an index borrows from it."""

    def __init__(self) -> None:
        self.ts = -1
        self.volume = _NAN
        self.oi = _NAN

    def push(self, bar: Bar) -> None:
        self.ts, self.volume, self.oi = bar.ts, bar.volume, bar.oi

    def at(self, ts: int) -> tuple[float, float]:
        return (self.volume, self.oi) if self.ts == ts else (_NAN, _NAN)

    def join(self, ts: I64, run: BarRun, rows: npt.NDArray[np.intp]) -> tuple[F64, F64]:
        """Columns of volume and open interest for underlying bars that opened at ``ts``; ``rows`` are the
        future's rows in the run."""
        times = np.concatenate([[self.ts], run.ts[rows]])
        volume = np.concatenate([[self.volume], run.volume[rows]])
        oi = np.concatenate([[self.oi], run.oi[rows]])
        at = np.minimum(np.searchsorted(times, ts), len(times) - 1)
        same = times[at] == ts
        return np.where(same, volume[at], _NAN), np.where(same, oi[at], _NAN)


class Matcher:
    """All markets of a run. ``volume_from`` names the future that gives an underlying its volume."""

    def __init__(
        self,
        markets: Sequence[Market],
        volume_from: Mapping[InstrumentKey, InstrumentKey] | None = None,
        sentiment: Mapping[InstrumentKey, LiveSentiment] | None = None,
    ) -> None:
        """``sentiment``: by underlying, who takes chains and points that come as events."""
        self._sentiment = dict(sentiment or {})
        self.markets = {market.key: market for market in markets}
        self._source = dict(volume_from or {})
        self._futures = {future: _VolumeOf() for future in self._source.values()}

    def on_events(self, events: Sequence[Event]) -> dict[int, list[Signal]]:
        """Signals by position in ``events``; positions without a signal are absent."""
        if isinstance(events, BarRun) and len(events) >= _FEW:
            return self.on_run(events)
        found: dict[int, list[Signal]] = {}
        for at, event in enumerate(events):
            if isinstance(event, Bar):
                signals = self.on_bar(event)
                if signals:
                    found[at] = signals
            elif isinstance(event, ChainSnapshot | SentimentPoint) and event.key in self._sentiment:
                self._sentiment[event.key].on_event(event)
        return found

    def on_bar(self, bar: Bar) -> list[Signal]:
        """One bar, of an underlying, a future or anything else (which is ignored)."""
        if bar.key in self._futures:
            self._futures[bar.key].push(bar)
        market = self.markets.get(bar.key)
        if market is None:
            return []
        volume, oi = bar.volume, bar.oi
        if bar.key in self._source:
            volume, oi = self._futures[self._source[bar.key]].at(bar.ts)
        return market.push(bar.ts, bar.end, (bar.open, bar.high, bar.low, bar.close), volume, oi)

    def on_run(self, run: BarRun) -> dict[int, list[Signal]]:
        """A run of bars, by columns."""
        rows_of = {key: np.flatnonzero(run.which == code) for code, key in enumerate(run.keys)}
        found: dict[int, list[Signal]] = {}
        for key, market in self.markets.items():
            rows = rows_of.get(key)
            if rows is None or not len(rows):
                continue
            for row, signals in self._market(market, run, rows, rows_of).items():
                found[int(rows[row])] = signals
        self._remember_futures(run, rows_of)
        return found

    def _market(
        self,
        market: Market,
        run: BarRun,
        rows: npt.NDArray[np.intp],
        rows_of: Mapping[InstrumentKey, npt.NDArray[np.intp]],
    ) -> dict[int, list[Signal]]:
        own = run if len(rows) == len(run) else run.take(rows)
        volume, oi = own.volume, own.oi
        if market.key in self._source:
            future = self._source[market.key]
            none = np.empty(0, np.intp)
            volume, oi = self._futures[future].join(own.ts, run, rows_of.get(future, none))
        return market.push_block(own.ts, own.end, (own.open, own.high, own.low, own.close), volume, oi)

    def _remember_futures(self, run: BarRun, rows_of: Mapping[InstrumentKey, npt.NDArray[np.intp]]) -> None:
        for key, future in self._futures.items():
            rows = rows_of.get(key)
            if rows is not None and len(rows):
                future.push(run.bar(int(rows[-1])))
