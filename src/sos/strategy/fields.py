"""Small texts of a strategy file: intervals, times of day, sides, contract selections.

Pure functions from text to value; each raises `ValueError` with a line that says what is accepted.
Patterns are also given as regular expressions, because the exported JSON Schema uses the same ones.
"""

from __future__ import annotations

import re
from typing import Final

from sos.strategy.pattern import Selection
from sos.types import Right, Side

__all__ = [
    "CLOCK_PATTERN",
    "ID_PATTERN",
    "INTERVAL_PATTERN",
    "MAX_STEPS",
    "NAME_PATTERN",
    "SELECTION_PATTERN",
    "SIDES",
    "clock_text",
    "interval_text",
    "parse_clock",
    "parse_interval",
    "parse_selection",
    "parse_side",
    "selection_text",
]

ID_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"
NAME_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
INTERVAL_PATTERN: Final = r"^([1-9][0-9]{0,2}m|[1-6]h)$"
CLOCK_PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
SELECTION_PATTERN: Final = r"^(NONE|(ATM|(OTM|ITM)_([1-9]|[1-4][0-9]|50))(_(CALL|PUT|CE|PE))?)$"
MAX_STEPS: Final = 50
MAX_INTERVAL: Final = 375
SIDES: Final = {"BUY": Side.BUY, "LONG": Side.BUY, "SELL": Side.SELL, "SHORT": Side.SELL}
_RIGHTS: Final = {"CALL": Right.CALL, "CE": Right.CALL, "PUT": Right.PUT, "PE": Right.PUT}


def _whole(pattern: str, text: str) -> re.Match[str] | None:
    return re.compile(pattern, re.ASCII).fullmatch(text) if "\n" not in text else None


def parse_interval(text: str) -> int:
    """Minutes of ``"5m"`` or ``"1h"``; 1 to 375."""
    if _whole(INTERVAL_PATTERN, text):
        minutes = int(text[:-1]) * (60 if text.endswith("h") else 1)
        if minutes <= MAX_INTERVAL:
            return minutes
    raise ValueError(f"interval is minutes such as 1m, 3m, 5m, 15m or hours such as 1h, not {text!r}")


def interval_text(minutes: int) -> str:
    """``"5m"``; whole hours as ``"1h"``."""
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def parse_clock(text: str) -> int:
    """Minutes since IST midnight of ``"HH:MM"``."""
    if not _whole(CLOCK_PATTERN, text):
        raise ValueError(f"a time of day is HH:MM in 24 hours IST, such as 15:15, not {text!r}")
    return int(text[:2]) * 60 + int(text[3:])


def clock_text(minutes: int) -> str:
    """``"HH:MM"`` of minutes since midnight."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse_side(text: str) -> Side:
    """BUY or LONG, SELL or SHORT."""
    try:
        return SIDES[text]
    except KeyError:
        raise ValueError(f"side is BUY or SELL (LONG and SHORT are accepted), not {text!r}") from None


def parse_selection(text: str) -> Selection:
    """``NONE``, or ``ATM``, ``OTM_n``, ``ITM_n`` with an optional ``_CALL``/``_PUT``/``_CE``/``_PE``."""
    if not _whole(SELECTION_PATTERN, text):
        raise ValueError(
            "option_selection is NONE, ATM, OTM_n or ITM_n (n from 1 to "
            f"{MAX_STEPS}), with an optional _CALL or _PUT, not {text!r}"
        )
    if text == "NONE":
        return Selection(none=True)
    parts = text.split("_")
    steps = int(parts[1]) if parts[0] != "ATM" else 0
    right = _RIGHTS.get(parts[-1])
    return Selection(steps=-steps if parts[0] == "ITM" else steps, right=right)


def selection_text(selection: Selection | None) -> str:
    """The canonical text of a selection, without the right that the direction decides anyway."""
    if selection is None:
        return "as configured"
    if selection.none:
        return "NONE"
    if not selection.steps:
        return "ATM"
    return f"OTM_{selection.steps}" if selection.steps > 0 else f"ITM_{-selection.steps}"
