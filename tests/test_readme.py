"""README stays true: the screen it shows is what the command prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def shown() -> list[str]:
    """The lines of README's screen of output."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition("```text\n")[2].partition("\n```")[0].splitlines()


def printed(home: Path) -> list[str]:
    """What `sos backtest NIFTY --trades 6` prints for a new user, on a pipe of 100 columns."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run(
        [sys.executable, "-m", "sos.cli", "backtest", "NIFTY", "--trades", "6"],
        cwd=home,
        env={**environment, "COLUMNS": "100", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    return [line.rstrip() for line in ran.stdout.rstrip().splitlines()]


def test_the_screen_in_the_readme_is_what_a_new_user_sees(tmp_path: Path) -> None:
    readme, now = shown(), printed(tmp_path)
    assert readme[-1].startswith("run ")  # its time differs from machine to machine
    assert readme[:-1] == now[:-1]


def test_every_page_that_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = {
        part for part in text.split("`") if part.startswith(("docs/", "benchmarks/")) and "\n" not in part
    }
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []
