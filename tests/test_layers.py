"""Imports go down only (docs/architecture.md), and waiting, sockets and files stay where they belong."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "sos"

# Lowest first. A part may import itself, parts of lower levels, and parts left of it on its own level.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("errors", "types", "clock", "events", "bars", "effects"),
    ("reference", "calendar", "sessions", "contracts"),
    ("indicators", "expr", "strategy", "options", "market", "trading"),
    ("bus",),
    ("brokers", "data", "feeds", "sim"),
    ("backtest",),
    ("config", "app", "cli"),
)
# Parts of one level that must not know each other although one stands left of the other.
STRANGERS = {("trading", "market")}
PLACE = {part: (level, column) for level, parts in enumerate(LEVELS) for column, part in enumerate(parts)}

ADAPTERS_FROM = 4
MAY_WAIT = {"clock", "bus"}  # below the adapters
MAY_READ_FILES = {
    "reference",
    "calendar",
    "sessions",
    "contracts",
    "strategy",
}  # packaged tables, pattern files
WAITING = {"asyncio", "uvloop", "threading", "selectors", "concurrent", "multiprocessing"}
SOCKETS = {"socket", "ssl", "http", "urllib", "aiohttp", "websockets"}
FILE_MODULES = {"sqlite3", "tempfile", "shutil", "mmap"}
FILE_CALLS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "read_table", "memory_map"}


def files() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem != "__init__")


def part_of(path: Path) -> str:
    """The part of the table that a source file belongs to: its package or module right below `sos`."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, those inside functions and TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names = (
                [f"sos.{alias.name}" for alias in node.names] if node.module == "sos" else [node.module or ""]
            )
            yield from ((node.lineno, name) for name in names)


def upward(importer: str, target: str) -> bool:
    """Whether ``importer`` must not import ``target``."""
    if importer == target:
        return False
    level, column = PLACE[importer]
    other, place = PLACE[target]
    if level == len(LEVELS) - 1 or level == 0 == other:
        return False
    return other > level or (other == level and place > column) or (importer, target) in STRANGERS


def sos_imports(path: Path, tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(place in the file, part) of every import of our own."""
    for line, name in imported(tree):
        pieces = name.split(".")
        if pieces[0] == "sos" and len(pieces) > 1 and not pieces[1].startswith("__"):
            yield f"{path.relative_to(SOURCE)}:{line}", pieces[1]


def foreign_use(tree: ast.AST, modules: set[str], calls: set[str]) -> list[str]:
    """What of ``modules`` is imported and what of ``calls`` is called, with lines."""
    found = [f"{line}: import {name}" for line, name in imported(tree) if name.split(".")[0] in modules]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if name in calls:
                found.append(f"{node.lineno}: {name}()")
    return found


def level_of(path: Path) -> int:
    return PLACE[part_of(path)][0]


def test_every_source_file_has_a_place_in_the_table() -> None:
    assert sorted({part_of(path) for path in files()} - set(PLACE)) == []


def test_imports_go_down_only() -> None:
    wrong = [
        f"{place}: {part_of(path)} must not import {target}"
        for path in files()
        for place, target in sos_imports(path, ast.parse(path.read_text("utf-8")))
        if target not in PLACE or upward(part_of(path), target)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "target", "wrong"),
    [
        ("expr", "indicators", False),
        ("indicators", "expr", True),
        ("types", "errors", False),
        ("events", "calendar", True),
        ("market", "bus", True),
        ("trading", "market", True),
        ("backtest", "trading", False),
        ("data", "backtest", True),
        ("config", "cli", False),
    ],
)
def test_the_table_itself_says_what_is_upward(importer: str, target: str, wrong: bool) -> None:
    assert upward(importer, target) is wrong


def test_nothing_below_the_adapters_waits_or_talks() -> None:
    wrong = {
        str(path.relative_to(SOURCE)): found
        for path in files()
        if level_of(path) < ADAPTERS_FROM and part_of(path) not in MAY_WAIT
        if (found := foreign_use(ast.parse(path.read_text("utf-8")), WAITING | SOCKETS, set()))
    }
    assert wrong == {}


def test_nothing_below_the_adapters_opens_files_but_the_loaders_of_tables() -> None:
    wrong = {
        str(path.relative_to(SOURCE)): found
        for path in files()
        if level_of(path) < ADAPTERS_FROM and part_of(path) not in MAY_READ_FILES
        if (found := foreign_use(ast.parse(path.read_text("utf-8")), FILE_MODULES, FILE_CALLS))
    }
    assert wrong == {}


def test_the_check_itself_sees_what_it_is_for() -> None:
    tree = ast.parse(
        "import asyncio.queues\ndef f(p):\n    from socket import socket\n    return p.open('x')\n"
    )
    assert foreign_use(tree, WAITING | SOCKETS, FILE_CALLS) == [
        "1: import asyncio.queues",
        "3: import socket",
        "4: open()",
    ]


HEAVY = ("numpy", "pyarrow", "pydantic", "rich.table", "msgspec", "orjson", "uvloop", "asyncio")
HEAVY_FOR_CLI = ("numpy", "pyarrow", "pydantic")


@pytest.mark.parametrize(("module", "heavy"), [("sos", HEAVY), ("sos.cli", HEAVY_FOR_CLI)])
def test_importing_the_package_or_the_command_line_loads_nothing_heavy(
    module: str, heavy: tuple[str, ...]
) -> None:
    code = f"import sys, json, {module}; print(json.dumps([m for m in {heavy!r} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=SOURCE.parent
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
