"""One line for one finding of the validation: who set the key, what was given, what is wanted.

Pure: words only, nothing is read here.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sos.config.models import Config, UnderlyingSettings

__all__ = ["line", "origin_of"]

_PHRASES: Final = (
    ("Input should be", "must be"),
    ("a valid integer", "a whole number"),
    ("a valid number", "a finite number"),
    ("a valid string", "text"),
    ("a valid boolean", "true or false"),
    ("a valid array", "a list"),
    ("an object", "a table"),
    ("Field required", "is missing"),
)


def line(error: ErrorDetails, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """The line for ``error`` found in ``values``; ``origins`` maps dotted keys to the place that set them."""
    parts = [str(part) for part in error["loc"]]
    return " ".join(_line(error, parts, values, origins).split())


def _line(
    error: ErrorDetails, parts: Sequence[str], values: Mapping[str, Any], origins: Mapping[str, str]
) -> str:
    key = ".".join(parts)
    where = origin_of(parts, origins)
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key {key}{_suggestion(parts)}"
    message = error["msg"].removeprefix("Value error, ")
    for theirs, ours in _PHRASES:
        message = message.replace(theirs, ours)
    if not parts:
        return f"configuration: {message}"
    if isinstance(error["input"], dict):
        return f"{where}: {key}: {message}"
    given = _given(values, parts)
    if error["type"] == "tuple_type" and isinstance(given, str):
        message += f", as in [{_shown(given)}]"
    return f"{where}: {key} = {_shown(given)}: {message}"


def origin_of(parts: Sequence[str], origins: Mapping[str, str]) -> str:
    """Who set this key; for a table as a whole, who set something in it last."""
    key = ".".join(parts)
    within = [origin for name, origin in origins.items() if name.startswith(f"{key}.")]
    if within:
        return within[-1]
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((origins[prefix] for prefix in prefixes if prefix in origins), "configuration")


def _given(values: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        values = values[int(part)] if isinstance(values, list) else values.get(part)
    return values


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, float) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _suggestion(parts: Sequence[str]) -> str:
    known = _known_keys(parts[:-1])
    close = difflib.get_close_matches(parts[-1].lower(), known, n=1)
    if close:
        return f", did you mean {'.'.join([*parts[:-1], close[0]])}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _known_keys(parts: Sequence[str]) -> list[str]:
    """Keys of the model that sits at ``parts``; none where it is not a table of fixed keys."""
    if parts[:1] == ["underlyings"]:
        return sorted(UnderlyingSettings.model_fields)
    model: type[BaseModel] | None = Config
    for part in parts:
        if part.isdigit() or model is None:
            continue
        field = model.model_fields.get(part)
        model = _model_in(field.annotation) if field is not None else None
    return sorted(model.model_fields) if model is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``X``, ``X | None`` or ``tuple[X, ...]``."""
    candidates = (annotation, *get_args(annotation))
    return next((item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None)
