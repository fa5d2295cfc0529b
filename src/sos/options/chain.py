"""One snapshot of an option chain: all strikes of one expiry at one moment, as columns.

A value, checked when it is made. What can be repaired is not repaired silently: `build_chain` drops what is
impossible and says so in `flags`, so that the head of a result can repeat it. Units: rupees, and open
interest and volume in *units*, never lots (`in_units` converts what a source gave in lots). Missing is NaN.
``ts`` is when the market stood like this, ``known_ts`` when we could know it; nothing may use a chain
earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.bars import F64, I64
from sos.errors import DataError
from sos.events import ChainSnapshot
from sos.options.black76 import year_fraction
from sos.types import InstrumentKey

__all__ = [
    "SIDE_FIELDS",
    "ChainFlag",
    "ChainSide",
    "Finding",
    "OptionChain",
    "atm_strike",
    "build_chain",
    "chain_of_event",
    "chains_from_columns",
    "event_of_chain",
    "in_units",
    "parity_forward",
]

SIDE_FIELDS: Final = ("oi", "oi_change", "volume", "ltp", "bid", "ask")
_NAN: Final = float("nan")
_NEAR: Final = 5  # strikes that vote on the forward
_LOT_SAMPLE: Final = 8  # fewer values say nothing about their unit


class ChainFlag(StrEnum):
    """What was wrong with a snapshot as it came."""

    CROSSED = "CROSSED"  # bid above ask: both are taken as missing
    NEGATIVE = "NEGATIVE"  # a price, quantity or open interest below zero: missing
    DUPLICATE_STRIKES = "DUPLICATE_STRIKES"  # the last row of a strike counts
    ZERO_OI = "ZERO_OI"  # a whole side without open interest
    LOTS = "LOTS"  # open interest is not in multiples of the lot: it is in lots, or the lot is another


@dataclass(frozen=True, slots=True)
class Finding:
    """``count`` values of a snapshot had the fault; ``where`` names the first."""

    flag: ChainFlag
    count: int
    where: str


@dataclass(frozen=True, eq=False, slots=True)
class ChainSide:
    """Calls or puts, one entry per strike. ``oi_change``: units since the previous close; volume: of the
    day.
    """

    oi: F64
    oi_change: F64
    volume: F64
    ltp: F64
    bid: F64
    ask: F64

    @property
    def mid(self) -> F64:
        """Halfway between bid and ask where both are above zero, else NaN."""
        quoted = (self.bid > 0.0) & (self.ask > 0.0)
        return np.where(quoted, 0.5 * (self.bid + self.ask), _NAN)

    @property
    def mark(self) -> F64:
        """The middle of the quote, else the last price above zero, else NaN."""
        mid = self.mid
        return np.where(mid == mid, mid, np.where(self.ltp > 0.0, self.ltp, _NAN))


@dataclass(frozen=True, eq=False, slots=True)
class OptionChain:
    """Strikes strictly ascending; every column of ``calls`` and ``puts`` has one entry per strike.

    ``spot`` in rupees, NaN where the source gives none. Make one with `build_chain`.
    """

    underlying: InstrumentKey
    expiry: date
    ts: int
    known_ts: int
    spot: float
    strikes: F64
    calls: ChainSide
    puts: ChainSide
    flags: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.strikes)

    @property
    def years(self) -> float:
        """Time to expiry at ``ts``, years of 365 days."""
        return year_fraction(self.ts, self.expiry)


def build_chain(
    underlying: InstrumentKey,
    expiry: date,
    ts: int,
    strikes: F64,
    calls: Mapping[str, F64],
    puts: Mapping[str, F64],
    *,
    known_ts: int | None = None,
    spot: float = _NAN,
    lot: int | None = None,
) -> OptionChain:
    """A checked snapshot from columns in any order; a field that is not in the mapping is missing.

    ``known_ts`` None: known when it was made. ``lot`` (units) lets the unit of the open interest be checked.

    Raises:
        DataError: no strikes, columns of different lengths, a strike or time that is not a positive number,
        or
            a snapshot known before it was made.
    """
    known = ts if known_ts is None else known_ts
    name = f"chain of {underlying}, expiry {expiry}"
    strikes = np.asarray(strikes, np.float64)
    if not len(strikes):
        raise DataError(f"{name}: has no strikes")
    if not bool(np.all((strikes > 0.0) & np.isfinite(strikes))):
        raise DataError(f"{name}: a strike is not a positive number")
    if known < ts:
        raise DataError(f"{name}: is said to be known {ts - known} ns before it was made")
    rows, findings = _unique(strikes)
    sides = []
    for right, given in (("call", calls), ("put", puts)):
        columns = {field: _column(given, field, len(strikes), name)[rows] for field in SIDE_FIELDS}
        findings += _cleaned(columns, strikes[rows], right)
        sides.append(ChainSide(**columns))
    if lot is not None and lot > 1:
        findings += _lots(sides, lot)
    spot = spot if spot > 0.0 else _NAN
    return OptionChain(
        underlying, expiry, ts, known, spot, strikes[rows], sides[0], sides[1], tuple(findings)
    )


def _column(given: Mapping[str, F64], field: str, length: int, name: str) -> F64:
    if field not in given:
        return np.full(length, _NAN)
    column = np.array(given[field], np.float64)
    if len(column) != length:
        raise DataError(f"{name}: {len(column)} values of {field} for {length} strikes")
    return column


def _unique(strikes: F64) -> tuple[npt.NDArray[np.intp], list[Finding]]:
    """Rows by ascending strike, the last one of each."""
    order = np.argsort(strikes, kind="stable")
    ordered = strikes[order]
    last = np.concatenate([ordered[1:] != ordered[:-1], [True]])
    twice = ordered[~last]
    found = [Finding(ChainFlag.DUPLICATE_STRIKES, len(twice), f"strike {twice[0]:g}")] if len(twice) else []
    return order[last], found


def _cleaned(columns: dict[str, F64], strikes: F64, right: str) -> list[Finding]:
    """Take impossible values out of one side's columns, in place, and say which."""
    found = []
    negative = np.zeros(len(strikes), np.bool_)
    for field in SIDE_FIELDS:
        if field != "oi_change":
            below = columns[field] < 0.0
            columns[field][below] = _NAN
            negative |= below
    crossed = (columns["bid"] > columns["ask"]) & (columns["ask"] > 0.0)
    columns["bid"][crossed] = columns["ask"][crossed] = _NAN
    for flag, rows in ((ChainFlag.NEGATIVE, negative), (ChainFlag.CROSSED, crossed)):
        if rows.any():
            found.append(Finding(flag, int(rows.sum()), f"{right} {strikes[rows][0]:g}"))
    oi = columns["oi"]
    if not bool((oi > 0.0).any()) and bool((oi == 0.0).any()):
        found.append(Finding(ChainFlag.ZERO_OI, len(oi), f"every {right}"))
    return found


def _lots(sides: Sequence[ChainSide], lot: int) -> list[Finding]:
    oi = np.concatenate([side.oi for side in sides])
    oi = oi[oi > 0.0]
    odd = oi[oi % lot != 0.0]
    if len(oi) < _LOT_SAMPLE or len(odd) * 2 < len(oi):
        return []
    return [Finding(ChainFlag.LOTS, len(odd), f"open interest {odd[0]:g}, lot {lot}")]


def in_units(chain: OptionChain, lot: int) -> OptionChain:
    """The chain with open interest, its change and volume multiplied by ``lot``: for sources that count
    lots.
    """

    def scaled(side: ChainSide) -> ChainSide:
        return replace(side, oi=side.oi * lot, oi_change=side.oi_change * lot, volume=side.volume * lot)

    flags = tuple(finding for finding in chain.flags if finding.flag is not ChainFlag.LOTS)
    return replace(chain, calls=scaled(chain.calls), puts=scaled(chain.puts), flags=flags)


def atm_strike(strikes: F64, reference: float) -> float | None:
    """The listed strike nearest to ``reference``, the upper one of two equally near; None without either."""
    if not len(strikes) or reference != reference:
        return None
    distance = np.abs(strikes - reference)
    return float(strikes[np.flatnonzero(distance == distance.min())].max())


def parity_forward(chain: OptionChain, rate: float = 0.0) -> float | None:
    """The forward that put-call parity implies: the median of K + e^(rT) (C - P) over the five strikes
    nearest to the money that have both prices (middles of quotes; last prices where a side has no quote).

    None where no strike has both. Nearest is by the spot, or without one by the smallest |C - P|.
    """
    gap = chain.calls.mark - chain.puts.mark
    have = np.flatnonzero(gap == gap)
    if not len(have):
        return None
    far = np.abs(gap[have]) if chain.spot != chain.spot else np.abs(chain.strikes[have] - chain.spot)
    near = have[np.argsort(far, kind="stable")[:_NEAR]]
    grow = float(np.exp(rate * max(chain.years, 0.0)))
    return float(np.median(chain.strikes[near] + grow * gap[near]))


# ---------------------------------------------------------------------- to and from events and columns


def event_of_chain(chain: OptionChain) -> ChainSnapshot:
    """The snapshot as an event for the bus and the journal."""
    sides = (
        tuple(tuple(getattr(side, field).tolist()) for field in SIDE_FIELDS)
        for side in (chain.calls, chain.puts)
    )
    calls, puts = sides
    return ChainSnapshot(
        ts=chain.ts,
        known_ts=chain.known_ts,
        key=chain.underlying,
        expiry=chain.expiry.isoformat(),
        spot=chain.spot,
        strikes=tuple(chain.strikes.tolist()),
        calls=calls,
        puts=puts,
    )


def chain_of_event(event: ChainSnapshot, lot: int | None = None) -> OptionChain:
    """The snapshot in an event, checked again.

    Raises:
        DataError: as `build_chain`.
    """
    calls, puts = (
        {field: np.array(column, np.float64) for field, column in zip(SIDE_FIELDS, side, strict=True)}
        for side in (event.calls, event.puts)
    )
    strikes = np.array(event.strikes, np.float64)
    expiry = date.fromisoformat(event.expiry)
    return build_chain(
        event.key, expiry, event.ts, strikes, calls, puts, known_ts=event.known_ts, spot=event.spot, lot=lot
    )


def chains_from_columns(
    underlying: InstrumentKey,
    ts: I64,
    expiry: Sequence[date],
    columns: Mapping[str, F64],
    *,
    known_ts: I64 | None = None,
    lot: int | None = None,
) -> Iterator[OptionChain]:
    """Snapshots from a table with one row per moment, expiry and strike, in any order.

    ``columns`` holds ``strike``, optionally ``spot``, and ``ce_``/``pe_`` before each of `SIDE_FIELDS` (those
    that the source has). Chains come by the time they were known, then by expiry.

    Raises:
        DataError: as `build_chain`.
    """
    known = ts if known_ts is None else known_ts
    days = np.array([day.toordinal() for day in expiry], np.int64)
    order = np.lexsort((days, ts, known))
    breaks = (np.diff(ts[order]) != 0) | (np.diff(days[order]) != 0) | (np.diff(known[order]) != 0)
    for rows in np.split(order, np.flatnonzero(breaks) + 1):
        if not len(rows):
            continue
        one = {name: column[rows] for name, column in columns.items()}
        sides = (
            {field: one[f"{prefix}_{field}"] for field in SIDE_FIELDS if f"{prefix}_{field}" in one}
            for prefix in ("ce", "pe")
        )
        calls, puts = sides
        yield build_chain(
            underlying,
            expiry[rows[0]],
            int(ts[rows[0]]),
            one["strike"],
            calls,
            puts,
            known_ts=int(known[rows[0]]),
            spot=float(one["spot"][0]) if "spot" in one else _NAN,
            lot=lot,
        )
