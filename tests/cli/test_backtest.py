"""`sos backtest` on the sample: the report, the JSON object, the CSV, and what must not change them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.backtest.shape import faults
from tests.cli.conftest import Sos

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "backtest-result.schema.json").read_text("utf-8"))


def as_json(sos: Sos, *arguments: str) -> dict[str, Any]:
    outcome = sos("backtest", "NIFTY", "--json", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    decoded: dict[str, Any] = json.loads(outcome.out)
    return decoded


def test_the_sample_runs_without_any_data_and_is_called_synthetic(sos: Sos) -> None:
    outcome = sos("backtest", "NIFTY")
    assert (outcome.code, outcome.err) == (0, "")
    assert "synthetic sample" in outcome.out
    assert "NIFTY trades itself" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 100


def test_the_json_has_the_documented_shape_and_counts_that_agree(sos: Sos) -> None:
    shown = as_json(sos)
    assert list(faults(shown, SCHEMA, SCHEMA)) == []
    assert shown["data"]["synthetic"] is True
    assert shown["summary"]["trades"] == len(shown["trades"]) > 0
    assert sum(pattern["trades"] for pattern in shown["patterns"]) == len(shown["trades"])
    for pattern in shown["patterns"]:
        funnel = pattern["funnel"]
        assert pattern["signals"] == funnel["phases"][-1]["passed"] - funnel["vetoed_by_regime"]
        assert pattern["signals"] >= pattern["trades"]


def test_the_batch_size_changes_nothing_but_the_time_it_took(sos: Sos) -> None:
    whole, small = as_json(sos), as_json(sos, "--set", "engine.batch=97")
    whole["run"].pop("elapsed_s")
    small["run"].pop("elapsed_s")
    assert small == whole


def test_another_seed_is_another_sample(sos: Sos) -> None:
    assert as_json(sos)["run"]["digest"] != as_json(sos, "--seed", "8")["run"]["digest"]


def test_a_setting_reaches_the_trades(sos: Sos, monkeypatch: pytest.MonkeyPatch) -> None:
    one = as_json(sos)["summary"]
    monkeypatch.setenv("SOS_EXECUTION__SLIPPAGE_TICKS", "20")
    assert as_json(sos)["summary"]["gross"] < one["gross"]


def test_the_range_is_inclusive_at_both_ends(sos: Sos) -> None:
    shown = as_json(sos, "--from", "2026-01-06", "--to", "2026-01-07")
    assert shown["data"]["from"] == "2026-01-06T09:15:00+05:30"
    assert shown["data"]["to"] == "2026-01-07T15:29:00+05:30"
    assert shown["data"]["sessions"] == 2


def test_the_csv_has_the_trades_of_the_json(sos: Sos) -> None:
    shown = as_json(sos, "--csv", "trades.csv")
    with Path("trades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["exit_ts"] for row in rows] == [trade["exit_ts"] for trade in shown["trades"]]


def test_a_disabled_pattern_does_not_run(sos: Sos) -> None:
    shown = as_json(sos, "--set", 'strategies.disabled=["RANGE_BREAK_LONG"]')
    assert "RANGE_BREAK_LONG" not in [pattern["pattern_id"] for pattern in shown["patterns"]]
    assert len(shown["patterns"]) > 1


def test_patterns_in_the_folder_come_before_those_of_sos(sos: Sos) -> None:
    mine = {
        "pattern_id": "MINE",
        "phases": [{"id": "ANY", "conditions": ["close > open"]}],
        "execution": {"side": "BUY", "entry": "close", "sl": "close - 20", "tp": "close + 20"},
    }
    Path("strategies").mkdir()
    Path("strategies/mine.json").write_text(json.dumps(mine), encoding="utf-8")
    assert [pattern["pattern_id"] for pattern in as_json(sos)["patterns"]] == ["MINE"]


def test_the_number_of_printed_trades_is_chosen(sos: Sos) -> None:
    assert "more between them" in sos("backtest", "NIFTY", "--trades", "4").out
    assert "more between them" not in sos("backtest", "NIFTY", "--trades", "all").out


def test_real_bars_run_from_a_file(sos: Sos, shared_data: Path) -> None:
    file = shared_data / "stocks" / "RELIANCE_1m.parquet"
    outcome = sos("backtest", "RELIANCE", "--data", str(file), "--to", "2025-01-31", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    shown = json.loads(outcome.out)
    assert list(faults(shown, SCHEMA, SCHEMA)) == []
    assert shown["data"]["synthetic"] is False
    assert shown["trades"]
    assert all(trade["underlying"] == "RELIANCE" for trade in shown["trades"])


def test_patterns_that_will_stay_silent_are_named_before_the_run(sos: Sos, tmp_path: Path) -> None:
    file = tmp_path / "nifty.csv"
    rows = [f"2024-01-01T09:{minute}:00+05:30,100,101,99,100" for minute in range(15, 45)]
    file.write_text("\n".join(["ts,open,high,low,close", *rows]))
    outcome = sos("backtest", "NIFTY", "--data", str(file))
    assert outcome.code == 0
    assert outcome.err.startswith("sos: RANGE_BREAK_LONG, ")
    assert "no volume in this run" in outcome.err
    assert "--data NIFTY.FUT=FILE" in outcome.err
