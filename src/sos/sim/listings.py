"""Instruments as the broker lists them: rows of the master file, of the contract reads, names in quotes.

Pure values. Tokens of modelled contracts are arithmetic (see `token_of`), so a contract has the same key in
every run and on every machine.
Source: the broker's instrument master and contract reads; the three spellings of a symbol.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sos.clock import ist_ns
from sos.types import NS_PER_DAY, InstrumentKey

__all__ = ["Contract", "Listing", "expired_key", "token_of"]

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKLY_MONTH: Final = "123456789OND"
_EPOCH: Final = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms of a derivative. ``strike`` in rupees, 0 for a future; ``first_day`` is when it was listed."""

    underlying: InstrumentKey
    symbol: str
    expiry: date
    strike: float
    weekly: bool
    first_day: date


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument. ``kind``: INDEX, EQ, FUT, CE or PE. ``lot`` in units, ``tick`` in paise."""

    key: InstrumentKey
    kind: str
    symbol: str
    name: str
    token: str
    lot: int
    tick: float
    freeze: float
    contract: Contract | None = None

    @property
    def segment(self) -> str:
        return self.key.segment

    @property
    def is_option(self) -> bool:
        return self.kind in ("CE", "PE")

    @property
    def trading_symbol(self) -> str:
        """As the master writes it: ``NIFTY 26000 CE 13 JAN 26``."""
        terms = self.contract
        if terms is None:
            return self.symbol
        when = f"{terms.expiry.day:02d} {_MONTHS[terms.expiry.month - 1]} {terms.expiry.year % 100:02d}"
        middle = "FUT" if self.kind == "FUT" else f"{terms.strike:g} {self.kind}"
        return f"{terms.symbol} {middle} {when}"

    @property
    def quote_key(self) -> str:
        """As quotes are keyed: ``NSE_FO:NIFTY2611326000CE``, ``NSE_INDEX:Nifty 50``, ``NSE_EQ:SBIN``."""
        terms = self.contract
        if terms is None:
            return f"{self.segment}:{self.name if self.kind == 'INDEX' else self.symbol}"
        year, month = f"{terms.expiry.year % 100:02d}", _MONTHS[terms.expiry.month - 1]
        if self.kind == "FUT":
            return f"{self.segment}:{terms.symbol}{year}{month}FUT"
        if terms.weekly:
            month = f"{_WEEKLY_MONTH[terms.expiry.month - 1]}{terms.expiry.day:02d}"
        return f"{self.segment}:{terms.symbol}{year}{month}{terms.strike:g}{self.kind}"

    def master_row(self) -> dict[str, Any]:
        """A row of the instrument file: expiry in epoch ms at 23:59:59 IST, tick in paise."""
        base: dict[str, Any] = {
            "segment": self.segment,
            "name": self.name,
            "exchange": self.key.exchange,
            "instrument_type": self.kind,
            "instrument_key": self.key,
            "exchange_token": self.token,
            "trading_symbol": self.trading_symbol,
        }
        if self.kind == "INDEX":
            return base
        base |= {
            "lot_size": self.lot,
            "freeze_quantity": self.freeze,
            "tick_size": self.tick,
            "qty_multiplier": 1.0,
        }
        terms = self.contract
        if terms is None:
            isin = self.key.partition("|")[2]
            return base | {"isin": isin, "short_name": self.symbol, "security_type": "NORMAL"}
        return base | {
            "weekly": terms.weekly,
            "expiry": _end_of_day_ms(terms.expiry),
            "minimum_lot": self.lot,
            "strike_price": terms.strike,
            **_of(terms, "underlying"),
            **_of(terms, "asset"),
        }

    def contract_row(self, *, expired: bool = False) -> dict[str, Any]:
        """A row of the contract reads: expiry as a date; the expired key where the contract is over.

        Raises:
            ValueError: this is no derivative.
        """
        terms = self.contract
        if terms is None:
            raise ValueError(f"{self.key} is no contract")
        row = {
            "name": self.name,
            "segment": self.segment,
            "exchange": self.key.exchange,
            "expiry": terms.expiry.isoformat(),
            "instrument_key": expired_key(self) if expired else self.key,
            "exchange_token": self.token,
            "trading_symbol": self.trading_symbol,
            "tick_size": self.tick,
            "lot_size": self.lot,
            "instrument_type": self.kind,
            "freeze_quantity": self.freeze,
            **_of(terms, "underlying"),
            "minimum_lot": self.lot,
        }
        if self.is_option:
            row |= {"weekly": terms.weekly, "strike_price": terms.strike}
        return row


def expired_key(listing: Listing) -> str:
    """``SEGMENT|token|DD-MM-YYYY`` of a contract."""
    assert listing.contract is not None
    return f"{listing.key}|{listing.contract.expiry:%d-%m-%Y}"


def token_of(place: int, expiry: date, strike_index: int, kind: str) -> str:
    """A numeric token: underlying's place, days since 2000 and strike number, unlike for every contract."""
    number = (place * 20_000 + (expiry - _EPOCH).days) * 5_000 + strike_index
    return str(number * 3 + ("FUT", "CE", "PE").index(kind))


def _of(terms: Contract, prefix: str) -> dict[str, str]:
    kind = "INDEX" if terms.underlying.is_index else "EQUITY"
    return {
        f"{prefix}_key": terms.underlying,
        f"{prefix}_type": kind,
        f"{prefix}_symbol": terms.symbol,
    }


def _end_of_day_ms(day: date) -> int:
    return (ist_ns(day) + NS_PER_DAY) // 1_000_000 - 1000
