"""Import of older strategy files: what they become, what changes in meaning, what could never have fired.

Reads and writes files; the rewriting of expressions is in `java_dialect`, the text form in
`text_dialect`. The result is checked by the same loader as any file, so what is written loads.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from sos.errors import StrategyError
from sos.strategy.build import build_pattern, expression_problems
from sos.strategy.convert import Converter
from sos.strategy.java_dialect import older_traits
from sos.strategy.jsonfile import parse_json, read_text
from sos.strategy.lint import dead_reasons, lint
from sos.strategy.model import StrategyModel
from sos.strategy.problems import model_problems
from sos.strategy.text_dialect import is_text_form, parse_text_form

__all__ = ["ImportReport", "import_file", "pattern_text", "write_import"]

_UNKNOWN_CAPTURE: Final = re.compile(r"unknown capture|nothing has been captured|is not captured yet")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of one older file.

    ``pattern``: content of the new file. ``changes``: what was rewritten and each changed meaning.
    ``dead``: why the pattern could never have fired, as far as it can be proved; empty if it cannot.
    ``problems``: what a person must mend before the result loads (then nothing is written).
    ``warnings``: what the loader will say about the result.
    """

    source: Path
    pattern: dict[str, Any]
    changes: tuple[str, ...]
    dead: tuple[str, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def pattern_id(self) -> str:
        return str(self.pattern.get("pattern_id", ""))


def import_file(path: Path) -> ImportReport:
    """Convert one file of any dialect, present one included (then there are no changes).

    Raises:
        StrategyError: the file cannot be read or is not a strategy at all; names file and line.
    """
    try:
        text = read_text(path)
        if not is_text_form(text) and not text.lstrip().startswith(("{", "[")):
            raise StrategyError("neither a JSON object nor the text form, which begins with [PATTERN]")
        content = parse_text_form(text) if is_text_form(text) else parse_json(text)
    except StrategyError as error:
        raise StrategyError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error
    if not isinstance(content, dict):
        raise StrategyError(f"{path}: a strategy file is one JSON object in braces")
    converter = Converter(path.stem)
    pattern = content
    present = None if is_text_form(text) or older_traits(content) else _judged(content)
    if present is not None and not present[1]:
        converter.keep(StrategyModel.model_validate(content))
        dead, problems, warnings = present
    else:
        pattern = converter.convert(content)
        dead, problems, warnings = ([], converter.problems, []) if converter.problems else _judged(pattern)
    return ImportReport(
        path, pattern, tuple(converter.changes), (*converter.dead, *dead), tuple(problems), tuple(warnings)
    )


def _judged(content: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Dead reasons, problems and warnings of converted content."""
    try:
        model = StrategyModel.model_validate(content)
    except ValidationError as error:
        return [], model_problems(error, content) + expression_problems(content), []
    pattern, problems = build_pattern(model, content, "")
    if pattern is None:
        missing = [p for p in problems if p.startswith("phase") and _UNKNOWN_CAPTURE.search(p)]
        dead = [
            f"{p.splitlines()[0]}: the old engine found no value there, so it never passed" for p in missing
        ]
        return dead, problems, []
    dead = dead_reasons(pattern)
    return dead, [], [warning for warning in lint(pattern, model) if warning not in dead]


def pattern_text(content: dict[str, Any]) -> str:
    """The JSON text of a converted file: indented, ends with a newline."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_import(report: ImportReport, folder: Path, *, force: bool = False) -> Path:
    """Write the converted pattern to ``folder/<id in lower case>.json``, whole or not at all.

    Raises:
        StrategyError: the result still has problems, the file exists and ``force`` is not given, or the
            folder cannot be written.
    """
    if report.problems:
        first = report.problems[0].splitlines()[0]
        raise StrategyError(
            f"{report.source}: not written, {len(report.problems)} finding(s) to mend first; {first}"
        )
    target = folder / f"{report.pattern_id.lower()}.json"
    if folder.exists() and not folder.is_dir():
        raise StrategyError(f"{folder}: is a file; name a folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(target, pattern_text(report.pattern), force)
    except FileExistsError as error:
        raise StrategyError(f"{target}: exists already; use --force to replace it") from error
    except OSError as error:
        raise StrategyError(f"{target}: cannot be written: {error.strerror or error}") from error
    return target


def _write(target: Path, text: str, force: bool) -> None:
    """Through a temporary file in the same folder. A link refuses to replace, a rename does not."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".import-", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        if force:
            temporary.replace(target)
        else:
            os.link(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
