"""One backtest: inputs, patterns and settings composed into an engine, run, and gathered into a result.

Composition only: no file is read, nothing is printed, no rule of trading is here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np

from sos.backtest.digest import SignalDigest
from sos.backtest.engine import CAPACITY, Progress, run_engine
from sos.backtest.exposure import peak_exposure
from sos.backtest.mood import sentiment_lines, sentiment_names, sentiment_of
from sos.backtest.result import BacktestResult, DataHead, PatternOutcome, SeriesHead, merge_funnels
from sos.backtest.specs import expiry_days, instrument_spec
from sos.clock import Clock, ist_iso
from sos.contracts import Contracts
from sos.data.series import SeriesData
from sos.data.sources import RunInputs
from sos.data.symbols import Instrument
from sos.errors import DataError
from sos.market.columns import SessionInputs
from sos.market.frame import MarketSettings
from sos.market.market import Market
from sos.market.matcher import Matcher
from sos.market.regime import RegimeSettings
from sos.market.screener import RVOL
from sos.market.sentiment import SentimentSettings, SeriesReader
from sos.market.structure import NAMES as STRUCTURE
from sos.strategy.pattern import Pattern
from sos.trading.charges import ChargeTable
from sos.trading.desk import Desk
from sos.trading.positions import Trade
from sos.trading.settings import ExecutionSettings, RiskSettings
from sos.trading.spec import InstrumentSpec
from sos.types import NS_PER_SECOND, InstrumentKey, InstrumentKind, Refusal

__all__ = ["BacktestSettings", "market_of", "missing_lines", "run_backtest"]

NEUTRAL: Final[Mapping[str, float]] = {
    "sentiment.pcr": 1.0,
    "sentiment.smart_trend": 4.0,  # Neutral
    "sentiment.breadth_ratio": 1.0,
}


_MOOD_SOURCES: Final = (
    ("vix", "India VIX"),
    ("breadth", "constituents"),
    ("advances", "constituents"),
    ("declines", "constituents"),
    ("smart_trend", "open interest of a future and no option chains"),
)


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """What a run is configured with. ``batch`` and ``capacity`` never change a result."""

    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    risk: RiskSettings = field(default_factory=RiskSettings)
    regime: RegimeSettings = field(default_factory=RegimeSettings)
    gap_minutes: float = 5.0
    sentiment: SentimentSettings = field(default_factory=SentimentSettings)
    neutral_sentiment: bool = False
    default_selection: str = "ATM"
    batch: int = 0
    capacity: int = CAPACITY


def run_backtest(
    inputs: RunInputs,
    patterns: Sequence[Pattern],
    settings: BacktestSettings,
    clock: Clock,
    progress: Progress = lambda done, total: None,
    announce: Callable[[str], None] = lambda line: None,
) -> BacktestResult:
    """Replay ``inputs`` through ``patterns``.

    ``announce`` gets a line for every input that patterns lack, before the first bar is looked at.

    Raises:
        ConfigError: an underlying that cannot be traded, an exit that this version does not have.
        DataError: bars too long for a pattern's interval.
    """
    started = clock.now_ns()
    ordered = sorted(patterns, key=lambda pattern: pattern.id)
    for line in missing_lines(inputs, ordered, settings):
        announce(line)
    readers = {of.key: sentiment_of(inputs, of, ordered, settings.sentiment) for of in inputs.underlyings}
    markets = [
        market_of(inputs.series_of(of.key), ordered, settings, readers[of.key]) for of in inputs.underlyings
    ]
    matcher = Matcher(markets, {u: f for u, f in inputs.volume_source.items() if f is not None})
    specs = {of.key: instrument_spec(of.key, of.symbol, of.kind) for of in inputs.underlyings}
    desk = Desk(
        ordered,
        specs,
        {of.key: inputs.sessions[of.key] for of in inputs.underlyings},
        settings.execution,
        settings.risk,
    )
    signals = SignalDigest()
    asyncio.run(
        run_engine(
            inputs.run,
            matcher,
            desk,
            signals,
            batch=settings.batch,
            capacity=settings.capacity,
            progress=progress,
        )
    )
    digest = hashlib.sha256(f"{signals.hexdigest()}\n{desk.digest()}\n".encode()).hexdigest()
    return BacktestResult(
        run_id=digest[:12],
        digest=digest,
        elapsed_s=(clock.now_ns() - started) / NS_PER_SECOND,
        data=_head(
            inputs, ordered, settings, markets, readers, capital_lines(desk.trades, specs, settings.risk)
        ),
        patterns=_outcomes(ordered, inputs, matcher, desk, settings),
        trades=desk.trades,
        specs=specs,
    )


def market_of(
    one: SeriesData, patterns: Sequence[Pattern], settings: BacktestSettings, reader: SeriesReader
) -> Market:
    """The market of one underlying with its patterns.

    Raises:
        DataError: its bars are too long for a pattern's interval.
    """
    for pattern in patterns:
        if pattern.interval % one.minutes:
            raise DataError(
                f"{one.source}: its bars are {one.minutes} minutes long; {pattern.id} looks at "
                f"{pattern.interval}-minute bars. Give finer data, or leave the pattern out with --strategies"
            )
    market_settings = MarketSettings(
        minutes=one.minutes,
        gap_minutes=settings.gap_minutes,
        regime=settings.regime,
        constants=NEUTRAL if settings.neutral_sentiment else {},
    )
    sessions = SessionInputs(one.sessions, expiry_days(one.instrument.symbol))
    return Market(one.instrument.key, sessions, patterns, market_settings, reader)


# ---------------------------------------------------------------------- what the run did not have


def _has(inputs: RunInputs, of: Instrument, settings: BacktestSettings) -> frozenset[str]:
    """The inputs beyond prices that this underlying has."""
    source = inputs.series_of(inputs.volume_source.get(of.key) or of.key)
    found = set(STRUCTURE)
    if source.has_volume:
        found.add("volume")
    if source.has_oi:
        found.add("oi")
    if of.symbol.removesuffix(".FUT") in Contracts.packaged().underlyings:
        found.add("days_to_expiry")
    found |= {RVOL} if "volume" in found else set()
    found |= sentiment_names(inputs, of)
    return frozenset(found | set(NEUTRAL if settings.neutral_sentiment else ()))


def _missing(pattern: Pattern, inputs: RunInputs, settings: BacktestSettings) -> tuple[str, ...]:
    absent: set[str] = set()
    for of in inputs.underlyings:
        absent |= pattern.needs - _has(inputs, of, settings)
    return tuple(sorted(absent))


def _outcomes(
    patterns: Sequence[Pattern], inputs: RunInputs, matcher: Matcher, desk: Desk, settings: BacktestSettings
) -> list[PatternOutcome]:
    funnels = [market.funnels() for market in matcher.markets.values()]
    refused: Mapping[str, Mapping[Refusal, int]] = desk.refusals
    return [
        PatternOutcome(
            pattern_id=pattern.id,
            funnel=funnel,
            refusals=_refusals(refused.get(pattern.id, {}), funnel.late),
            missing_inputs=_missing(pattern, inputs, settings),
        )
        for pattern in patterns
        for funnel in [merge_funnels([one[pattern.id] for one in funnels])]
    ]


def _refusals(counted: Mapping[Refusal, int], late: int) -> dict[Refusal, int]:
    """By reason; a signal known only after its session counts as one after the last entry."""
    found = {reason: count for reason, count in counted.items() if count}
    if late:
        found[Refusal.LAST_ENTRY] = found.get(Refusal.LAST_ENTRY, 0) + late
    return found


# ---------------------------------------------------------------------- the head of the report


def _head(
    inputs: RunInputs,
    patterns: Sequence[Pattern],
    settings: BacktestSettings,
    markets: Sequence[Market],
    readers: Mapping[InstrumentKey, SeriesReader],
    of_the_trades: Sequence[str],
) -> DataHead:
    own = [inputs.series_of(of.key) for of in inputs.underlyings]
    days = sorted({day for one in own for day in _days(one)})
    return DataHead(
        symbols=tuple(one.instrument.symbol for one in own),
        names={one.instrument.key: one.instrument.symbol for one in inputs.series},
        series=tuple(
            SeriesHead(
                one.instrument.symbol,
                one.source,
                len(one.run),
                int(one.run.ts[0]),
                int(one.run.ts[-1]),
                one.minutes,
                one.synthetic,
            )
            for one in inputs.series
        ),
        bars=sum(len(one.run) for one in own),
        sessions=max(one.count_days() for one in own),
        days=tuple(days),
        first=min(int(one.run.ts[0]) for one in own),
        last=max(int(one.run.ts[-1]) for one in own),
        synthetic=inputs.synthetic,
        notes=(
            *inputs.notes,
            *_notes(inputs, patterns, settings),
            *sentiment_lines(inputs, markets, readers, settings.regime),
            *of_the_trades,
        ),
    )


def _days(series: SeriesData) -> set[date]:
    sessions, ts = series.sessions, series.run.ts
    busy = np.searchsorted(ts, sessions.ends) > np.searchsorted(ts, sessions.opens)
    return {sessions.days[i] for i in np.flatnonzero(busy).tolist()}


def _notes(inputs: RunInputs, patterns: Sequence[Pattern], settings: BacktestSettings) -> list[str]:
    """What a reader must know before believing the result."""
    symbols = ", ".join(of.symbol for of in inputs.underlyings)
    wanting = sum(not (pattern.selection and pattern.selection.none) for pattern in patterns)
    notes = []
    if wanting:
        verb = "trades itself" if len(inputs.underlyings) == 1 else "trade themselves"
        future = any(of.kind is InstrumentKind.INDEX for of in inputs.underlyings)
        notes.append(
            f"{symbols} {verb}{', an index as its near future' if future else ''}: there is no option data "
            f"in this run, so the option selection of {_count(wanting, 'pattern')} is not applied"
        )
    if settings.neutral_sentiment:
        notes.append("missing sentiment is taken as neutral: PCR 1.0, breadth 1.0, smart trend Neutral")
    notes += missing_lines(inputs, patterns, settings)
    first = min(one.first_day for one in inputs.series)
    if not Contracts.packaged().covered(first) or not ChargeTable.packaged().covered(first):
        notes.append("before 2022-01-01 the earliest known lots and charges are used")
    return notes


def missing_lines(inputs: RunInputs, patterns: Sequence[Pattern], settings: BacktestSettings) -> list[str]:
    """One line for each set of missing inputs: which patterns stay silent for it, and what to do."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for pattern in sorted(patterns, key=lambda pattern: pattern.id):
        missing = _missing(pattern, inputs, settings)
        if missing:
            lacking.setdefault(missing, []).append(pattern.id)
    future = " ".join(f"--data {of.symbol}.FUT=FILE" for of in inputs.underlyings if not of.has_own_volume)
    return [
        f"{', '.join(names)}: no {', '.join(missing)} in this run, silent where {_it(names)} it: "
        + "; ".join(dict.fromkeys(_mend(name, future) for name in missing))
        for missing, names in lacking.items()
    ]


def _it(names: Sequence[str]) -> str:
    return "it needs" if len(names) == 1 else "they need"


def _mend(name: str, future: str) -> str:
    if name in ("volume", "oi", RVOL):
        return f"give the future's bars with {future}" if future else "the file has none"
    if name.startswith("sentiment."):
        source = next((text for part, text in _MOOD_SOURCES if part in name), "option chains")
        neutral = "; --set sentiment.when_missing=neutral declares a neutral value" if name in NEUTRAL else ""
        return f"this run has no {source}{neutral}"
    if name == "days_to_expiry":
        return "the instrument has no options"
    return "this version cannot compute it yet"


def capital_lines(
    trades: Sequence[Trade], specs: Mapping[InstrumentKey, InstrumentSpec], risk: RiskSettings
) -> list[str]:
    """Says when the trades needed more margin at once than there is capital."""
    peak = peak_exposure(trades, specs, risk)
    if peak.margin <= risk.capital * 100:
        return []
    return [
        f"up to {peak.positions} positions were open at once and needed about ₹{peak.margin / 1e7:,.1f} lakh "
        f"of margin ({ist_iso(peak.ts)[:16].replace('T', ' ')}), the capital is ₹{risk.capital / 1e5:,.1f} "
        "lakh: --set risk.max_capital_use=1 keeps within it"
    ]


def _count(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
