"""Sentiment as of a time: what was known of the market's mood when a bar ended.

Every value has two times: ``ts``, when the market stood like that, and ``known_ts``, when we could know it.
At a bar's end only what was known by then counts (``known_ts`` <= end), the newest of it, and only while it
is not older than its maximum age (end - ``ts``); else the value is missing. A row that arrives after one of a
later
``ts`` is ignored: news cannot age backwards. Shifting any input later therefore never changes a value before
its new time.

`SentimentSeries` holds columns that a replay knows beforehand, `SentimentState` takes points as they happen;
both answer the same questions with the same numbers (`SentimentReader`). Where the numbers come from -
chains, the future, constituents, India VIX - is in `sentiment_sources`. Pure.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sos.bars import F64, I64
from sos.errors import DataError
from sos.events import SentimentPoint
from sos.types import NS_PER_SECOND

__all__ = [
    "NAMES",
    "PCR",
    "Coverage",
    "SentimentReader",
    "SentimentSeries",
    "SentimentSettings",
    "SentimentState",
    "SeriesReader",
    "coverage",
]

PCR: Final = "sentiment.pcr"
VIX: Final = "sentiment.vix"
BREADTH: Final = ("sentiment.breadth_ratio", "sentiment.advances", "sentiment.declines")
NAMES: Final = (
    PCR,
    "sentiment.pcr_velocity",
    "sentiment.pcr_volume",
    *BREADTH,
    "sentiment.oi_wall_above",
    "sentiment.oi_wall_below",
    "sentiment.ce_oi_change",
    "sentiment.pe_oi_change",
    "sentiment.smart_trend",
    "sentiment.max_pain",
    VIX,
)
_NAN: Final = float("nan")
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Minutes = Annotated[float, Field(gt=0, le=375, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class SentimentSettings(BaseModel):
    """Section ``[sentiment]``. ``when_missing``: patterns that need absent sentiment stay silent, or see
    declared neutral values. Older than its ``max_age_s`` a value is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when_missing: Literal["silent", "neutral"] = "silent"
    max_age_s: _Seconds = 180.0
    breadth_max_age_s: _Seconds = 180.0
    vix_max_age_s: _Seconds = 180.0
    velocity_minutes: _Minutes = Field(default=15.0, description="window of the PCR's change per minute")
    trend_minutes: _Minutes = Field(default=5.0, description="window of smart_trend")
    trend_least_price: _Share = Field(default=0.0002, description="smaller relative moves are Neutral")
    trend_least_oi: _Share = Field(default=0.001, description="smaller changes of open interest are Neutral")
    breadth_least_members: _Share = Field(default=0.8, description="share of constituents that must be known")
    rate: Annotated[float, Field(ge=0, le=0.5)] = Field(default=0.065, description="a year, for the forward")

    def max_age_ns(self, name: str) -> int:
        """The age beyond which the value called ``name`` is missing, ns."""
        seconds = self.breadth_max_age_s if name in BREADTH else self.max_age_s
        return round((self.vix_max_age_s if name == VIX else seconds) * NS_PER_SECOND)


class SentimentReader(Protocol):
    """What a market asks."""

    @property
    def names(self) -> frozenset[str]:
        """The names that may ever have a value here."""
        ...

    def row(self, names: Sequence[str], end: int) -> list[float]:
        """The values at ``end`` (ns UTC), NaN where missing; every name is one of `names`."""
        ...

    def columns(self, names: Sequence[str], end: I64) -> list[F64]:
        """The same at many times (ascending): one column each."""
        ...


class SentimentSeries:
    """Columns that became known together, row by row. Never written to.

    ``known_ts`` and ``ts`` are ns UTC, ``columns`` values by name, all of one length. Rows may come in any
    order; they are kept by ``known_ts`` (stable), without those that arrived after a row of a later ``ts``.
    """

    __slots__ = ("columns", "known_ts", "ts")

    def __init__(self, known_ts: I64, columns: Mapping[str, F64], ts: I64 | None = None) -> None:
        """``ts`` None: known at once.

        Raises:
            DataError: an unknown name, columns of different lengths, or a row known before it happened.
        """
        made = known_ts if ts is None else ts
        for name, column in columns.items():
            if name not in NAMES:
                raise DataError(f"{name} is not a sentiment value; known are {', '.join(NAMES)}")
            if not len(column) == len(known_ts) == len(made):
                raise DataError(f"{name}: {len(column)} values for {len(known_ts)} times")
        if bool(np.any(known_ts < made)):
            raise DataError("sentiment is said to be known before it was made")
        order = np.argsort(known_ts, kind="stable")
        newest = np.maximum.accumulate(made[order]) if len(made) else made
        rows = order[made[order] == newest]
        self.known_ts: I64 = known_ts[rows]
        self.ts: I64 = made[rows]
        self.columns: dict[str, F64] = {
            name: np.asarray(column, np.float64)[rows] for name, column in columns.items()
        }

    @classmethod
    def from_points(cls, points: Iterable[SentimentPoint]) -> SentimentSeries:
        """Points that all carry the same names, as columns."""
        rows = list(points)
        names = [name for name, _ in rows[0].values] if rows else []
        table = np.array([[value for _, value in point.values] for point in rows], np.float64)
        return cls(
            np.array([point.known_ts for point in rows], np.int64),
            {name: table[:, i] for i, name in enumerate(names)},
            np.array([point.ts for point in rows], np.int64),
        )

    def __len__(self) -> int:
        return len(self.known_ts)


class SeriesReader:
    """Several series, each on its own clock. A name that two of them carry is the first one's."""

    def __init__(self, series: Sequence[SentimentSeries], settings: SentimentSettings) -> None:
        self._of: dict[str, _Column] = {}
        for one in series:
            known, ts = one.known_ts.tolist(), one.ts.tolist()
            for name, column in one.columns.items():
                if name not in self._of:
                    self._of[name] = _Column(one, known, ts, column, settings.max_age_ns(name))

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._of)

    def row(self, names: Sequence[str], end: int) -> list[float]:
        return [self._of[name].at(end) for name in names]

    def columns(self, names: Sequence[str], end: I64) -> list[F64]:
        return [self._of[name].at_block(end) for name in names]

    def ages(self, name: str, end: I64) -> F64:
        """Seconds between each ``end`` and the ``ts`` of the value in force; NaN where it is missing."""
        return self._of[name].ages(end)


class _Column:
    """One name of one series."""

    __slots__ = ("_column", "_known", "_max_age", "_series", "_ts", "_values")

    def __init__(
        self, series: SentimentSeries, known: list[int], ts: list[int], column: F64, max_age: int
    ) -> None:
        self._series = series
        self._known = known
        self._ts = ts
        self._column = column
        self._values: list[float] = column.tolist()
        self._max_age = max_age

    def at(self, end: int) -> float:
        found = bisect_right(self._known, end) - 1
        if found < 0 or end - self._ts[found] > self._max_age:
            return _NAN
        return self._values[found]

    def at_block(self, end: I64) -> F64:
        if not len(self._column):
            return np.full(len(end), _NAN)
        found = np.searchsorted(self._series.known_ts, end, side="right") - 1
        there = (found >= 0) & (end - self._series.ts[found] <= self._max_age)
        return np.where(there, self._column[found], _NAN)

    def ages(self, end: I64) -> F64:
        values = self.at_block(end)
        if not len(self._column):
            return values
        found = np.searchsorted(self._series.known_ts, end, side="right") - 1
        age = (end - self._series.ts[found]) / NS_PER_SECOND
        return np.where(values == values, age, _NAN)


class SentimentState:
    """The same answers from points as they arrive. ``names``: what may arrive.

    A point may arrive before the time from which it is known; it waits. Times asked for never fall, so what
    a newer point has replaced is forgotten.
    """

    def __init__(self, names: Iterable[str], settings: SentimentSettings) -> None:
        self._rows: dict[str, list[tuple[int, int, int, float]]] = {name: [] for name in names}
        self._max_age = {name: settings.max_age_ns(name) for name in self._rows}
        self._arrived = 0

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._rows)

    def push(self, point: SentimentPoint) -> None:
        """Take a point; names that were not announced are left out."""
        self._arrived += 1
        for name, value in point.values:
            if name in self._rows:
                insort(self._rows[name], (point.known_ts, self._arrived, point.ts, value))

    def row(self, names: Sequence[str], end: int) -> list[float]:
        return [self._at(name, end) for name in names]

    def _at(self, name: str, end: int) -> float:
        rows = self._rows[name]
        known = [row for row in rows if row[0] <= end]
        if not known:
            return _NAN
        newest = known[0]
        for row in known:
            if row[2] >= newest[2]:
                newest = row
        rows[: len(known)] = [newest]
        return newest[3] if end - newest[2] <= self._max_age[name] else _NAN

    def columns(self, names: Sequence[str], end: I64) -> list[F64]:
        rows = [self.row(names, at) for at in end.tolist()]
        table = np.array(rows, np.float64).reshape(len(rows), len(names))
        return [np.ascontiguousarray(table[:, i]) for i in range(len(names))]


@dataclass(frozen=True, slots=True)
class Coverage:
    """``share`` of the bars (0 to 1) that had the value; ``oldest_s``: the greatest age used, None without
    one.
    """

    share: float
    oldest_s: float | None


def coverage(reader: SeriesReader, name: str, end: I64) -> Coverage:
    """How much of a run's bars (their ends) the value called ``name`` covers."""
    ages = reader.ages(name, end)
    there = ages[ages == ages]
    return Coverage(len(there) / len(end) if len(end) else 0.0, float(there.max()) if len(there) else None)
