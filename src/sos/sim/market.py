"""What the simulated broker knows at a moment: instruments, contracts, bars, quotes.

Pure: every question carries ``now`` and nothing later is ever answered. Spot series and the near future come
from a `Shelf`; option contracts are modelled on the spot series (`model`). Lots, ticks and expiries are the
packaged, dated ones. Strikes are laid out around the level at which the expiry was listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Protocol

import numpy as np

from sos.bars import F64
from sos.calendar import Calendar
from sos.clock import ist_date, ist_ns
from sos.contracts import Contracts
from sos.errors import ConfigError
from sos.sim.listings import Contract, Listing, token_of
from sos.sim.model import OptionTerms, Quotes, option_bars, quote_options
from sos.sim.tape import Bars, Tape
from sos.types import NS_PER_DAY, InstrumentKey

__all__ = ["Chain", "Market", "Point", "Shelf"]

_LISTED_DAYS: Final = 40  # before its expiry an option contract appears
_MONTHLY_DAYS: Final = 95
_EXPIRED_DAYS: Final = 183
_STRIKES: Final = 60  # on each side of the level
_MOST_CLOSES: Final = 4096


class Shelf(Protocol):
    """Where the series come from."""

    def listings(self) -> tuple[Listing, ...]:
        """Indices, shares and single contracts that have a series."""
        ...

    def tape(self, key: InstrumentKey) -> Tape | None: ...

    def future(self, underlying: InstrumentKey) -> Tape | None:
        """The series of the near future of an underlying."""
        ...

    def span(self) -> tuple[int, int]:
        """First open and last end of the data, ns UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """The last price of an instrument: rupees, when it was made (ns UTC), the bars of that date."""

    price: float
    at_ns: int
    day: Bars


@dataclass(frozen=True, slots=True)
class Chain:
    """One expiry of one underlying: strikes ascending; calls, puts and their state at the close before."""

    terms: OptionTerms
    spot: float
    strikes: list[float]
    now: Quotes
    before: Quotes | None

    def half(self, values: F64, *, calls: bool) -> list[float]:
        """The call or the put half of a column, by strike."""
        n = len(self.strikes)
        side: list[float] = (values[:n] if calls else values[n:]).tolist()
        return side


class Market:
    """Questions about instruments at a time."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._contracts = Contracts.packaged()
        self._spot: Mapping[str, Listing] = {one.key: one for one in shelf.listings()}
        self._terms = lru_cache(maxsize=512)(self._make_terms)
        self._chains: dict[tuple[str, date, int], Chain] = {}
        self._closes: dict[tuple[str, date], Point | None] = {}
        self._index: dict[tuple[str, date], Mapping[str, tuple[Listing]]] = {}

    @property
    def shelf(self) -> Shelf:
        return self._shelf

    def spots(self) -> tuple[Listing, ...]:
        """Indices and shares, and contracts that have a series of their own."""
        return tuple(self._spot.values())

    def find(self, key: str, now: int, *, expired: bool = False) -> Listing | None:
        """The instrument of a key, among those that exist at ``now`` (or, asked so, are over by then)."""
        spot = self._spot.get(key)
        if spot is not None:
            return None if expired else spot
        segment = key.partition("|")[0]
        if not segment.endswith("_FO"):
            return None
        for underlying in self.underlyings():
            if underlying.key.exchange != segment.partition("_")[0]:
                continue
            found = self._find_contract(underlying, key, now, expired)
            if found is not None:
                return found
        return None

    def underlyings(self) -> tuple[Listing, ...]:
        """Spot instruments that have contracts."""
        return tuple(one for one in self._spot.values() if self._contracts.underlying_of(one.key) is not None)

    def expiries(self, underlying: Listing, now: int, *, expired: bool = False) -> list[date]:
        """Expiry dates of option contracts, ascending."""
        name = self._contracts.underlying_of(underlying.key)
        if name is None:
            return []
        today = ist_date(now)
        if expired:
            start, end = today - timedelta(days=_EXPIRED_DAYS), today - timedelta(days=1)
        else:
            start, end = today, today + timedelta(days=_MONTHLY_DAYS)
        days = self._contracts.expiries(name, "all", start, end)
        return [day for day in days if self._listed(underlying, name, day, now)]

    def options(self, underlying: Listing, expiry: date, now: int) -> list[Listing]:
        """The option contracts of one expiry, by strike, call before put; empty if it is none."""
        terms = self.terms(underlying, expiry, now)
        if terms is None:
            return []
        n = len(terms.strikes) // 2
        return [self._option(underlying, terms, i) for k in range(n) for i in (k, n + k)]

    def futures(self, underlying: Listing, now: int, *, expired: bool = False) -> list[Listing]:
        """The near future, or the near futures of the past half year that are over."""
        name = self._contracts.underlying_of(underlying.key)
        tape = self._shelf.future(underlying.key)
        if name is None or tape is None or now < tape.first_ns:
            return []
        today = ist_date(now)
        if not expired:
            return [self._future(underlying, name, self._contracts.near_future(name, today)[0])]
        first = max(ist_date(tape.first_ns), today - timedelta(days=_EXPIRED_DAYS))
        days = self._contracts.expiries(name, "monthly", first, today - timedelta(days=1))
        return [self._future(underlying, name, day) for day in days]

    def terms(self, underlying: Listing, expiry: date, now: int) -> OptionTerms | None:
        """The contracts of one expiry as columns, calls first; None if it is no expiry that exists by now."""
        name = self._contracts.underlying_of(underlying.key)
        if name is None or expiry not in self._contracts.expiries(name, "all", expiry, expiry):
            return None
        return self._terms(underlying, name, expiry) if self._listed(underlying, name, expiry, now) else None

    def chain(self, underlying: Listing, expiry: date, now: int) -> Chain | None:
        """The whole chain of an expiry; None if that is no expiry or nothing was traded yet."""
        key = (underlying.key, expiry, now)
        if key not in self._chains:
            made = self._make_chain(underlying, expiry, now)
            if made is None:
                return None
            if len(self._chains) > 64:
                self._chains.clear()
            self._chains[key] = made
        return self._chains[key]

    def bars(self, listing: Listing, now: int, first_ns: int, until_ns: int) -> Bars:
        """Minutes of an instrument that open in [first_ns, until_ns), as far as known at ``now``."""
        terms = listing.contract
        if listing.key in self._spot:
            tape = self._shelf.tape(listing.key)
        elif terms is not None and listing.kind == "FUT":
            tape = self._shelf.future(terms.underlying)
            first_ns, until_ns = _life(terms, first_ns, until_ns)
        else:
            return self._option_bars(listing, now, first_ns, until_ns)
        return _NONE if tape is None else tape.bars(now, first_ns, until_ns)

    def days(self, listing: Listing, now: int) -> list[date]:
        """Dates on which the instrument (or what it hangs on) has bars by ``now``."""
        tape = self._home_tape(listing)
        days = [] if tape is None else tape.days(now)
        terms = listing.contract
        return days if terms is None else [day for day in days if terms.first_day <= day <= terms.expiry]

    def point(self, listing: Listing, now: int) -> Point | None:
        """The last price by ``now`` and the bars of its date; None before the first."""
        days = self.days(listing, now)
        if not days:
            return None
        bars = self.bars(listing, now, ist_ns(days[-1]), ist_ns(days[-1]) + NS_PER_DAY)
        return Point(float(bars.close[-1]), int(bars.end[-1]), bars) if len(bars) else None

    def before(self, listing: Listing, now: int) -> Point | None:
        """The close of the trading day before the last one known."""
        days = self.days(listing, now)
        if len(days) < 2:
            return None
        key = (listing.key, days[-1])
        if key not in self._closes:  # a day that is over does not change
            if len(self._closes) > _MOST_CLOSES:
                self._closes.clear()
            self._closes[key] = self.point(listing, ist_ns(days[-1]))
        return self._closes[key]

    def _home_tape(self, listing: Listing) -> Tape | None:
        if listing.key in self._spot:
            return self._shelf.tape(listing.key)
        assert listing.contract is not None
        under = listing.contract.underlying
        return self._shelf.future(under) if listing.kind == "FUT" else self._shelf.tape(under)

    def _option_bars(self, listing: Listing, now: int, first_ns: int, until_ns: int) -> Bars:
        contract = listing.contract
        assert contract is not None
        underlying = self._spot[contract.underlying]
        whole = self._terms(underlying, contract.symbol, contract.expiry)
        tape = self._shelf.tape(contract.underlying)
        if whole is None or tape is None:
            return _NONE
        one = replace(
            whole, strikes=np.array([contract.strike]), is_call=np.array([listing.kind == "CE"], np.bool_)
        )
        first_ns, until_ns = _life(contract, first_ns, until_ns)
        return option_bars(one, tape.bars(now, first_ns, until_ns))

    def _make_chain(self, underlying: Listing, expiry: date, now: int) -> Chain | None:
        terms, at = self.terms(underlying, expiry, now), self.point(underlying, now)
        if terms is None or at is None:
            return None
        last = self.before(underlying, now)
        before = None
        if last is not None and last.at_ns > ist_ns(terms.first_day):
            before = quote_options(terms, last.price, last.at_ns, last.day)
        strikes = terms.strikes[: len(terms.strikes) // 2].tolist()
        return Chain(terms, at.price, strikes, quote_options(terms, at.price, at.at_ns, at.day), before)

    def _listed(self, underlying: Listing, name: str, expiry: date, now: int) -> bool:
        """Whether the contracts of ``expiry`` had appeared by ``now``: never before the data begins."""
        tape = self._shelf.tape(underlying.key)
        if tape is None or expiry < ist_date(tape.first_ns):
            return False
        return self._first_ns(tape, name, expiry) <= now

    def _first_ns(self, tape: Tape, name: str, expiry: date) -> int:
        days = _MONTHLY_DAYS if self._contracts.is_monthly(name, expiry) else _LISTED_DAYS
        listed = Calendar.packaged().trading_day_on_or_before(expiry - timedelta(days=days))
        return max(tape.first_ns, ist_ns(listed, 9 * 60 + 15))

    def _make_terms(self, underlying: Listing, name: str, expiry: date) -> OptionTerms | None:
        tape = self._shelf.tape(underlying.key)
        if tape is None:
            return None
        first_ns = self._first_ns(tape, name, expiry)
        bars = tape.bars(first_ns, tape.first_ns, first_ns + 1)
        level = float(bars.close[-1]) if len(bars) else tape.first_open
        step = float(self._contracts.strike_step(name))
        middle = np.floor(level / step + 0.5) * step
        strikes = middle + np.arange(-_STRIKES, _STRIKES + 1) * step
        strikes = strikes[strikes > 0]
        return OptionTerms(
            symbol=name,
            expiry=expiry,
            first_day=ist_date(first_ns),
            level=level,
            step=step,
            lot=self._contracts.lot(name, expiry),
            strikes=np.concatenate([strikes, strikes]),
            is_call=np.arange(2 * len(strikes)) < len(strikes),
        )

    def _option(self, underlying: Listing, terms: OptionTerms, i: int) -> Listing:
        strike, kind = float(terms.strikes[i]), "CE" if terms.is_call[i] else "PE"
        weekly = not self._contracts.is_monthly(terms.symbol, terms.expiry)
        contract = Contract(underlying.key, terms.symbol, terms.expiry, strike, weekly, terms.first_day)
        index = round(strike / terms.step)
        return self._contract_listing(contract, kind, index, terms.lot, Contracts.index_tick_paise)

    def _future(self, underlying: Listing, name: str, expiry: date) -> Listing:
        month = self._contracts.expiries(name, "monthly", expiry - timedelta(days=45), expiry)
        first_day = month[-2] + timedelta(days=1) if len(month) > 1 else expiry - timedelta(days=31)
        contract = Contract(underlying.key, name, expiry, 0.0, False, first_day)
        tape = self._shelf.tape(underlying.key)
        tick = self._contracts.index_future_tick_paise(expiry, tape.first_open if tape else 0.0)
        return self._contract_listing(contract, "FUT", 0, self._contracts.lot(name, expiry, "monthly"), tick)

    def _contract_listing(self, terms: Contract, kind: str, index: int, lot: int, tick: int) -> Listing:
        place = self._contracts.underlyings.index(terms.symbol)
        token = token_of(place, terms.expiry, index, kind)
        try:
            freeze = self._contracts.freeze(terms.symbol, terms.expiry) // lot * lot
        except ConfigError:  # no circular names this index: as for shares
            freeze = 100_000
        key = InstrumentKey(f"{terms.underlying.exchange}_FO|{token}")
        return Listing(key, kind, terms.symbol, terms.symbol, token, lot, float(tick), float(freeze), terms)

    def _find_contract(self, underlying: Listing, key: str, now: int, expired: bool) -> Listing | None:
        futures = self.futures(underlying, now, expired=expired)
        for expiry in self.expiries(underlying, now, expired=expired):
            futures.extend(self._by_key(underlying, expiry, now).get(key, ()))
        return next((one for one in futures if one.key == key), None)

    def _by_key(self, underlying: Listing, expiry: date, now: int) -> Mapping[str, tuple[Listing]]:
        place = (underlying.key, expiry)
        if place not in self._index:
            self._index[place] = {one.key: (one,) for one in self.options(underlying, expiry, now)}
        return self._index[place]


def _life(terms: Contract, first_ns: int, until_ns: int) -> tuple[int, int]:
    """The part of [first_ns, until_ns) in which the contract existed."""
    return max(first_ns, ist_ns(terms.first_day)), min(until_ns, ist_ns(terms.expiry) + NS_PER_DAY)


_EMPTY_I: Final = np.zeros(0, np.int64)
_EMPTY_F: Final = np.zeros(0, np.float64)
_NONE: Final = Bars(
    *(_EMPTY_I, _EMPTY_I), *(_EMPTY_F, _EMPTY_F, _EMPTY_F, _EMPTY_F, _EMPTY_F, _EMPTY_F), _EMPTY_I
)
