"""The JSON Schema (2020-12) of a strategy file, for editors and other tools.

Made from the pydantic models. It checks structure only: expressions are texts to it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from sos.strategy import model
from sos.strategy.fields import NAME_PATTERN
from sos.strategy.model import StrategyModel

__all__ = ["json_schema"]

_KEYWORDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_PARAM: Final = {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/ParamModel"}]}


def json_schema() -> dict[str, Any]:
    """The schema as a new dict of JSON values."""
    made = _cleaned(_described(StrategyModel.model_json_schema(by_alias=True)))
    _named(made["$defs"]["PhaseModel"]["properties"]["capture"])
    _named(made["properties"]["params"], _PARAM)
    _or_one(made["$defs"]["PhaseModel"]["properties"]["invalidate"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """Each field with the text that stands below it in the source of the models."""
    objects = {**schema["$defs"], StrategyModel.__name__: schema}
    for owner, field, text in _texts():
        if owner in objects:
            known = getattr(model, owner).model_fields[field]
            properties = objects[owner]["properties"]
            name = known.alias or field
            properties[name] = dict(sorted({**properties[name], "description": text}.items()))
    return schema


def _texts() -> Iterator[tuple[str, str, str]]:
    """Class, field and text of each described field."""
    for owner in ast.parse(inspect.getsource(model)).body:
        if isinstance(owner, ast.ClassDef):
            for field, text in pairwise(owner.body):
                match field, text:
                    case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(below))):
                        yield owner.name, name, inspect.cleandoc(below)


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
