"""The broker's daily list of instruments: parsed once a day, kept as columns, the master of the day wins.

Bytes come from whoever downloads (`MasterCache.ensure` takes a callable); nothing is fetched here. Every
field of a record may be absent, null or of another type: such a field is empty, such a record is kept.
``tick`` is in paise, ``expiry`` an IST date. The cache keeps a compact Parquet file per exchange and day
under ``instruments/`` of the data directory, written whole or not at all.
Source: reference/upstox-api.md, 12 (instrument files).
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from sos.clock import IST_OFFSET_NS
from sos.data.store import files
from sos.errors import DataError
from sos.types import NS_PER_DAY

__all__ = ["EXPIRY_MS", "Download", "Master", "MasterCache"]

Download: TypeAlias = Callable[[str], bytes]  # exchange ("NSE") to the file's bytes, gzipped or not
_Texts: TypeAlias = npt.NDArray[np.object_]

EXPIRY_MS: Final = (631_152_000_000, 4_102_444_800_000)  # 1990 to 2100: anything else is no expiry
_MOST: Final = 1e15  # larger numbers are damage
_TEXTS: Final = {
    "key": "instrument_key",
    "symbol": "trading_symbol",
    "name": "name",
    "segment": "segment",
    "kind": "instrument_type",
    "underlying": "underlying_symbol",
    "underlying_key": "underlying_key",
    "isin": "isin",
}
_NUMBERS: Final = {
    "strike": "strike_price",
    "lot": "lot_size",
    "freeze": "freeze_quantity",
    "tick": "tick_size",
    "expiry_ms": "expiry",
}


class Master:
    """One day's instruments as columns of one length.

    Texts (``""`` where absent): ``key symbol name segment kind underlying underlying_key isin``; numbers (NaN
    where absent): ``strike lot freeze tick``; ``expiry`` is ``datetime64[D]`` (NaT where there is none).
    """

    def __init__(
        self, day: date, texts: dict[str, _Texts], numbers: dict[str, npt.NDArray[np.float64]]
    ) -> None:
        self.day = day
        self._texts = texts
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._texts["key"])

    def text(self, name: str) -> _Texts:
        """A column of texts."""
        return self._texts[name]

    def number(self, name: str) -> npt.NDArray[np.float64]:
        """A column of numbers."""
        return self._numbers[name]

    @cached_property
    def expiry(self) -> npt.NDArray[np.datetime64]:
        """IST dates of expiry."""
        ms = self._numbers["expiry_ms"]
        known = (ms >= EXPIRY_MS[0]) & (ms < EXPIRY_MS[1])
        days = np.full(len(ms), "NaT", "datetime64[D]")
        ns = ms[known].astype(np.int64) * 1_000_000 + IST_OFFSET_NS
        days[known] = (ns // NS_PER_DAY).astype("datetime64[D]")
        return days

    @cached_property
    def upper(self) -> dict[str, npt.NDArray[np.str_]]:
        """The columns that a search compares, in upper case."""
        names = ("key", "isin", "symbol", "underlying", "name")
        return {name: np.char.upper(self._texts[name].astype(str)) for name in names}

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row by instrument key."""
        return {key: row for row, key in enumerate(self._texts["key"].tolist())}

    @staticmethod
    def parse(data: bytes, day: date | None = None) -> Master:
        """The master in a downloaded file (JSON array, gzipped or not).

        Without ``day`` it is taken to be of the day of its first expiry: expired contracts are removed.

        Raises:
            DataError: truncated, not JSON, or not a list of instruments.
        """
        try:
            raw = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            records = orjson.loads(raw)
        except (EOFError, OSError, zlib.error, orjson.JSONDecodeError) as exc:
            raise DataError(
                f"the instrument file is truncated or no JSON ({exc}): download it again"
            ) from exc
        if not isinstance(records, list):
            raise DataError("the instrument file is no list of instruments: download it again")
        found = [record for record in records if isinstance(record, dict) and record.get("instrument_key")]
        if not found:
            raise DataError("the instrument file names no instrument: download it again")
        texts = {name: _texts([record.get(field) for record in found]) for name, field in _TEXTS.items()}
        numbers = {
            name: _numbers([record.get(field) for record in found]) for name, field in _NUMBERS.items()
        }
        master = Master(day or date.min, texts, numbers)
        if day is None and not np.isnat(master.expiry).all():
            first: date = master.expiry[~np.isnat(master.expiry)].min().astype(object)
            master.day = first
        return master

    def to_table(self) -> Any:
        """As an Arrow table: texts as dictionaries where they repeat."""
        columns = {name: pa.array(column.tolist(), pa.string()) for name, column in self._texts.items()}
        numbers = {name: pa.array(column) for name, column in self._numbers.items()}
        return pa.table({**columns, **numbers})

    @staticmethod
    def from_table(table: Any, day: date) -> Master:
        """The inverse of `to_table`."""
        texts = {name: np.array(table.column(name).to_pylist(), object) for name in _TEXTS}
        numbers = {name: np.array(table.column(name), np.float64) for name in _NUMBERS}
        return Master(day, texts, numbers)


class MasterCache:
    """Masters by exchange and day below the data directory."""

    def __init__(self, root: Path) -> None:
        self._root = root / "instruments"

    def days(self, exchange: str) -> list[date]:
        """Days of which there is a master, ascending."""
        names = (path.stem for path in (self._root / exchange).glob("[0-9]*.parquet"))
        return sorted(date.fromisoformat(name) for name in names)

    def put(self, exchange: str, day: date, data: bytes) -> Master:
        """Parse a downloaded file and keep it for ``day``.

        Raises:
            DataError: it is no master, or cannot be written.
        """
        master = Master.parse(data, day)
        sink = pa.BufferOutputStream()
        pq.write_table(master.to_table(), sink, compression="zstd", compression_level=3)
        path = self._path(exchange, day)
        try:
            files.commit(files.stage(path, sink.getvalue().to_pybytes()), path)
        except OSError as exc:
            raise files.storage_error(path, exc) from exc
        return master

    def get(self, exchange: str, day: date) -> Master | None:
        """The master of exactly that day, or None.

        Raises:
            DataError: the cached file is damaged.
        """
        data = files.read(self._path(exchange, day))
        if data is None:
            return None
        try:
            return Master.from_table(pq.read_table(pa.BufferReader(data), use_threads=False), day)
        except (pa.ArrowException, OSError, KeyError) as exc:
            path = self._path(exchange, day)
            raise DataError(
                f"{path}: damaged ({type(exc).__name__}): delete it, it is fetched again"
            ) from exc

    def latest(self, exchange: str, on_or_before: date | None = None) -> Master | None:
        """The newest master, or the newest that was there on a day; None if there is none."""
        known = [day for day in self.days(exchange) if on_or_before is None or day <= on_or_before]
        return self.get(exchange, known[-1]) if known else None

    def ensure(self, exchange: str, day: date, download: Download) -> Master:
        """The master of ``day``, downloaded once.

        Raises:
            DataError: what was downloaded is no master. Errors of ``download`` pass through.
        """
        return self.get(exchange, day) or self.put(exchange, day, download(exchange))

    def _path(self, exchange: str, day: date) -> Path:
        return self._root / exchange / f"{day.isoformat()}.parquet"


def _texts(values: list[object]) -> _Texts:
    return np.array([value if isinstance(value, str) else "" for value in values], object)


def _numbers(values: list[object]) -> npt.NDArray[np.float64]:
    return np.array([_number(value) for value in values], np.float64)


def _number(value: object) -> float:
    """A finite number, or NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return number if abs(number) < _MOST else math.nan
