"""Strategy files to checked patterns: all of them, or one error that lists everything that is wrong.

Reads files, touches nothing else. Patterns come out sorted by id, so the order of files, folders and
names never matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sos.errors import StrategyError
from sos.strategy.build import build_pattern, expression_problems
from sos.strategy.java_dialect import older_traits
from sos.strategy.jsonfile import parse_json, read_text
from sos.strategy.lint import lint
from sos.strategy.model import StrategyModel
from sos.strategy.pattern import Pattern
from sos.strategy.problems import model_problems, suggest
from sos.strategy.text_dialect import is_text_form

__all__ = ["LoadResult", "StrategyProblems", "load_patterns", "read_pattern", "strategy_files"]


class StrategyProblems(StrategyError):
    """Everything that is wrong with the files of one load.

    ``problems``: one text each, ``file: phase X: conditions[1]: message``; a problem of an expression has
    two more lines, the source text and the caret. ``str`` joins them by newlines.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """``patterns`` sorted by id; ``warnings`` as ``file: place: message``, in the same order."""

    patterns: tuple[Pattern, ...]
    warnings: tuple[str, ...]


def strategy_files(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files that ``paths`` name (``*.json`` of a folder, not deeper), each once, and what is missing."""
    files: dict[Path, Path] = {}
    problems: list[str] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(item for item in path.glob("*.json") if item.is_file())
            if not inside:
                problems.append(f"{path}: the folder holds no *.json strategy file")
        elif path.is_file():
            inside = [path]
        else:
            problems.append(f"{path}: no such file or folder")
            continue
        for item in inside:
            files.setdefault(item.resolve(), item)
    return sorted(files.values()), problems


def load_patterns(
    paths: Sequence[Path], params: Mapping[str, Mapping[str, float]] | None = None
) -> LoadResult:
    """Load files and folders.

    Args:
        params: values for params by pattern id, instead of the defaults in the files.

    Raises:
        StrategyProblems: anything is wrong with any file; names everything at once.
    """
    params = params or {}
    files, problems = strategy_files(paths)
    loaded: dict[str, tuple[Path, Pattern]] = {}
    seen: dict[str, Path] = {}
    for file in files:
        pattern_id, pattern, found = read_pattern(file, params)
        problems += [f"{file}: {line}" for line in found]
        if pattern_id in seen:
            problems.append(
                f"{file}: pattern_id {pattern_id!r} is already used by {seen[pattern_id]}; ids are unique"
            )
        elif pattern_id is not None:
            seen[pattern_id] = file
        if pattern is not None:
            loaded[pattern.id] = (file, pattern)
    problems += [
        f"parameters are given for pattern {name!r}, which is not loaded{suggest(name, seen)}"
        for name in params
        if name not in seen
    ]
    if problems:
        raise StrategyProblems(problems)
    chosen = [loaded[name] for name in sorted(loaded)]
    return LoadResult(
        tuple(pattern for _, pattern in chosen),
        tuple(f"{file}: {warning}" for file, pattern in chosen for warning in pattern.warnings),
    )


def read_pattern(
    file: Path, params: Mapping[str, Mapping[str, float]] | None = None
) -> tuple[str | None, Pattern | None, list[str]]:
    """One file: its id as far as it could be read, the pattern, and what is wrong (then no pattern).

    Problems come without the file's name. Raises nothing on any content.
    """
    try:
        text = read_text(file)
        if is_text_form(text):
            return None, None, [_convert_first(file, "the older text form")]
        content = parse_json(text)
    except StrategyError as error:
        return None, None, [str(error)]
    if not isinstance(content, dict):
        return None, None, ["a strategy file is one JSON object in braces"]
    return _checked(file, content, params or {})


def _checked(
    file: Path, content: dict[str, Any], params: Mapping[str, Mapping[str, float]]
) -> tuple[str | None, Pattern | None, list[str]]:
    named = content.get("pattern_id")
    pattern_id = named if isinstance(named, str) else None
    traits = older_traits(content)
    if traits:
        return pattern_id, None, [_convert_first(file, f"an older dialect ({', '.join(traits)})")]
    try:
        model = StrategyModel.model_validate(content)
    except ValidationError as error:
        return pattern_id, None, model_problems(error, content) + expression_problems(content)
    pattern, problems = build_pattern(model, content, file.name, params.get(model.pattern_id))
    if pattern is not None:
        pattern = replace(pattern, warnings=lint(pattern, model))
    return pattern_id, pattern, problems


def _convert_first(file: Path, what: str) -> str:
    return f"written in {what}; convert it: sos strategy import {file} --out strategies/"
