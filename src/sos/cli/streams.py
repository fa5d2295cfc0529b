"""Standard streams that can take any text: closed ones, and those of a terminal that is not UTF-8."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Final

__all__ = ["prepare_streams"]

_HANDLER: Final = "sos.plain"
# One character each, so that columns stay aligned. A rupee sign leaves its place empty.
_PLAIN: Final = {"–": "-", "−": "-", "─": "-", "→": ">", "…": "~", "₹": " "}


def prepare_streams() -> None:
    """Show what an encoding lacks by the nearest ASCII; make a closed stdout or stderr a sink."""
    codecs.register_error(_HANDLER, _plain)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # lives as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(errors=_HANDLER)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(char, "?") for char in error.object[error.start : error.end]), error.end
