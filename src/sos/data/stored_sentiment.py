"""What the store knows of the market's mood, as series that a run can look at as of each bar.

Option chains give put/call ratios, walls, max pain and changes of open interest; a series of put/call ratios
serves where there is no chain; bars of India VIX give the volatility. Reads the store, writes nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from sos.bars import I64
from sos.clock import IST_OFFSET_NS, ist_ns
from sos.data.series import SeriesData
from sos.data.store import Store
from sos.data.store.kinds import Frame
from sos.data.symbols import resolve
from sos.market.sentiment import PCR, SentimentSeries, SentimentSettings
from sos.market.sentiment_sources import chain_series, vix_series
from sos.options.chain import SIDE_FIELDS, OptionChain, chains_from_columns
from sos.types import NS_PER_DAY, InstrumentKey

__all__ = ["stored_sentiment"]

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def stored_sentiment(
    store: Store, series: SeriesData, settings: SentimentSettings
) -> tuple[tuple[SentimentSeries, ...], tuple[str, ...]]:
    """What was known on the days of ``series``, the better source first; and lines for the head.

    Chains or ratios that speak of less than half of the days are left out, and it is said: a few snapshots
    would only replace the regime by price with an unknown one.

    Raises:
        DataError: the store is damaged.
    """
    key, symbol = series.instrument.key, series.instrument.symbol
    start, end = ist_ns(series.first_day), ist_ns(series.last_day) + NS_PER_DAY
    found: list[SentimentSeries] = []
    lines: list[str] = []

    def enough(what: str, times: I64) -> bool:
        known, days = len(np.unique((times + IST_OFFSET_NS) // NS_PER_DAY)), series.count_days()
        if known * 2 < days:
            lines.append(f"store: {symbol}: {what} of {known} of {days} days: too few, not used")
        return known * 2 >= days

    chain = store.read_snapshots("chain", key, None, start, end)
    if chain is not None and enough("option chains", chain["ts"]):
        chains = _chains(key, chain)
        found.append(chain_series(chains, settings))
        lines += (f"store: {symbol}: {line}" for line in _flags(chains))
    ratios = store.read_snapshots("pcr", key, None, start, end)
    if ratios is not None and enough("put/call ratios", ratios["ts"]):
        found.append(SentimentSeries(ratios["known_ts"], {PCR: ratios["pcr"]}, ratios["ts"]))
    vix = resolve("INDIAVIX").key
    lengths = store.bar_lengths(vix)
    run = store.read_bars(vix, lengths[0], start, end) if lengths else None
    if run is not None:
        found.append(vix_series(run.end, run.close))
    return tuple(found), tuple(lines)


def _chains(key: InstrumentKey, frame: Frame) -> list[OptionChain]:
    """The snapshots of a frame, expiries joined (columns of `store.kinds.CHAIN` and ``expiry``)."""
    columns = {"strike": frame["strike"], "spot": frame["spot"]}
    for side in ("ce", "pe"):
        for name in SIDE_FIELDS:
            if f"{side}_{name}" in frame:
                columns[f"{side}_{name}"] = frame[f"{side}_{name}"]
        columns[f"{side}_oi_change"] = frame[f"{side}_oi"] - frame[f"{side}_oi_prev"]
    days = frame["expiry"].astype("datetime64[D]").astype(np.int64)
    known = {day: date.fromordinal(day + _EPOCH_DAY) for day in np.unique(days).tolist()}
    expiries = [known[day] for day in days.tolist()]
    return list(chains_from_columns(key, frame["ts"], expiries, columns, known_ts=frame["known_ts"]))


def _flags(chains: list[OptionChain]) -> list[str]:
    """What is odd in the chains, each kind once with the number of snapshots that have it."""
    counted: dict[str, int] = {}
    for chain in chains:
        for flag in dict.fromkeys(finding.flag for finding in chain.flags):
            counted[flag.value] = counted.get(flag.value, 0) + 1
    return [
        f"option chains: {name} in {count:,} of {len(chains):,} snapshots" for name, count in counted.items()
    ]
