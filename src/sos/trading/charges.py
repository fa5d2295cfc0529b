"""What a trade costs besides its price: brokerage, STT, exchange, SEBI, stamp duty, IPFT and GST, exactly.

Pure integer arithmetic in units of 1e-13 rupee, in which every rate of the table times a paisa, and GST on
it, is a whole number; a table for which that does not hold is refused. Nothing is rounded per trade. The
whole-rupee rounding of STT and stamp duty happens once a day, as its own line (`day_rounding`).

One `fill` is one executed order (a slice above the freeze quantity is an order of its own). Promotional
brokerage for orders by API is not applied. Before the first row of a charge its first row is used;
`ChargeTable.covered` says when. Source: reference/charges.toml.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from sos.errors import ConfigError, InvariantBroken
from sos.reference import as_date, load
from sos.types import Side

__all__ = [
    "UNITS_PER_RUPEE",
    "ChargeSchedule",
    "ChargeSegment",
    "ChargeTable",
    "Charges",
    "DayRounding",
    "contract_note",
    "day_rounding",
]

UNITS_PER_RUPEE: Final = 10**13
_SCALE: Final = Decimal(UNITS_PER_RUPEE)
_PER_PAISA: Final = Decimal(UNITS_PER_RUPEE // 100)  # a fraction of the base, per paisa of it
_PER_CRORE: Final = _PER_PAISA / 10**7
_FOUR_PLACES: Final = UNITS_PER_RUPEE // 10**4


class ChargeSegment(StrEnum):
    EQUITY_DELIVERY = "equity_delivery"
    EQUITY_INTRADAY = "equity_intraday"
    FUTURES = "futures"
    OPTIONS = "options"


class Charges(msgspec.Struct, frozen=True, gc=False):
    """Charges by name, each in units of 1e-13 rupee, never negative. Add them with ``+``."""

    brokerage: int = 0
    stt: int = 0
    exchange: int = 0
    sebi: int = 0
    stamp: int = 0
    ipft: int = 0
    gst: int = 0

    @property
    def total(self) -> int:
        """The sum of all, in units of 1e-13 rupee."""
        return self.brokerage + self.stt + self.exchange + self.sebi + self.stamp + self.ipft + self.gst

    def __add__(self, other: Charges) -> Charges:
        return Charges(
            self.brokerage + other.brokerage,
            self.stt + other.stt,
            self.exchange + other.exchange,
            self.sebi + other.sebi,
            self.stamp + other.stamp,
            self.ipft + other.ipft,
            self.gst + other.gst,
        )

    @classmethod
    def sum(cls, parts: Iterable[Charges]) -> Charges:
        """The sum of any number of them; nothing for none."""
        total = cls()
        for part in parts:
            total = total + part
        return total

    def rupees(self) -> dict[str, Decimal]:
        """Every charge (not the total) in rupees, exact."""
        return {name: _exact(value) for name, value in self._items()}

    @property
    def total_rupees(self) -> Decimal:
        """The total in rupees, exact."""
        return _exact(self.total)

    def as_json(self) -> dict[str, float]:
        """Every charge and the ``total`` in rupees, each rounded half up to four decimals."""
        shown = {name: _four_places(value) for name, value in self._items()}
        shown["total"] = _four_places(self.total)
        return shown

    def _items(self) -> Iterator[tuple[str, int]]:
        return ((name, getattr(self, name)) for name in self.__struct_fields__)


def _exact(units: int) -> Decimal:
    return Decimal(units).scaleb(-13)


def _four_places(units: int) -> float:
    return (units + _FOUR_PLACES // 2) // _FOUR_PLACES / 10_000


def _half_up(units: int, step: int) -> int:
    """``units`` to the nearest multiple of ``step``, half up."""
    return (units + step // 2) // step * step


class _Rates(NamedTuple):
    """Units per paisa of turnover on one side; ``taxed`` is the part of them that bears GST."""

    stt: int
    exchange: int
    sebi: int
    stamp: int
    ipft: int
    taxed: int


class ChargeSchedule:
    """Every rate of one exchange, segment and day, as whole numbers. Made by `ChargeTable.schedule`."""

    __slots__ = ("_buy", "_cap", "_exercise", "_gst", "_pct", "_sell")

    def __init__(self, buy: _Rates, sell: _Rates, cap: int, pct: int | None, gst: int, exercise: int) -> None:
        self._buy = buy
        self._sell = sell
        self._cap = cap
        self._pct = pct
        self._gst = gst  # in millionths
        self._exercise = exercise

    def fill(self, side: Side, price_paise: int, qty: int) -> Charges:
        """The charges of one executed order: ``qty`` units (>= 0) at ``price_paise`` (>= 0)."""
        turnover = price_paise * qty
        stt, exchange, sebi, stamp, ipft, taxed = self._buy if side is Side.BUY else self._sell
        brokerage = self._cap
        if self._pct is not None:
            brokerage = min(brokerage, turnover * self._pct)
        return Charges(
            brokerage,
            turnover * stt,
            turnover * exchange,
            turnover * sebi,
            turnover * stamp,
            turnover * ipft,
            (brokerage + turnover * taxed) * self._gst // 1_000_000,
        )

    def exercise(self, intrinsic_paise: int, qty: int) -> Charges:
        """What the holder of an option pays when it is exercised ``intrinsic_paise`` in the money.

        STT only; whether the broker takes brokerage too is not known (see reference/charges.toml).
        """
        return Charges(stt=max(0, intrinsic_paise) * qty * self._exercise)


class ChargeTable:
    """The dated table. `schedule` is cached by era (no rate changes within one), so asking is cheap."""

    def __init__(self, table: Mapping[str, Any], broker: str = "upstox") -> None:
        self._table = table
        self._broker = broker
        self._first_day = as_date(table["meta"]["coverage_from"])
        rows = (row for listed in table.values() if isinstance(listed, list) for row in listed)
        self._eras = sorted({as_date(row["from"]) for row in rows})
        self._cache: dict[tuple[str, ChargeSegment, int, str | None, bool], ChargeSchedule] = {}

    @staticmethod
    @cache
    def packaged() -> ChargeTable:
        """The table that ships with SOS, built once."""
        return ChargeTable(load("charges"))

    def covered(self, day: date) -> bool:
        """Whether every charge has a row for ``day``; before, the first rows stand in."""
        return day >= self._first_day

    def schedule(
        self,
        exchange: str,
        segment: ChargeSegment,
        day: date,
        underlying: str | None = None,
        *,
        nearest_expiry: bool = True,
    ) -> ChargeSchedule:
        """The rates of trade date ``day``.

        ``underlying`` and ``nearest_expiry`` matter for BSE options only; None is SENSEX, a name that the
        table does not know counts as a share.

        Raises:
            ConfigError: the exchange is neither NSE nor BSE.
        """
        key = exchange, segment, bisect_right(self._eras, day), underlying, nearest_expiry
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._compile(exchange, segment, day, underlying, nearest_expiry)
        return found

    def _compile(
        self, exchange: str, segment: ChargeSegment, day: date, underlying: str | None, nearest: bool
    ) -> ChargeSchedule:
        if exchange not in ("NSE", "BSE"):
            raise ConfigError(f"no charges are known for the exchange {exchange!r}; known are NSE and BSE")
        gst = self._pick("gst", day)
        taxed = frozenset(gst["on"])
        brokerage = self._pick("brokerage", day, broker=self._broker, segment=segment)
        venue = "equity" if segment.startswith("equity") else segment.value
        each_side = {
            "exchange_txn": self._exchange_rate(exchange, venue, day, underlying, nearest),
            "sebi_fee": _whole(self._pick("sebi_fee", day, segment="all")["per_crore"], _PER_CRORE),
            "ipft": self._ipft(exchange, venue, day),
        }
        base = sum(rate for name, rate in each_side.items() if name in taxed)
        if "brokerage" not in taxed:
            raise InvariantBroken("the packaged table has a GST row without brokerage")
        cap = _whole(brokerage["cap"], _SCALE)
        pct = _whole(brokerage["pct"], _PER_PAISA) if brokerage["pct"] else None
        gst_rate = _whole(gst["rate"], Decimal(1_000_000))
        for amount in (cap, pct or 0, base):
            if amount * gst_rate % 1_000_000:
                raise InvariantBroken("GST on a rate of the packaged table is not a whole number of units")

        def side(name: str) -> _Rates:
            stamp = self._pick("stamp", day, segment=segment)
            return _Rates(
                self._stt(segment, day, name),
                each_side["exchange_txn"],
                each_side["sebi_fee"],
                _whole(stamp["rate"], _PER_PAISA) if stamp["side"] == name else 0,
                each_side["ipft"],
                base,
            )

        exercise = self._stt("options_exercised", day, "holder") if segment is ChargeSegment.OPTIONS else 0
        return ChargeSchedule(side("buy"), side("sell"), cap, pct, gst_rate, exercise)

    def _stt(self, segment: str, day: date, side: str) -> int:
        rows = [row for row in self._table["stt"] if row["segment"] == segment and row["side"] == side]
        return _whole(_in_force(rows, day)["rate"], _PER_PAISA) if rows else 0

    def _ipft(self, exchange: str, venue: str, day: date) -> int:
        named = [row for row in self._table["ipft"] if row["exchange"] == exchange]
        rows = [row for row in named if row["segment"] in (venue, "all")]
        return _whole(_in_force(rows, day)["per_crore"], _PER_CRORE)

    def _exchange_rate(
        self, exchange: str, venue: str, day: date, underlying: str | None, nearest: bool
    ) -> int:
        rows = [r for r in self._table["exchange_txn"] if r["exchange"] == exchange and r["segment"] == venue]
        if any("underlyings" in row for row in rows):
            name = underlying or "SENSEX"
            mine = [row for row in rows if name in row["underlyings"]]
            rows = mine or [row for row in rows if "stocks" in row["underlyings"]]
            wanted = "nearest" if nearest else "other"
            rows = [row for row in rows if row.get("expiries", wanted) == wanted]
        return _whole(_in_force(rows, day)["per_crore"], _PER_CRORE)

    def _pick(self, table: str, day: date, **where: str) -> Mapping[str, Any]:
        rows = [r for r in self._table[table] if all(r[name] == value for name, value in where.items())]
        return _in_force(rows, day)


def _in_force(rows: list[Mapping[str, Any]], day: date) -> Mapping[str, Any]:
    """The row with the latest ``from`` on or before ``day``; the first row before all of them."""
    if not rows:
        raise InvariantBroken(f"the packaged table of charges has no row for a charge on {day}")
    ordered = sorted(rows, key=lambda row: as_date(row["from"]))
    past = [row for row in ordered if as_date(row["from"]) <= day]
    return past[-1] if past else ordered[0]


def _whole(text: str, scale: Decimal) -> int:
    """``text`` times ``scale`` as a whole number; anything else in the packaged table is refused."""
    value = Decimal(text) * scale
    if value != value.to_integral_value():
        raise InvariantBroken(f"rate {text} is finer than 1e-13 rupee per paisa")
    return int(value)


class DayRounding(NamedTuple):
    """What rounding the day's STT and stamp duty to whole rupees adds (or takes), rupees, exact."""

    stt: Decimal
    stamp: Decimal

    @property
    def total(self) -> Decimal:
        return self.stt + self.stamp


def day_rounding(charges_of_the_day: Iterable[Charges]) -> DayRounding:
    """The one adjustment of a day: STT and stamp duty of all its trades to the nearest rupee, half up."""
    day = Charges.sum(charges_of_the_day)
    stt, stamp = (_half_up(units, UNITS_PER_RUPEE) - units for units in (day.stt, day.stamp))
    return DayRounding(_exact(stt), _exact(stamp))


def contract_note(charges_of_the_day: Iterable[Charges]) -> dict[str, Decimal]:
    """The lines of the day's contract note in rupees, and their ``total``.

    STT and stamp duty to whole rupees, every other line to paise, half up.
    """
    day = Charges.sum(charges_of_the_day)
    lines: dict[str, Decimal] = {}
    for name in Charges.__struct_fields__:
        step = UNITS_PER_RUPEE if name in ("stt", "stamp") else UNITS_PER_RUPEE // 100
        lines[name] = _exact(_half_up(getattr(day, name), step)).quantize(Decimal("0.01"))
    lines["total"] = sum(lines.values(), Decimal(0))
    return lines
