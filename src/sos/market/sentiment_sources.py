"""Where sentiment comes from: option chains, the near future, constituents, India VIX.

Each source turns what it reads into points or columns for `sentiment`, in the order in which it was known,
with the past only. Pure.

- Chains: of the expiries that arrive, the nearest on or after the snapshot's date counts; when it changes,
the
  windows begin again. Walls are taken around the snapshot's spot (else the forward that parity implies).
- Velocity: (PCR now - PCR then) / minutes between, "then" being the newest snapshot at least
  ``velocity_minutes`` old and at most twice that.
- Smart trend: of the future where a run has it (`future_series`), else of the spot and the chain's total.
- Breadth: every member's last close of the day against its last close of the day before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from sos.bars import F64, I64
from sos.clock import IST_OFFSET_NS, ist_date
from sos.events import ChainSnapshot, SentimentPoint
from sos.market.sentiment import BREADTH, VIX, SentimentSeries, SentimentSettings, SentimentState
from sos.options.analytics import (
    max_pain,
    oi_change,
    pcr,
    pcr_volume,
    reference_price,
    total_oi,
    walls_around,
)
from sos.options.buildup import Trend, Window
from sos.options.chain import OptionChain, chain_of_event
from sos.types import NS_PER_DAY

__all__ = [
    "ChainSentiment",
    "LiveSentiment",
    "Member",
    "breadth_series",
    "chain_series",
    "future_series",
    "vix_series",
]

_NAN: Final = float("nan")
_NEVER: Final = -(2**62)


class ChainSentiment:
    """Chains in, in the order in which they are known; points out."""

    def __init__(self, settings: SentimentSettings) -> None:
        self._settings = settings
        self._expiry: date | None = None
        self._last = _NEVER
        self._begin()

    def _begin(self) -> None:
        settings = self._settings
        self._ratios = Window(settings.velocity_minutes)
        self._trend = Trend(settings.trend_minutes, settings.trend_least_price, settings.trend_least_oi)

    def push(self, chain: OptionChain) -> SentimentPoint | None:
        """The values after this snapshot; None where it does not count: older than the last one, expired, or
        of a later expiry than the one in use."""
        if chain.ts < self._last or not self._counts(chain):
            return None
        self._last = chain.ts
        near = reference_price(chain, self._settings.rate)
        above, below = (None, None) if near is None else walls_around(chain, near)
        ratio = pcr(chain)
        calls, puts = oi_change(chain)
        total = total_oi(chain)
        trend = self._trend.push(chain.ts, _or_nan(near), _or_nan(total))
        values = (
            ("sentiment.pcr", ratio),
            ("sentiment.pcr_velocity", self._velocity(chain.ts, ratio)),
            ("sentiment.pcr_volume", pcr_volume(chain)),
            ("sentiment.oi_wall_above", above),
            ("sentiment.oi_wall_below", below),
            ("sentiment.ce_oi_change", calls),
            ("sentiment.pe_oi_change", puts),
            ("sentiment.smart_trend", trend),
            ("sentiment.max_pain", max_pain(chain)),
        )
        named = tuple((name, _or_nan(value)) for name, value in values)
        return SentimentPoint(chain.ts, chain.known_ts, chain.underlying, named)

    def _counts(self, chain: OptionChain) -> bool:
        today = ist_date(chain.ts)
        if chain.expiry < today:
            return False
        if self._expiry is None or self._expiry < today or chain.expiry < self._expiry:
            self._expiry = chain.expiry
            self._begin()
        return chain.expiry == self._expiry

    def _velocity(self, ts: int, ratio: float | None) -> float | None:
        if ratio is None:
            return None
        earlier = self._ratios.push(ts, (ratio,))
        return None if earlier is None else (ratio - earlier[1][0]) / earlier[0]


class LiveSentiment:
    """Sentiment of one underlying from events; give ``state`` to its market and the rest to the matcher.

    ``names``: what the sources of the run can bring (`NAMES` of `sentiment`, or fewer).
    """

    def __init__(self, names: Iterable[str], settings: SentimentSettings) -> None:
        self.state = SentimentState(names, settings)
        self._chains = ChainSentiment(settings)

    def on_event(self, event: ChainSnapshot | SentimentPoint) -> None:
        """Take a chain or a point, in the order in which they are known.

        Raises:
            DataError: the event holds what is no chain.
        """
        point = event if isinstance(event, SentimentPoint) else self._chains.push(chain_of_event(event))
        if point is not None:
            self.state.push(point)


def _or_nan(value: float | None) -> float:
    return _NAN if value is None else value


def chain_series(chains: Iterable[OptionChain], settings: SentimentSettings) -> SentimentSeries:
    """All values of a run's chains, which may come in any order."""
    reader = ChainSentiment(settings)
    ordered = sorted(chains, key=lambda chain: (chain.known_ts, chain.ts, chain.expiry))
    points = (reader.push(chain) for chain in ordered)
    return SentimentSeries.from_points(point for point in points if point is not None)


def future_series(known_ts: I64, price: F64, oi: F64, settings: SentimentSettings) -> SentimentSeries:
    """Smart trend from the near future's bars: their ends (ascending), closes and open interest."""
    trend = Trend(settings.trend_minutes, settings.trend_least_price, settings.trend_least_oi)
    rows = zip(known_ts.tolist(), price.tolist(), oi.tolist(), strict=True)
    values = np.array([trend.push(*row) for row in rows], np.float64)
    return SentimentSeries(known_ts, {"sentiment.smart_trend": values})


def vix_series(known_ts: I64, level: F64) -> SentimentSeries:
    """India VIX from its bars: their ends and closes, percent a year."""
    return SentimentSeries(known_ts, {VIX: level})


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One constituent's bars: ``end`` (ns UTC, ascending) and ``close`` (rupees), of one length."""

    end: I64
    close: F64


def breadth_series(members: Sequence[Member], settings: SentimentSettings) -> SentimentSeries:
    """Advances, declines and their ratio at every time at which some member has a bar.

    A member counts on a day from its first bar on, if it has a close of an earlier day. With fewer members
    known than the declared share, and for the ratio without a decline, the value is missing.
    """
    ends = [member.end for member in members]
    at = np.unique(np.concatenate(ends)) if ends else np.empty(0, np.int64)
    up, down, known = (np.zeros(len(at)) for _ in range(3))
    for member in members:
        change = _change(member, at)
        up += change > 0.0
        down += change < 0.0
        known += change == change
    enough = known >= max(1.0, settings.breadth_least_members * len(members))
    ratio = np.where(down > 0.0, up / np.maximum(down, 1.0), _NAN)
    columns = zip(BREADTH, (ratio, up, down), strict=True)
    return SentimentSeries(at, {name: np.where(enough, column, _NAN) for name, column in columns})


def _change(member: Member, at: I64) -> F64:
    """Last close of the day minus the last close of the day before in the data, NaN where either is
    missing.
    """
    day = (member.end - 1 + IST_OFFSET_NS) // NS_PER_DAY
    first = np.searchsorted(day, day, side="left")
    before = np.where(first > 0, member.close[first - 1], _NAN)
    moved = member.close - before
    row = np.searchsorted(member.end, at, side="right") - 1
    today = (row >= 0) & (day[row] == (at - 1 + IST_OFFSET_NS) // NS_PER_DAY)
    return np.where(today, moved[row], _NAN) if len(moved) else np.full(len(at), _NAN)
