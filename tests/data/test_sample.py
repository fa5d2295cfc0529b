"""The sample: the same everywhere, honest about itself, and lively enough for patterns."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from sos.data import sample
from sos.data.draws import Draws, derive_seed
from sos.data.series import SeriesData
from sos.errors import ConfigError

COLUMNS = ("ts", "end", "open", "high", "low", "close", "volume", "oi")


def digest(found: tuple[SeriesData, ...]) -> str:
    hashed = sha256()
    for series in found:
        for name in COLUMNS:
            column = getattr(series.run, name)
            hashed.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
    return hashed.hexdigest()


def test_the_draws_are_those_of_splitmix64() -> None:
    first = Draws(1234567).uniform(3) * 2.0**53
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]  # published test vector
    assert first.tolist() == [float(value >> 11) for value in expected]
    whole, parts = Draws(5).uniform(10), Draws(5)
    assert [*parts.uniform(4), *parts.uniform(6)] == whole.tolist()
    assert derive_seed(7, "NIFTY") != derive_seed(7, "BANKNIFTY")


@pytest.mark.parametrize(
    ("symbol", "pinned"),
    [
        ("NIFTY", "4b0bfb5a7ecbeeacafffd3866d1511d24d5f4cf43b92ac647a484b2e4e6564f7"),
        ("RELIANCE", "dd019edd2c28c67bc3c09cb71ee059ba62e2488c1408cfa0c74a690a7dbca0ed"),
    ],
)
def test_the_sample_is_the_same_bytes_on_every_machine(symbol: str, pinned: str) -> None:
    assert digest(sample(symbol)) == pinned


@pytest.mark.parametrize("symbol", ["NIFTY", "BANKNIFTY", "SENSEX", "INDIAVIX", "TCS", "M&M"])
def test_every_bar_of_the_sample_is_sound(symbol: str) -> None:
    for series in sample(symbol):
        run = series.run
        assert (len(run), series.count_days()) == (7500, 20)
        assert series.synthetic
        assert "not market data" in series.notes[0]
        assert (run.low > 0).all()
        assert (
            (run.low <= np.minimum(run.open, run.close)) & (run.high >= np.maximum(run.open, run.close))
        ).all()
        assert (np.diff(run.ts) > 0).all()
        assert np.allclose(run.close * 100, np.rint(run.close * 100), atol=1e-6, rtol=0)


def test_an_index_has_no_volume_and_its_future_has_volume_and_open_interest_in_lots() -> None:
    index, future = sample("NIFTY")
    assert (index.has_volume, index.has_oi) == (False, False)
    assert (future.has_volume, future.has_oi) == (True, True)
    assert future.instrument.underlying == index.instrument.key
    assert (future.run.volume % 65 == 0).all()
    assert (future.run.oi % 65 == 0).all()
    premium = future.run.close - index.run.close
    assert float(premium.min()) > -20
    assert float(premium.max()) < 250
    assert (future.run.ts == index.run.ts).all()


def test_a_share_has_volume_and_the_vix_has_no_future() -> None:
    (share,) = sample("RELIANCE")
    assert (share.has_volume, share.has_oi) == (True, False)
    assert len(sample("INDIAVIX")) == 1


def test_seed_symbol_and_length_choose_the_bars() -> None:
    assert digest(sample("NIFTY", 7)) == digest(sample("nifty 50", 7))
    assert digest(sample("NIFTY", 7)) != digest(sample("NIFTY", 8))
    assert sample("NIFTY", sessions=3)[0].first_day.isoformat() == "2026-01-28"
    assert sample("NIFTY", sessions=3)[0].last_day.isoformat() == "2026-01-30"


@pytest.mark.parametrize("symbol", ["NIFTY", "BANKNIFTY", "RELIANCE"])
def test_the_days_hold_what_patterns_look_for(symbol: str) -> None:
    run = sample(symbol)[-1].run
    high, low, close = (getattr(run, name).reshape(20, 375) for name in ("high", "low", "close"))
    volume = run.volume.reshape(20, 375)
    day_range = (high.max(1) - low.min(1)) / close[:, 0]
    assert 0.004 < float(np.median(day_range)) < 0.03
    assert volume[:, :15].mean() > 1.5 * volume[:, 120:240].mean()  # busy at the open
    spikes = volume[:, 20:] > 3 * np.median(volume)
    assert spikes.any(1).sum() >= 15
    wicks = (high - np.maximum(close, run.open.reshape(20, 375))) > 0.6 * (high - low)
    assert wicks.any(1).sum() >= 15
    gaps = np.abs(run.open.reshape(20, 375)[1:, 0] / close[:-1, -1] - 1)
    assert (gaps > 0.003).sum() >= 2
    breaks = (close[:, 16:].max(1) > high[:, :15].max(1)) | (close[:, 16:].min(1) < low[:, :15].min(1))
    assert breaks.sum() >= 10


@pytest.mark.parametrize("sessions", [0, 501])
def test_a_length_out_of_range_is_a_usage_error(sessions: int) -> None:
    with pytest.raises(ConfigError, match="1 to 500"):
        sample("NIFTY", sessions=sessions)


def test_a_contract_has_no_sample() -> None:
    with pytest.raises(ConfigError, match="no sample"):
        sample("NSE_FO|49229")
