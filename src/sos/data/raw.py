"""What a reader hands over: the rows of a file as they stand, before anything is judged.

Words only; the readers (`parquet`, `csv`) make it, `zones`, `checks` and `load` take it from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sos.bars import F64
from sos.data.stamps import Stamps

__all__ = ["Place", "RawBars"]

Place: TypeAlias = Callable[[int], str]  # row index to "row 7" or "line 8"


@dataclass(frozen=True, slots=True)
class RawBars:
    """A file's rows as they stand, unchecked. All columns have one length; volume and oi may be absent."""

    file: str
    place: Place
    stamps: Stamps
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64 | None
    oi: F64 | None
