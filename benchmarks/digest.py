"""The digest by which the floor and SOS prove that they made the same trades."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Row", "report"]

# pattern id, entry time ns UTC, entry paise, exit time ns UTC, exit paise, reason
Row: TypeAlias = tuple[str, int, int, int, int, str]


def report(rows: Iterable[Row]) -> str:
    """One line: number of trades and SHA-256 over them in the order of pattern and entry."""
    ordered = sorted(rows)
    digest = hashlib.sha256()
    for row in ordered:
        digest.update(("|".join(map(str, row)) + "\n").encode())
    return f"{len(ordered)} {digest.hexdigest()}"
