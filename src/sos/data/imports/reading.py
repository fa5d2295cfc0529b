"""One file in, pieces for the store out: what is in it is seen from its columns.

Opens that file (and a ``contracts.csv`` beside it). Bars go through `sos.data.load`, with the same honesty;
ticks, chains and put/call ratios have rules of their own below. Nothing is repaired silently: what was done
is in the notes of a piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from sos.bars import F64, BarRun
from sos.calendar import Segment
from sos.clock import ist_date
from sos.contracts import Contracts
from sos.data.columns import FIELDS
from sos.data.imports.lots import check_units
from sos.data.imports.tabular import Table, ascending, column_names, open_table
from sos.data.imports.whose import instrument_of, roman_future
from sos.data.instruments.names import ContractName, check_exists, parse_key
from sos.data.load import load_file
from sos.data.store.bars import bars_frame, bars_part
from sos.data.store.kinds import BARS, CHAIN, PCR, TICKS, Frame, Kind, tidy
from sos.data.store.snapshots import chain_part
from sos.data.symbols import Instrument, resolve
from sos.errors import DataError

__all__ = ["ImportOptions", "Piece", "read_file"]

_SIDES: Final = ("ce", "pe")
_PRICES: Final = ("ltp", "bid", "ask", "iv")  # zero means that there is none
_IN_LOTS: Final = ("oi", "oi_prev", "volume")  # quotes are in units even where these are lots
_PERCENT: Final = 1.5  # a median IV above 150 % is a percentage


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read files; None is "find out". ``lots``: quantities are lots of so many units (1: units)."""

    symbol: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    tz: str | None = None
    stamps: str | None = None
    lots: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Rows for one series of the store."""

    kind: Kind
    key: str
    part: str
    frame: Frame
    notes: tuple[str, ...] = ()


def read_file(path: Path, options: ImportOptions) -> list[Piece]:
    """Everything in ``path``, one piece per instrument and expiry.

    Raises:
        DataError: unreadable, dishonest, or of an unknown shape; one line with the mend.
        ConfigError: an option is wrong.
    """
    names = {name.strip().lower() for name in column_names(path)} | set(options.columns)
    if "strike" in names and names & {"ce_oi", "ce_ltp", "pe_oi", "pe_ltp"}:
        return list(_chains(path, options))
    if "pcr" in names:
        return [_pcr(path, options)]
    if "price" in names and not names & {"open", "high", "low"}:
        return list(_ticks(path, options))
    return [_bars(path, options)]


# ---- bars


def _bars(path: Path, options: ImportOptions) -> Piece:
    instrument = instrument_of(path, options.symbol)
    columns = {name: column for name, column in options.columns.items() if name in FIELDS} or None
    series = load_file(path, instrument, columns=columns, tz=options.tz, stamps=options.stamps)
    run, contract = series.run, parse_key(instrument.key)
    _check_life(path.name, contract, run)
    if options.lots is None and contract is not None:
        check_units(path.name, contract.underlying, contract.expiry, (run.volume, run.oi))
    elif options.lots is not None and options.lots != 1:
        run = _in_units(run, float(options.lots))
    frame = bars_frame(run, series.minutes)
    return Piece(BARS, instrument.key, bars_part(series.minutes), frame, series.notes)


def _check_life(file: str, contract: ContractName | None, run: BarRun) -> None:
    if contract is not None and ist_date(int(run.ts[-1])) > contract.expiry:
        late = ist_date(int(run.ts[-1]))
        raise DataError(f"{file}: has bars of {late}, but {contract.symbol} expired on {contract.expiry}")


def _in_units(run: BarRun, lot: float) -> BarRun:
    prices = (run.open, run.high, run.low, run.close)
    return BarRun(run.keys, run.which, run.ts, run.end, *prices, run.volume * lot, run.oi * lot)


# ---- ticks


def _ticks(path: Path, options: ImportOptions) -> Iterator[Piece]:
    table = open_table(path, options.columns)
    by_contract = "strike" in table and "right" in table and "expiry" in table
    nth = None if options.symbol is not None else roman_future(path)
    hours = Segment.FNO if by_contract or nth else instrument_of(path, options.symbol).hours
    zoned = table.times(_time_column(table), options.tz, hours)
    ascending(table.file, zoned.ns)
    factor = float(options.lots or 1)
    frame: Frame = {
        "ts": zoned.ns,
        "price": table.number("price"),
        "qty": table.number("qty") * factor,
        "oi": table.number("oi") * factor,
    }
    _check_ticks(table.file, frame)
    notes = (f"{table.file}: {zoned.said}",)
    if not by_contract:
        key = _future_key(path, *nth, frame) if nth else instrument_of(path, options.symbol).key
        yield Piece(TICKS, key, "tick", tidy(TICKS, frame), notes)
        return
    underlying = _underlying(instrument_of(path, options.symbol))
    for contract, rows in _by_contract(table, underlying):
        mine = {name: column[rows] for name, column in frame.items()}
        check_exists(contract)
        if options.lots is None:
            check_units(table.file, underlying, contract.expiry, (mine["qty"],))
        yield Piece(TICKS, contract.key, "tick", tidy(TICKS, mine), notes)


def _check_ticks(file: str, frame: Frame) -> None:
    bad = np.flatnonzero(~(np.isfinite(frame["price"]) & (frame["price"] > 0)))
    if len(bad):
        raise DataError(f"{file}: row {int(bad[0]) + 1}: price {frame['price'][bad[0]]:g} is no price")
    for name in ("qty", "oi"):
        bad = np.flatnonzero(frame[name] < 0)
        if len(bad):
            raise DataError(f"{file}: row {int(bad[0]) + 1}: {name} {frame[name][bad[0]]:g} is negative")


def _by_contract(table: Table, underlying: str) -> Iterator[tuple[ContractName, Any]]:
    strikes, days, rights = table.number("strike"), table.day("expiry"), table.text("right")
    order = np.lexsort((rights.astype(str), strikes, days))  # stable: time stays in order
    changed = (
        (np.diff(days[order]) != np.timedelta64(0, "D"))
        | (np.diff(strikes[order]) != 0)
        | (rights[order][1:] != rights[order][:-1])
    )
    for rows in np.split(order, np.flatnonzero(changed) + 1):
        right = {"C": "CE", "CALL": "CE", "P": "PE", "PUT": "PE"}.get(rights[rows[0]], rights[rows[0]])
        if right not in ("CE", "PE") or not np.isfinite(strikes[rows[0]]):
            raise DataError(f"{table.file}: row {int(rows[0]) + 1}: right {right!r} is neither CE nor PE")
        yield ContractName(underlying, days[rows[0]].item(), float(strikes[rows[0]]), right), rows


def _future_key(path: Path, underlying: str, nth: int, frame: Frame) -> str:
    """The near future is kept as the continuous ``NIFTY.FUT``; a later one as the contract it is."""
    if nth == 1:
        return resolve(f"{underlying}.FUT").key
    first, last = ist_date(int(frame["ts"][0])), ist_date(int(frame["ts"][-1]))
    found = {_nth_expiry(underlying, day, nth) for day in (first, last)}
    if len(found) != 1:
        raise DataError(f"{path.name}: holds several contracts ({first} to {last}): cut it at the expiry")
    return ContractName(underlying, found.pop()).key


def _nth_expiry(underlying: str, day: date, nth: int) -> date:
    contracts = Contracts.packaged()
    expiries = contracts.expiries(underlying, "monthly", day, date(day.year + 1, 12, 31))
    return expiries[nth - 1]


# ---- chains and put/call ratios


def _chains(path: Path, options: ImportOptions) -> Iterator[Piece]:
    instrument = instrument_of(path, options.symbol)
    underlying = _underlying(instrument)
    table = open_table(path, options.columns)
    zoned = table.times(_time_column(table), options.tz, Segment.FNO)
    days = table.day("expiry")
    frame, notes = _chain_frame(table, zoned.ns, float(options.lots or 1))
    said = (f"{table.file}: {zoned.said}", *(f"{table.file}: {note}" for note in notes))
    order = np.lexsort((frame["strike"], frame["ts"], days))
    for rows in np.split(order, np.flatnonzero(np.diff(days[order]) != np.timedelta64(0, "D")) + 1):
        expiry: date = days[rows[0]].item()
        mine = _unique(table.file, {name: column[rows] for name, column in frame.items()})
        if options.lots is None:
            quantities = (mine[f"{side}_{name}"] for side in _SIDES for name in ("oi", "volume"))
            check_units(table.file, underlying, expiry, quantities)
        yield Piece(CHAIN, instrument.key, chain_part(expiry), tidy(CHAIN, mine), said)


def _chain_frame(table: Table, ns: Any, lot: float) -> tuple[Frame, list[str]]:
    frame: Frame = {"known_ts": ns, "ts": ns}
    notes = ["each snapshot counts as known at its stamp"]
    for name in CHAIN.real:
        frame[name] = table.number(name)
    for side in _SIDES:
        if f"{side}_oi_prev" not in table and f"{side}_oi_chg" in table:
            frame[f"{side}_oi_prev"] = frame[f"{side}_oi"] - table.number(f"{side}_oi_chg")
        for name in _PRICES:
            column = frame[f"{side}_{name}"]
            column[column == 0.0] = np.nan
        for name in _IN_LOTS:
            frame[f"{side}_{name}"] *= lot
    if _is_percent(frame):
        notes.append("implied volatility is in percent, kept as a fraction")
        for side in _SIDES:
            frame[f"{side}_iv"] /= 100.0
    return frame, notes


def _is_percent(frame: Frame) -> bool:
    ivs: F64 = np.concatenate([frame[f"{side}_iv"] for side in _SIDES])
    known = ivs[np.isfinite(ivs)]
    return bool(len(known)) and float(np.median(known)) > _PERCENT


def _unique(file: str, frame: Frame) -> Frame:
    """Rows of one time and strike once; two that differ are refused."""
    twin = (np.diff(frame["ts"]) == 0) & (np.diff(frame["strike"]) == 0)
    at = np.flatnonzero(twin)
    for name, column in frame.items():
        a, b = column[at], column[at + 1]
        differs = np.flatnonzero((a != b) & ~((a != a) & (b != b)))
        if len(differs):
            when = ist_date(int(frame["ts"][at[differs[0]]]))
            strike = frame["strike"][at[differs[0]]]
            raise DataError(f"{file}: {when}: strike {strike:g} stands twice in a snapshot, {name} differs")
    keep = np.ones(len(frame["ts"]), np.bool_)
    keep[at + 1] = False
    return {name: column[keep] for name, column in frame.items()}


def _pcr(path: Path, options: ImportOptions) -> Piece:
    instrument = instrument_of(path, options.symbol)
    table = open_table(path, options.columns)
    zoned = table.times(_time_column(table), options.tz, Segment.FNO)
    ascending(table.file, zoned.ns)
    frame = {"known_ts": zoned.ns, "ts": zoned.ns, "pcr": table.number("pcr"), "spot": table.number("spot")}
    bad = np.flatnonzero(frame["pcr"] < 0)
    if len(bad):
        raise DataError(f"{table.file}: row {int(bad[0]) + 1}: a put/call ratio is not negative")
    notes = (f"{table.file}: {zoned.said}", f"{table.file}: each value counts as known at its stamp")
    return Piece(PCR, instrument.key, "all", tidy(PCR, frame), notes)


def _time_column(table: Table) -> str:
    for name in ("ts", "timestamp", "datetime", "time"):
        if name in table:
            return name
    raise DataError(f"{table.file}: no column of times: name it with --columns ts=NAME")


def _underlying(instrument: Instrument) -> str:
    return Contracts.packaged().underlying_of(instrument.key) or instrument.symbol
