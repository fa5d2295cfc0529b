"""What a wrong expression gets: a message, a place, a suggestion, and a picture with a caret.

Pure values. A `Span` remembers the text it was cut from, so that whatever finds a fault can raise it
with its place and nothing has to be filled in later.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sos.errors import StrategyError

__all__ = ["ExprError", "Span", "nearest"]

_WIDTH: Final = 100
_INDENT: Final = "    "
_CUT: Final = "..."


class ExprError(StrategyError):
    """An expression that cannot be used.

    ``column`` is 0-based, ``end`` is the first column after the span (always > column), ``suggestion``
    is what was probably meant, or empty. ``str(error)`` is one line without the picture.
    """

    def __init__(self, message: str, text: str, column: int, end: int, suggestion: str = "") -> None:
        hint = f"; did you mean {suggestion}?" if suggestion else ""
        super().__init__(f"{message}{hint} (column {column + 1})")
        self.message = message
        self.text = text
        self.column = column
        self.end = max(end, column + 1)
        self.suggestion = suggestion

    def render(self) -> str:
        """Three lines: the message, the source line (cut to about 100 columns), the carets."""
        hint = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        line, start, width = self._window()
        return f"{self.message}{hint}\n{_INDENT}{line}\n{_INDENT}{' ' * start}{'^' * width}"

    def _window(self) -> tuple[str, int, int]:
        """The part of the text to show, where the span starts in it, and how many carets it gets."""
        left = 0 if self.end <= _WIDTH else max(0, self.column - _WIDTH // 3)
        right = left + _WIDTH
        lead = _CUT if left else ""
        shown = self.text[left:right]
        line = lead + "".join(c if " " <= c <= "~" else "?" for c in shown)
        if right < len(self.text):
            line += _CUT
        start = self.column - left + len(lead)
        return line, start, max(1, min(self.end, right) - self.column)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: columns ``start`` (included) to ``end`` (not), 0-based."""

    text: str
    start: int
    end: int

    def error(self, message: str, suggestion: str = "") -> ExprError:
        """The error that points here."""
        return ExprError(message, self.text, self.start, self.end, suggestion)

    @property
    def quoted(self) -> str:
        """The text of the span, shortened for use inside a message."""
        part = self.text[self.start : self.end]
        return part if len(part) <= 40 else part[:37] + _CUT


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that looks most like ``word``, or nothing."""
    words = sorted(known)
    folded = {candidate.casefold(): candidate for candidate in words}
    if word.casefold() in folded:
        return folded[word.casefold()]
    found = difflib.get_close_matches(word[:60].casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else ""
