"""The values a bar offers to expressions, as one row of floats or as columns.

`FIELDS` fixes the order of a row: prices, volume and open interest, then where the bar stands in its
session; ``hole`` is the number of minutes without a bar before it (0 at a session's first). Missing is NaN.
Rows and columns come from the same integers by the same divisions.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final, TypeAlias

import numpy as np

from sos.bars import F64, I64
from sos.clock import IST_OFFSET_NS, ist_date
from sos.sessions import SessionTable
from sos.types import NS_PER_DAY, NS_PER_MINUTE

__all__ = ["FIELDS", "REGIME", "Columns", "SessionInputs"]

FIELDS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "oi",
    "session",
    "minute",
    "since_open",
    "since_open_end",
    "to_close",
    "days_to_expiry",
    "hole",
    "regime",
)
REGIME: Final = FIELDS.index("regime")
Columns: TypeAlias = dict[str, F64]
_NAN: Final = float("nan")


class SessionInputs:
    """Where a bar stands in its session, by event or by block.

    ``days_to_expiry`` gives calendar days for an IST date, or None where there are no options.
    """

    def __init__(self, sessions: SessionTable, days_to_expiry: Callable[[date], float | None]) -> None:
        self.sessions = sessions
        self._opens: list[int] = sessions.opens.tolist()
        self._closes: list[int] = sessions.closes.tolist()
        self._days_to_expiry = days_to_expiry
        self._expiry: dict[int, float] = {}
        self._last_session = -1
        self._last_end = 0

    def row(self, ts: int, end: int) -> tuple[float, float, float, float, float, float, float]:
        """session, minute, since_open, since_open_end, to_close, days_to_expiry, hole of the next bar."""
        session = self.sessions.index(ts)
        hole = (ts - self._last_end) / NS_PER_MINUTE if session == self._last_session else 0.0
        self._last_session, self._last_end = session, end
        opened, closes = self._opens[session], self._closes[session]
        return (
            float(session),
            (ts + IST_OFFSET_NS) % NS_PER_DAY // NS_PER_MINUTE + 0.0,
            (ts - opened) / NS_PER_MINUTE,
            (end - opened) / NS_PER_MINUTE,
            (closes - ts) / NS_PER_MINUTE,
            self._expiry_of(session),
            hole,
        )

    def _expiry_of(self, session: int) -> float:
        known = self._expiry.get(session)
        if known is None:
            days = self._days_to_expiry(ist_date(self._opens[session]))
            known = self._expiry[session] = _NAN if days is None else float(days)
        return known

    def columns(self, ts: I64, end: I64) -> Columns:
        """The same for the next block, without days_to_expiry."""
        session = self.sessions.index_block(ts)
        before = np.concatenate([[self._last_session], session])[:-1]
        ended = np.concatenate([[self._last_end], end])[:-1]
        if len(ts):
            self._last_session, self._last_end = int(session[-1]), int(end[-1])
        opened, closes = self.sessions.opens[session], self.sessions.closes[session]
        return {
            "session": session.astype(np.float64),
            "minute": ((ts + IST_OFFSET_NS) % NS_PER_DAY // NS_PER_MINUTE).astype(np.float64),
            "since_open": (ts - opened) / NS_PER_MINUTE,
            "since_open_end": (end - opened) / NS_PER_MINUTE,
            "to_close": (closes - ts) / NS_PER_MINUTE,
            "hole": np.where(session == before, (ts - ended) / NS_PER_MINUTE, 0.0),
        }

    def expiry_column(self, session: F64) -> F64:
        """days_to_expiry by row, from the column of session ordinals."""
        starts = np.flatnonzero(np.diff(session, prepend=np.nan))
        days = [self._expiry_of(int(ordinal)) for ordinal in session[starts].tolist()]
        return np.repeat(days, np.diff(starts, append=len(session)))
