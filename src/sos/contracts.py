"""Contract facts of index derivatives by date: expiries, lots, freeze quantities, ticks.

Pure once the tables are read. A lot belongs to the contract, so it is found by expiry; the broker's contract
file of the day wins where it is at hand. Before the first row of a table the first row answers, after the
last published holiday list expiries are nominal weekdays: `Contracts.covered` says when, and the caller says
so in the head of a result. Quarterly and longer options are not listed here.
Source: reference/lots.toml, reference/holidays.toml (the expiry rules stand in the former).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any, Final, Literal, TypeAlias

from sos.calendar import Calendar
from sos.errors import ConfigError
from sos.reference import as_date, load

__all__ = ["Contracts", "ExpiryKind", "LotKind"]

ExpiryKind: TypeAlias = Literal["weekly", "monthly", "all"]
LotKind: TypeAlias = Literal["weekly", "monthly"]

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = timedelta(days=1)


class Contracts:
    """Questions about index contracts. Underlyings are NIFTY, BANKNIFTY, SENSEX, ... as users type them.

    Every method that takes an underlying raises `ConfigError` for one without index derivatives, except
    where it says otherwise.
    """

    index_tick_paise: Final = 5  # of an index level and of its options

    def __init__(self, table: Mapping[str, Any], calendar: Calendar) -> None:
        self._table = table
        self._calendar = calendar
        self._first_day = as_date(table["meta"]["coverage_from"])
        self._rows: dict[str, Mapping[str, Any]] = {
            name: row for name, row in table.items() if isinstance(row, dict) and "lot" in row
        }
        self._by_key = {row["index_key"]: name for name, row in self._rows.items() if "index_key" in row}
        self._years: dict[tuple[str, ExpiryKind, int], tuple[date, ...]] = {}

    @staticmethod
    @cache
    def packaged() -> Contracts:
        """The facts that ship with SOS, on the packaged calendar; built once."""
        return Contracts(load("lots"), Calendar.packaged())

    @property
    def underlyings(self) -> tuple[str, ...]:
        return tuple(self._rows)

    def covered(self, day: date, underlying: str | None = None) -> bool:
        """Whether the tables speak about ``day`` (and the contract was already launched)."""
        first = self._first_day
        if underlying is not None and "launched" in self._row(underlying):
            first = max(first, as_date(self._row(underlying)["launched"]))
        return first <= day <= self._calendar.last_day

    def index_key(self, underlying: str) -> str:
        """The broker's key of the index, e.g. ``NSE_INDEX|Nifty 50``."""
        row = self._row(underlying)
        if "index_key" not in row:
            raise ConfigError(f"the index key of {underlying} is not known; use the broker's key itself")
        return str(row["index_key"])

    def underlying_of(self, index_key: str) -> str | None:
        """The name of an index key; None for one without derivatives."""
        return self._by_key.get(index_key)

    def exchange(self, underlying: str) -> str:
        """``NSE`` or ``BSE``."""
        return str(self._row(underlying)["exchange"])

    def strike_step(self, underlying: str) -> int:
        """Usual distance of strikes near the money, rupees; which exist, the contract file says."""
        return int(self._row(underlying)["strike_step_near"])

    def expiries(self, underlying: str, kind: ExpiryKind, start: date, end: date) -> list[date]:
        """Expiry dates from ``start`` to ``end``, both inside, ascending, moved off holidays."""
        return [
            day
            for year in range(start.year, end.year + 2)  # an expiry of early January may move back a year
            for day in self._year(underlying, kind, year)
            if start <= day <= end
        ]

    def next_expiry(self, underlying: str, day: date, kind: ExpiryKind = "all") -> date | None:
        """The first expiry on or after ``day``; None where nothing of that kind is listed any more."""
        for year in (day.year, day.year + 1):
            days = self._year(underlying, kind, year)
            at = bisect_left(days, day)
            if at < len(days):
                return days[at]
        return None

    def days_to_expiry(self, underlying: str, day: date) -> int | None:
        """Calendar days to the nearest expiry, 0 on the day itself; None for what has no index options."""
        if underlying not in self._rows:
            return None
        expiry = self.next_expiry(underlying, day)
        return None if expiry is None else (expiry - day).days

    def is_monthly(self, underlying: str, expiry: date) -> bool:
        """Whether the contract that expires then is the monthly one."""
        return self.next_expiry(underlying, expiry, "monthly") == expiry

    def lot(self, underlying: str, expiry: date, kind: LotKind | None = None) -> int:
        """Units per lot of the contract that expires on ``expiry``; None: monthly if a month ends there."""
        if kind is None:
            kind = "monthly" if self.is_monthly(underlying, expiry) else "weekly"
        rows = [row for row in self._row(underlying)["lot"] if row["kind"] in (kind, "all")]
        if not rows:  # never had weeklies
            rows = self._row(underlying)["lot"]
        return int(_in_force(rows, expiry)["lot"])

    def near_future(self, underlying: str, day: date) -> tuple[date, int]:
        """Expiry and lot of the near-month future on ``day``; on its expiry day still that one."""
        expiry = self.next_expiry(underlying, day, "monthly")
        if expiry is None:
            raise ConfigError(f"no monthly contract of {underlying} is known on or after {day}")
        return expiry, self.lot(underlying, expiry, "monthly")

    def freeze(self, underlying: str, day: date, index_level: float | None = None) -> int:
        """Largest quantity of one order, units. From the circulars; with ``index_level`` (the close of the
        month before, rupees) by the exchange's slabs, which is how months without a circular are set."""
        if self.exchange(underlying) == "BSE":
            return int(self._table["freeze_bse"][underlying])
        if index_level is not None:
            return _bracket(self._table["freeze_slabs"], index_level)
        rows = [row for row in self._table["freeze_nse"] if underlying in row]
        if not rows:
            raise ConfigError(f"no freeze quantity of {underlying} is known; pass the index level")
        return int(_in_force(rows, day)[underlying])

    def equity_tick_paise(self, day: date, price_rupees: float) -> int:
        """Tick of an NSE share (and its futures) at that price, paise."""
        row = _in_force(self._table["equity_tick"], day)
        for bound, tick in row["below"]:
            if price_rupees < bound:
                return int(tick)
        return _bracket(row["up_to"], price_rupees)

    def index_future_tick_paise(self, day: date, index_level: float) -> int:
        """Tick of an NSE index future at that level, paise."""
        return _bracket(_in_force(self._table["index_future_tick"], day)["up_to"], index_level)

    def _row(self, underlying: str) -> Mapping[str, Any]:
        row = self._rows.get(underlying)
        if row is None:
            raise ConfigError(f"{underlying} has no index derivatives; known are {', '.join(self._rows)}")
        return row

    def _year(self, underlying: str, kind: ExpiryKind, year: int) -> tuple[date, ...]:
        """Expiries whose nominal date is in ``year``."""
        key = underlying, kind, year
        if key not in self._years:
            self._years[key] = tuple(sorted(self._make_year(underlying, kind, year)))
        return self._years[key]

    def _make_year(self, underlying: str, kind: ExpiryKind, year: int) -> Iterator[date]:
        monthly = list(_monthly(self._row(underlying)["monthly"], year))
        if kind != "weekly":
            yield from map(self._shift, monthly)
        if kind != "monthly":
            taken = {day.isocalendar()[:2] for day in monthly}
            for day in _weekly(self._row(underlying).get("weekly", ()), year):
                if day.isocalendar()[:2] not in taken:
                    yield self._shift(day)

    def _shift(self, nominal: date) -> date:
        return self._calendar.trading_day_on_or_before(nominal)


def _in_force(rows: Sequence[Mapping[str, Any]], day: date) -> Mapping[str, Any]:
    """The row with the latest ``from`` on or before ``day``; the first row before all of them."""
    ordered = sorted(rows, key=lambda row: as_date(row["from"]))
    return ordered[max(0, bisect_right(ordered, day, key=lambda row: as_date(row["from"])) - 1)]


def _bracket(steps: Sequence[Sequence[float]], level: float) -> int:
    """The value of the first step [.., bound, value] with ``level`` <= bound; bound 0 has no limit."""
    for step in steps:
        bound, value = step[-2], step[-1]
        if not bound or level <= bound:
            return int(value)
    raise ValueError(f"no bracket for {level}")


def _monthly(rules: Sequence[Mapping[str, Any]], year: int) -> Iterator[date]:
    for month in range(1, 13):
        last = date(year + month // 12, month % 12 + 1, 1) - _DAY
        for i, rule in enumerate(rules):
            day = last - timedelta(days=(last.weekday() - _WEEKDAYS.index(rule["weekday"])) % 7)
            if _holds(rule, day, first=i == 0):
                yield day


def _weekly(rules: Sequence[Mapping[str, Any]], year: int) -> Iterator[date]:
    new_year = date(year, 1, 1)
    for i, rule in enumerate(rules):
        day = new_year + timedelta(days=(_WEEKDAYS.index(rule["weekday"]) - new_year.weekday()) % 7)
        while day.year == year:
            if _holds(rule, day, first=i == 0):
                yield day
            day += timedelta(days=7)


def _holds(rule: Mapping[str, Any], day: date, *, first: bool) -> bool:
    """Whether a nominal ``day`` is under ``rule``; the first rule reaches back without limit."""
    starts = as_date(rule.get("first", rule["from"]))
    ends = rule.get("last", rule.get("to"))
    return (first or day >= starts) and (ends is None or day <= as_date(ends))
