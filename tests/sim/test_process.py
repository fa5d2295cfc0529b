"""`sos sim serve` as a process: one line with the URL, a clean stop, refusals in one line."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from sos.cli import main

SOURCE = Path(__file__).parents[2] / "src"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sos.cli", "sim", "serve", *arguments]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_answers_and_stops_when_told(stop: signal.Signals) -> None:
    process = subprocess.Popen(
        command("--port", "0", "--token", "t", "--now", "2026-01-28T11:00"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=SOURCE,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        url = re.match(
            r"serving (http://127\.0\.0\.1:\d+)  \(synthetic sample, seed 7; 2026-01-28T11:00", line
        )
        assert url is not None, line + process.stderr.read()
        with urllib.request.urlopen(f"{url[1]}/v2/market/holidays", timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(stop)
        assert process.wait(timeout=20) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["--host", "0.0.0.0"], "--expose", 2),
        (["--now", "soon"], "soon", 2),
        (["--from", "nowhere"], "--from nowhere", 2),
        (["--from", "NIFTY=absent.csv"], "absent.csv", 3),
        (["--faults", "absent.toml"], "absent.toml", 2),
        (["--sessions", "0"], "sessions", 2),
        (["--port", "70000"], "--port", 2),
    ],
)
def test_what_cannot_be_served_is_one_line(
    arguments: list[str], said: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", "serve", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
