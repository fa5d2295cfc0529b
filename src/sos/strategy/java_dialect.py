"""Expressions and files of the older Java-flavoured dialect, rewritten into the present one.

Pure text work: getters become names, ``&& || !`` become words, assignments are recognised. Nothing is
checked here; `dialects` does that with the result. What a rewrite changes in meaning is reported by the
caller through the notes returned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from sos.expr.limits import MAX_BRACKETS

__all__ = ["assignment", "older_traits", "rename", "tokens", "translate"]

_TOKEN: Final = re.compile(
    r"""\s+|(?P<text>'[^'\n]*'|"[^"\n]*")|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?[fFdDlL]?|\.\d+[fFdD]?)"""
    r"""|(?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)|(?P<op>&&|\|\||[<>=!]=|\*\*|//|\S)""",
    re.ASCII,
)
_ASSIGNMENT: Final = re.compile(
    r"\s*(?:(?:var|double|float|int|long|boolean|def|final)\s+)*(?:vars?\s*\.\s*)?([A-Za-z_]\w*)\s*=(?![=<>])\s*(\S.*)",
    re.ASCII | re.DOTALL,
)
_GETS: Final = re.compile(r"\.\s*(?:get|is)[A-Z]\w*\s*\(", re.ASCII)
_OWN_NAMES: Final = frozenset(("open", "high", "low", "close", "volume", "oi", "atr", "timestamp"))
_GETTER: Final = re.compile(r"(?:get|is)([A-Z]\w*)", re.ASCII)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BAR_NAMES: Final = {
    **{name: name for name in ("open", "high", "low", "close", "volume", "oi", "atr")},
    "open_interest": "oi",
    "timestamp": "timestamp",
    "time": "timestamp",
    "start_time": "timestamp",
    "body_size": "body",
    "body": "body",
    "range": "range",
}
_BARS: Final = {"candle": "candle", "prev_candle": "prev_candle", "prevCandle": "prev_candle"}
_MATH: Final = {"abs", "max", "min", "sqrt", "log", "floor", "ceil", "round"}
_TRAITS: Final = (
    (_GETS, "getters"),
    (re.compile(r"&&|\|\|"), "&& and ||"),
    (re.compile(r"!(?!=)"), "!"),
    (re.compile(r"\bregime\s*\.\s*tp\b", re.ASCII), "regime.tp"),
    (re.compile(r"\bMath\s*\.", re.ASCII), "Math."),
    (re.compile(r"\.\s*equals\s*\(", re.ASCII), ".equals()"),
)
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """``(kind, text)`` of each token: text, number, name (with its dots, no spaces) or op."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is not None:
            yield kind, re.sub(r"\s+", "", match[0]) if kind == "name" else match[0]


def assignment(text: str) -> tuple[str, str] | None:
    """``("ema20", "moving_avg(...)")`` of ``ema20 = moving_avg(...)``; None for anything else.

    ``close => open`` and ``close = 5`` are mistyped comparisons; ``close = candle.getClose()`` is not.
    """
    found = _ASSIGNMENT.fullmatch(text.strip().rstrip(";"))
    if found is None or (found[1] in _OWN_NAMES and not _GETS.search(found[2])):
        return None
    return found[1], found[2].strip()


def older_traits(content: Mapping[str, Any]) -> list[str]:
    """What marks the content of a JSON file as the older dialect; empty for the present one."""
    found: dict[str, None] = {}
    for place, text in _expressions(content):
        bare = _QUOTED.sub("''", text)
        for pattern, name in _TRAITS:
            if pattern.search(bare):
                found[name] = None
        if place == "condition" and assignment(bare):
            found["an assignment among conditions"] = None
    return list(found)


def _expressions(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((place, text) for place, text in _values(content) if isinstance(text, str))


def _values(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    phases = content.get("phases")
    for phase in phases if isinstance(phases, list) else []:
        if not isinstance(phase, dict):
            continue
        conditions, captures = phase.get("conditions"), phase.get("capture")
        yield from (("condition", text) for text in (conditions if isinstance(conditions, list) else []))
        yield from (("capture", text) for text in (captures.values() if isinstance(captures, dict) else []))
    execution = content.get("execution")
    if isinstance(execution, dict):
        yield from (("level", execution[name]) for name in ("entry", "sl", "tp") if name in execution)


def rename(text: str, meant: Callable[[str], str | None]) -> str:
    """Replace whole names (with their dots) by what is ``meant``, if anything.

    Nothing inside quotes is touched, nor the name of a function that is called.
    """
    found = list(tokens(text))
    parts: list[str] = []
    for (kind, token), (_, after) in pairwise([*found, ("", "")]):
        other = meant(token) if kind == "name" and after != "(" else None
        parts.append(token if other is None else other)
    return _joined(parts)


def translate(text: str) -> str:
    """The expression in present spelling. Texts that are already in it keep their meaning."""
    return _ternary(_joined(_rewritten(list(tokens(text.strip().rstrip(";"))))))


def _rewritten(items: list[tuple[str, str]]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(items):
        kind, token = items[at]
        called = [t for _, t in items[at + 1 : at + 3]] == ["(", ")"]
        if kind == "name":
            replaced, used = _name(token, called, items, at)
            out.append(replaced)
            at += used
            continue
        out.append(_plain(kind, token))
        at += 1
    return out


def _plain(kind: str, token: str) -> str:
    if kind == "number":
        return token.rstrip("fFdDlL")
    return {"&&": "and", "||": "or", "!": "not"}.get(token, token) if kind == "op" else token


def _name(token: str, called: bool, items: list[tuple[str, str]], at: int) -> tuple[str, int]:
    """The present spelling of a name and the number of tokens it took."""
    parts = token.split(".")
    argument = [t for _, t in items[at + 1 : at + 4]]
    if len(parts) > 1 and parts[-1] == "equals" and argument[0:1] == ["("] and argument[2:3] == [")"]:
        return f"{_path(parts[:-1])} == {argument[1]}", 4
    if len(parts) == 2 and parts[0] in ("vars", "var") and parts[1] == "get" and argument[2:3] == [")"]:
        return f"vars.{argument[1].strip(chr(39) + chr(34))}", 4
    if len(parts) > 1 and called:
        after = [t for _, t in items[at + 3 : at + 8]]
        if after[:3] == [".", "equals", "("] and after[4:] == [")"]:
            return f"{_path(parts)} == {after[3]}", 8
        return _path(parts, called=True), 3
    if parts[0] == "Math" and len(parts) == 2 and parts[1] in _MATH:
        return parts[1], 1
    return _path(parts), 1


def _path(parts: list[str], called: bool = False) -> str:
    if len(parts) == 1:
        return parts[0]
    owner, fields = parts[0], [_field(part) for part in parts[1:]]
    if owner == "var":
        owner = "vars"
    if owner == "regime" and fields == ["tp"]:
        return "regime.tp_mult"
    if owner == "regime" and fields == ["quantity"]:
        return "regime.quantity_mod"
    if owner in ("candle", "prev_candle", "prevCandle") and len(fields) == 1:
        known = _BAR_NAMES.get(fields[0], fields[0])
        return _bar_field(owner, known) if called else f"{_BARS[owner]}.{known}"
    return ".".join([owner, *fields])


def _field(part: str) -> str:
    getter = _GETTER.fullmatch(part)
    if not getter:
        return part
    name = getter[1]
    return name.lower() if name.isupper() else _CAMEL.sub("_", name).lower()


def _bar_field(owner: str, field: str) -> str:
    if owner == "candle":
        return (
            field
            if field in ("open", "high", "low", "close", "volume", "oi", "atr", "timestamp")
            else f"candle.{field}"
        )
    return f"{_BARS[owner]}.{field}"


def _joined(parts: list[str]) -> str:
    """Tokens with one space around binary operators, none inside brackets or before commas."""
    out = ""
    for index, part in enumerate(parts):
        before = parts[index - 1] if index else ""
        unary = part in "+-" and (
            not before or before in "(,<>*/%+-?:" or before in _WORDS or before in _COMPARE
        )
        tight = (
            not out or part in ",)]" or before in "([" or (part == "(" and _is_name(before)) or before == "u-"
        )
        out += part if tight else f" {part}"
        if unary and len(part) == 1:
            parts[index] = "u-"
    return out


_WORDS: Final = frozenset({"and", "or", "not", "in", "if", "else"})
_COMPARE: Final = frozenset({"==", "!=", "<=", ">=", "**", "//"})


def _is_name(part: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_][\w.]*", part, re.ASCII)) and part not in _WORDS


def _ternary(text: str, depth: int = 0) -> str:
    """``c ? a : b`` as ``(a) if (c) else (b)``, also nested, as deep as brackets may be; else unchanged."""
    question = _outside(text, "?") if depth <= MAX_BRACKETS else -1
    if question < 0:
        return text
    depth, at = 0, question + 1
    while at < len(text):
        if text[at] == "?":
            depth += 1
        elif text[at] == ":":
            if depth == 0:
                break
            depth -= 1
        at += 1
    if at >= len(text):
        return text
    test, yes, no = (part.strip() for part in (text[:question], text[question + 1 : at], text[at + 1 :]))
    return f"({_ternary(yes, depth + 1)}) if ({test}) else ({_ternary(no, depth + 1)})"


def _outside(text: str, sign: str) -> int:
    """Where ``sign`` first stands outside quotes and brackets, or -1."""
    depth, quote = 0, ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == sign and depth == 0:
            return at
    return -1
