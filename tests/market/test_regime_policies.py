"""Regime policies: the published edges, hysteresis, missing inputs, and a reason for every change."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sos.clock import ist_ns
from sos.market.columns import SessionInputs
from sos.market.frame import MarketSettings
from sos.market.market import Market
from sos.market.regime import UNKNOWN, Policy, RegimeSettings, RegimeTracker, explained, policy_of
from sos.market.sentiment import PCR, SentimentSeries, SentimentSettings, SeriesReader
from sos.types import REGIMES, Regime
from tests.market.walks import INDEX, sessions, walk

NAN = math.nan
HIGH = policy_of(RegimeSettings(policy="high_pcr_bullish"), True)
LOW = policy_of(RegimeSettings(policy="low_pcr_bullish"), True)


def fresh(policy: Policy) -> RegimeTracker:
    return RegimeTracker(RegimeSettings(), policy)


@pytest.mark.parametrize(
    ("ratio", "high", "low"),
    [
        (1.31, "COMPLETE_BULLISH", "COMPLETE_BEARISH"),
        (1.21, "COMPLETE_BULLISH", "BEARISH"),
        (1.1, "BULLISH", "BEARISH"),
        (0.97, "SIDEWAYS_BULLISH", "BULLISH"),
        (0.9, "SIDEWAYS", "BULLISH"),
        (0.82, "SIDEWAYS_BEARISH", "BULLISH"),
        (0.75, "BEARISH", "BULLISH"),
        (0.65, "BEARISH", "COMPLETE_BULLISH"),
        (0.55, "COMPLETE_BEARISH", "COMPLETE_BULLISH"),
    ],
)
def test_the_two_readings_of_the_ratio_cut_where_they_were_published(
    ratio: float, high: str, low: str
) -> None:
    assert REGIMES[fresh(HIGH).push(ratio)] == high
    assert REGIMES[fresh(LOW).push(ratio)] == low


def test_a_regime_is_left_only_beyond_its_band() -> None:
    tracker = fresh(HIGH)
    steps = [
        (1.01, 1),
        (1.21, 1),  # above 1.2, inside the band
        (1.23, 0),
        (1.19, 0),
        (1.17, 1),
        (0.5, 6),
    ]
    assert [(ratio, tracker.push(ratio)) for ratio, _ in steps] == steps
    contrarian = fresh(LOW)
    steps = [(0.9, 1), (1.01, 1), (1.03, 5), (0.99, 5), (0.97, 1), (0.69, 1), (0.67, 0)]
    assert [(ratio, contrarian.push(ratio)) for ratio, _ in steps] == steps


def test_without_the_ratio_the_regime_is_unknown_and_begins_afresh_afterwards() -> None:
    tracker = fresh(HIGH)
    assert [tracker.push(ratio) for ratio in (1.25, NAN, NAN, 1.19, 1.21)] == [0, UNKNOWN, UNKNOWN, 1, 1]


def test_price_only_keeps_what_it_knows_between_its_bars() -> None:
    tracker = RegimeTracker(RegimeSettings(policy="price_only"))
    assert [tracker.push(score) for score in (NAN, 2.0, NAN, 2.0)] == [UNKNOWN, 1, 1, 1]


@given(
    st.sampled_from([HIGH, LOW, policy_of(RegimeSettings(), False)]),
    st.lists(
        st.one_of(st.just(NAN), st.sampled_from([0.6, 0.8, 1.0, 1.2, 1.02]), st.floats(-4, 4)), max_size=40
    ),
    st.integers(0, 40),
)
def test_blocks_and_bars_agree_also_when_mixed(policy: Policy, values: list[float], cut: int) -> None:
    one, many, mixed = fresh(policy), fresh(policy), fresh(policy)
    expected = [float(one.push(value)) for value in values]
    assert many.push_block(np.array(values, np.float64)).tolist() == expected
    found = mixed.push_block(np.array(values[:cut], np.float64)).tolist()
    found += [float(mixed.push(value)) for value in values[cut : cut + 3]]
    found += mixed.push_block(np.array(values[cut + 3 :], np.float64)).tolist()
    assert found == expected
    assert one.code == many.code == mixed.code


@pytest.mark.parametrize(
    ("policy", "has_pcr", "expected"),
    [
        ("auto", True, "high_pcr_bullish"),
        ("auto", False, "price_only"),
        ("price_only", True, "price_only"),
        ("low_pcr_bullish", False, "low_pcr_bullish"),
    ],
)
def test_auto_takes_the_ratio_where_there_is_one(policy: str, has_pcr: bool, expected: str) -> None:
    settings = RegimeSettings.model_validate({"policy": policy})
    assert policy_of(settings, has_pcr).name == expected


def test_edges_must_go_one_way() -> None:
    with pytest.raises(ValidationError, match="must fall"):
        RegimeSettings(high_pcr_edges=(0.6, 0.8, 0.85, 0.95, 1.0, 1.2))
    with pytest.raises(ValidationError, match="must rise"):
        RegimeSettings(low_pcr_edges=(1.3, 1.0, 1.0, 1.0, 1.0, 0.7))


def test_a_change_says_what_was_crossed_and_by_how_much() -> None:
    up = explained(HIGH, INDEX, 1, 2, 1, 0, 1.234, 25_000.0)
    assert (up.old, up.new, up.edge) == (Regime.BULLISH, Regime.COMPLETE_BULLISH, 1.2)
    assert up.reasons == ("pcr 1.234 rose above 1.2", "BULLISH ends beyond 1.22 (edge 1.2, band 0.02)")
    jump = explained(HIGH, INDEX, 1, 2, 0, 4, 0.81, 25_000.0)
    assert jump.reasons[0] == "pcr 0.81 fell below 0.85"
    assert jump.reasons[1] == "COMPLETE_BULLISH ends beyond 1.18 (edge 1.2, band 0.02)"
    contrarian = explained(LOW, INDEX, 1, 2, 1, 0, 0.65, 25_000.0)
    assert contrarian.reasons == ("pcr 0.65 fell below 0.7", "BULLISH ends beyond 0.68 (edge 0.7, band 0.02)")
    lost = explained(HIGH, INDEX, 1, 2, 1, UNKNOWN, NAN, 25_000.0)
    assert lost.reasons == ("pcr is missing or too old",)
    assert math.isnan(lost.edge)
    first = explained(HIGH, INDEX, 1, 2, UNKNOWN, 3, 0.9, 25_000.0)
    assert first.reasons == ("pcr 0.9 is known now",)


@given(st.sampled_from([HIGH, LOW]), st.lists(st.floats(0.3, 1.7), min_size=2, max_size=30))
def test_every_change_is_true_to_its_reason(policy: Policy, ratios: list[float]) -> None:
    tracker = fresh(policy)
    old = tracker.push(ratios[0])
    for ratio in ratios[1:]:
        new = tracker.push(ratio)
        if new != old:
            change = explained(policy, INDEX, 1, 2, old, new, ratio, 1.0)
            above = "rose above" in change.reasons[0]
            assert ratio >= change.edge if above else ratio <= change.edge
            assert above == ((new < old) == (policy.sign > 0))
        old = new


def market(policy: str, ratio: SentimentSeries | None, table: object) -> Market:
    reader = None if ratio is None else SeriesReader([ratio], SentimentSettings())
    settings = MarketSettings(regime=RegimeSettings.model_validate({"policy": policy}))
    return Market(INDEX, SessionInputs(table, lambda day: None), (), settings, reader)  # type: ignore[arg-type]


def test_a_market_follows_the_ratio_known_at_each_bars_end() -> None:
    table = sessions(1)
    run = walk(INDEX, table, 1)
    known = run.end[[10, 20, 30]]
    ratio = SentimentSeries(known + np.array([0, 1, 0]), {PCR: np.array([1.1, 1.3, 0.5])}, known)
    of = market("auto", ratio, table)
    for bar in run:
        of.push(bar.ts, bar.end, (bar.open, bar.high, bar.low, bar.close), bar.volume, bar.oi)
    found = [(change.end, change.old.value, change.new.value) for change in of.regime_changes]
    end = run.end.tolist()
    assert found == [
        (end[10], "UNKNOWN", "BULLISH"),
        (end[14], "BULLISH", "UNKNOWN"),  # older than three minutes
        (end[21], "UNKNOWN", "COMPLETE_BULLISH"),  # known one nanosecond after the bar before
        (end[24], "COMPLETE_BULLISH", "UNKNOWN"),
        (end[30], "UNKNOWN", "COMPLETE_BEARISH"),
        (end[34], "COMPLETE_BEARISH", "UNKNOWN"),
    ]
    assert of.regime_changes[0].close == run.close[10]


def test_a_policy_of_the_ratio_without_one_knows_nothing() -> None:
    table = sessions(1)
    run = walk(INDEX, table, 1)
    of = market("high_pcr_bullish", None, table)
    of.push_block(run.ts, run.end, (run.open, run.high, run.low, run.close), run.volume, run.oi)
    assert of.regime_changes == []


def test_records_are_the_same_by_bar_and_by_block() -> None:
    table = sessions(4)
    run = walk(INDEX, table, 2)
    one, many = market("price_only", None, table), market("price_only", None, table)
    for bar in run:
        one.push(bar.ts, bar.end, (bar.open, bar.high, bar.low, bar.close), bar.volume, bar.oi)
    for part in (run[:100], run[100:777], run[777:]):
        many.push_block(part.ts, part.end, (part.open, part.high, part.low, part.close), part.volume, part.oi)
    assert repr(one.regime_changes) == repr(many.regime_changes)
    assert len(one.regime_changes) > 5


# ---------------------------------------------------------------------- sos explain regime


def explain(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    from sos.cli import main

    code = main(["explain", "regime", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_explain_prints_every_change_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explain(capsys, "NIFTY", "2026-01-30")
    assert code == 0
    assert "synthetic sample" in out
    assert "regime by price_only (auto: this run has no put-call ratio)" in out
    assert "fell below -3" in out
    code, out, _ = explain(capsys, "NIFTY", "2026-01-30", "--json")
    found = json.loads(out)
    assert (code, found["symbol"], found["day"], found["bars"]) == (0, "NIFTY", "2026-01-30", 375)
    assert found["changes"][0]["from"] == found["opening"]
    assert found["changes"][-1]["to"] == found["closing"]
    assert found["changes"][0]["known"].endswith("+05:30")


def test_explain_says_that_a_day_had_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explain(capsys, "NIFTY", "2026-01-30", "--set", "regime.policy=low_pcr_bullish")
    assert code == 0
    assert "UNKNOWN all day, no change" in out
    assert "UNKNOWN throughout: this run has no put-call ratio" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("NIFTY", "2026-01-31"), 3, "no bars of NIFTY on 2026-01-31: it has 2026-01-01 to 2026-01-30"),
        (("NIFTY", "30.01.2026"), 2, "not a date, write it as YYYY-MM-DD"),
        (("NIFTI", "2026-01-30"), 2, "NIFTY"),
    ],
)
def test_explain_refuses_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    got, out, err = explain(capsys, *arguments)
    assert (got, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_explaining_a_real_day_does_not_depend_on_what_came_after(
    capsys: pytest.CaptureFixture[str], shared_data: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(shared_data / "nifty_1m.parquet")
    ts = table["ts"].cast("int64").to_numpy() * 1000
    start, stop = np.searchsorted(ts, [ist_ns(date(2022, 2, 1)), ist_ns(date(2022, 3, 1))]).tolist()
    part, longer = table.slice(start, stop - start), table.slice(start, stop - start + 3000)
    found = []
    for name, rows in (("part", part), ("longer", longer)):
        pq.write_table(rows, tmp_path / f"{name}.parquet")
        code, out, _ = explain(
            capsys, "NIFTY", "2022-02-24", "--data", str(tmp_path / f"{name}.parquet"), "--json"
        )
        assert code == 0
        found.append(json.loads(out))
    assert found[0]["changes"] == found[1]["changes"]
    assert found[0]["opening"] == found[1]["opening"]
    assert len(found[0]["changes"]) > 2  # the day of the invasion
