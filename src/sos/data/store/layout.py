"""Where things lie below the data directory, and how a name there is read back.

Pure: names in, names out; nothing is opened. A file is ``kind/instrument/part/YYYY-MM.parquet``: ``part`` is
the bar's length (``1m``), ``tick``, a chain's expiry (``2026-01-27``) or ``all``. Instrument keys are
percent-encoded, so ``NSE_INDEX|Nifty 50`` is the folder ``NSE_INDEX%7CNifty%2050``; decoding gives back the
key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final
from urllib.parse import quote, unquote

import numpy as np

from sos.bars import I64
from sos.clock import IST_OFFSET_NS, ist_ns
from sos.data.home import default_root
from sos.errors import DataError
from sos.types import NS_PER_DAY

__all__ = [
    "Place",
    "decode_key",
    "default_root",
    "encode_key",
    "month_bounds",
    "month_edges",
    "parse_place",
]

_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_LONGEST: Final = 200  # bytes of a folder's name; file systems allow 255


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """One file of the store. ``month`` is ``YYYY-MM``, by IST."""

    kind: str
    key: str
    part: str
    month: str

    @property
    def folder(self) -> str:
        """Relative to the root, with forward slashes on every system."""
        return f"{self.kind}/{encode_key(self.key)}/{self.part}"

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.month}.parquet"


def parse_place(path: str) -> Place | None:
    """The place of a relative path; None where it is not a file of the store."""
    pieces = path.split("/")
    if len(pieces) != 4 or not pieces[3].endswith(".parquet"):
        return None
    month = pieces[3].removesuffix(".parquet")
    if not _MONTH.fullmatch(month):
        return None
    return Place(pieces[0], decode_key(pieces[1]), pieces[2], month)


def encode_key(key: str) -> str:
    """An instrument key as the name of a folder, on every file system.

    Raises:
        DataError: no key (it needs a segment and a bar), or one that is too long.
    """
    segment, bar, rest = key.partition("|")
    if not (segment and bar and rest.strip()):
        raise DataError(f"{key!r} is not an instrument key such as NSE_INDEX|Nifty 50")
    name = quote(key, safe="")
    if name.endswith("."):  # Windows drops it
        name = f"{name[:-1]}%2E"
    if len(name) > _LONGEST:
        raise DataError(f"the instrument key {key[:40]!r}... is too long for a folder's name")
    return name


def decode_key(name: str) -> str:
    """The key of a folder's name."""
    return unquote(name)


def month_edges(times: I64) -> list[tuple[str, int, int]]:
    """Cut ascending ``times`` at the IST month: (month, first row, row after the last)."""
    days = ((times + IST_OFFSET_NS) // NS_PER_DAY).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    cuts = np.flatnonzero(months[1:] != months[:-1]) + 1
    edges = [0, *cuts.tolist(), len(times)]
    return [(str(months[lo]), lo, hi) for lo, hi in pairwise(edges) if hi > lo]


def month_bounds(month: str) -> tuple[int, int]:
    """First ns of the IST month, and the first after it."""
    year, number = int(month[:4]), int(month[5:])
    following = date(year + number // 12, number % 12 + 1, 1)
    return ist_ns(date(year, number, 1)), ist_ns(following)
