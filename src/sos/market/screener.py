"""Screener values that need more than one session: relative volume by time of day.

`screener.rvol` is the session's volume so far, divided by the mean of the same number at the same time of day
in the last sessions that have it. 1.0 is usual. It is not ready with fewer than three such sessions, and
missing from the first bar on whose volume is missing until the session ends: a part is not the whole.
Sessions at unusual hours (an evening) have times of day of their own and never mix with usual ones.
`screener.change_from_open` needs no state: it is an expression over the bar and the session's open.

Pure. `push` and `push_block` give the same bits: sums run in order of time, means by `math.fsum`.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np

from sos.bars import F64

__all__ = ["RVOL", "RelativeVolume"]

RVOL: Final = "screener.rvol"
_NAN: Final = float("nan")


class RelativeVolume:
    """State of one series of bars of ``minutes``; ``sessions`` is how many are averaged, ``least`` needed."""

    def __init__(self, minutes: int = 1, sessions: int = 10, least: int = 3) -> None:
        self.minutes = minutes
        self.sessions = sessions
        self.least = least
        self._past: dict[int, deque[float]] = {}
        self._session = -1.0
        self._total = 0.0
        self._today: list[tuple[int, float]] = []

    def push(self, session: float, minute: float, since_open: float, volume: float) -> float:
        """Take one bar: ordinal of its session, IST minute of day and minutes after the open of its first
        minute, units traded. The relative volume at its end, or NaN."""
        if session != self._session:
            self._turn(session)
        self._total += volume
        if self._total != self._total:
            return _NAN
        slot = int(minute - since_open % self.minutes)
        self._today.append((slot, self._total))
        past = self._past.get(slot, ())
        if len(past) < self.least:
            return _NAN
        mean = math.fsum(past) / len(past)
        return self._total / mean if mean > 0.0 else _NAN

    def _turn(self, session: float) -> None:
        """A session is over: only now does it belong to the past that later ones are compared with."""
        for slot, total in self._today:
            self._past.setdefault(slot, deque(maxlen=self.sessions)).append(total)
        self._today.clear()
        self._session, self._total = session, 0.0

    def push_block(self, session: F64, minute: F64, since_open: F64, volume: F64) -> F64:
        """The same for a block of bars."""
        push = self.push
        rows = zip(session.tolist(), minute.tolist(), since_open.tolist(), volume.tolist(), strict=True)
        return np.array([push(*row) for row in rows], np.float64)
