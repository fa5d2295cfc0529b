"""What a run knows of the market's mood, and what its head says about it.

Puts together what the inputs bring (chains, breadth, India VIX) and what their bars say by themselves (smart
trend of the future). Formulas are in `market.sentiment_sources`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sos.data.series import SeriesData
from sos.data.sources import RunInputs
from sos.data.symbols import Instrument
from sos.market.market import Market
from sos.market.regime import RegimeSettings
from sos.market.sentiment import PCR, VIX, SentimentSettings, SeriesReader, coverage
from sos.market.sentiment_sources import future_series
from sos.strategy.pattern import Pattern
from sos.types import InstrumentKey

__all__ = ["sentiment_lines", "sentiment_names", "sentiment_of"]

_TREND: Final = "sentiment.smart_trend"
_SHOWN: Final = (
    (PCR, "sentiment from option chains"),
    (_TREND, "smart trend"),
    ("sentiment.advances", "breadth"),
    (VIX, "India VIX"),
)


def _future(inputs: RunInputs, of: Instrument) -> SeriesData | None:
    """The future that lends the underlying its open interest; itself if it is one."""
    source = inputs.series_of(inputs.volume_source.get(of.key) or of.key)
    return source if source.has_oi else None


def sentiment_names(inputs: RunInputs, of: Instrument) -> frozenset[str]:
    """The sentiment that this underlying has in this run."""
    brought = {name for one in inputs.sentiment.get(of.key, ()) for name in one.columns}
    return frozenset(brought | ({_TREND} if _future(inputs, of) is not None else set()))


def sentiment_of(
    inputs: RunInputs, of: Instrument, patterns: Sequence[Pattern], settings: SentimentSettings
) -> SeriesReader:
    """The reader of one underlying. The future's smart trend, where there is one, goes before the chain's;
    it is made only if a pattern asks."""
    series = inputs.sentiment.get(of.key, ())
    future = _future(inputs, of)
    if future is not None and any(_TREND in pattern.needs for pattern in patterns):
        run = future.run
        series = (future_series(run.end, run.close, run.oi, settings), *series)
    return SeriesReader(series, settings)


def sentiment_lines(
    inputs: RunInputs,
    markets: Sequence[Market],
    readers: Mapping[InstrumentKey, SeriesReader],
    asked: RegimeSettings,
) -> list[str]:
    """Lines for the head: what share of the bars had sentiment and how old it was, and the regime's
    policy.
    """
    lines = []
    for market, of in zip(markets, inputs.underlyings, strict=True):
        reader, ends = readers[of.key], inputs.series_of(of.key).run.end
        for name, label in _SHOWN:
            if name in reader.names:
                found = coverage(reader, name, ends)
                oldest = "" if found.oldest_s is None else f", oldest {found.oldest_s:.0f} s"
                lines.append(f"{of.symbol}: {label}: {found.share:.1%} of bars{oldest}")
        lines.append(f"{of.symbol}: regime by {market.policy.name}{_why(market, reader, asked)}")
    return lines


def _why(market: Market, reader: SeriesReader, asked: RegimeSettings) -> str:
    has = PCR in reader.names
    if market.policy.needs_value and not has:
        return ", UNKNOWN throughout: this run has no put-call ratio (auto falls back on price)"
    if asked.policy != "auto":
        return ""
    return f" (auto: this run has {'a' if has else 'no'} put-call ratio)"
