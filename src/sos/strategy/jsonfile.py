"""Reading one JSON file strictly: size, encoding, depth, duplicate keys, numbers that JSON does not have.

Nothing about strategies is known here. Every failure is a `StrategyError` without the file's name, which
the caller puts in front; syntax errors carry line and column.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any, Final, NoReturn

from sos.errors import StrategyError

__all__ = ["MAX_BYTES", "MAX_NESTING", "canonical_digest", "parse_json", "read_text"]

MAX_BYTES: Final = 1_000_000
MAX_NESTING: Final = 64  # lists and objects inside each other; a strategy has five
_BRACKET: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_BOM: Final = "﻿"


def read_text(path: Path) -> str:
    """The file's text without a byte order mark, line ends as ``\\n``.

    Raises StrategyError if it cannot be read, is larger than `MAX_BYTES` or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StrategyError(f"cannot be read: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise StrategyError(f"is larger than {MAX_BYTES:,} bytes: not a strategy file")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise StrategyError(f"line {line}: is not UTF-8 text; save it as UTF-8") from error
    return text.removeprefix(_BOM).replace("\r\n", "\n")


def parse_json(text: str) -> Any:
    """The JSON value of ``text``. Refuses depth, duplicate keys, NaN, Infinity and numbers out of range."""
    _refuse_deep(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise StrategyError(
            f"line {error.lineno}, column {error.colno}: invalid JSON: {_plain(error.msg)}"
        ) from error
    try:
        _canonical(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise StrategyError("invalid JSON: a text holds half of a surrogate pair") from error
    return value


def _refuse_deep(text: str) -> None:
    """Counts brackets outside texts; what is not JSON at all is left to the parser."""
    depth = 0
    for found in _BRACKET.finditer(text):
        sign = found.group()
        depth += (sign in "[{") - (sign in "]}")
        if depth > MAX_NESTING:
            line = text.count("\n", 0, found.start()) + 1
            raise StrategyError(
                f"line {line}: nested too deeply: more than {MAX_NESTING} lists and objects inside each other"
            )


def canonical_digest(content: dict[str, Any]) -> str:
    """SHA-256 (hex) of the content: layout, file name, key order and ``$schema`` do not matter.

    The order of captures does, because each sees the earlier ones.
    """
    kept = {key: value for key, value in content.items() if key != "$schema"}
    phases = kept.get("phases")
    if isinstance(phases, list):
        kept["phases"] = [_ordered_captures(phase) for phase in phases]
    return hashlib.sha256(_canonical(_plain_numbers(kept)).encode("utf-8")).hexdigest()


def _ordered_captures(phase: Any) -> Any:
    if isinstance(phase, dict) and isinstance(phase.get("capture"), dict):
        return {**phase, "capture": list(phase["capture"].items())}
    return phase


def _plain_numbers(value: Any) -> Any:
    """1.0 and 1 are one number."""
    if isinstance(value, float) and value == math.floor(value):
        return int(value)
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_numbers(item) for item in value]
    return value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise StrategyError(f"key {key!r} is given twice in one object")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise StrategyError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise StrategyError(f"number {text[:40]} is out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > 20:
        raise StrategyError(f"number {text[:20]}... is out of range")
    return int(text)
