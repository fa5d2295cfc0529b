"""A run without --data: the store, then the broker, then the sample, and a line for each step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from sos.brokers.upstox.errors import Unreachable
from sos.clock import ManualClock, ist_ns
from sos.data.chain_of_sources import Asked, Origins, resolve_sources
from sos.data.fetch import Fetched
from sos.data.fetch_jobs import spot_job
from sos.data.sample import sample
from sos.data.sources import resolve_inputs
from sos.data.store import Store
from sos.data.symbols import Instrument
from sos.errors import BrokerError, ConfigError, DataError
from sos.market.sentiment import VIX

NOW = ist_ns(date(2026, 2, 10), 20 * 60)
CLOCK = ManualClock(NOW)
FIRST, LAST = date(2026, 1, 5), date(2026, 1, 9)


class Broker:
    """Fetches the sample's days, or fails."""

    def __init__(self, error: BrokerError | None = None) -> None:
        self.error = error
        self.asked: list[tuple[date, date]] = []

    def __call__(
        self, store: Store, symbols: tuple[Instrument, ...], first: date, last: date
    ) -> Sequence[Fetched]:
        self.asked.append((first, last))
        if self.error is not None:
            raise self.error
        return [fill(store, of.symbol, first, last) for of in symbols]


def fill(
    store: Store, symbol: str, first: date = FIRST, last: date = LAST, source: str = "upstox"
) -> Fetched:
    """The sample's bars of these days, as if they were the market's."""
    added = 0
    for series in sample(symbol):
        part = series.between(first, last)
        if part is not None:
            added = store.write_bars(series.instrument.key, 1, part.run, source).added
    of = sample(symbol)[0].instrument
    return Fetched(spot_job(of, first, last, 1), asked=added // 375, added=added)


def origins(root: Path, broker: Broker | None = None, **more: object) -> Origins:
    token = None if broker is not None else "no token (sos auth login)"
    return Origins(lambda: root, CLOCK, why_not=lambda: token, fetch=broker, **more)  # type: ignore[arg-type]


def test_with_nothing_at_all_it_is_the_sample_and_nothing_is_written(tmp_path: Path) -> None:
    root = tmp_path / "store"
    inputs = resolve_sources(Asked(["NIFTY"]), origins(root))
    plain = resolve_inputs(["NIFTY"])
    assert inputs.notes[:4] == (
        plain.notes[0],
        "store: nothing of NIFTY",
        "upstox: no token (sos auth login)",
        "sample: 20 sessions, seed 7",
    )
    assert inputs.notes[4:] == plain.notes[1:]
    assert np.array_equal(inputs.run.close, plain.run.close)
    assert not root.exists()


def test_the_store_comes_first_with_the_volume_of_the_future(tmp_path: Path) -> None:
    fill(Store(tmp_path, CLOCK), "NIFTY")
    inputs = resolve_sources(Asked(["nifty"]), origins(tmp_path))
    assert not inputs.synthetic
    assert inputs.notes[0] == "store: NIFTY 2026-01-05 to 2026-01-09, 1,875 bars"
    assert (inputs.first_day, inputs.last_day) == (FIRST, LAST)
    assert inputs.volume_source[inputs.underlyings[0].key] == "NSE_FO|NIFTY.FUT"


def test_without_dates_only_holes_in_the_store_are_asked_for(tmp_path: Path) -> None:
    store, broker = Store(tmp_path, CLOCK), Broker()
    fill(store, "NIFTY")
    resolve_sources(Asked(["NIFTY"]), origins(tmp_path, broker))
    assert broker.asked == []
    fill(store, "NIFTY", date(2026, 1, 13), date(2026, 1, 13))
    inputs = resolve_sources(Asked(["NIFTY"]), origins(tmp_path, broker))
    assert broker.asked == [(date(2026, 1, 12), date(2026, 1, 12))]
    assert "upstox: fetched 1 day into the store" in inputs.notes
    assert "store: NIFTY 2026-01-05 to 2026-01-13, 2,625 bars" in inputs.notes


def test_days_that_are_named_and_missing_are_fetched_into_the_store(tmp_path: Path) -> None:
    broker = Broker()
    asked = Asked(["NIFTY"], FIRST, LAST)
    first = resolve_sources(asked, origins(tmp_path, broker))
    assert first.notes[:3] == (
        "store: nothing of NIFTY",
        "upstox: fetched 5 days into the store",
        "store: NIFTY 2026-01-05 to 2026-01-09, 1,875 bars",
    )
    second = resolve_sources(asked, origins(tmp_path, broker))
    assert broker.asked == [(FIRST, LAST)]
    assert np.array_equal(first.run.close, second.run.close)


def test_without_a_token_the_days_that_are_there_are_used(tmp_path: Path) -> None:
    fill(Store(tmp_path, CLOCK), "NIFTY")
    inputs = resolve_sources(Asked(["NIFTY"], FIRST, date(2026, 1, 16)), origins(tmp_path))
    assert "upstox: no token (sos auth login)" in inputs.notes
    assert inputs.last_day == LAST


def test_offline_is_one_attempt_and_one_line(tmp_path: Path) -> None:
    fill(Store(tmp_path, CLOCK), "NIFTY")
    broker = Broker(Unreachable("no connection to the broker"))
    inputs = resolve_sources(Asked(["NIFTY"], FIRST, date(2026, 1, 16)), origins(tmp_path, broker))
    assert len(broker.asked) == 1
    assert "upstox: no connection to the broker" in inputs.notes


def test_a_token_alone_fetches_nothing(tmp_path: Path) -> None:
    broker = Broker()
    inputs = resolve_sources(Asked(["NIFTY"]), origins(tmp_path / "store", broker))
    assert broker.asked == []
    assert any("name days with --from" in note for note in inputs.notes)


def test_a_symbol_without_bars_is_told_and_never_filled_up_from_the_sample(tmp_path: Path) -> None:
    fill(Store(tmp_path, CLOCK), "NIFTY")
    with pytest.raises(DataError, match=r"no bars of BANKNIFTY .*sos data fetch"):
        resolve_sources(Asked(["NIFTY", "BANKNIFTY"]), origins(tmp_path))


def test_dates_outside_everything_tell_every_step(tmp_path: Path) -> None:
    asked = Asked(["NIFTY"], date(2025, 1, 1), date(2025, 1, 2))
    with pytest.raises(DataError, match=r"store: nothing of NIFTY; upstox: no token"):
        resolve_sources(asked, origins(tmp_path))


@pytest.mark.parametrize("sources", [("store",), ("upstox",), ("store", "upstox"), ()])
def test_without_the_sample_nothing_is_an_error(tmp_path: Path, sources: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="no bars of NIFTY"):
        resolve_sources(Asked(["NIFTY"]), origins(tmp_path, sources=sources))


def test_the_sample_alone_asks_nobody(tmp_path: Path) -> None:
    fill(Store(tmp_path, CLOCK), "NIFTY")
    broker = Broker()
    inputs = resolve_sources(Asked(["NIFTY"], FIRST), origins(tmp_path, broker, sources=("sample",)))
    assert inputs.synthetic
    assert broker.asked == []


def test_a_data_directory_that_is_none_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert any("is no folder" in note for note in resolve_sources(Asked(["NIFTY"]), origins(file)).notes)
    gone = resolve_sources(Asked(["NIFTY"]), origins(tmp_path / "gone", named=True))
    assert any("there is no folder" in note for note in gone.notes)

    def homeless() -> Path:
        raise ConfigError("no place for data is known")

    inputs = resolve_sources(Asked(["NIFTY"]), Origins(homeless, CLOCK))
    assert "store: no place for data is known" in inputs.notes


def test_generated_bars_in_the_store_are_called_so(tmp_path: Path) -> None:
    fill(Store(tmp_path, CLOCK), "NIFTY", source="synthetic sample, seed 7")
    inputs = resolve_sources(Asked(["NIFTY"]), origins(tmp_path))
    assert inputs.synthetic
    assert inputs.notes[0].startswith("synthetic sample in the store")


def test_unsound_bars_of_the_store_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, CLOCK)
    run = sample("RELIANCE")[0].between(FIRST, LAST)
    assert run is not None
    bad = run.run.take(np.arange(100))
    bad.high[7] = bad.low[7] - 1.0
    store.write_bars(run.instrument.key, 1, bad, "mine")
    with pytest.raises(DataError, match=r"RELIANCE are not sound at 2026-01-05T09:22"):
        resolve_sources(Asked(["RELIANCE"]), origins(tmp_path))


def test_chains_and_the_vix_of_the_store_are_the_mood_of_the_run(tmp_path: Path) -> None:
    store = Store(tmp_path, CLOCK)
    fill(store, "NIFTY")
    fill(store, "INDIAVIX")
    key = sample("NIFTY")[0].instrument.key

    def snapshot(day: date) -> None:
        ts = np.full(3, ist_ns(day, 600), np.int64)
        strikes = np.array([25_000.0, 25_100.0, 25_200.0])
        oi = {f"{side}_oi": np.array([75.0, 150.0, 75.0]) for side in ("ce", "pe")}
        store.write_snapshots("chain", key, date(2026, 1, 13), {"ts": ts, "strike": strikes, **oi}, "mine")

    snapshot(FIRST)
    few = resolve_sources(Asked(["NIFTY"]), origins(tmp_path))
    assert any("option chains of 1 of 5 days: too few" in note for note in few.notes)
    assert [set(one.columns) for one in few.sentiment[key]] == [{VIX}]
    for day in (6, 7):
        snapshot(date(2026, 1, day))
    inputs = resolve_sources(Asked(["NIFTY"]), origins(tmp_path))
    assert "sentiment.pcr" in inputs.sentiment[key][0].columns
