"""The two commands: what they say without a Python, how they pass arguments on, what they pin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = [ROOT / "scripts" / "sos", ROOT / "scripts" / "test", ROOT / ".ci" / "run"]
SHELL = shutil.which("sh") or pytest.fail("no sh on PATH")
TOOLS = ("basename", "cat", "cksum", "dirname", "mkdir", "readlink", "rm", "sh", "sleep")


def sh(code: str, **environment: str) -> str:
    """Output of a line of shell that has sourced scripts/venv.sh."""
    done = subprocess.run(
        [SHELL, "-euc", f'root="{ROOT}"; . "$root/scripts/venv.sh"; {code}'],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout.strip()


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """An environment that looks installed; its `sos` prints its arguments, one a line."""
    venv = tmp_path / "an env"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    stub = venv / "bin" / "sos"
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stub.chmod(0o755)
    (venv / ".sos-run").write_text(sh("fingerprint") + "\n")
    return venv


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run([SHELL, "-n", script], check=True)


def test_arguments_reach_sos_from_any_directory_and_through_a_link(ready: Path, tmp_path: Path) -> None:
    link = tmp_path / "sos"
    link.symlink_to(ROOT / "scripts" / "sos")
    for command in (ROOT / "scripts" / "sos", link):
        done = subprocess.run(
            [command, "backtest", "two words", ""],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "SOS_VENV": str(ready)},
        )
        assert done.stdout.split("\n") == ["backtest", "two words", "", ""]
        assert done.stderr == ""


def test_an_environment_made_from_other_pins_is_not_up_to_date(ready: Path) -> None:
    asked = "if up_to_date run; then echo yes; else echo no; fi"
    assert sh(asked, SOS_VENV=str(ready)) == "yes"
    assert sh(asked.replace("run", "dev"), SOS_VENV=str(ready)) == "no"
    (ready / ".sos-run").write_text("1 2\n")
    assert sh(asked, SOS_VENV=str(ready)) == "no"


def test_the_lock_of_a_dead_run_is_taken_over(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock = tmp_path / "env.lock"
    lock.mkdir()
    (lock / "pid").write_text(f"{gone.pid}\n")
    assert sh("take_lock; cat $lock/pid; echo $$", SOS_VENV=str(tmp_path / "env")).split("\n")[0] != str(
        gone.pid
    )
    assert not lock.exists()


def test_without_a_python_it_says_what_to_do(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool} on PATH"))
    done = subprocess.run(
        [SHELL, ROOT / "scripts" / "sos", "version"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tools), "SOS_VENV": str(tmp_path / "env")},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("sos: needs Python 3.11 or newer")
    assert list(tmp_path.iterdir()) == [tools]


def test_every_requirement_is_pinned_and_no_index_is_named() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [
        *project["project"]["dependencies"],
        *(text for extra in extras.values() for text in extra),
        *project["build-system"]["requires"],
    ]
    names = {re.split(r"[^A-Za-z0-9_.-]", text)[0].lower().replace("_", "-") for text in wanted}
    assert names <= {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    for file in (ROOT / "constraints.txt", ROOT / "pyproject.toml", *SCRIPTS, ROOT / "scripts" / "venv.sh"):
        assert not re.search(r"https?://|index-url|find-links", file.read_text(encoding="utf-8")), file
