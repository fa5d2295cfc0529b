"""Dated facts of what is traded, looked up once per session and then read as plain numbers.

`InstrumentSpec` is what the composer hands in (callables over dated tables); `SessionFacts` is one
session of one instrument, ready for the hot path; `Instrument` is the running state of one instrument:
which session it is in and the last bar it saw. No calendar and no tables are read here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Protocol

from sos.bars import I64
from sos.clock import ist_date, ist_day, ist_ns
from sos.errors import InvariantBroken
from sos.types import NS_PER_MINUTE, InstrumentKey, Side

if TYPE_CHECKING:
    from sos.trading.charges import Charges

__all__ = ["FillCharges", "Instrument", "InstrumentSpec", "SessionFacts", "Sessions", "paise"]

SQUARE_OFF_BEFORE_CLOSE: Final = 15 * NS_PER_MINUTE
LAST_ENTRY_BEFORE_CLOSE: Final = 30 * NS_PER_MINUTE


def paise(rupees: float) -> int:
    """The nearest whole paisa, half up."""
    return int(rupees * 100.0 + 0.5)


class FillCharges(Protocol):
    """What one fill costs on one day (`sos.trading.charges.ChargeSchedule`)."""

    def fill(self, side: Side, price_paise: int, qty: int, /) -> Charges: ...


class Sessions(Protocol):
    """Trading sessions of one instrument in time order (`sos.sessions.SessionTable`)."""

    @property
    def opens(self) -> I64: ...
    @property
    def closes(self) -> I64: ...
    def index(self, ts_ns: int, /) -> int: ...
    def index_block(self, ts: I64, /) -> I64: ...


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """Facts of one traded instrument.

    ``tick_paise(day, price in rupees)``, ``lot(day)`` in units, ``charge_schedule(day)``. ``margined``:
    a future's profit is booked against margin; otherwise the full value changes hands.
    """

    key: InstrumentKey
    symbol: str
    exchange: str
    margined: bool
    tick_paise: Callable[[date, float], int]
    lot: Callable[[date], int]
    charge_schedule: Callable[[date], FillCharges]


class SessionFacts:
    """One session of one instrument. Ticks are remembered per price because every pattern asks again."""

    __slots__ = ("_spec", "_ticks", "close", "day", "day_no", "lot", "midnight", "schedule")

    def __init__(self, spec: InstrumentSpec, open_ns: int, close_ns: int) -> None:
        self.day = ist_date(open_ns)
        self.midnight = ist_ns(self.day)
        self.day_no = ist_day(open_ns)
        self.close = close_ns
        self.lot = spec.lot(self.day)
        self.schedule = spec.charge_schedule(self.day)
        self._spec = spec
        self._ticks: dict[float, int] = {}

    def tick(self, price: float) -> int:
        """Tick in paise at a price in rupees."""
        tick = self._ticks.get(price)
        if tick is None:
            tick = self._ticks[price] = self._spec.tick_paise(self.day, price)
        return tick

    def square_off_ns(self, minute: int) -> int:
        """The configured minute of the day, or 15 minutes before the close where that is earlier."""
        return min(self.midnight + minute * NS_PER_MINUTE, self.close - SQUARE_OFF_BEFORE_CLOSE)

    def last_entry_ns(self, minute: int) -> int:
        """The configured minute of the day, or 30 minutes before the close where that is earlier."""
        return min(self.midnight + minute * NS_PER_MINUTE, self.close - LAST_ENTRY_BEFORE_CLOSE)


class Instrument:
    """Running state of one traded instrument.

    ``session``: ordinal in the session table, -1 before the first bar; ``facts`` are that session's.
    ``last_*``: the last bar handled (ns, ns, paise).
    """

    __slots__ = ("_known", "facts", "last_close", "last_end", "last_ts", "session", "sessions", "spec")

    def __init__(self, spec: InstrumentSpec, sessions: Sessions) -> None:
        self.spec = spec
        self.sessions = sessions
        self.session = -1
        self.facts: SessionFacts | None = None
        self._known: dict[int, SessionFacts] = {}
        self.last_ts = 0
        self.last_end = 0
        self.last_close = 0

    def enter(self, session: int) -> None:
        """Stand in a session, by its ordinal; going back is allowed.

        Raises:
            InvariantBroken: no such session; bars outside sessions are dropped before they get here.
        """
        if session == self.session:
            return
        facts = self._known.get(session)
        if facts is None:
            if session < 0:
                raise InvariantBroken(f"{self.spec.symbol}: a bar outside every session reached the desk")
            table = self.sessions
            facts = SessionFacts(self.spec, int(table.opens[session]), int(table.closes[session]))
            self._known[session] = facts
        self.session = session
        self.facts = facts

    def saw(self, ts: int, end: int, close: int) -> None:
        """Remember the last bar, and forget the facts of sessions before it."""
        self.last_ts = ts
        self.last_end = end
        self.last_close = close
        if len(self._known) > 1:
            self._known = {self.session: self._known[self.session]}
