"""Options that several commands share, and the texts they take."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from sos.errors import ConfigError

__all__ = ["ConfigFile", "Json", "Overrides", "parse_count", "parse_date", "parse_mapping"]

ConfigFile: TypeAlias = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file.")
]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Set a configuration key; repeatable."),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def parse_date(option: str, text: str | None) -> date | None:
    """An IST date written YYYY-MM-DD.

    Raises:
        ConfigError: any other text.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(f"{option} {text}: not a date, write it as YYYY-MM-DD") from exc


def parse_count(option: str, text: str) -> int | None:
    """A number of rows; ``all`` is None.

    Raises:
        ConfigError: neither a whole number from 0 on nor ``all``.
    """
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"{option} {text}: give a whole number, or all")
    return int(text)


def parse_mapping(option: str, texts: list[str] | None) -> dict[str, str]:
    """``field=name`` pairs, several in one text separated by commas.

    Raises:
        ConfigError: a pair without ``=``, or a field named twice.
    """
    mapping: dict[str, str] = {}
    for pair in (part for text in texts or [] for part in text.split(",")):
        field, equals, name = (piece.strip() for piece in pair.partition("="))
        if not (field and equals and name):
            raise ConfigError(f"{option} {pair}: write it as field=name, e.g. {option} close=last_price")
        if field in mapping:
            raise ConfigError(f"{option} {pair}: {field} is given twice")
        mapping[field] = name
    return mapping
