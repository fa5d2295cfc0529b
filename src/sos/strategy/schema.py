"""The JSON Schema (2020-12) of a strategy file, for editors and other tools.

Made from the pydantic models. It checks structure only: expressions are texts to it.
"""

from __future__ import annotations

from typing import Any, Final

from sos.strategy.fields import NAME_PATTERN
from sos.strategy.model import StrategyModel

__all__ = ["json_schema"]

_KEYWORDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_PARAM: Final = {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/ParamModel"}]}


def json_schema() -> dict[str, Any]:
    """The schema as a new dict of JSON values."""
    made = _cleaned(StrategyModel.model_json_schema(by_alias=True))
    _named(made["$defs"]["PhaseModel"]["properties"]["capture"])
    _named(made["properties"]["params"], _PARAM)
    _or_one(made["$defs"]["PhaseModel"]["properties"]["invalidate"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _named(mapping: dict[str, Any], values: Any = None) -> None:
    """An object with free names: what a name looks like, and what every value must be."""
    by_pattern = mapping.pop("patternProperties")
    mapping["propertyNames"] = {"pattern": NAME_PATTERN}
    mapping["additionalProperties"] = values or by_pattern[NAME_PATTERN]


def _or_one(listed: dict[str, Any]) -> None:
    """A list that may also be given as its only item."""
    several = {key: listed.pop(key) for key in ("type", "items", "maxItems", "maxLength") if key in listed}
    several["maxItems"] = several.pop("maxLength", several.get("maxItems"))
    listed["anyOf"] = [several["items"], several]


def _cleaned(value: Any) -> Any:
    """Pydantic's names of limits become the standard's; titles that only repeat the key go."""
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for key, item in value.items():
        if key == "title" and isinstance(item, str) and item != "SOS strategy":
            continue
        limit = isinstance(item, int | float) and key in _KEYWORDS
        out[_KEYWORDS[key] if limit else key] = _cleaned(item)
    return out
