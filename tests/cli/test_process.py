"""The program as a process: what it imports, and readers that go away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
HEAVY = ("numpy", "pydantic", "pyarrow", "rich.table", "orjson", "asyncio")


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys; from sos.cli import main; "
        f"codes = [main(['--help']), main(['version'])]; "
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]; "
        "sys.exit(f'{codes} {heavy}' if any(codes) or heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=SOURCE
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["strategy", "schema"], ["strategy", "list"], ["config", "show"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "sos.cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=SOURCE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == b""
    assert process.returncode == 0, "1 would say that the result says no"


def _sos(shell: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """``shell``: a command line of sh in which $SOS is the program."""
    command = {"SOS": f"{sys.executable} -m sos.cli", "PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}
    return subprocess.run(["sh", "-c", shell], capture_output=True, env=command | env, cwd="/", check=False)


@pytest.mark.parametrize("arguments", ["version", "strategy list", "--help"])
def test_a_full_disk_is_no_bug_of_sos(arguments: str) -> None:
    done = _sos(f"$SOS {arguments} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"sos: the output: No space left on device; make room or choose another place\n"


def test_a_terminal_without_utf8_gets_plain_letters_in_straight_columns() -> None:
    plain = _sos("$SOS strategy list", PYTHONIOENCODING="ascii")
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert b"?" not in plain.stdout
    lines = plain.stdout.decode("ascii").splitlines()
    assert len({len(line) for line in lines[2:]}) == 1, "columns have moved"
    assert _sos("$SOS backtest \u039d", PYTHONIOENCODING="latin-1").stderr.startswith(
        b"sos: unknown symbol '?'"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_is_a_sink(closed: str) -> None:
    done = _sos(f"$SOS backtest NIFTI {closed}")
    assert done.returncode == 2
    assert b"bug" not in done.stdout + done.stderr
