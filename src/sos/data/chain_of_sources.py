"""Where a run without --data gets its bars: the store, then the broker, then the sample; each step says so.

The store comes first. The broker is asked for days that the store lacks, only where there is a token, and
what it gives goes into the store; whatever stands in the way is a line in the head and not the end of the
run. The sample is used only where there is nothing at all: a run never mixes it with other bars. Parquet is
loaded only where there is a store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sos.calendar import Calendar
from sos.clock import Clock, ist_date
from sos.data.sample import SESSIONS
from sos.data.series import SeriesData
from sos.data.sources import RunInputs, assemble, named_instruments, resolve_inputs
from sos.data.symbols import Instrument
from sos.errors import BrokerError, ConfigError, DataError
from sos.market.sentiment import SentimentSeries, SentimentSettings
from sos.types import InstrumentKey, InstrumentKind

if TYPE_CHECKING:
    from sos.data.fetch import Fetched
    from sos.data.store import Store

__all__ = ["SOURCES", "Asked", "FetchDays", "Origins", "resolve_sources"]

SOURCES = ("store", "upstox", "sample")


class FetchDays(Protocol):
    """Fetch one-minute bars of days into a store; raises `BrokerError` where nothing is to be had."""

    def __call__(
        self, store: Store, symbols: tuple[Instrument, ...], first: date, last: date
    ) -> Sequence[Fetched]: ...


def _no_broker() -> str:
    return "not asked"


@dataclass(frozen=True, slots=True)
class Origins:
    """The sources of this machine.

    ``root``: gives the data directory, or raises ConfigError. ``named``: whether the user named that folder.
    ``sources``: which steps are on. ``why_not``: why the broker cannot be asked (no token), None where it
    can. ``fetch``: asks it.
    """

    root: Callable[[], Path]
    clock: Clock
    named: bool = False
    sources: Sequence[str] = SOURCES
    why_not: Callable[[], str | None] = _no_broker
    fetch: FetchDays | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run asks for; dates are IST, both inside."""

    symbols: Sequence[str]
    start: date | None = None
    end: date | None = None
    volume_from: Mapping[str, str] = field(default_factory=dict)
    seed: int = 7
    sample_sessions: int = SESSIONS
    sentiment: SentimentSettings = field(default_factory=SentimentSettings)


@dataclass(slots=True)
class _Steps:
    """What has been found so far, and what is to be said of it."""

    underlyings: tuple[Instrument, ...]
    lines: list[str] = field(default_factory=list)
    loaded: dict[InstrumentKey, SeriesData] = field(default_factory=dict)


def resolve_sources(asked: Asked, origins: Origins) -> RunInputs:
    """The inputs of a run from the first source that has them.

    Raises:
        ConfigError: symbols or dates that are wrong.
        DataError: no source has the bars, only some of the symbols have any, or the store is damaged.
    """
    if asked.start is not None and asked.end is not None and asked.start > asked.end:
        raise ConfigError(f"--from {asked.start} is after --to {asked.end}: swap them")
    steps = _Steps(named_instruments(asked.symbols))
    root = _root(origins, steps)
    if root is not None and "store" in origins.sources:
        _look(steps, root, asked, origins)
    if root is not None and "upstox" in origins.sources:
        _ask(steps, root, asked, origins)
    have = [of for of in steps.underlyings if _has(steps, of, asked)]
    if have and len(have) < len(steps.underlyings):
        lacking = ", ".join(of.symbol for of in steps.underlyings if of not in have)
        raise DataError(
            f"no bars of {lacking} ({'; '.join(steps.lines)}): sos data fetch, sos data import or --data FILE"
        )
    return (
        _from_store(steps, root, asked, origins)
        if have and root is not None
        else _sample(steps, asked, origins)
    )


# ---- the store


def _root(origins: Origins, steps: _Steps) -> Path | None:
    """The data directory, where it can be one."""
    try:
        root = origins.root()
    except ConfigError as error:
        steps.lines.append(f"store: {error}")
        return None
    if root.exists() and not root.is_dir():
        steps.lines.append(f"store: {root} is no folder: check SOS_DATA_DIR and data.dir")
        return None
    if origins.named and not root.exists() and "store" in origins.sources:
        steps.lines.append(f"store: there is no folder {root} (SOS_DATA_DIR or data.dir)")
    return root


def _open(root: Path, origins: Origins) -> Store:
    from sos.data.store import Store

    return Store(root, origins.clock)


def _look(steps: _Steps, root: Path, asked: Asked, origins: Origins) -> None:
    """Load what the store has, and say it."""
    if root.is_dir():
        _load(steps, _open(root, origins), asked)
    steps.lines += [_stored(steps, of, asked) for of in steps.underlyings]


def _load(steps: _Steps, store: Store, asked: Asked) -> None:
    from sos.data.shelved import future_of_store, series_of_store

    for of in steps.underlyings:
        series = series_of_store(store, of)
        if series is None:
            continue
        steps.loaded[of.key] = series
        wanted = asked.volume_from.get(of.symbol, "future") == "future"
        future = future_of_store(store, of, series.minutes) if wanted and _is_index(of) else None
        if future is not None:
            steps.loaded[future.instrument.key] = future


def _is_index(of: Instrument) -> bool:
    return of.kind is InstrumentKind.INDEX


def _has(steps: _Steps, of: Instrument, asked: Asked) -> bool:
    series = steps.loaded.get(of.key)
    return series is not None and series.between(asked.start, asked.end) is not None


def _stored(steps: _Steps, of: Instrument, asked: Asked) -> str:
    series = steps.loaded.get(of.key)
    if series is None:
        return f"store: nothing of {of.symbol}"
    inside = series.between(asked.start, asked.end)
    if inside is None:
        return f"store: nothing of {of.symbol} in this range (it has {series.first_day} to {series.last_day})"
    return f"store: {of.symbol} {inside.first_day} to {inside.last_day}, {len(inside.run):,} bars"


# ---- the broker


def _ask(steps: _Steps, root: Path, asked: Asked, origins: Origins) -> None:
    """Fetch the days that are missing; whatever goes wrong becomes a line."""
    span = _missing(steps, root, asked, origins)
    if span is None and steps.loaded:
        return
    problem = origins.why_not()
    if problem is not None or origins.fetch is None:
        steps.lines.append(f"upstox: {problem or 'not asked'}")
    elif span is None:
        steps.lines.append("upstox: not asked for anything: name days with --from")
    else:
        _fetch(steps, root, asked, origins, origins.fetch, span)


def _fetch(
    steps: _Steps, root: Path, asked: Asked, origins: Origins, fetch: FetchDays, span: tuple[date, date]
) -> None:
    store = _open(root, origins)
    try:
        results = fetch(store, steps.underlyings, *span)
    except (BrokerError, ConfigError, DataError) as error:
        steps.lines.append(f"upstox: {error}")
        return
    days = max((one.asked for one in results if one.added), default=0)
    steps.lines.append(f"upstox: fetched {days} {'day' if days == 1 else 'days'} into the store")
    errors = dict.fromkeys(f"upstox: {one.job.label}: {error}" for one in results for error in one.errors)
    steps.lines += errors
    _load(steps, store, asked)
    if any(one.added for one in results):
        steps.lines += [_stored(steps, of, asked) for of in steps.underlyings]


def _missing(steps: _Steps, root: Path, asked: Asked, origins: Origins) -> tuple[date, date] | None:
    """First and last day that some underlying lacks; None where nothing is missing or no days are named."""
    now = origins.clock.now_ns()
    days = [day for of in steps.underlyings for day in _lacking(steps, root, of, asked, now)]
    return (min(days), max(days)) if days else None


def _lacking(steps: _Steps, root: Path, of: Instrument, asked: Asked, now_ns: int) -> list[date]:
    from sos.data.fetch_plan import asked_days, bars_by_day, full_count

    series, today, calendar = steps.loaded.get(of.key), ist_date(now_ns), Calendar.packaged()
    first = asked.start or (series.first_day if series else None)
    last = min(today, asked.end or (series.last_day if series and asked.start is None else today))
    if first is None or (series is not None and series.minutes != 1):
        return []
    have = {} if series is None else bars_by_day(series.run.ts)
    answered = _answered(root, of)
    lacking = [day for day in asked_days(calendar, of.hours, first, last) if not have.get(day)]
    lacking = [day for day in lacking if day not in answered]
    if asked.end is None and asked.start is None:
        return lacking
    over = full_count(calendar, of.hours, today, 1, now_ns)
    if today == last and today not in lacking and have.get(today, 0) < over:
        lacking.append(today)
    return [day for day in lacking if day != today or over]


def _answered(root: Path, of: Instrument) -> Mapping[date, int]:
    if not (root / "fetched").is_dir():
        return {}
    from sos.data.fetched import Answers

    return Answers(root, of.key, 1).days()


# ---- the end of it


def _from_store(steps: _Steps, root: Path, asked: Asked, origins: Origins) -> RunInputs:
    from sos.data.stored_sentiment import stored_sentiment

    inputs = assemble(steps.underlyings, steps.loaded, asked.start, asked.end, asked.volume_from)
    store = _open(root, origins)
    sentiment: dict[InstrumentKey, tuple[SentimentSeries, ...]] = {}
    for of in steps.underlyings:
        found, lines = stored_sentiment(store, inputs.series_of(of.key), asked.sentiment)
        steps.lines += lines
        if found:
            sentiment[of.key] = found
    return replace(inputs, notes=_noted(inputs, steps.lines), sentiment=sentiment)


def _sample(steps: _Steps, asked: Asked, origins: Origins) -> RunInputs:
    said = "; ".join(steps.lines)
    if "sample" not in origins.sources:
        symbols = ", ".join(of.symbol for of in steps.underlyings)
        raise DataError(f"no bars of {symbols} ({said or 'data.sources names no source that has any'})")
    try:
        inputs = resolve_inputs(
            asked.symbols,
            (),
            asked.start,
            asked.end,
            volume_from=asked.volume_from,
            seed=asked.seed,
            sample_sessions=asked.sample_sessions,
        )
    except DataError as error:
        raise DataError(f"{error} ({said})" if said else str(error)) from error
    lines = [*steps.lines, f"sample: {asked.sample_sessions} sessions, seed {asked.seed}"]
    return replace(inputs, notes=_noted(inputs, lines))


def _noted(inputs: RunInputs, lines: Sequence[str]) -> tuple[str, ...]:
    """The steps before the other notes; that bars are generated stays first."""
    first = 1 if inputs.synthetic else 0
    return (*inputs.notes[:first], *lines, *inputs.notes[first:])
