"""Words of the field as types: instruments, sides, regimes, reasons, intervals.

Imports nothing of SOS above `errors`. Texts become these types at the edge; an unknown text is an
error there, with a suggestion.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = [
    "NS_PER_DAY",
    "NS_PER_MINUTE",
    "NS_PER_SECOND",
    "ExitReason",
    "InstrumentKey",
    "InstrumentKind",
    "Refusal",
    "Regime",
    "Right",
    "Side",
]

NS_PER_SECOND: Final = 1_000_000_000
NS_PER_MINUTE: Final = 60 * NS_PER_SECOND
NS_PER_DAY: Final = 86_400 * NS_PER_SECOND


class InstrumentKind(StrEnum):
    INDEX = "INDEX"
    EQUITY = "EQUITY"
    FUTURE = "FUTURE"
    OPTION = "OPTION"
    DERIVATIVE = "DERIVATIVE"  # a broker token whose contract is not known here


class InstrumentKey(str):
    """The broker's instrument key, e.g. ``NSE_INDEX|Nifty 50``; a ``str`` that knows its parts."""

    __slots__ = ()

    @property
    def segment(self) -> str:
        """``NSE_INDEX``, ``NSE_EQ``, ``NSE_FO``, ``BSE_INDEX``, ..."""
        return self.partition("|")[0]

    @property
    def exchange(self) -> str:
        """``NSE`` or ``BSE``."""
        return self.segment.partition("_")[0]

    @property
    def kind(self) -> InstrumentKind:
        segment = self.segment
        if segment.endswith("_INDEX"):
            return InstrumentKind.INDEX
        if segment.endswith("_EQ"):
            return InstrumentKind.EQUITY
        return InstrumentKind.DERIVATIVE

    @property
    def is_index(self) -> bool:
        return self.segment.endswith("_INDEX")


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class Right(StrEnum):
    CALL = "CALL"
    PUT = "PUT"


class Regime(StrEnum):
    """Market regimes, most bullish first. The order is the code used in columns (0..7)."""

    COMPLETE_BULLISH = "COMPLETE_BULLISH"
    BULLISH = "BULLISH"
    SIDEWAYS_BULLISH = "SIDEWAYS_BULLISH"
    SIDEWAYS = "SIDEWAYS"
    SIDEWAYS_BEARISH = "SIDEWAYS_BEARISH"
    BEARISH = "BEARISH"
    COMPLETE_BEARISH = "COMPLETE_BEARISH"
    UNKNOWN = "UNKNOWN"


REGIMES: Final = tuple(Regime)


class ExitReason(StrEnum):
    TARGET = "TARGET"
    STOP = "STOP"
    BREAKEVEN = "BREAKEVEN"
    TRAIL = "TRAIL"
    TIME = "TIME"
    SQUARE_OFF = "SQUARE_OFF"
    END_OF_DATA = "END_OF_DATA"


class Refusal(StrEnum):
    """Why a signal did not become a position."""

    BUSY = "BUSY"  # this pattern already holds or waits on this underlying
    NOT_READY = "NOT_READY"  # entry, stop or target had no value
    BAD_LEVELS = "BAD_LEVELS"  # stop not on the losing side, or target not on the winning side
    LAST_ENTRY = "LAST_ENTRY"  # signal at or after the last-entry time, or pending entry withdrawn then
    GAPPED = "GAPPED"  # the bar to enter at opened at or beyond the stop or the target
    EXPIRED = "EXPIRED"  # a stop or limit entry was not reached within entry_valid_bars
    SESSION_END = "SESSION_END"  # the session (or the data) ended before a pending entry filled
    ZERO_SIZE = "ZERO_SIZE"  # sizing floored to nothing
    CAPITAL = "CAPITAL"  # would use more than the capital
    MAX_POSITIONS = "MAX_POSITIONS"
    MAX_TRADES = "MAX_TRADES"
    DAY_LOSS = "DAY_LOSS"
    CONSECUTIVE_LOSSES = "CONSECUTIVE_LOSSES"
    PRICE_SANITY = "PRICE_SANITY"  # entry level too far from the last price
