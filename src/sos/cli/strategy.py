"""`sos strategy`: check, list, explain, convert pattern files, and their JSON Schema."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sos.cli.options import Json
from sos.errors import ConfigError

if TYPE_CHECKING:
    from sos.backtest.grid import Column
    from sos.strategy.describe import Summary
    from sos.strategy.dialects import ImportReport
    from sos.strategy.loader import LoadResult

__all__ = ["commands"]

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH", help="Files or folders; without: as configured, ./strategies, those of SOS."
    ),
]


def commands() -> typer.Typer:
    """The group `sos strategy`."""
    group = typer.Typer(
        help="Check, list, explain and convert patterns.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("check")(check)
    group.command("list")(list_)
    group.command("explain")(explain)
    group.command("schema")(schema)
    group.command("import")(import_)
    return group


def check(paths: Paths = None, as_json: Json = False) -> int:
    """Check pattern files.

    Prints everything that is wrong with all of them, or a table of what they are.
    """
    from sos.errors import StrategyError

    try:
        loaded = _load(paths)
    except StrategyError as error:
        if not as_json:
            raise
        problems = list(getattr(error, "problems", str(error).splitlines()))
        _print_json({"good": False, "errors": problems, "patterns": []})
        return error.exit_code
    rows = _summaries(loaded)
    if as_json:
        _print_json({"good": True, "errors": [], "patterns": [_plain(row) for row in rows]})
        return 0
    from sos.backtest.grid import Column

    columns = [
        *_facts(rows),
        Column("Phases", [" → ".join(row.phases) for row in rows], least=12, folds=True),
        Column("Warm-up", [str(row.warmup) for row in rows], right=True),
        Column("Warnings", [str(len(row.warnings) or "–") for row in rows], right=True),
    ]
    _print_table(f"{_counted(len(rows), 'pattern')}, {_counted(len(loaded.warnings), 'warning')}", columns)
    for warning in loaded.warnings:
        print(f"warning: {warning}")
    return 0


def list_(paths: Paths = None, as_json: Json = False) -> None:
    """List patterns with what they look for."""
    rows = _summaries(_load(paths))
    if as_json:
        _print_json([_plain(row) for row in rows])
        return
    from sos.backtest.grid import Column

    columns = [*_facts(rows), Column("Looks for", [row.description for row in rows], least=24, folds=True)]
    _print_table(_counted(len(rows), "pattern"), columns)


def explain(
    name: Annotated[
        str, typer.Argument(metavar="FILE|PATTERN_ID", help="A file, or the id of a loaded pattern.")
    ],
) -> None:
    """Say in plain words what a pattern waits for, keeps, and trades."""
    from sos.strategy.describe import describe

    path = Path(name)
    patterns = _load([path] if path.exists() or path.suffix == ".json" else None).patterns
    if not path.exists():
        patterns = tuple(pattern for pattern in patterns if pattern.id == name) or _unknown(name, patterns)
    print("\n\n".join("\n".join(describe(pattern)) for pattern in patterns))


def _unknown(name: str, patterns: Sequence[Any]) -> Any:
    import difflib

    ids = [pattern.id for pattern in patterns]
    close = difflib.get_close_matches(name.upper(), ids, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(ids)}"
    raise ConfigError(f"no file and no pattern is called {name}; {hint}")


def schema() -> None:
    """Print the JSON Schema of pattern files, for editors."""
    import json

    from sos.strategy.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="OLD", help="Files of an older dialect.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the new files go.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> int:
    """Convert older pattern files and report each changed meaning."""
    from sos.errors import StrategyError
    from sos.strategy.dialects import import_file, write_import

    failed = False
    for file in files:
        try:
            report = import_file(file)
            target = write_import(report, out, force=force) if not report.problems else None
        except StrategyError as error:
            print(f"sos: {error}", file=sys.stderr)
            failed = True
            continue
        failed = failed or target is None
        _print_report(report, target)
    return StrategyError.exit_code if failed else 0


def _print_report(report: ImportReport, target: Path | None) -> None:
    print(f"{report.source} → {target if target is not None else 'not written'}")
    for label, lines in (
        ("changed", report.changes),
        ("could never fire", report.dead),
        ("to mend", report.problems),
        ("warning", report.warnings),
    ):
        for line in lines:
            print(f"  {label}: {line}".replace("\n", "\n    "))
    if not report.changes:
        print("  unchanged: nothing had to be rewritten")


def _load(paths: Sequence[Path] | None) -> LoadResult:
    from sos.app import strategy_paths
    from sos.strategy.loader import load_patterns

    configured: Sequence[Path] = ()
    if not paths:
        from sos.config import load_config

        configured = load_config(None, os.environ).strategies.paths
    return load_patterns(strategy_paths(tuple(paths or ()), configured))


def _summaries(loaded: LoadResult) -> list[Summary]:
    from sos.strategy.describe import summary

    return [summary(pattern) for pattern in loaded.patterns]


def _plain(row: Summary) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _print_json(value: Any) -> None:
    import orjson

    print(orjson.dumps(value).decode())


def _print_table(title: str, columns: Sequence[Column]) -> None:
    from sos.backtest.grid import fitted
    from sos.cli.console import make_console

    console = make_console()
    console.print(fitted(title, columns, console.width))


def _facts(rows: Sequence[Summary]) -> list[Column]:
    """The columns that `check` and `list` share."""
    from sos.backtest.grid import Column

    return [
        Column("Pattern", [row.pattern_id for row in rows], least=12),
        Column("Side", [row.side for row in rows], drop=2),
        Column("Bars", [row.interval for row in rows], drop=1),
        Column("Needs", [", ".join(row.needs) or "–" for row in rows], least=6, folds=True),
    ]
