"""The sample's market: one price path minute by minute, with the moods that patterns look for.

Pure: a stream of draws and a starting price in, columns out. Each session is a chain of stretches (trends,
ranges, quiet spells that break, news), with rejection wicks strewn in, livelier at the open and towards the
close as real minutes are. Only exact float operations, so that every machine makes the same bars. It is a
stage set, not a model: nothing about profit can be learned from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sos.bars import F64
from sos.data.draws import Draws

__all__ = ["Tape", "make_tape"]

_STEPS: Final = 4  # moves inside a minute
_SIGMA: Final = 0.0003  # of the price, per ordinary minute


@dataclass(frozen=True, slots=True)
class _Mood:
    """Drift in sigmas a minute, size of the noise, pull back to the stretch's first price, activity."""

    drift: float
    noise: float
    pull: float
    volume: float


_MOODS: Final = {
    "up": _Mood(0.16, 0.95, 0.0, 1.15),
    "down": _Mood(-0.16, 1.0, 0.0, 1.2),
    "range": _Mood(0.0, 0.8, 0.07, 0.8),
    "quiet": _Mood(0.0, 0.35, 0.05, 0.5),
    "break_up": _Mood(0.34, 1.15, 0.0, 2.0),
    "break_down": _Mood(-0.36, 1.2, 0.0, 2.1),
    "news": _Mood(0.0, 2.2, 0.0, 3.0),
}
_NEXT: Final = {
    "up": ("range", "quiet", "down", "up"),
    "down": ("range", "quiet", "up", "down"),
    "range": ("up", "down", "quiet", "break_up", "break_down"),
    "quiet": ("break_up", "break_down", "break_up", "break_down", "news"),
    "break_up": ("up", "range", "down", "quiet"),
    "break_down": ("down", "range", "up", "quiet"),
    "news": ("range", "up", "down"),
}
_LENGTHS: Final = {"quiet": (22, 45), "news": (3, 8), "break_up": (8, 25), "break_down": (8, 25)}
_USUAL_LENGTH: Final = (25, 75)


@dataclass(frozen=True, slots=True)
class Tape:
    """Unrounded prices of all minutes; ``activity`` is 1.0 in an ordinary minute (a volume in its units),
    ``build`` says whether positions are opened (+) or closed (-), about -1 to 1."""

    open: F64
    high: F64
    low: F64
    close: F64
    activity: F64
    build: F64


@dataclass(slots=True)
class _Plan:
    """What each minute of one session is told to do."""

    drift: list[float]
    noise: list[float]
    pull: list[float]
    volume: list[float]
    build: list[float]
    wick: list[float]


def make_tape(draws: Draws, start: float, minutes: list[int], swing: float) -> Tape:
    """Bars of sessions of the given lengths, from about ``start``; ``swing`` scales moves (1.0: index)."""
    columns: list[list[float]] = [[], [], [], [], [], []]
    price = start
    for length in minutes:
        plan = _plan(draws, length)
        price *= 1.0 + _gap(draws) * swing
        price = _play(draws, plan, price, start, swing, columns)
    opens, highs, lows, closes, activity, build = (np.array(column) for column in columns)
    return Tape(opens, highs, lows, closes, activity, build)


def _gap(draws: Draws) -> float:
    """The night's move: mostly small, one in five a real gap."""
    size = 0.0022 if draws.one() < 0.8 else 0.0075
    return float(draws.bell(1)[0]) * size


def _plan(draws: Draws, length: int) -> _Plan:
    plan = _Plan([], [], [], [], [], [])
    mood = ("up", "down", "range", "break_up", "break_down")[int(draws.one() * 5)]
    while len(plan.drift) < length:
        low, high = _LENGTHS.get(mood, _USUAL_LENGTH)
        stretch = min(int(draws.between(low, high)), length - len(plan.drift))
        _lay(draws, plan, mood, stretch)
        mood = _NEXT[mood][int(draws.one() * len(_NEXT[mood]))]
    _strew_wicks(draws, plan, length)
    return plan


def _lay(draws: Draws, plan: _Plan, mood: str, stretch: int) -> None:
    kind = _MOODS[mood]
    plan.drift += [kind.drift * draws.between(0.7, 1.3)] * stretch
    plan.noise += [kind.noise] * stretch
    plan.pull += [-1.0, *[kind.pull] * (stretch - 1)]  # negative: a stretch begins, its level is this price
    burst = [2.6, 2.0, 1.5] if mood.startswith("break") else []
    plan.volume += [*(kind.volume * extra for extra in burst), *[kind.volume] * stretch][:stretch]
    plan.build += [draws.between(-0.5, 1.0) if kind.drift else draws.between(-0.3, 0.3)] * stretch


def _strew_wicks(draws: Draws, plan: _Plan, length: int) -> None:
    """Now and then a minute reaches out and comes back; the market then leans the other way for a while."""
    chance, size = draws.uniform(length), draws.uniform(length)
    plan.wick = [0.0] * length
    for i in np.flatnonzero(chance < 1 / 45).tolist():
        side = 1.0 if chance[i] * 90 < 1.0 else -1.0
        plan.wick[i] = side * (2.0 + 2.5 * float(size[i]))
        for j in range(i + 1, min(i + 7, length)):
            plan.drift[j] -= side * 0.3


def _liveliness(i: int, length: int) -> float:
    """How large moves are at minute ``i``: three times the ordinary at the open, somewhat more at the end."""
    return 0.82 + 2.2 / (1.0 + i / 9.0) + 0.4 * max(0.0, (i - length + 60) / 60.0)


def _play(
    draws: Draws, plan: _Plan, price: float, home: float, swing: float, columns: list[list[float]]
) -> float:
    """Append one session's bars to ``columns``; returns the last price."""
    length = len(plan.drift)
    noise = draws.bell(length * _STEPS).reshape(length, _STEPS).tolist()
    hop = draws.bell(length).tolist()
    crowd = draws.uniform(length).tolist()
    level = price
    for i in range(length):
        live = _liveliness(i, length)
        sigma = _SIGMA * swing * price * live
        level = price if plan.pull[i] < 0.0 else level
        lean = plan.drift[i] * sigma - max(0.0, plan.pull[i]) * (price - level) - 0.00004 * (price - home)
        opens = price + hop[i] * 0.12 * sigma if i else price
        path = _path(opens, lean / _STEPS, plan.noise[i] * sigma / 2.0, noise[i])
        close = path[-1]
        highest, lowest = max(path), min(path)
        reach = plan.wick[i] * sigma
        if reach > 0.0:
            highest, close = highest + reach, close - 0.25 * (close - lowest)
        elif reach < 0.0:
            lowest, close = lowest + reach, close + 0.25 * (highest - close)
        moved = abs(close - opens) / sigma
        square = crowd[i] * crowd[i]
        spread = 0.45 + crowd[i] + 2.0 * square * square * square
        activity = plan.volume[i] * live * spread * (0.6 + 0.5 * moved) * (2.2 if reach else 1.0)
        row = (opens, highest, lowest, close, activity, plan.build[i])
        for column, value in zip(columns, row, strict=True):
            column.append(value)
        price = close
    return price


def _path(start: float, drift: float, size: float, noise: list[float]) -> list[float]:
    """The prices that a minute passes through, its open first."""
    path = [start]
    for draw in noise:
        path.append(path[-1] + drift + size * draw)
    return path
