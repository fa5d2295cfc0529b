"""Whatever is wrong: one line on stderr, the right exit code, nothing on stdout, nothing half written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sos.errors import ConfigError
from tests.cli.conftest import Sos

CASES = json.loads((Path(__file__).parent / "refusals.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize(("arguments", "code", "says"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_a_mistake_gets_one_line_and_its_exit_code(
    sos: Sos, arguments: list[str], code: int, says: str
) -> None:
    Path("bad.parquet").write_bytes(b"PAR1 and then nothing")
    Path("bad.csv").write_text("ts,open,high,low,close\n2024-01-29 09:15,1,0,2,1\n", encoding="utf-8")
    Path("bad.toml").write_text("[execution]\nslipage_ticks = 1\n", encoding="utf-8")
    before = sorted(Path().iterdir())
    outcome = sos(*arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("sos: ")
    assert outcome.err.count("\n") == 1, outcome.err
    assert says in outcome.err
    assert sorted(Path().iterdir()) == before


def test_a_name_that_no_disk_can_hold_is_refused_before_the_run(sos: Sos) -> None:
    outcome = sos("backtest", "NIFTY", "--csv", f"{'a' * 300}.csv")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.endswith("cannot be written (File name too long), name another\n")


def test_debug_shows_where_an_error_came_from(sos: Sos) -> None:
    with pytest.raises(ConfigError, match="unknown symbol"):
        sos("backtest", "NIFTI", "--debug")


def test_an_interrupted_run_says_so(sos: Sos, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sos.app.run_backtest", interrupted)
    outcome = sos("backtest", "NIFTY", "--csv", "t.csv")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err.strip() == "sos: interrupted, nothing was written"
    assert not Path("t.csv").exists()


def test_a_bug_is_called_a_bug_in_one_line(sos: Sos, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr("sos.app.run_backtest", broken)
    outcome = sos("backtest", "NIFTY")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert "a bug in SOS" in outcome.err
    assert "ZeroDivisionError: of nothing" in outcome.err
    with pytest.raises(ZeroDivisionError):
        sos("backtest", "NIFTY", "--debug")
