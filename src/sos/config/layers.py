"""Where configuration comes from, later over earlier: defaults, file, environment, ``--set``.

One file is read: ``--config``, else ``./config.toml``, else ``config.toml`` in the platform's
configuration folder. ``SOS_SECTION__KEY`` sets a key, ``SOS_DATA_DIR`` is ``data.dir``. Environment and
``--set`` values are TOML, or a bare word as text. Every refusal is one line that names the place.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from sos.config.models import LATER_SECTIONS, LATER_VALUES, Config
from sos.config.wording import line, origin_of
from sos.data.symbols import resolve
from sos.errors import ConfigError
from sos.strategy.pattern import ExitRules
from sos.trading.settings import resolve_exits

__all__ = ["config_files", "load_config", "load_with_origins"]

_MAX_FILE_BYTES: Final = 1_000_000


def load_config(path: Path | None, env: Mapping[str, str], overrides: Sequence[str] = ()) -> Config:
    """The effective configuration.

    Args:
        path: an explicit file, which must exist; None searches (see `config_files`).
        env: the environment.
        overrides: texts ``section.key=value``.

    Raises:
        ConfigError: unreadable file, syntax, unknown key or wrong value; one line.
    """
    return load_with_origins(path, env, overrides)[0]


def load_with_origins(
    path: Path | None, env: Mapping[str, str], overrides: Sequence[str] = ()
) -> tuple[Config, dict[str, str]]:
    """The configuration, and for each key that is not a default the place that set it."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    file = path or next((candidate for candidate in config_files(env) if candidate.is_file()), None)
    if file is not None:
        _merge(values, _read(file), str(file), origins)
    for name, key, value in _environment(env):
        _merge(values, _nested(key, value), name, origins)
    for text in overrides:
        _merge(values, _override(text), "--set", origins)
    _refuse_later(values, origins)
    config = _validated(values, origins)
    _refuse_contradictions(config, origins)
    return config, origins


def config_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a configuration file is looked for, first match wins."""
    return (Path("config.toml"), _platform_folder(env) / "config.toml")


def _platform_folder(env: Mapping[str, str]) -> Path:
    home = Path(env.get("HOME") or env.get("USERPROFILE") or ".")
    if sys.platform == "win32":
        return Path(env.get("APPDATA") or home / "AppData" / "Roaming") / "sos"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "sos"
    return Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "sos"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as exc:
        reason = exc.strerror or "input error"
        raise ConfigError(f"{path}: cannot be read ({reason}); give another with --config") from exc
    if len(content) > _MAX_FILE_BYTES:
        raise ConfigError(f"{path}: larger than 1 MB, this is not a configuration file")
    try:
        return tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: byte {exc.start} is not UTF-8; save the file as UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: not valid TOML: {exc}") from exc


def _environment(env: Mapping[str, str]) -> list[tuple[str, list[str], Any]]:
    found: list[tuple[str, list[str], Any]] = []
    _refuse_single_underscores(env)
    if env.get("SOS_DATA_DIR"):
        found.append(("SOS_DATA_DIR", ["data", "dir"], env["SOS_DATA_DIR"]))
    found.extend(
        (name, name.removeprefix("SOS_").lower().split("__"), _value(env[name]))
        for name in sorted(env)
        if name.startswith("SOS_") and "__" in name
    )
    return found


def _refuse_single_underscores(env: Mapping[str, str]) -> None:
    """``SOS_RISK_CAPITAL`` would be read by nobody, and nobody would say so."""
    for section, field in Config.model_fields.items():
        for key in getattr(field.annotation, "model_fields", ()):
            name = f"SOS_{section}_{key}".upper()
            if name in env and name != "SOS_DATA_DIR":
                meant = f"SOS_{section}__{key}".upper()
                raise ConfigError(f"{name}: write {meant}, with two underscores after the section")


def _override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or len(parts) < 2 or not all(parts):
        shown = " ".join(text.split())
        raise ConfigError(f"--set {shown}: write it as section.key=value, as in execution.slippage_ticks=2")
    return _nested(parts, _value(value.strip()))


def _value(text: str) -> Any:
    """A TOML value; whatever is not one is text."""
    if "\n" in text:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _nested(key: Sequence[str], value: Any) -> dict[str, Any]:
    nested: dict[str, Any] = {key[-1]: value}
    for part in reversed(key[:-1]):
        nested = {part: nested}
    return nested


def _merge(
    into: dict[str, Any], values: Mapping[str, Any], origin: str, origins: dict[str, str], at: str = ""
) -> None:
    """Lay ``values`` over ``into``; tables join, everything else replaces."""
    for raw, value in values.items():
        key = raw.upper() if at == "underlyings." else raw
        if isinstance(value, dict):
            below = into.get(key)
            into[key] = below = below if isinstance(below, dict) else {}
            origins.setdefault(at + key, origin)
            _merge(below, value, origin, origins, f"{at}{key}.")
        else:
            into[key] = value
            origins[at + key] = origin


def _refuse_later(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    for section in LATER_SECTIONS:
        if section in values:
            where = origins[section]
            raise ConfigError(f"{where}: [{section}] is not available yet in this version; remove it")
    for key, later in LATER_VALUES.items():
        section, _, name = key.partition(".")
        table = values.get(section)
        value = table.get(name) if isinstance(table, dict) else None
        if value in later:
            raise ConfigError(f"{origins[key]}: {key} = {value!r} is not available yet in this version")


def _refuse_contradictions(config: Config, origins: Mapping[str, str]) -> None:
    """What only shows when keys are seen together or a symbol is looked up, with the place that set it."""
    for symbol in config.underlyings:
        try:
            resolve(symbol)
        except ConfigError as exc:
            where = origin_of(["underlyings", symbol], origins)
            raise ConfigError(f"{where}: [underlyings.{symbol}]: {exc}") from exc
    where = origin_of(["execution"], origins)
    try:
        resolve_exits("execution", ExitRules(), config.execution)
    except ConfigError as exc:
        raise ConfigError(f"{where}: {exc}") from exc


def _validated(values: dict[str, Any], origins: Mapping[str, str]) -> Config:
    try:
        # Strict JSON: TOML has types, so "5" is not 5; lists may still become tuples and texts paths.
        return Config.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise ConfigError(line(errors[0], values, origins) + more) from exc
