"""The first thing a new user does: `sos backtest NIFTY`, in an empty home, with no network and no data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

# Any attempt to reach the network ends the process with a code of its own.
NO_NETWORK = """
import os, socket, sys

def refused(*arguments, **keywords):
    os._exit(77)

socket.socket.connect = socket.socket.connect_ex = refused
socket.getaddrinfo = socket.create_connection = refused

from sos.cli import main

sys.exit(main(["backtest", "NIFTY"]))
"""


def test_the_sample_is_replayed_in_an_empty_home_without_a_network(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run(
        [sys.executable, "-c", NO_NETWORK],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "synthetic sample, seed 7: generated bars, not market data" in ran.stdout
    assert "Net = gross − charges" in ran.stdout
    assert "digest " in ran.stdout
    assert list(home.iterdir()) == []  # nothing is written without being asked for
