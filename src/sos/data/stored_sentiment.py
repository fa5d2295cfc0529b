"""What the store knows of the market's mood, as series that a run can look at as of each bar.

Option chains give put/call ratios, walls, max pain and changes of open interest; a series of put/call ratios
serves where there is no chain; bars of India VIX give the volatility. Reads the store, writes nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from sos.data.store import Store
from sos.data.store.kinds import Frame
from sos.data.symbols import resolve
from sos.market.sentiment import PCR, SentimentSeries, SentimentSettings
from sos.market.sentiment_sources import chain_series, vix_series
from sos.options.chain import SIDE_FIELDS, OptionChain, chains_from_columns
from sos.types import InstrumentKey

__all__ = ["stored_sentiment"]

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def stored_sentiment(
    store: Store, key: InstrumentKey, start_ns: int, end_ns: int, settings: SentimentSettings
) -> tuple[tuple[SentimentSeries, ...], tuple[str, ...]]:
    """Series of one underlying known in ``[start_ns, end_ns)``, the better source first; lines for the head.

    Raises:
        DataError: the store is damaged.
    """
    series: list[SentimentSeries] = []
    notes: list[str] = []
    chain = store.read_snapshots("chain", key, None, start_ns, end_ns)
    if chain is not None and len(chain["ts"]):
        chains = list(_chains(key, chain))
        series.append(chain_series(chains, settings))
        notes += _flags(chains)
    ratios = store.read_snapshots("pcr", key, None, start_ns, end_ns)
    if ratios is not None and len(ratios["ts"]):
        series.append(SentimentSeries(ratios["known_ts"], {PCR: ratios["pcr"]}, ratios["ts"]))
    volatility = store.read_bars(resolve("INDIAVIX").key, 1, start_ns, end_ns)
    if volatility is not None and len(volatility):
        series.append(vix_series(volatility.end, volatility.close))
    return tuple(series), tuple(notes)


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
