"""What a text must be before Python's own parser may see it.

One pass over the characters, linear and without recursion: length, printable ASCII, a small set of
tokens, brackets in pairs and not too deep. Whatever a strategy file holds, `ast.parse` then gets a
short text of ordinary tokens. Common slips (``&&``, a single ``=``, a comment) get a message of
their own here, because here the place is still known exactly.
"""

from __future__ import annotations

import re
from typing import Final

from sos.expr.error import Span

__all__ = ["MAX_BRACKETS", "MAX_DEPTH", "MAX_NODES", "MAX_TEXT", "MAX_TOKENS", "scan"]

MAX_TEXT: Final = 2_000  # characters
MAX_TOKENS: Final = 600
MAX_BRACKETS: Final = 32  # open at one time
MAX_PREFIXES: Final = 16  # unary operators in a row
MAX_DEPTH: Final = 100  # levels of the parsed tree
MAX_NODES: Final = 2_000  # nodes of the checked tree, shared parts counted each time

_TOKEN: Final = re.compile(
    r"""(?P<space>[ ]+)
      | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<op>\*\*|//|<=|>=|==|!=|<>|:=|->|&&|\|\||<<|>>|.)""",
    re.VERBOSE,
)
_OPERATORS: Final = frozenset(
    ("+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "(", ")", "[", "]", ",", ".")
)
_HINTS: Final = {
    "&&": "'and'",
    "&": "'and'",
    "||": "'or'",
    "|": "'or'",
    "!": "'not'",
    "=": "'=='",
    "<>": "'!='",
    "^": "'**'",
}
_WORDS: Final = {
    "lambda": "functions cannot be defined in an expression",
    "for": "loops and comprehensions are not part of an expression",
    "while": "loops are not part of an expression",
    "async": "'async' is not part of an expression",
    "await": "'await' is not part of an expression",
    "yield": "'yield' is not part of an expression",
    "import": "nothing can be imported in an expression",
    "is": "'is' is not part of an expression; compare with '=='",
    "None": "there is no None: a missing value is simply not ready",
}
_JOINING: Final = frozenset(("and", "or", "not", "in", "if", "else"))
_CLOSES: Final = {")": "(", "]": "["}


def scan(text: str) -> str:
    """The text with tabs and line ends as spaces, ready for `ast.parse`; columns stay where they were.

    Raises ExprError for whatever no expression can hold.
    """
    if len(text) > MAX_TEXT:
        raise Span(text[: MAX_TEXT + 200], MAX_TEXT, MAX_TEXT + 1).error(
            f"the expression has {len(text):,} characters; at most {MAX_TEXT:,} are read"
        )
    plain = text.replace("\t", " ").replace("\n", " ").replace("\r", " ")
    strange = re.search(r"[^ -~]", plain)
    if strange:
        raise _at(text, strange.start()).error(f"the character {strange.group()!a} is not plain ASCII text")
    if not plain.strip():
        raise _at(text, 0).error("the expression is empty")
    _tokens(text, plain)
    return plain


def _at(text: str, start: int, end: int | None = None) -> Span:
    return Span(text, start, start + 1 if end is None else end)


def _tokens(text: str, plain: str) -> None:
    opened: list[tuple[str, int]] = []
    prefixes = count = 0
    before: re.Match[str] | None = None
    for token in _TOKEN.finditer(plain):
        kind, word, span = token.lastgroup, token.group(), _at(text, token.start(), token.end())
        if kind == "space":
            continue
        count += 1
        if count > MAX_TOKENS:
            raise span.error(f"the expression has more than {MAX_TOKENS} parts; split it into captures")
        prefixes = prefixes + 1 if word in ("+", "-", "not") else 0
        if prefixes > MAX_PREFIXES:
            raise span.error(f"more than {MAX_PREFIXES} signs in a row")
        _refuse(kind or "", word, span, before)
        if kind == "op":
            _brackets(word, span, opened)
        before = token
    if opened:
        raise _at(text, opened[-1][1]).error(f"'{opened[-1][0]}' is never closed")


def _refuse(kind: str, word: str, span: Span, before: re.Match[str] | None) -> None:
    """Raise for a token that no expression has, or that cannot follow the one before."""
    if kind == "op":
        if word not in _OPERATORS:
            raise _unknown_operator(word, span)
        return
    last = before.lastgroup if before is not None and before.end() == span.start else ""
    if last == "number":
        raise span.error("a number runs into what follows it; only plain decimal numbers are read")
    if kind == "text" and last == "name":
        raise span.error("a letter before a quoted text is not allowed")
    if kind == "text" and "\\" in word:
        raise span.error("backslashes are not part of an expression")
    if kind == "number" and len(word) > 1 and word[0] == "0" and word[1].isdigit():
        raise span.error("a number does not begin with a zero")
    if kind == "name":
        _refuse_name(word, span)
    if word not in _JOINING and before is not None and _ends_operand(before):
        raise span.error(f"an operator or a comma is missing before {span.quoted}")


def _refuse_name(word: str, span: Span) -> None:
    if word.startswith("_"):
        raise span.error(f"names do not begin with an underscore: {span.quoted}")
    if word in _WORDS:
        raise span.error(_WORDS[word])


def _ends_operand(token: re.Match[str]) -> bool:
    """Is an operand complete after this token, so that another one cannot follow?"""
    word = token.group()
    return word in _CLOSES if token.lastgroup == "op" else word not in _JOINING


def _unknown_operator(word: str, span: Span) -> Exception:
    if word in _HINTS:
        return span.error(f"'{word}' is not an operator here", _HINTS[word])
    if word in "'\"":
        return span.error("the quoted text is never closed")
    if word == "#":
        return span.error("comments are not part of an expression")
    return span.error(f"'{word}' is not part of an expression")


def _brackets(word: str, span: Span, opened: list[tuple[str, int]]) -> None:
    if word in "([":
        opened.append((word, span.start))
        if len(opened) > MAX_BRACKETS:
            raise span.error(f"more than {MAX_BRACKETS} brackets inside each other")
    elif word in _CLOSES:
        if not opened or opened[-1][0] != _CLOSES[word]:
            raise span.error(f"'{word}' closes nothing")
        opened.pop()
