"""The user's store as a source of the simulator: one-minute bars of indices, shares and their near futures.

Reads only; a series is read when it is first asked for. Imported where a store is wanted: it needs Parquet.
"""

from __future__ import annotations

from collections.abc import Mapping

from sos.bars import BarRun
from sos.calendar import Calendar
from sos.clock import Clock
from sos.data.series import SeriesData, or_missing
from sos.data.store import Store, default_root
from sos.data.store.bars import bars_part
from sos.data.symbols import Instrument, resolve
from sos.errors import DataError
from sos.sessions import SessionTable
from sos.sim.listings import Listing
from sos.sim.shelf import listing_of
from sos.sim.tape import Tape
from sos.types import InstrumentKey

__all__ = ["StoreShelf", "open_store_shelf"]


def open_store_shelf(env: Mapping[str, str], clock: Clock) -> StoreShelf:
    """The shelf of this user's store.

    Raises:
        DataError: the store cannot be read, or has no one-minute bars of an index or a share.
    """
    return StoreShelf(Store(default_root(env), clock))


class StoreShelf:
    """One-minute bars of a `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spots: dict[InstrumentKey, Instrument] = {}
        self._futures: dict[InstrumentKey, Instrument] = {}
        self._tapes: dict[InstrumentKey, Tape] = {}
        minutes = [entry for entry in store.entries() if (entry.kind, entry.part) == ("bars", bars_part(1))]
        spans = [(one.first_ns, one.last_ns) for one in minutes if self._add(resolve(one.key))]
        if not self._spots:
            raise DataError(
                "the store has no one-minute bars of an index or a share: see sos data import, sos data list"
            )
        self._span = min(first for first, _ in spans), max(last for _, last in spans)

    def listings(self) -> tuple[Listing, ...]:
        return tuple(listing_of(one) for one in self._spots.values())

    def tape(self, key: InstrumentKey) -> Tape | None:
        instrument = self._spots.get(key)
        return None if instrument is None else self._read(instrument)

    def future(self, underlying: InstrumentKey) -> Tape | None:
        instrument = self._futures.get(underlying)
        return None if instrument is None else self._read(instrument)

    def span(self) -> tuple[int, int]:
        return self._span

    def _add(self, instrument: Instrument) -> bool:
        """Whether it is one that the simulator can list."""
        if instrument.underlying is not None:
            self._futures[instrument.underlying] = instrument
        elif instrument.kind.value in ("INDEX", "EQUITY"):
            self._spots[instrument.key] = instrument
        else:
            return False
        return True

    def _read(self, instrument: Instrument) -> Tape | None:
        if instrument.key not in self._tapes:
            run = self._store.read_bars(instrument.key, 1)
            if run is None:
                return None
            self._tapes[instrument.key] = Tape(_series(instrument, run))
        return self._tapes[instrument.key]


def _series(instrument: Instrument, run: BarRun) -> SeriesData:
    """Bars of the store inside their sessions."""
    sessions, keep, notes = SessionTable.for_bars(Calendar.packaged(), instrument.hours, run.ts, run.end)
    if not keep.any():
        raise DataError(f"the store's bars of {instrument.symbol} lie outside every session: sos data check")
    inside = run if keep.all() else run.take(keep)
    volume, has_volume = or_missing(inside.volume, inside.ts)
    oi, has_oi = or_missing(inside.oi, inside.ts)
    inside.volume, inside.oi = volume, oi
    return SeriesData(
        instrument,
        inside,
        minutes=1,
        source="the store",
        synthetic=False,
        sessions=sessions,
        notes=notes,
        dropped=len(run) - len(inside),
        has_volume=has_volume,
        has_oi=has_oi,
    )
