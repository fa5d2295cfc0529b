"""Names of single contracts: what files and people call them, and the key under which they are kept.

Pure apart from the packaged tables. The broker's tokens are recycled, so history is kept under a name that
says what the contract is, in the broker's own words: ``NSE_FO|NIFTY 18000 PE 24 NOV 22``, ``NSE_FO|NIFTY FUT
24 NOV 22``. Read are that form (with or without the segment) and the compact ones ``NIFTY22112418000PE``
(YYMMDD), ``NIFTY22NOV18000PE`` (a month), ``NIFTY22N2418000PE`` (the exchange's weekly code). Where the
expiry rules cover the date, a name is read only as a contract that they know; nothing is guessed between two
of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from sos.contracts import Contracts
from sos.errors import DataError
from sos.types import InstrumentKey

__all__ = ["ContractName", "check_exists", "parse_contract", "parse_key"]

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKLY_MONTH: Final = "123456789OND"
_SPOKEN: Final = re.compile(
    r"(?P<name>.+?) (?:(?P<strike>\d+(?:\.\d+)?) (?P<right>CE|PE)|FUT)"
    r" (?P<day>\d{1,2}) (?P<month>[A-Z]{3}) (?P<year>\d\d)"
)
_COMPACT: Final = re.compile(r"(?P<name>[A-Z&-]+(?:50)?)(?P<year>\d\d)(?P<rest>.+?)(?P<right>CE|PE|FUT)")
_STRIKE: Final = r"(\d{1,6}(?:\.\d{1,2})?)"


@dataclass(frozen=True, order=True, slots=True)
class ContractName:
    """What a contract is. ``right`` is CE or PE; strike and right are None for a future."""

    underlying: str
    expiry: date
    strike: float | None = None
    right: str | None = None

    @property
    def symbol(self) -> str:
        """``NIFTY 18000 PE 24 NOV 22``, the broker's trading symbol."""
        what = "FUT" if self.right is None else f"{self.strike:g} {self.right}"
        day = self.expiry
        return f"{self.underlying} {what} {day.day:02d} {_MONTHS[day.month - 1]} {day.year % 100:02d}"

    @property
    def key(self) -> InstrumentKey:
        """The key under which its history is kept."""
        contracts = Contracts.packaged()
        known = self.underlying in contracts.underlyings
        exchange = contracts.exchange(self.underlying) if known else "NSE"
        return InstrumentKey(f"{exchange}_FO|{self.symbol}")


@lru_cache(maxsize=4096)
def parse_key(key: str) -> ContractName | None:
    """The contract that a stored key names; None for any other key."""
    segment, _, rest = key.partition("|")
    return _spoken(rest) if segment.endswith("_FO") else None


@lru_cache(maxsize=4096)
def parse_contract(text: str) -> ContractName | None:
    """The contract that ``text`` names in one of the forms above; None if it is none of them.

    Raises:
        DataError: it can be read as two contracts.
    """
    name = " ".join(text.upper().split())
    spoken = parse_key(name) or _spoken(name)
    if spoken is not None:
        return spoken
    match = _COMPACT.fullmatch(name.replace(" ", ""))
    if match is None:
        return None
    found = list(dict.fromkeys(_readings(match["name"], int(match["year"]), match["rest"], match["right"])))
    certain = [contract for contract in found if _is_listed(contract)]
    found = certain or found
    if len(found) > 1:
        names = " or ".join(contract.symbol for contract in found)
        raise DataError(f"{text} can be {names}: write it so, or list it in a contracts.csv")
    return found[0] if found else None


def check_exists(contract: ContractName) -> None:
    """Refuse an expiry that the packaged rules do not have.

    Raises:
        DataError: with the nearest expiry. Says nothing about underlyings and dates outside the tables.
    """
    if _is_listed(contract) is not False:
        return
    contracts, day, span = Contracts.packaged(), contract.expiry, timedelta(days=45)
    around = contracts.expiries(contract.underlying, "all", day - span, day + span)
    near = min(around, key=lambda other: abs(other - day), default=None)
    hint = "" if near is None else f", the nearest is {near}"
    raise DataError(f"{contract.symbol}: no {contract.underlying} contract expired on {day}{hint}")


def _is_listed(contract: ContractName) -> bool | None:
    """Whether the rules have that expiry; None where they do not speak."""
    contracts, day = Contracts.packaged(), contract.expiry
    if contract.underlying not in contracts.underlyings or not contracts.covered(day, contract.underlying):
        return None
    return bool(contracts.expiries(contract.underlying, "all", day, day))


def _spoken(text: str) -> ContractName | None:
    match = _SPOKEN.fullmatch(text)
    if match is None or match["month"] not in _MONTHS:
        return None
    expiry = _date(int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"]))
    if expiry is None:
        return None
    strike = None if match["strike"] is None else float(match["strike"])
    return ContractName(match["name"], expiry, strike, match["right"])


def _readings(name: str, year: int, rest: str, right: str) -> Iterator[ContractName]:
    """Every way to cut ``rest`` into a date and a strike."""
    strike_of = "()" if right == "FUT" else _STRIKE
    for pattern in (rf"(\d\d)(\d\d){strike_of}", rf"([1-9OND])(\d\d){strike_of}"):
        match = re.fullmatch(pattern, rest)
        if match is not None:
            month = int(match[1]) if len(match[1]) == 2 else _WEEKLY_MONTH.index(match[1]) + 1
            yield from _named(name, _date(year, month, int(match[2])), match[3], right)
    match = re.fullmatch(rf"([A-Z]{{3}}){strike_of}", rest)
    if match is not None and match[1] in _MONTHS:
        yield from _named(name, _monthly(name, year, _MONTHS.index(match[1]) + 1), match[2], right)


def _named(name: str, expiry: date | None, strike: str, right: str) -> Iterator[ContractName]:
    if expiry is not None:
        if right == "FUT":
            yield ContractName(name, expiry)
        else:
            yield ContractName(name, expiry, float(strike), right)


def _monthly(name: str, year: int, month: int) -> date | None:
    contracts, first = Contracts.packaged(), date(2000 + year, month, 1)
    if name not in contracts.underlyings:
        return None
    days = contracts.expiries(name, "monthly", first, first + timedelta(days=30))
    return next((day for day in days if day.month == month), None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(2000 + year, month, day)
    except ValueError:
        return None
