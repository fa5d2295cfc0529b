"""`sos config`: what is in force and who said so."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from sos.cli.options import ConfigFile, Json, Overrides

__all__ = ["commands"]


def commands() -> typer.Typer:
    """The group `sos config`."""
    group = typer.Typer(help="Show and check the configuration.", no_args_is_help=True, rich_markup_mode=None)
    group.command("show")(show)
    group.command("check")(check)
    return group


def show(config: ConfigFile = None, overrides: Overrides = None, as_json: Json = False) -> None:
    """Print every key in force as TOML, with the place that set it where it is not a default."""
    from sos.config import load_with_origins

    settings, origins = load_with_origins(config, os.environ, overrides or [])
    values = settings.model_dump(mode="json")
    if as_json:
        import orjson

        print(orjson.dumps({"config": values, "set_by": _leaves(values, origins)}).decode())
        return
    for line in _toml(values, origins):
        print(line)


def check(config: ConfigFile = None, overrides: Overrides = None) -> None:
    """Read the configuration and the patterns it names; say what is wrong, or that nothing is."""
    from sos.app import check_config
    from sos.config import config_files, load_with_origins

    settings, origins = load_with_origins(config, os.environ, overrides or [])
    check_config(settings)
    searched = ", ".join(str(path) for path in config_files(os.environ))
    places = sorted(set(origins.values()))
    print(f"good: {', '.join(places)}" if places else f"good: defaults only (looked for {searched})")


def _leaves(values: Mapping[str, Any], origins: Mapping[str, str], at: str = "") -> dict[str, str]:
    """The place that set each key that is not a table, where one did."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= _leaves(value, origins, f"{at}{key}.")
        elif at + key in origins:
            found[at + key] = origins[at + key]
    return found


def _toml(values: Mapping[str, Any], origins: Mapping[str, str], table: str = "") -> Iterator[str]:
    """A table and the tables below it; keys without a value are left as comments."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if table and (plain or not values):
        yield f"[{table}]"
    for key, value in plain.items():
        origin = origins.get(f"{table}.{key}")
        note = f"  # {origin}" if origin else ""
        yield f"# {key} =" if value is None else f"{_key(key)} = {_literal(value)}{note}"
    if table and (plain or not values):
        yield ""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _toml(value, origins, f"{table}.{_key(key)}" if table else _key(key))


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _literal(name)


def _literal(value: Any) -> str:
    """A TOML literal; JSON texts are TOML basic strings."""
    import json

    if isinstance(value, list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_key(key)} = {_literal(item)}" for key, item in value.items() if item is not None)
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
