"""As much of JSON Schema 2020-12 as the exported schema uses; an unknown keyword is an error."""

from __future__ import annotations

import re
from typing import Any

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
}
_IGNORED = {"$defs", "$schema", "title", "description", "default"}


def failures(value: Any, schema: Any, root: dict[str, Any], at: str = "$") -> list[str]:
    """Where ``value`` does not satisfy ``schema``."""
    found: list[str] = []
    for keyword, rule in schema.items():
        if keyword not in _IGNORED:
            found += _CHECKS[keyword](value, rule, schema, root, at)
    return found


def _of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _KINDS[kind])


def _type(value: Any, kind: str, _s: Any, _r: Any, at: str) -> list[str]:
    return [] if _of(value, kind) else [f"{at}: not of type {kind}"]


def _ref(value: Any, ref: str, _s: Any, root: dict[str, Any], at: str) -> list[str]:
    return failures(value, root["$defs"][ref.removeprefix("#/$defs/")], root, at)


def _any_of(value: Any, options: list[Any], _s: Any, root: dict[str, Any], at: str) -> list[str]:
    return (
        [] if any(not failures(value, option, root, at) for option in options) else [f"{at}: fits no option"]
    )


def _properties(value: Any, rules: dict[str, Any], _s: Any, root: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [
        line
        for key in value
        if key in rules
        for line in failures(value[key], rules[key], root, f"{at}.{key}")
    ]


def _additional(value: Any, rule: Any, schema: Any, root: dict[str, Any], at: str) -> list[str]:
    extra = (
        [key for key in value if key not in schema.get("properties", {})] if isinstance(value, dict) else []
    )
    if rule is False:
        return [f"{at}: unknown key {key}" for key in extra]
    return [line for key in extra for line in failures(value[key], rule, root, f"{at}.{key}")]


def _names(value: Any, rule: Any, _s: Any, root: dict[str, Any], at: str) -> list[str]:
    keys = value if isinstance(value, dict) else ()
    return [line for key in keys for line in failures(key, rule, root, f"{at}.{key} (key)")]


def _required(value: Any, keys: list[str], _s: Any, _r: Any, at: str) -> list[str]:
    return [f"{at}: {key} is missing" for key in keys if isinstance(value, dict) and key not in value]


def _items(value: Any, rule: Any, _s: Any, root: dict[str, Any], at: str) -> list[str]:
    items = value if isinstance(value, list) else []
    return [line for i, item in enumerate(items) for line in failures(item, rule, root, f"{at}[{i}]")]


def _limit(kind: type | tuple[type, ...], good: Any) -> Any:
    def check(value: Any, limit: Any, _s: Any, _r: Any, at: str) -> list[str]:
        applies = isinstance(value, kind) and not isinstance(value, bool)
        return [] if not applies or good(value, limit) else [f"{at}: outside {limit}"]

    return check


_NUMBER = (int, float)
_CHECKS: dict[str, Any] = {
    "type": _type,
    "$ref": _ref,
    "anyOf": _any_of,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "items": _items,
    "enum": lambda value, options, _s, _r, at: [] if value in options else [f"{at}: not one of {options}"],
    "pattern": _limit(str, lambda value, pattern: re.search(pattern, value)),
    "minimum": _limit(_NUMBER, lambda value, limit: value >= limit),
    "maximum": _limit(_NUMBER, lambda value, limit: value <= limit),
    "exclusiveMinimum": _limit(_NUMBER, lambda value, limit: value > limit),
    "exclusiveMaximum": _limit(_NUMBER, lambda value, limit: value < limit),
    "minLength": _limit(str, lambda value, limit: len(value) >= limit),
    "maxLength": _limit(str, lambda value, limit: len(value) <= limit),
    "minItems": _limit(list, lambda value, limit: len(value) >= limit),
    "maxItems": _limit(list, lambda value, limit: len(value) <= limit),
    "maxProperties": _limit(dict, lambda value, limit: len(value) <= limit),
}
