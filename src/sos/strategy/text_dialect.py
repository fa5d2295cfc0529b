"""The older text form of a pattern: sections PATTERN, REGIME, PHASES, EXECUTION with ``KEY: value`` lines.

Text in, the dict of a JSON file out, with the spelling of its expressions untouched (`java_dialect`
rewrites them). ``#`` starts a comment. Every line that is not understood is an error with its number.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from sos.errors import StrategyError
from sos.strategy.java_dialect import assignment

__all__ = ["is_text_form", "parse_text_form"]

_SECTIONS: Final = ("PATTERN", "REGIME", "PHASES", "EXECUTION")
_HEADER: Final = re.compile(
    r"\[?\s*(PATTERN|REGIMES?|PHASES?|EXECUTION)\s*\]?\s*:?\s*", re.IGNORECASE | re.ASCII
)
_KEYED: Final = re.compile(r"([A-Za-z_]+(?: +[A-Za-z_]+)*)\s*:\s*(.*)", re.ASCII)
_MAX_DIGITS: Final = 20  # of a number
_REGIME_KEYS: Final = {
    "allow": "allow_entry",
    "allow_entry": "allow_entry",
    "quantity": "quantity_mod",
    "quantity_mod": "quantity_mod",
    "tp": "tp_mult",
    "tp_mult": "tp_mult",
    "buffer": "buffer_atr",
    "buffer_atr": "buffer_atr",
}
_TOP_KEYS: Final = {
    "ID": "pattern_id",
    "NAME": "pattern_id",
    "DESCRIPTION": "description",
    "INTERVAL": "interval",
}
_EXECUTION_KEYS: Final = {
    "SIDE": "side",
    "ENTRY": "entry",
    "SL": "sl",
    "TP": "tp",
    "OPTION": "option_selection",
    "OPTION_SELECTION": "option_selection",
}


def is_text_form(text: str) -> bool:
    """Does the text open with a section header (comments aside)? JSON never does."""
    lines = (_bare(line) for line in text.splitlines())
    first = next((line for line in lines if line), "")
    return bool(_HEADER.fullmatch(first))


def parse_text_form(text: str) -> dict[str, Any]:
    """The pattern as the dict of a JSON file.

    Raises:
        StrategyError: lines that are not understood, all of them, ``line N: ...`` each.
    """
    reader = _Reader()
    for number, raw in enumerate(text.splitlines(), 1):
        line = _bare(raw)
        if line:
            reader.line(number, line)
    if reader.problems:
        raise StrategyError("\n".join(reader.problems))
    return reader.content


def _bare(line: str) -> str:
    """The line without its comment; a # inside quotes is kept."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "#":
            return line[:at].strip()
    return line.strip()


class _Reader:
    """Takes lines in order; ``content`` grows, ``problems`` collects."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {"regime_config": {}, "phases": [], "execution": {}}
        self.problems: list[str] = []
        self._section = ""
        self._list = ""

    def line(self, number: int, line: str) -> None:
        header = _HEADER.fullmatch(line)
        if header and (line.startswith("[") or not self._list):
            self._section = next(name for name in _SECTIONS if header[1].upper().startswith(name.rstrip("S")))
            self._list = ""
            return
        handler = {"PATTERN": self._pattern, "REGIME": self._regime, "PHASES": self._phase}.get(
            self._section, self._execution
        )
        problem = handler(line)
        if problem:
            self.problems.append(f"line {number}: {problem}")

    def _pattern(self, line: str) -> str:
        key, value = _split(line)
        if key in _TOP_KEYS:
            self.content[_TOP_KEYS[key]] = value
        elif key == "SIDE":
            self.content["execution"]["side"] = value
        else:
            return f"unknown line in PATTERN: {line[:60]!r}; it has {', '.join(_TOP_KEYS)} and SIDE"
        return ""

    def _regime(self, line: str) -> str:
        name, colon, rest = line.partition(":")
        if not colon:
            return f"a regime is NAME: allow=..., quantity=..., tp=..., not {line[:60]!r}"
        rule: dict[str, Any] = {}
        for part in filter(None, (piece.strip() for piece in rest.split(","))):
            key, _, value = (word.strip() for word in part.partition("="))
            if key.lower() not in _REGIME_KEYS:
                return f"unknown regime setting {part[:40]!r}; it has allow, quantity, tp, buffer"
            parsed = _value(value)
            if parsed is None:
                return f"{part[:40]!r} needs true, false or a number"
            rule[_REGIME_KEYS[key.lower()]] = parsed
        self.content["regime_config"][name.strip().upper()] = rule
        return ""

    def _phase(self, line: str) -> str:
        phases = self.content["phases"]
        key, value = _split(line)
        if key in ("NAME", "ID", "PHASE"):
            phases.append({"id": value, "conditions": [], "capture": {}})
            self._list = ""
            return ""
        if not phases:
            return f"a phase begins with NAME: ..., not {line[:60]!r}"
        if key in ("CONDITIONS", "CAPTURE", "INVALIDATE"):
            self._list = key
            return self._item(value) if value else ""
        if key == "TIMEOUT":
            if not (value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS):
                return f"TIMEOUT is a number of bars, not {value[:40]!r}"
            phases[-1]["timeout"] = int(value)
            self._list = ""
            return ""
        return self._item(line)

    def _item(self, line: str) -> str:
        phase = self.content["phases"][-1]
        text = line.removeprefix("- ").strip()
        if self._list == "CONDITIONS":
            phase["conditions"].append(text)
        elif self._list == "INVALIDATE":
            phase.setdefault("invalidate", []).append(text)
        elif self._list == "CAPTURE":
            found = assignment(text)
            if found is None:
                return f"a capture is name = expression, not {text[:60]!r}"
            phase["capture"][found[0]] = found[1]
        else:
            return f"unknown line in a phase: {line[:60]!r}; it has NAME, CONDITIONS, CAPTURE, TIMEOUT"
        return ""

    def _execution(self, line: str) -> str:
        key, value = _split(line)
        if self._section != "EXECUTION" or key not in _EXECUTION_KEYS:
            return f"unknown line: {line[:60]!r}; EXECUTION has {', '.join(_EXECUTION_KEYS)}"
        self.content["execution"][_EXECUTION_KEYS[key]] = value
        return ""


def _split(line: str) -> tuple[str, str]:
    found = _KEYED.fullmatch(line)
    return (found[1].strip().upper().replace(" ", "_"), found[2].strip()) if found else ("", "")


def _value(text: str) -> bool | float | None:
    lowered = text.lower()
    if lowered in ("true", "yes", "false", "no"):
        return lowered in ("true", "yes")
    try:
        number = float(text[: _MAX_DIGITS + 1])
    except ValueError:
        return None
    return number if len(text) <= _MAX_DIGITS and math.isfinite(number) else None
