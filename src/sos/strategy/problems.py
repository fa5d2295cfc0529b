"""Findings of a strategy file as lines: where it is, what is wrong, what was probably meant.

Translates pydantic's error list into the words of a strategy file. Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sos.strategy.model import (
    ExecutionModel,
    ParamModel,
    PartialModel,
    PhaseModel,
    RegimeModel,
    StrategyModel,
    TrailModel,
)
from sos.types import REGIMES

__all__ = ["model_problems", "place", "suggest"]

_KEYS: Final[Mapping[str, type[BaseModel]]] = {
    "": StrategyModel,
    "params": ParamModel,
    "regime_config": RegimeModel,
    "phases": PhaseModel,
    "execution": ExecutionModel,
    "trail": TrailModel,
    "partials": PartialModel,
}
_PHRASES: Final = {
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_too_short": "must not be empty",
}
_IDS: Final = ("pattern_id", "id")
_ALPHABET: Final = (
    "letters, digits and _, starting with a letter, at most 64",
    "letters, digits and _ . -, starting with a letter, at most 64",
)
_QUOTED: Final = re.compile(r"'([^']*)'")


def suggest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"``, or nothing when no known word is near."""
    options = [str(option) for option in known]
    near = difflib.get_close_matches(word, options, 1, 0.6)
    if not near:
        lowered = {option.lower(): option for option in options}
        near = [lowered[match] for match in difflib.get_close_matches(word.lower(), lowered, 1, 0.6)]
    return f"; did you mean {near[0]!r}?" if near else ""


def place(path: Sequence[int | str], data: Any) -> str:
    """``"phase BREAK: conditions[1]"`` of a path into the file's data; empty at the top."""
    parts: list[str] = []
    rest = list(path)
    if len(rest) >= 2 and rest[0] == "phases" and isinstance(rest[1], int):
        parts.append(f"phase {_phase_name(data, rest[1])}")
        rest = rest[2:]
    elif rest and rest[0] in ("execution", "regime_config", "params") and len(rest) > 1:
        parts.append(str(rest.pop(0)))
    dotted = ""
    for step in rest:
        dotted += f"[{step}]" if isinstance(step, int) else f"{'.' if dotted else ''}{step}"
    return ": ".join([*parts, dotted] if dotted else parts)


def model_problems(error: ValidationError, data: Any) -> list[str]:
    """One line (``place: message``) for each finding of pydantic, in the file's order of fields."""
    errors = error.errors(include_url=False, include_context=True)
    lines: list[str] = []
    for item in errors:
        path = [step for step in item["loc"] if step != "[key]" and not str(step).startswith("function-")]
        if item["type"] == "too_short" and _has_deeper(errors, item["loc"]):
            continue  # the list is short only because its items were refused
        where, message = _line(item, path, data)
        lines.append(f"{where}: {message}" if where else message)
    return lines


def _has_deeper(errors: Sequence[Any], loc: tuple[int | str, ...]) -> bool:
    return any(len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in errors)


def _line(item: Any, path: list[int | str], data: Any) -> tuple[str, str]:
    kind = item["type"]
    name = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return place(path[:-1], data), f"unknown key {name!r}{suggest(name, _known_keys(path))}"
    if kind == "missing":
        return place(path[:-1], data), f"{name!r} is missing"
    if kind == "enum" and path[:1] == ["regime_config"]:
        return "regime_config", f"unknown regime {name!r}{suggest(name, REGIMES)}"
    if kind == "string_pattern_mismatch":
        return place(path, data), f"{_short(item['input'])} is not a name: {_ALPHABET[name in _IDS]}"
    if kind == "literal_error":
        wanted = _QUOTED.findall(item["msg"])
        return place(
            path, data
        ), f"{_short(item['input'])} is not one of {', '.join(wanted)}{_near(item['input'], wanted)}"
    return place(path, data), _message(kind, item["msg"])


def _message(kind: str, text: str) -> str:
    if kind in _PHRASES:
        return _PHRASES[kind]
    if kind == "too_short":
        return "must not be empty"
    text = text.removeprefix("Value error, ").replace("Input should be", "must be")
    return (
        text.replace("Tuple should", "must")
        .replace("String should", "must")
        .replace("Dictionary should", "must")
    )


def _known_keys(path: Sequence[int | str]) -> list[str]:
    """Keys of the object that holds the last step of the path."""
    owner = next((str(step) for step in reversed(path[:-1]) if step in _KEYS), "")
    return [field.alias or name for name, field in _KEYS[owner].model_fields.items()]


def _phase_name(data: Any, index: int) -> str:
    try:
        name = data["phases"][index]["id"]
    except (KeyError, IndexError, TypeError):
        return f"#{index + 1}"
    return name if isinstance(name, str) and name else f"#{index + 1}"


def _near(value: object, wanted: Sequence[str]) -> str:
    return suggest(value, wanted) if isinstance(value, str) else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
