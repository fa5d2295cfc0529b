"""Each fault of the data is found, by its name, and sound data has none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sos.calendar import Calendar
from sos.clock import ist_ns
from sos.data.quality import Finding, judge_series
from sos.data.sample import sample
from sos.data.store.kinds import BARS
from sos.types import NS_PER_DAY, NS_PER_MINUTE

Frame = dict[str, npt.NDArray[Any]]
RELIANCE = "NSE_EQ|INE002A01018"
NIFTY = "NSE_INDEX|Nifty 50"
OPTION = "NSE_FO|NIFTY 25000 CE 27 JAN 26"
EXPIRY = "2026-01-27"


def good_bars() -> Frame:
    """Five sessions of a share."""
    run = sample("RELIANCE", seed=3, sessions=5)[0].run
    return {name: getattr(run, name).copy() for name in BARS.columns}


def without(frame: Frame, rows: npt.NDArray[Any] | slice) -> Frame:
    keep = np.ones(len(frame["ts"]), np.bool_)
    keep[rows] = False
    return {name: column[keep] for name, column in frame.items()}


def found(kind: str, key: str, part: str, frame: Frame) -> dict[str, Finding]:
    findings = judge_series(kind, key, part, frame, Calendar.packaged())
    return {finding.check: finding for finding in findings}


def spoil_shape(frame: Frame) -> Frame:
    frame["high"][7] = frame["low"][7] - 1
    return frame


def spoil_day(frame: Frame) -> Frame:
    return without(frame, slice(375, 750))


def spoil_bars(frame: Frame) -> Frame:
    return without(frame, slice(400, 420))


def spoil_volume(frame: Frame) -> Frame:
    frame["volume"][100:200] = 0.0
    return frame


def spoil_spike(frame: Frame) -> Frame:
    for name in ("open", "high", "low", "close"):
        frame[name][500] *= 1.1
    return frame


def spoil_stale(frame: Frame) -> Frame:
    for name in ("open", "high", "low", "close"):
        frame[name][600:640] = frame["close"][600]
    return frame


def spoil_zone(frame: Frame) -> Frame:
    for name in ("ts", "end"):
        frame[name] = frame[name] - 330 * NS_PER_MINUTE
    return frame


def spoil_hours(frame: Frame) -> Frame:
    for name in ("ts", "end"):
        frame[name][-1] += 20 * NS_PER_MINUTE
    return frame


def spoil_price(frame: Frame) -> Frame:
    frame["low"][3] = -1.0
    return frame


@pytest.mark.parametrize(
    ("spoil", "check", "count"),
    [
        (spoil_shape, "OHLC order", 1),
        (spoil_price, "price", 1),
        (spoil_day, "missing days", 1),
        (spoil_bars, "missing bars", 20),
        (spoil_volume, "zero volume", 100),
        (spoil_spike, "outliers", 1),
        (spoil_stale, "stale", 1),
        (spoil_zone, "wrong zone", None),
        (spoil_hours, "outside", 1),
    ],
)
def test_a_fault_of_bars_is_found_by_its_name(
    spoil: Callable[[Frame], Frame], check: str, count: int | None
) -> None:
    sound = found("bars", RELIANCE, "1m", good_bars())
    assert not [finding for finding in sound.values() if finding.severity == "wrong"]
    findings = found("bars", RELIANCE, "1m", spoil(good_bars()))
    assert findings[check].severity == "wrong"
    if count is not None:
        assert findings[check].count == count


def test_a_minute_without_a_trade_is_no_fault_of_an_option() -> None:
    frame = spoil_volume(spoil_bars(good_bars()))
    findings = found("bars", OPTION, "1m", frame)
    assert {finding.severity for finding in findings.values()} == {"note"}
    assert findings["missing bars"].count == 20


def test_an_index_needs_no_volume() -> None:
    frame = good_bars()
    frame["volume"][:] = np.nan
    assert "no volume" in found("bars", RELIANCE, "1m", frame)
    assert "no volume" not in found("bars", NIFTY, "1m", frame)


def test_five_minute_bars_have_seventy_five_a_day() -> None:
    frame = {name: column[::5] for name, column in good_bars().items()}
    assert found("bars", RELIANCE, "5m", frame) == {}
    assert found("bars", RELIANCE, "5m", without(frame, slice(10, 12)))["missing bars"].count == 2


def good_chain() -> Frame:
    """Ten snapshots a minute apart of three strikes."""
    known = ist_ns(date(2026, 1, 22), 600) + np.repeat(np.arange(10), 3) * NS_PER_MINUTE
    frame: Frame = {"known_ts": known, "ts": known.copy(), "strike": np.tile([1.0, 2.0, 3.0], 10)}
    frame["spot"] = np.full(30, 2.0)
    for side in ("ce", "pe"):
        frame |= {f"{side}_{name}": np.arange(30.0) + 1 for name in ("oi", "volume", "ltp", "bid", "iv")}
        frame[f"{side}_ask"] = frame[f"{side}_bid"] + 0.5
    return frame


def crossed(frame: Frame) -> None:
    frame["ce_bid"][4] = frame["ce_ask"][4] + 1


def without_oi(frame: Frame) -> None:
    frame["pe_oi"][3:6] = 0.0


def negative(frame: Frame) -> None:
    frame["ce_volume"][0] = -5.0


def repeated(frame: Frame) -> None:
    for name in frame:
        if name not in ("known_ts", "ts"):
            frame[name][9:12] = frame[name][6:9]


def late(frame: Frame) -> None:
    for name in ("known_ts", "ts"):
        frame[name][27:] += 6 * NS_PER_DAY


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (crossed, "crossed"),
        (without_oi, "zero OI"),
        (negative, "negative"),
        (repeated, "stale"),
        (late, "expired"),
    ],
)
def test_a_fault_of_a_chain_is_found_by_its_name(spoil: Callable[[Frame], None], check: str) -> None:
    frame = good_chain()
    assert found("chain", NIFTY, EXPIRY, frame) == {}
    spoil(frame)
    findings = found("chain", NIFTY, EXPIRY, frame)
    assert findings[check].severity == "wrong"
    assert findings[check].count == 1


def test_a_hole_between_snapshots_and_a_missing_spot_are_notes() -> None:
    frame = good_chain()
    for name in ("known_ts", "ts"):
        frame[name][15:] += 30 * NS_PER_MINUTE
    frame["spot"][:] = np.nan
    findings = found("chain", NIFTY, EXPIRY, frame)
    assert {name: finding.severity for name, finding in findings.items()} == {
        "holes": "note",
        "no spot": "note",
    }


def test_ticks_have_holes_spikes_and_foreign_hours() -> None:
    ts = ist_ns(date(2026, 1, 22), 555) + np.arange(22_500) * 10**9
    price = 25_000 + np.sin(np.arange(22_500) / 50.0)
    frame = {"ts": ts, "price": price, "qty": np.full(22_500, np.nan), "oi": np.full(22_500, np.nan)}
    assert found("ticks", NIFTY, "tick", frame) == {}
    price[9_000] *= 1.2
    assert found("ticks", NIFTY, "tick", frame)["outliers"].count == 1
    assert found("ticks", NIFTY, "tick", without(frame, slice(9_000, 9_400)))["holes"].count == 1
    frame["ts"] = ts - 330 * NS_PER_MINUTE
    assert "wrong zone" in found("ticks", NIFTY, "tick", frame)


def test_a_ratio_that_cannot_be_is_named() -> None:
    known = ist_ns(date(2026, 1, 12), 560) + np.arange(5) * 3 * NS_PER_MINUTE
    frame = {
        "known_ts": known,
        "ts": known,
        "pcr": np.array([0.8, 0.0, np.nan, 0.9, 99.0]),
        "spot": known * 1.0,
    }
    findings = found("pcr", NIFTY, "all", frame)
    assert findings["range"].count == 3
