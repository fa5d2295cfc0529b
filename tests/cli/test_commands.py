"""`sos strategy`, `sos config`, `sos version` and the help."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from sos import __version__
from sos.cli.console import make_console, progress_bar
from sos.config import Config
from tests.cli.conftest import Sos

MINE = {
    "pattern_id": "MINE",
    "description": "a rising bar",
    "phases": [{"id": "ANY", "conditions": ["close > open", "volume > sma(volume, 20)"]}],
    "execution": {"side": "BUY", "entry": "close", "sl": "close - 20", "tp": "close + 20"},
}


def strategy(name: str = "mine.json", **changes: object) -> str:
    Path(name).write_text(json.dumps(MINE | changes), encoding="utf-8")
    return name


def test_help_names_the_commands(sos: Sos) -> None:
    outcome = sos("--help")
    assert outcome.code == 0
    assert all(name in outcome.out for name in ("backtest", "strategy", "config", "version", "--debug"))


def test_nothing_typed_gets_the_help(sos: Sos) -> None:
    assert "Commands:" in sos().out


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_the_version_is_one_line(sos: Sos, arguments: list[str]) -> None:
    outcome = sos(*arguments)
    assert (outcome.code, outcome.out) == (0, f"sos {__version__}\n")


def test_check_prints_what_every_pattern_is(sos: Sos) -> None:
    outcome = sos("strategy", "check", strategy())
    assert (outcome.code, outcome.err) == (0, "")
    row = next(line for line in outcome.out.splitlines() if line.startswith("MINE"))
    assert all(text in row for text in ("BUY", "1m", "volume", "ANY", "20"))


def test_check_names_everything_that_is_wrong_with_all_files(sos: Sos) -> None:
    first = strategy("a.json", phases=[{"id": "ANY", "conditions": ["clos > open", "close > vars.x"]}])
    second = strategy("b.json", pattern_id="OTHER", execution={"side": "UP"})
    outcome = sos("strategy", "check", first, second)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("sos: a.json: ")
    assert outcome.err.count("a.json: ") == 2
    assert "b.json: " in outcome.err
    assert "^" in outcome.err


def test_check_tells_programs_the_same(sos: Sos) -> None:
    good = json.loads(sos("strategy", "check", strategy(), "--json").out)
    assert good["good"] is True
    assert good["patterns"][0]["pattern_id"] == "MINE"
    outcome = sos("strategy", "check", strategy(execution={}), "--json")
    bad = json.loads(outcome.out)
    assert (outcome.code, bad["good"], bad["patterns"]) == (2, False, [])
    assert len(bad["errors"]) >= 1


def test_warnings_are_shown_and_are_no_error(sos: Sos) -> None:
    name = strategy(phases=[{"id": "ANY", "conditions": []}])
    outcome = sos("strategy", "check", name)
    assert outcome.code == 0
    assert "warning: mine.json" in outcome.out


def test_the_patterns_that_come_with_sos_are_found_from_anywhere(sos: Sos) -> None:
    rows = json.loads(sos("strategy", "list", "--json").out)
    assert len(rows) >= 12
    assert "RANGE_BREAK_LONG" in sos("strategy", "list").out


def test_configured_paths_are_used_by_the_strategy_commands(sos: Sos) -> None:
    Path("config.toml").write_text(f"[strategies]\npaths = ['{strategy()}']\n", encoding="utf-8")
    assert [row["pattern_id"] for row in json.loads(sos("strategy", "list", "--json").out)] == ["MINE"]


@pytest.mark.parametrize("name", ["mine.json", "RANGE_BREAK_LONG"])
def test_a_pattern_is_explained_by_file_or_by_id(sos: Sos, name: str) -> None:
    strategy()
    outcome = sos("strategy", "explain", name)
    assert outcome.code == 0
    assert "Phase 1" in outcome.out


def test_the_schema_is_json(sos: Sos) -> None:
    assert json.loads(sos("strategy", "schema").out)["$schema"].endswith("2020-12/schema")


def test_an_older_file_is_converted_and_what_changed_is_said(sos: Sos) -> None:
    old = strategy("old.json", phases=[{"id": "ANY", "conditions": ["candle.getClose() > candle.getOpen()"]}])
    assert "sos strategy import" in sos("strategy", "check", old).err
    outcome = sos("strategy", "import", old, "--out", "new")
    assert (outcome.code, outcome.err) == (0, "")
    assert "changed: " in outcome.out
    assert sos("strategy", "check", "new").code == 0
    again = sos("strategy", "import", old, "--out", "new")
    assert again.code == 2
    assert "--force" in again.err
    assert sos("strategy", "import", old, "--out", "new", "--force").code == 0


def test_one_bad_file_does_not_stop_the_import_of_the_others(sos: Sos) -> None:
    Path("bad.json").write_text("{", encoding="utf-8")
    outcome = sos("strategy", "import", "bad.json", strategy(), "--out", "new")
    assert outcome.code == 2
    assert "bad.json" in outcome.err
    assert Path("new/mine.json").is_file()


def test_the_shown_configuration_is_toml_that_means_the_same(sos: Sos) -> None:
    arguments = [
        "--set",
        "execution.trail={by='atr', distance=2.5}",
        "--set",
        "underlyings.NIFTY.volume_from=none",
    ]
    shown = sos("config", "show", *arguments).out
    assert tomllib.loads(shown)["execution"]["trail"]["distance"] == 2.5
    Path("copy.toml").write_text(shown, encoding="utf-8")
    again = sos("config", "show", "--config", "copy.toml", "--json").out
    first = sos("config", "show", "--json", *arguments).out
    assert json.loads(again)["config"] == json.loads(first)["config"]


def test_the_place_that_set_a_key_is_shown(sos: Sos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOS_ENGINE__BATCH", "7")
    assert "batch = 7  # SOS_ENGINE__BATCH" in sos("config", "show").out
    shown = json.loads(sos("config", "show", "--json").out)
    assert shown["set_by"] == {"engine.batch": "SOS_ENGINE__BATCH"}
    assert Config.model_validate(shown["config"]).engine.batch == 7


def test_a_good_configuration_is_called_good(sos: Sos) -> None:
    assert sos("config", "check").out.startswith("good: defaults only")
    Path("config.toml").write_text("[engine]\nbatch = 1\n", encoding="utf-8")
    assert sos("config", "check").out == "good: config.toml\n"


def test_there_is_no_progress_bar_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress_bar(True, "NIFTY") as report:
        assert report is None
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_bar(False, "NIFTY") as report:
        assert report is None
    with progress_bar(True, "NIFTY") as report:
        assert report is not None
        report(1, 2)


def test_a_pipe_is_100_columns_wide_unless_it_says_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_console().width == 100
    monkeypatch.setenv("COLUMNS", "66")
    assert make_console().width == 66


@pytest.mark.parametrize(("told", "width"), [("0", 100), ("wide", 100), ("-5", 100), ("1", 60), ("80", 80)])
def test_columns_that_make_no_sense_do_not_spoil_a_table(
    sos: Sos, monkeypatch: pytest.MonkeyPatch, told: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", told)
    lines = sos("strategy", "list").out.splitlines()
    assert max(map(len, lines)) == width
