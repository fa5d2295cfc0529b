"""Values anchored to the session: vwap, the day so far, the day before, the opening range.

A session is named by an ordinal that comes as a series of its own; a bar whose ordinal is missing belongs
to no session, changes nothing and has no value. A price or volume that is missing makes whatever is
folded over it not ready for the rest of its session. Sums run over one session only, so they don't drift.

Pure: which bars make a session, and when it opened, is the caller's knowledge.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from sos.bars import F64
from sos.indicators.fold import ADD, MAX, Fold, Op
from sos.indicators.window import NAN, quiet, window

__all__ = ["Day", "OpeningRange", "PreviousDay", "SessionVwap"]

Span: TypeAlias = tuple[int, int, bool]
INF: Final = float("inf")


class _Sessions:
    """Tells where sessions begin. The base of everything here."""

    def __init__(self) -> None:
        self._session = NAN

    def _is_new(self, session: float) -> bool:
        new = session != self._session
        self._session = session
        return new

    def _spans(self, session: F64) -> list[Span]:
        """Start, stop and "begins a session" of each stretch of one session; ``session`` is finite."""
        if not len(session):
            return []
        starts = [0, *(np.flatnonzero(session[1:] != session[:-1]) + 1).tolist()]
        first = self._is_new(float(session[0]))
        self._session = float(session[-1])
        return [(a, b, first or a > 0) for a, b in zip(starts, [*starts[1:], len(session)], strict=True)]


def _known(x: F64) -> F64:
    """``x`` with infinities as NaN and zeros without a sign."""
    return x + (x - x)


class SessionVwap(_Sessions):
    """Typical price weighted by volume since the session's first bar; not ready while that volume is 0."""

    def __init__(self) -> None:
        super().__init__()
        self._traded = Fold(ADD)
        self._volume = Fold(ADD)

    def push(self, high: float, low: float, close: float, volume: float, session: float) -> float:
        if session - session != 0.0:
            return NAN
        new = self._is_new(session)
        traded = (high + low + close) / 3.0 * volume
        amount = self._traded.push(traded + (traded - traded), new)
        total = self._volume.push(volume + (volume - volume), new)
        if total == 0.0:
            return NAN
        value = amount / total
        return value + 0.0 if value - value == 0.0 else NAN

    def push_block(self, high: F64, low: F64, close: F64, volume: F64, session: F64) -> F64:
        held = np.isfinite(session)
        if not held.all():
            out = np.full(len(session), NAN)
            out[held] = self.push_block(high[held], low[held], close[held], volume[held], session[held])
            return out
        with quiet():
            spans = self._spans(session)
            value = self._traded.push_block(_known((high + low + close) / 3.0 * volume), spans)
            value /= self._volume.push_block(_known(volume), spans)
            value += 0.0
            np.copyto(value, NAN, where=np.isinf(value))
        return value


class Day(_Sessions):
    """A fold over the session so far, the present bar included: its first, highest or lowest value."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self._fold = Fold(op)

    def push(self, x: float, session: float) -> float:
        if session - session != 0.0:
            return NAN
        return self._fold.push(x + (x - x), self._is_new(session))

    def push_block(self, x: F64, session: F64) -> F64:
        held = np.isfinite(session)
        if not held.all():
            out = np.full(len(session), NAN)
            out[held] = self.push_block(x[held], session[held])
            return out
        with quiet():
            return self._fold.push_block(_known(x), self._spans(session))


class PreviousDay(_Sessions):
    """A fold over the whole session before this one: its last, highest or lowest value. Not ready in
    the first session of the data."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self._fold = Fold(op)
        self._value = NAN

    def push(self, x: float, session: float) -> float:
        if session - session != 0.0:
            return NAN
        new = self._is_new(session)
        if new:
            self._value = self._fold.value
        self._fold.push(x + (x - x), new)
        return self._value

    def push_block(self, x: F64, session: F64) -> F64:
        out = np.full(len(session), NAN)
        held = np.isfinite(session)
        if not held.all():
            out[held] = self.push_block(x[held], session[held])
            return out
        with quiet():
            spans = self._spans(session)
            before = self._fold.value
            folded = self._fold.push_block(_known(x), spans)
        for start, stop, new in spans:
            if new:
                self._value = before if start == 0 else float(folded[start - 1])
            out[start:stop] = self._value
        return out


class OpeningRange(_Sessions):
    """Highest or lowest value of the bars that opened less than ``minutes`` after the session did; ready
    from the bar that ends at or after that time, never where the session has no such bar."""

    def __init__(self, op: Op, minutes: float) -> None:
        super().__init__()
        self._fold = Fold(op)
        self._minutes = window(minutes)
        self._outside = -INF if op is MAX else INF

    def push(self, x: float, session: float, since_open: float, since_open_end: float) -> float:
        if session - session != 0.0:
            return NAN
        inside = x + (x - x) if since_open < self._minutes else self._outside
        value = self._fold.push(inside, self._is_new(session))
        return value if since_open_end >= self._minutes and value - value == 0.0 else NAN

    def push_block(self, x: F64, session: F64, since_open: F64, since_open_end: F64) -> F64:
        held = np.isfinite(session)
        if not held.all():
            out = np.full(len(session), NAN)
            out[held] = self.push_block(x[held], session[held], since_open[held], since_open_end[held])
            return out
        with quiet():
            inside = np.where(since_open < self._minutes, _known(x), self._outside)
            value = self._fold.push_block(inside, self._spans(session))
            np.copyto(value, NAN, where=~((since_open_end >= self._minutes) & np.isfinite(value)))
        return value
