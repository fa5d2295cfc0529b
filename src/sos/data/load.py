"""A file of bars in, checked bars of one instrument out.

Opens the file named and nothing else. The order of the steps is the order in which a mistake is told:
readable, columns, times, zone, order, prices, length, labels, sessions. Nothing is repaired silently; what
was found out about the file goes into the notes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from sos.bars import I64, BarRun
from sos.calendar import Calendar
from sos.clock import ist_date
from sos.data.checks import check_bars, check_order, refuse_daily
from sos.data.labels import MixedSteps, find_minutes, to_starts
from sos.data.raw import RawBars
from sos.data.series import SeriesData, or_missing
from sos.data.symbols import Instrument, known_symbol
from sos.data.zones import to_utc
from sos.errors import ConfigError, DataError
from sos.sessions import SessionTable
from sos.types import NS_PER_DAY, NS_PER_MINUTE

__all__ = ["load_file"]

_HOLE_DAYS: Final = 10  # a longer pause between sessions is said


def load_file(
    path: str | Path,
    instrument: Instrument,
    *,
    columns: Mapping[str, str] | None = None,
    tz: str | None = None,
    stamps: str | None = None,
) -> SeriesData:
    """Read a Parquet or CSV file of bars.

    ``columns`` maps fields to the file's column names, ``tz`` is the zone of stamps that carry none,
    ``stamps`` is "start" or "end"; each is found out when None.

    Raises:
        DataError: the file is missing, unreadable, or not what it claims; one line with place and mend.
        ConfigError: a wrong option.
    """
    if stamps not in (None, "start", "end"):
        raise ConfigError(f"--stamps: {stamps!r} is neither start nor end")
    raw = _read(Path(path), columns)
    if not len(raw.stamps.ns):
        raise DataError(f"{raw.file}: has columns and no rows: copy or download it again")
    refuse_daily(raw)
    calendar = Calendar.packaged()
    zoned = to_utc(raw.file, raw.stamps, tz, calendar, instrument.hours)
    check_order(raw, zoned.ns)
    check_bars(raw, zoned.ns)
    try:
        minutes = find_minutes(zoned.ns)
        labelled = to_starts(zoned.ns, minutes, stamps, calendar, instrument.hours)
    except MixedSteps as exc:
        when = ist_date(int(zoned.ns[exc.row]))
        raise DataError(f"{raw.file}: {raw.place(exc.row)}, {when}: {exc}") from exc
    return _series(raw, instrument, labelled.ts, minutes, f"{zoned.said}; {labelled.said}")


def _read(path: Path, columns: Mapping[str, str] | None) -> RawBars:
    """Choose the reader by content, not by name. pyarrow is imported here, when a file is there."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except IsADirectoryError as exc:
        raise DataError(f"{path}: is a directory: name the file") from exc
    except OSError as exc:
        reason = "no such file" if isinstance(exc, FileNotFoundError) else (exc.strerror or "cannot be read")
        raise DataError(f"{path}: {reason}: check the path given to --data") from exc
    if not magic:
        raise DataError(f"{path.name}: is empty: copy or download it again")
    if magic[:2] == b"\x1f\x8b" or magic == b"PK\x03\x04":
        pass  # a package, whatever its name: the CSV reader unpacks it or says what to do
    elif magic == b"PAR1" or path.suffix.lower() in (".parquet", ".pq"):
        from sos.data.parquet import read_parquet

        return read_parquet(path, columns)
    from sos.data.csv import read_csv

    return read_csv(path, columns)


def _series(raw: RawBars, instrument: Instrument, ts: I64, minutes: int, said: str) -> SeriesData:
    end = ts + minutes * NS_PER_MINUTE
    sessions, keep, session_notes = SessionTable.for_bars(Calendar.packaged(), instrument.hours, ts, end)
    if not keep.any():
        raise DataError(
            f"{raw.file}: none of its {len(ts):,} bars is inside a session of {instrument.exchange} "
            f"({ist_date(int(ts[0]))} to {ist_date(int(ts[-1]))}): check --tz and --stamps"
        )
    own = raw.volume
    if own is not None and not instrument.has_own_volume:
        own = np.where(own == 0.0, np.nan, own)  # an index trades nothing: its zero says nothing
    volume, has_volume = or_missing(own, ts)
    oi, has_oi = or_missing(raw.oi, ts)
    run = BarRun.single(instrument.key, ts, end, raw.open, raw.high, raw.low, raw.close, volume, oi)
    if not keep.all():
        run = run.take(keep)
    if minutes > 1:
        _end_with_session(run, sessions)
    notes = [
        said,
        *_name_note(raw.file, instrument),
        *session_notes,
        *_volume_note(raw, instrument, has_volume),
        *_holes(sessions),
    ]
    if minutes != 1:
        notes.insert(0, f"bars of {minutes} minutes")
    return SeriesData(
        instrument,
        run,
        minutes,
        source=raw.file,
        synthetic=False,
        sessions=sessions,
        notes=tuple(f"{raw.file}: {note}" for note in notes),
        dropped=int(len(keep) - np.count_nonzero(keep)),
        has_volume=has_volume,
        has_oi=has_oi,
    )


def _end_with_session(run: BarRun, sessions: SessionTable) -> None:
    """The session's last bar ends with it, also where it is cut short (an hourly bar of 15:15)."""
    run.end = np.minimum(run.end, sessions.ends[sessions.index_block(run.ts)])


def _volume_note(raw: RawBars, instrument: Instrument, has_volume: bool) -> list[str]:
    if has_volume and not instrument.has_own_volume:
        return ["has a volume column; an index has no volume of its own, it is taken as the file gives it"]
    if has_volume or not instrument.has_own_volume:
        return []
    return ["no volume column" if raw.volume is None else "volume is 0 or empty in every row: missing"]


def _name_note(file: str, instrument: Instrument) -> list[str]:
    """A file that is called after another instrument: a slip that a result would not show."""
    words = re.findall("[a-z]{2,}", file.partition(".")[0].lower())
    pairs = [one + other for one, other in pairwise(words)]  # nifty_bank
    named = [one for word in (*words, *pairs) if (one := known_symbol(word)) is not None]
    mine = instrument.symbol.removesuffix(".FUT")
    if not named or mine in named or known_symbol(mine) is None:
        return []
    return [f"the file's name says {named[0]}, it is taken as {instrument.symbol} all the same"]


def _holes(sessions: SessionTable) -> list[str]:
    gaps = np.flatnonzero(np.diff(sessions.opens) > _HOLE_DAYS * NS_PER_DAY).tolist()
    return [f"no bars between {sessions.days[i]} and {sessions.days[i + 1]}" for i in gaps]
