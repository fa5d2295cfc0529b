"""Series of the store as a run reads them: inside their sessions, prices sound, with what has to be said.

Reads only. What the store knows of the market's mood is in `stored_sentiment`.
"""

from __future__ import annotations

import numpy as np

from sos.bars import BarRun
from sos.calendar import Calendar
from sos.clock import ist_iso
from sos.data.series import SeriesData, or_missing
from sos.data.store import SYNTHETIC, Store
from sos.data.store.bars import bars_part
from sos.data.store.kinds import BARS
from sos.data.symbols import Instrument, resolve
from sos.errors import DataError
from sos.sessions import SessionTable

__all__ = ["future_of_store", "series_of_store"]


def series_of_store(store: Store, instrument: Instrument, minutes: int | None = None) -> SeriesData | None:
    """All bars of an instrument, of one length (None: the shortest that is there); None where there are none.

    Raises:
        DataError: a file is damaged, or the bars are not sound.
    """
    lengths = store.bar_lengths(instrument.key)
    length = minutes if minutes is not None else next(iter(lengths), None)
    if length is None or length not in lengths:
        return None
    run = store.read_bars(instrument.key, length)
    return None if run is None else _series(store, instrument, run, length)


def future_of_store(store: Store, of: Instrument, minutes: int) -> SeriesData | None:
    """The future that lends an index its volume, in bars of the same length; None where there is none."""
    keys = [key for key in store.keys(BARS) if key.endswith(".FUT")]
    found = (one for one in map(resolve, keys) if one.underlying == of.key)
    future = next(found, None)
    return None if future is None else series_of_store(store, future, minutes)


def _series(store: Store, instrument: Instrument, run: BarRun, minutes: int) -> SeriesData:
    _check(instrument, run)
    sessions, keep, notes = SessionTable.for_bars(Calendar.packaged(), instrument.hours, run.ts, run.end)
    if not keep.any():
        raise DataError(f"the store's bars of {instrument.symbol} lie outside every session: sos data check")
    inside = run if keep.all() else run.take(keep)
    if minutes > 1:
        inside.end = np.minimum(inside.end, sessions.ends[sessions.index_block(inside.ts)])
    own = inside.volume if instrument.has_own_volume else np.where(inside.volume == 0, np.nan, inside.volume)
    inside.volume, has_volume = or_missing(own, inside.ts)
    inside.oi, has_oi = or_missing(inside.oi, inside.ts)
    sources = store.sources(BARS, instrument.key, bars_part(minutes))
    synthetic = any(source.startswith(SYNTHETIC) for source in sources)
    label = f"{SYNTHETIC} in the store: generated bars, not market data"
    return SeriesData(
        instrument,
        inside,
        minutes,
        source="the store",
        synthetic=synthetic,
        sessions=sessions,
        notes=((label,) if synthetic else ()) + tuple(f"{instrument.symbol}: {note}" for note in notes),
        dropped=len(run) - len(inside),
        has_volume=has_volume,
        has_oi=has_oi,
    )


def _check(instrument: Instrument, run: BarRun) -> None:
    """Prices above zero, the high highest, the low lowest."""
    top, bottom = np.maximum(run.open, run.close), np.minimum(run.open, run.close)
    sound = (run.low > 0.0) & (run.high >= top) & (run.low <= bottom) & np.isfinite(run.high)
    if not sound.all():
        when = ist_iso(int(run.ts[int(np.argmin(sound))]))
        raise DataError(f"the store's bars of {instrument.symbol} are not sound at {when}: sos data check")
