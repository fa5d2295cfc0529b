"""Parameters of a request: present, well formed, or refused with the documented code.

Pure. Source: the field patterns and error codes of the broker's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from sos.sim.http import Problem

__all__ = ["iso_date", "keys", "required", "whole"]

_SEGMENTS: Final = (
    "NSE_EQ|NSE_FO|NCD_FO|BSE_EQ|BSE_FO|BCD_FO|MCX_FO|NSE_COM|NSE_INDEX|BSE_INDEX|MCX_INDEX"
    "|GLOBAL_INDEX|GLOBAL_INDICATOR"
)
_KEY: Final = re.compile(rf"(?:{_SEGMENTS})\|[\w ^]+")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def required(query: Mapping[str, str], name: str, code: str, *others: str) -> str:
    """The value of ``name`` (or of an older name among ``others``)."""
    value = next((query[one] for one in (name, *others) if query.get(one)), "")
    if not value:
        raise Problem(400, code, f"{name} is required", name)
    return value


def keys(text: str, code: str, path: str | None = None) -> list[str]:
    """Comma-separated instrument keys, without repeats."""
    found = [part.strip() for part in text.split(",")]
    if any(_KEY.fullmatch(key) is None for key in found):
        raise Problem(400, code, "Instrument key is of invalid format", path, text)
    return list(dict.fromkeys(found))


def iso_date(text: str, code: str, path: str | None = None) -> date:
    """``YYYY-MM-DD``."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # 2026-02-30: refused below, like any other text
    raise Problem(400, code, "Invalid date", path, text)


def whole(query: Mapping[str, str], name: str, default: int, low: int, high: int, code: str) -> int:
    """A whole number in [low, high]."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise Problem(400, code, f"Invalid {name}", name, text)
    return int(text)
