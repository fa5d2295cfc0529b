"""The program as a process: what it imports, and readers that go away."""

from __future__ import annotations

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
