"""Contracts by underlying, expiry and strike: only those that exist.

Pure. A table is made from the master of a day, from the broker's records of expired contracts, or from the
names under which history is kept; all say the same things. Where the packaged rules and the master differ,
the master of the day wins and `differences` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from sos.contracts import Contracts
from sos.data.instruments.master import EXPIRY_MS, Master
from sos.data.instruments.names import ContractName, parse_key
from sos.errors import DataError

__all__ = ["Contract", "ContractTable", "Difference", "differences"]

_RIGHTS: Final = ("CE", "PE")
_MOST: Final = 1e15  # no price, strike or quantity comes near


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract. ``lot`` and ``freeze`` are units, ``tick`` paise; None where the source does not say.

    ``key`` is the broker's for the day of the table (tokens are recycled), or the name of a kept series.
    """

    key: str
    name: ContractName
    lot: int | None = None
    freeze: int | None = None
    tick: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact in which the packaged rules differ from the master; the master's holds."""

    name: ContractName
    what: str
    rule: str
    master: str


class ContractTable:
    """Contracts of any number of underlyings."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._by_name = {contract.name: contract for contract in contracts}
        self._strikes: dict[tuple[str, date], list[float]] = {}
        for name in self._by_name:
            if name.strike is not None:
                self._strikes.setdefault((name.underlying, name.expiry), []).append(name.strike)
        for key, strikes in self._strikes.items():
            self._strikes[key] = sorted(set(strikes))

    @staticmethod
    def from_master(master: Master, underlying: str | None = None) -> ContractTable:
        """Options and futures of the exchange's derivatives segment; of one underlying, or of all."""
        mask = np.isin(master.text("segment"), ["NSE_FO", "BSE_FO"]) & ~np.isnat(master.expiry)
        if underlying is not None:
            mask &= master.text("underlying") == underlying
        return ContractTable(_of_master(master, np.flatnonzero(mask).tolist()))

    @staticmethod
    def from_records(records: Iterable[Mapping[str, Any]]) -> ContractTable:
        """From the broker's answers about option and expired contracts (``expiry`` as YYYY-MM-DD or ms).

        Records without a key, an underlying or an expiry are left out.
        """
        found = (_of_record(record) for record in records)
        return ContractTable(contract for contract in found if contract is not None)

    @staticmethod
    def from_keys(keys: Iterable[str]) -> ContractTable:
        """From keys of kept series (`names.ContractName.key`); other keys are left out."""
        named = ((key, parse_key(key)) for key in keys)
        return ContractTable(Contract(key, name) for key, name in named if name is not None)

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._by_name.values())

    def underlyings(self) -> list[str]:
        """Symbols of the underlyings, ascending."""
        return sorted({name.underlying for name in self._by_name})

    def expiries(self, underlying: str, *, futures: bool = False) -> list[date]:
        """Expiries of its options (or futures), ascending."""
        return sorted(
            {n.expiry for n in self._by_name if n.underlying == underlying and (n.right is None) == futures}
        )

    def strikes(self, underlying: str, expiry: date) -> list[float]:
        """Strikes that exist, ascending; empty for an expiry that does not."""
        return list(self._strikes.get((underlying, expiry), ()))

    def option(self, underlying: str, expiry: date, strike: float, right: str) -> Contract:
        """That option.

        Raises:
            DataError: it does not exist; names the nearest strikes or expiries.
        """
        found = self._by_name.get(ContractName(underlying, expiry, float(strike), right))
        if found is not None:
            return found
        strikes = self.strikes(underlying, expiry)
        if not strikes:
            known = ", ".join(map(str, self.expiries(underlying)[:6])) or "none"
            raise DataError(f"{underlying} has no options that expire on {expiry}: known are {known}")
        near = sorted(strikes, key=lambda other: abs(other - strike))[:2]
        hint = " and ".join(f"{other:g}" for other in near)
        raise DataError(f"{underlying} {expiry} has no {strike:g} {right}: the nearest strikes are {hint}")

    def future(self, underlying: str, expiry: date) -> Contract | None:
        """The future that expires then, or None."""
        return self._by_name.get(ContractName(underlying, expiry))


def differences(
    table: ContractTable, rules: Contracts, day: date, levels: Mapping[str, float] | None = None
) -> list[Difference]:
    """Where ``rules`` differ from the master's ``table`` of ``day``: lots, freezes, ticks, expiries.

    Only underlyings that the rules know, and no expiries after the last published list of holidays.
    ``levels`` (rupees) adds the tick of the underlyings' futures.
    """
    found: list[Difference] = []
    for contract in table:
        name = contract.name
        if name.underlying in rules.underlyings:
            found += _compare(contract, rules, day, (levels or {}).get(name.underlying))
    return found


def _compare(contract: Contract, rules: Contracts, day: date, level: float | None) -> Iterator[Difference]:
    name = contract.name
    lot_rule = rules.lot(name.underlying, name.expiry)
    facts: list[tuple[str, object, object]] = [("lot", lot_rule, contract.lot)]
    freeze, lot = rules.freeze(name.underlying, day), contract.lot or 1
    facts.append(("freeze", freeze - freeze % lot, contract.freeze))  # the broker's is in whole lots
    if name.right is not None:
        facts.append(("tick", rules.index_tick_paise, contract.tick))
    elif level is not None:
        facts.append(("tick", rules.index_future_tick_paise(day, level), contract.tick))
    listed = rules.expiries(name.underlying, "all", name.expiry, name.expiry)
    if not listed and rules.covered(name.expiry):
        facts.append(("expiry", "not listed", name.expiry))
    for what, rule, said in facts:
        if said is not None and rule != said:
            yield Difference(name, what, str(rule), str(said))


def _of_master(master: Master, rows: list[int]) -> Iterator[Contract]:
    keys, owners, kinds = master.text("key"), master.text("underlying"), master.text("kind")
    strikes, lots, freezes, ticks = (master.number(name) for name in ("strike", "lot", "freeze", "tick"))
    days = master.expiry.astype(object)
    for row in rows:
        right = kinds[row] if kinds[row] in _RIGHTS else None
        strike = float(strikes[row]) if right is not None else None
        name = ContractName(owners[row], days[row], strike, right)
        yield Contract(keys[row], name, _whole(lots[row]), _whole(freezes[row]), _whole(ticks[row]))


def _of_record(record: Mapping[str, Any]) -> Contract | None:
    key, owner, kind = (record.get(n) for n in ("instrument_key", "underlying_symbol", "instrument_type"))
    expiry = _day(record.get("expiry"))
    if not (isinstance(key, str) and isinstance(owner, str) and expiry):
        return None
    right = kind if kind in _RIGHTS else None
    strike = _float(record.get("strike_price"))
    if right is not None and strike is None:
        return None
    name = ContractName(owner, expiry, strike if right else None, right)
    numbers = (_float(record.get(n)) for n in ("lot_size", "freeze_quantity", "tick_size"))
    return Contract(key, name, *(None if value is None else round(value) for value in numbers))


def _day(value: object) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    if isinstance(value, (int, float)) and EXPIRY_MS[0] <= value < EXPIRY_MS[1]:
        day: date = np.datetime64(int(value) + 19_800_000, "ms").astype("datetime64[D]").astype(object)
        return day
    return None


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and abs(value) < _MOST else None


def _whole(value: float) -> int | None:
    return round(value) if value == value else None
