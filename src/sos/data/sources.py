"""What a run is fed: symbols and files in, one merged run of bars with its facts out.

Chooses between the files given and the bundled sample, never a mixture of both. Nothing is downloaded or
written. In one instant futures come before underlyings, and underlyings in the order in which they were
named, so that the order of files cannot change a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from sos.bars import BarRun, merge_runs
from sos.data.load import load_file
from sos.data.sample import SESSIONS, sample
from sos.data.series import SeriesData
from sos.data.symbols import Instrument, resolve
from sos.errors import ConfigError, DataError
from sos.market.sentiment import SentimentSeries
from sos.sessions import SessionTable
from sos.types import InstrumentKey, InstrumentKind

__all__ = ["FileOptions", "RunInputs", "assemble", "named_instruments", "resolve_inputs"]

_VOLUME_FROM: Final = ("future", "constituents", "none")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How to read every file of a run; None is "find out". ``columns`` maps fields to names in the file."""

    columns: Mapping[str, str] | None = None
    tz: str | None = None
    stamps: str | None = None


@dataclass(frozen=True, eq=False)
class RunInputs:
    """Everything a run needs to know of its data.

    ``underlyings`` are in the order named, ``series`` are theirs and then the futures'. ``run`` holds all
    bars in the order in which they are known. ``volume_source``: for each underlying the future that lends
    it volume and open interest, or None: its own columns count (NaN where it has none). ``sessions``: of
    every instrument. ``notes``: lines for the head, most important first. ``sentiment``: what is known of
    each underlying's mood besides its bars (chains, breadth, India VIX).
    """

    underlyings: tuple[Instrument, ...]
    series: tuple[SeriesData, ...]
    run: BarRun
    volume_source: Mapping[InstrumentKey, InstrumentKey | None]
    sessions: Mapping[InstrumentKey, SessionTable]
    synthetic: bool
    source: str
    notes: tuple[str, ...]
    first_day: date
    last_day: date
    sentiment: Mapping[InstrumentKey, tuple[SentimentSeries, ...]] = field(default_factory=dict)

    def series_of(self, key: InstrumentKey) -> SeriesData:
        """The series of ``key``, which must be one of the run."""
        return next(series for series in self.series if series.instrument.key == key)


def resolve_inputs(
    symbols: Sequence[str],
    data: Sequence[str] = (),
    start: date | None = None,
    end: date | None = None,
    *,
    volume_from: Mapping[str, str] | None = None,
    seed: int = 7,
    files: FileOptions | None = None,
    sample_sessions: int = SESSIONS,
) -> RunInputs:
    """Load and merge what ``symbols`` need.

    ``data``: texts ``FILE`` (the i-th belongs to the i-th symbol that is not named) or ``SYMBOL=FILE``;
    empty means the sample. ``start`` and ``end`` are IST dates, both inside. ``volume_from`` by symbol:
    "future" (the default), "constituents" or "none".

    Raises:
        ConfigError: unknown symbols, files that belong to nothing, dates the wrong way round.
        DataError: a file is bad, a symbol has no file, or the range has no bars.
    """
    if start is not None and end is not None and start > end:
        raise ConfigError(f"--from {start} is after --to {end}: swap them")
    underlyings = named_instruments(symbols)
    if data:
        loaded = _from_files(underlyings, data, files or FileOptions())
    else:
        loaded = _from_sample(underlyings, seed, sample_sessions)
    return assemble(underlyings, loaded, start, end, volume_from or {})


def assemble(
    underlyings: tuple[Instrument, ...],
    loaded: Mapping[InstrumentKey, SeriesData],
    start: date | None,
    end: date | None,
    volume_from: Mapping[str, str],
) -> RunInputs:
    """A run of series that are loaded: those of ``underlyings`` and of the futures that lend them volume.

    Raises:
        ConfigError: a wrong ``volume_from``.
        DataError: the range has no bars of an underlying, or the lengths of bars differ.
    """
    ranged = _cut(underlyings, loaded, start, end)
    wanted = _wanted(volume_from)
    settled = [_settle_volume(of, ranged, wanted.get(of.key, "future")) for of in underlyings]
    for choice in settled:
        ranged[choice.series.instrument.key] = choice.series
    return _inputs(underlyings, ranged, settled)


def named_instruments(symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """The instruments of a run, in the order named.

    Raises:
        ConfigError: none, an unknown one, or one twice.
    """
    if not symbols:
        raise ConfigError("no symbol: name at least one, for example NIFTY")
    found: dict[InstrumentKey, Instrument] = {}
    for text in symbols:
        instrument = resolve(text)
        if instrument.key in found:
            raise ConfigError(f"{instrument.symbol} is named twice: name each symbol once")
        found[instrument.key] = instrument
    return tuple(found.values())


def _wanted(volume_from: Mapping[str, str]) -> dict[InstrumentKey, str]:
    for symbol, choice in volume_from.items():
        if choice not in _VOLUME_FROM:
            raise ConfigError(f"volume_from of {symbol} is {choice!r}: use {', '.join(_VOLUME_FROM)}")
    return {resolve(symbol).key: choice for symbol, choice in volume_from.items()}


# ---- where the bars come from


def _from_files(
    underlyings: Sequence[Instrument], data: Sequence[str], options: FileOptions
) -> dict[InstrumentKey, SeriesData]:
    paths = _assign(underlyings, data)
    return {
        instrument.key: load_file(
            path, instrument, columns=options.columns, tz=options.tz, stamps=options.stamps
        )
        for instrument, path in paths
    }


def _assign(underlyings: Sequence[Instrument], data: Sequence[str]) -> list[tuple[Instrument, Path]]:
    """Which file is whose: named ones first, then bare ones to the symbols left, in order."""
    named: dict[InstrumentKey, tuple[Instrument, Path]] = {}
    bare: list[Path] = []
    for text in data:
        name, equals, file = text.partition("=")
        if not equals or Path(text).exists():
            bare.append(Path(text))
            continue
        instrument = _owner(name, text, underlyings)
        if instrument.key in named:
            raise ConfigError(f"--data names two files for {instrument.symbol}: give one")
        named[instrument.key] = (instrument, Path(file))
    left = [instrument for instrument in underlyings if instrument.key not in named]
    if len(bare) > len(left):
        raise ConfigError(
            f"--data {bare[len(left)]}: no symbol is left for this file: write SYMBOL=FILE, "
            f"for example {underlyings[0].symbol}.FUT={bare[len(left)]}"
        )
    if len(bare) < len(left):
        symbol = left[len(bare)].symbol
        raise DataError(f"no data for {symbol}: add --data {symbol}=FILE")
    named |= {of.key: (of, path) for of, path in zip(left, bare, strict=True)}
    return list(named.values())


def _owner(name: str, text: str, underlyings: Sequence[Instrument]) -> Instrument:
    instrument = resolve(name)
    if instrument in underlyings or instrument.underlying in {of.key for of in underlyings}:
        return instrument
    symbols = ", ".join(of.symbol for of in underlyings)
    raise ConfigError(
        f"--data {text}: {instrument.symbol} is not in this run: name it beside {symbols}, or leave it out"
    )


def _from_sample(
    underlyings: Sequence[Instrument], seed: int, sessions: int
) -> dict[InstrumentKey, SeriesData]:
    found: dict[InstrumentKey, SeriesData] = {}
    for instrument in underlyings:
        of = instrument.symbol if instrument.underlying is None else str(instrument.underlying)
        for series in sample(of, seed, sessions):
            if series.instrument == instrument or series.instrument.underlying == instrument.key:
                found[series.instrument.key] = series
        if instrument.key not in found:
            raise DataError(f"there is no sample of {instrument.symbol}: add --data {instrument.symbol}=FILE")
    return found


# ---- what of it is used


def _cut(
    underlyings: Sequence[Instrument],
    loaded: Mapping[InstrumentKey, SeriesData],
    start: date | None,
    end: date | None,
) -> dict[InstrumentKey, SeriesData]:
    """The date range of every series; a future without bars in it is left out."""
    cut = {key: series.between(start, end) for key, series in loaded.items()}
    for instrument in underlyings:
        if cut[instrument.key] is None:
            raise DataError(_empty(loaded[instrument.key], start, end))
    return {key: series for key, series in cut.items() if series is not None}


def _empty(series: SeriesData, start: date | None, end: date | None) -> str:
    if start is not None and end is not None:
        asked = f"from {start} to {end}"
    else:
        asked = f"from {start} on" if start is not None else f"up to {end}"
    mend = "give --data FILE for other dates" if series.synthetic else "change --from and --to"
    return (
        f"{series.source}: no bars of {series.instrument.symbol} {asked}: "
        f"it has {series.first_day} to {series.last_day}: {mend}"
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """An underlying with its volume settled: lent by ``source`` if not None."""

    series: SeriesData
    source: InstrumentKey | None
    note: str | None


def _settle_volume(of: Instrument, ranged: Mapping[InstrumentKey, SeriesData], wanted: str) -> _Choice:
    series = ranged[of.key]
    if of.kind is not InstrumentKind.INDEX:
        return _Choice(series, None, None)
    if wanted == "none":
        return _Choice(series.without_volume(), None, f"{of.symbol}: volume_from is none: volume is missing")
    future = next((one for one in ranged.values() if one.instrument.underlying == of.key), None)
    if wanted == "future" and future is not None:
        _check_lengths(series, future)
        return _Choice(series, future.instrument.key, _lent(series, future))
    if series.has_volume:
        return _Choice(series, None, None)
    if wanted == "future":
        mend = f"add --data {of.symbol}.FUT=FILE"
        note = f"{of.symbol}: no future in this run: volume and open interest are missing ({mend})"
    else:
        note = f"{of.symbol}: this run has no constituents: volume is missing"
    return _Choice(series, None, note)


def _check_lengths(series: SeriesData, future: SeriesData) -> None:
    if series.minutes != future.minutes:
        raise DataError(
            f"{future.source}: bars of {future.minutes} minutes cannot lend volume to bars of "
            f"{series.minutes} ({series.source}): give files of one bar length"
        )


def _lent(series: SeriesData, future: SeriesData) -> str:
    said = f"{series.instrument.symbol}: volume and open interest from {future.instrument.symbol}"
    mine, theirs = series.count_days(), future.count_days()
    return said if theirs >= mine else f"{said}, which has {theirs} of its {mine} days"


def _inputs(
    underlyings: tuple[Instrument, ...],
    ranged: Mapping[InstrumentKey, SeriesData],
    settled: Sequence[_Choice],
) -> RunInputs:
    watched = [ranged[of.key] for of in underlyings]
    lenders = [series for key, series in ranged.items() if key not in {of.key for of in underlyings}]
    lenders.sort(key=lambda series: series.instrument.symbol)
    is_future = [series.instrument.kind is InstrumentKind.FUTURE for series in watched]
    first = [series for series, future in zip(watched, is_future, strict=True) if future]
    then = [series for series, future in zip(watched, is_future, strict=True) if not future]
    series = (*watched, *lenders)
    return RunInputs(
        underlyings,
        series,
        run=merge_runs([one.run for one in (*lenders, *first, *then)]),
        volume_source={choice.series.instrument.key: choice.source for choice in settled},
        sessions={one.instrument.key: one.sessions for one in series},
        synthetic=any(one.synthetic for one in series),
        source=", ".join(dict.fromkeys(one.source for one in series)),
        notes=tuple(_head(series, settled)),
        first_day=min(one.first_day for one in watched),
        last_day=max(one.last_day for one in watched),
    )


def _head(series: Iterable[SeriesData], settled: Iterable[_Choice]) -> Iterable[str]:
    series = list(series)
    yield from dict.fromkeys(note for one in series if one.synthetic for note in one.notes)
    for one in series:
        days = one.count_days()
        length = "" if one.minutes == 1 else f" of {one.minutes} minutes"
        yield (
            f"{one.instrument.symbol}: {len(one.run):,} bars{length} of {days} day{'s' * (days != 1)}, "
            f"{one.first_day} to {one.last_day}, {one.source}"
        )
        if not one.synthetic:
            yield from one.notes
    yield from (choice.note for choice in settled if choice.note is not None)
