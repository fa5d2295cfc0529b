"""The store in the words of those who use it: bars, ticks, chains, series of PCR.

What happens on the disk is in `core`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy.typing as npt

from sos.bars import BarRun
from sos.data.store import check
from sos.data.store.bars import bars_frame, bars_part, bars_run
from sos.data.store.core import Archive, Entry
from sos.data.store.kinds import BARS, CHAIN, KINDS, PCR, TICKS, Frame, tidy
from sos.data.store.merge import MergeReport, Prefer
from sos.data.store.snapshots import chain_part, join_expiries
from sos.errors import DataError

__all__ = ["Store"]

_TICK = "tick"
_ALL = "all"
_Columns = Mapping[str, npt.ArrayLike]


class Store(Archive):
    """A user's data. Keys are instrument keys; ranges are [start, end) in ns UTC.

    Every method raises `DataError`, in one line, where the disk, the lock or a damaged file stands in the
    way.
    """

    def write_bars(
        self, key: str, minutes: int, columns: BarRun | _Columns, source: str, prefer: Prefer = "new"
    ) -> MergeReport:
        """Merge bars of one instrument; by open time, the newer value wins unless ``prefer`` is "old"."""
        return self.write(BARS, key, bars_part(minutes), bars_frame(columns, minutes), source, prefer)

    def read_bars(
        self, key: str, minutes: int, start_ns: int | None = None, end_ns: int | None = None
    ) -> BarRun | None:
        """Bars that open in the range, or None."""
        frame = self.read(BARS, key, bars_part(minutes), start_ns, end_ns)
        return None if frame is None else bars_run(key, frame)

    def bar_lengths(self, key: str) -> list[int]:
        """Lengths of bars, in minutes, that are there for ``key``; ascending."""
        return sorted(int(part.removesuffix("m")) for part in self.parts(BARS, key))

    def write_ticks(self, key: str, columns: _Columns, source: str, prefer: Prefer = "new") -> MergeReport:
        """Merge trades: ``ts``, ``price``, ``qty`` (units since the row before), ``oi``.

        Rows of one instant are one value: they keep their order and are replaced together.
        """
        return self.write(TICKS, key, _TICK, tidy(TICKS, columns), source, prefer)

    def read_ticks(self, key: str, start_ns: int | None = None, end_ns: int | None = None) -> Frame | None:
        """Ticks in the range, or None."""
        return self.read(TICKS, key, _TICK, start_ns, end_ns)

    def write_snapshots(
        self, kind: str, underlying: str, expiry: date | str | None, table: _Columns, source: str = "",
        prefer: Prefer = "new",
    ) -> MergeReport:  # fmt: skip
        """Merge a chain (``kind`` "chain", one expiry) or a series of put/call ratios ("pcr", expiry None).

        ``known_ts`` may be left out where it equals ``ts``. Rows ascend by ``known_ts``, ``ts``, strike.
        """
        columns: dict[str, Any] = {name: column for name, column in table.items() if name != "expiry"}
        columns.setdefault("known_ts", columns.get("ts", ()))
        which = _snapshot_kind(kind)
        part = _ALL if which is PCR else chain_part(_given(expiry))
        return self.write(which, underlying, part, tidy(which, columns), source or "unknown", prefer)

    def read_snapshots(
        self,
        kind: str,
        underlying: str,
        expiry: date | str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Frame | None:
        """Rows known in the range, or None. A chain without ``expiry``: all expiries, with that column."""
        which = _snapshot_kind(kind)
        if which is PCR:
            return self.read(PCR, underlying, _ALL, start_ns, end_ns)
        parts = self.parts(CHAIN, underlying) if expiry is None else [chain_part(expiry)]
        read = ((part, self.read(CHAIN, underlying, part, start_ns, end_ns)) for part in parts)
        return join_expiries([(part, frame) for part, frame in read if frame is not None])

    def expiries(self, underlying: str) -> list[date]:
        """Expiries of which there are chain snapshots, ascending."""
        return [date.fromisoformat(part) for part in self.parts(CHAIN, underlying)]

    def check(self) -> list[check.StoreFinding]:
        """Files against the catalogue: checksum, rows, times, order, leftovers. Empty: all is well."""
        return check.check_store(self)

    def remove_series(self, kind: str, key: str, part: str | None = None) -> int:
        """Delete a series by the names that `list` shows; returns the number of files."""
        if kind not in KINDS:
            raise DataError(f"{kind!r} is nothing the store keeps: {', '.join(KINDS)}")
        return self.remove(KINDS[kind], key, part)

    def list(self) -> list[Entry]:
        """What is there, by kind, instrument and part."""
        return self.entries()


def _snapshot_kind(kind: str) -> Any:
    if kind not in (CHAIN.name, PCR.name):
        raise DataError(f"{kind!r} is no kind of snapshot: chain or pcr")
    return KINDS[kind]


def _given(expiry: date | str | None) -> date | str:
    if expiry is None:
        raise DataError("a chain is written for one expiry: name it")
    return expiry
