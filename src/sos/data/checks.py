"""Honest bars or an error: order, duplicates, prices and volume of a file's rows.

Pure and vectorised: one pass says that all is well; only a file with a fault pays for finding it. Every
finding names the row, its time in IST and what is wrong; the first by row is told, the others are counted.
Nothing is repaired here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.bars import F64, I64
from sos.clock import ist_iso
from sos.data.raw import RawBars
from sos.errors import DataError

__all__ = ["check_bars", "check_order", "refuse_daily"]

_DAY_NS: Final = 86_400_000_000_000
_HIGHEST: Final = 1e8  # rupees; the dearest share of India costs a thousandth of it


@dataclass(frozen=True, slots=True)
class _Fault:
    """One kind of fault: its first row, in how many rows it is, and the words for both."""

    row: int
    count: int
    text: str
    mend: str


def refuse_daily(raw: RawBars) -> None:
    """Refuse rows that are days and not bars of a day.

    Raises:
        DataError: every row is one date, or a whole number of days after the last.
    """
    ns = raw.stamps.ns
    few = ns[:3]  # one look at these settles nearly every file
    if raw.stamps.zone is None and not (few % _DAY_NS).any():
        daily = not (ns % _DAY_NS).any()
    else:
        steps = np.diff(few)
        daily = len(few) > 2 and not (steps % _DAY_NS).any() and bool(steps.all())
        daily = daily and not ((ns - ns[0]) % _DAY_NS).any()
    if daily:
        raise DataError(f"{raw.file}: daily bars (one row a day): SOS needs bars of minutes")


def check_order(raw: RawBars, ns: I64) -> None:
    """Stamps must rise from row to row; ``ns`` are those of ``raw``, UTC.

    Raises:
        DataError: unsorted or duplicate stamps.
    """
    step = np.diff(ns)
    if not len(step) or int(step.min()) > 0:
        return
    _raise(raw, ns, [*_order_faults(raw, ns, step), *_price_faults(raw)])


def check_bars(raw: RawBars, ns: I64) -> None:
    """Prices must be above 0 and at most 10 crore, low ≤ open, close ≤ high, and volume and oi not negative.

    Raises:
        DataError: any row is otherwise.
    """
    if not (_prices_good(raw) and _quantity_good(raw.volume) and _quantity_good(raw.oi)):
        _raise(raw, ns, list(_price_faults(raw)))


def _prices_good(raw: RawBars) -> bool:
    """All comparisons are false for NaN, so a missing price fails too."""
    lowest, highest = np.minimum(raw.open, raw.close), np.maximum(raw.open, raw.close)
    good = (raw.low <= lowest) & (raw.high >= highest)
    return bool(good.all()) and float(raw.low.min()) > 0.0 and float(raw.high.max()) <= _HIGHEST


def _quantity_good(column: F64 | None) -> bool:
    """Missing (NaN) is no fault, negative and infinite are."""
    if column is None:
        return True
    with np.errstate(invalid="ignore"):
        if float(column.min()) >= 0.0 and float(column.max()) < np.inf:  # False if any is NaN
            return True
        return not bool(((column < 0.0) | np.isinf(column)).any())


def _order_faults(raw: RawBars, ns: I64, step: I64) -> Iterator[_Fault]:
    back = np.flatnonzero(step < 0) + 1
    if len(back):
        before = ist_iso(int(ns[back[0] - 1]))
        mend = "the newest row is first: reverse it" if len(back) == len(step) else "sort the file by time"
        yield _Fault(int(back[0]), len(back), f"is earlier than the row before it ({before})", mend)
    twice = np.flatnonzero(step == 0) + 1
    if len(twice):
        place = raw.place(int(twice[0]) - 1)
        mend = "keep one row per bar and one instrument per file"
        yield _Fault(int(twice[0]), len(twice), f"has the same stamp as {place}", mend)


def _price_faults(raw: RawBars) -> Iterator[_Fault]:
    fields = {"open": raw.open, "high": raw.high, "low": raw.low, "close": raw.close}
    with np.errstate(invalid="ignore"):
        for name, column in fields.items():
            yield from _fault(~np.isfinite(column), name, column, "is not a number", "fill or remove the row")
            bad = np.isfinite(column) & (column <= 0.0)
            yield from _fault(bad, name, column, "is not above zero", "remove the row or mend the price")
            bad = np.isfinite(column) & (column > _HIGHEST)
            yield from _fault(bad, name, column, "is no price in rupees", "remove the row or mend the price")
        prices = list(fields.values())
        sound = np.isfinite(prices).all(axis=0) & (np.min(prices, axis=0) > 0.0)
        yield from _shape_faults(raw, sound)
        for name, quantity in (("volume", raw.volume), ("oi", raw.oi)):
            if quantity is not None:
                bad = (quantity < 0.0) | np.isinf(quantity)
                yield from _fault(bad, name, quantity, "is no quantity", "mend it, or leave it empty")


def _shape_faults(raw: RawBars, sound: npt.NDArray[np.bool_]) -> Iterator[_Fault]:
    crossed = sound & (raw.high < raw.low)
    rows = np.flatnonzero(crossed)
    if len(rows):
        text = f"high {raw.high[rows[0]]:.10g} is below low {raw.low[rows[0]]:.10g}"
        yield _Fault(int(rows[0]), len(rows), text, "check that the columns are not swapped, or mend the row")
    for name, column in (("open", raw.open), ("close", raw.close)):
        rows = np.flatnonzero(sound & ~crossed & ((column > raw.high) | (column < raw.low)))
        if len(rows):
            i = rows[0]
            text = f"{name} {column[i]:.10g} is outside low {raw.low[i]:.10g} to high {raw.high[i]:.10g}"
            yield _Fault(int(i), len(rows), text, "mend the row")


def _fault(bad: npt.NDArray[np.bool_], name: str, column: F64, wrong: str, mend: str) -> Iterator[_Fault]:
    rows = np.flatnonzero(bad)
    if len(rows):
        yield _Fault(int(rows[0]), len(rows), f"{name} {column[rows[0]]:g} {wrong}", mend)


def _raise(raw: RawBars, ns: I64, faults: list[_Fault]) -> None:
    first = min(faults, key=lambda fault: fault.row)
    others = sum(fault.count for fault in faults) - 1
    more = f" (and {others:,} more finding{'s' * (others > 1)})" if others else ""
    when = ist_iso(int(ns[first.row]))
    raise DataError(f"{raw.file}: {raw.place(first.row)}, {when}: {first.text}{more}: {first.mend}")
