"""A file as an Arrow table with fields of ours, for everything that is not bars.

Opens the file named and nothing else. The readers of bars (`sos.data.load`) are stricter and faster; this one
takes any columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sos.bars import F64, I64
from sos.calendar import Calendar, Segment
from sos.data.arrow import stamps_of
from sos.data.csv import read_header, read_table
from sos.data.stamps import BadStamp
from sos.data.zones import Zoned, to_utc
from sos.errors import ConfigError, DataError

__all__ = ["Table", "ascending", "column_names", "open_table"]

_SQLITE: Final = b"SQLite format 3\x00"


def column_names(path: Path) -> list[str]:
    """The columns of a CSV or Parquet file.

    Raises:
        DataError: no such file, unreadable, empty, or neither of the two.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(16)
    except OSError as exc:
        raise DataError(f"{path}: {exc.strerror or exc}: check the path") from exc
    if not magic:
        raise DataError(f"{path.name}: is empty: copy or download it again")
    if magic == _SQLITE:
        raise DataError(
            f"{path.name}: is an SQLite database: the tables of older systems are not documented here and "
            "not supported; export them as CSV (ts,open,high,low,close,volume,oi) and import that"
        )
    if not _is_parquet(path, magic):
        return read_header(path)
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as exc:
        raise _damaged(path, exc) from exc


def open_table(path: Path, mapping: Mapping[str, str]) -> Table:
    """The whole file; ``mapping`` (field to column) renames columns.

    Raises:
        DataError: unreadable. ConfigError: the mapping names a column that is not there.
    """
    with path.open("rb") as file:
        parquet = _is_parquet(path, file.read(4))
    if parquet:
        try:
            table = pq.read_table(path, use_threads=False)
        except (pa.ArrowException, OSError) as exc:
            raise _damaged(path, exc) from exc
    else:
        table = read_table(path)
    names = list(table.column_names)
    for field, column in mapping.items():
        if column not in names:
            raise ConfigError(f"{path.name}: no column {column!r} for {field}: it has {', '.join(names)}")
        names[names.index(column)] = field
    if not table.num_rows:
        raise DataError(f"{path.name}: has columns and no rows")
    names = [name.strip().lower() for name in names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path.name}: two columns are {twice!r}: rename one")
    return Table(path.name, table.rename_columns(names))


class Table:
    """Columns by field name, converted when asked for."""

    def __init__(self, file: str, table: Any) -> None:
        self.file = file
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __contains__(self, name: str) -> bool:
        return name in self._table.column_names

    def _column(self, name: str) -> Any:
        if name not in self:
            known = ", ".join(self._table.column_names)
            raise DataError(
                f"{self.file}: no column {name!r}: it has {known}; --columns {name}=NAME names it"
            )
        return self._table.column(name)

    def number(self, name: str) -> F64:
        """A column of numbers, null as NaN; NaN throughout where it is absent."""
        if name not in self:
            return np.full(len(self), np.nan)
        try:
            column = self._column(name).cast(pa.float64(), safe=False)
        except pa.ArrowException as exc:
            reason = " ".join(str(exc).split())[:100]
            raise DataError(f"{self.file}: column {name!r} does not hold numbers: {reason}") from exc
        return np.array(column.to_numpy(), np.float64)

    def text(self, name: str) -> Any:
        """A column of texts as an array of objects, upper case."""
        try:
            column = self._column(name).cast(pa.string())
        except pa.ArrowException as exc:
            raise DataError(f"{self.file}: column {name!r} does not hold texts") from exc
        return np.array([str(value or "").strip().upper() for value in column.to_pylist()], object)

    def day(self, name: str) -> Any:
        """A column of dates as ``datetime64[D]``."""
        column = self._column(name)
        try:
            days = column.cast(pa.date32())
        except pa.ArrowException as exc:
            raise DataError(f"{self.file}: column {name!r} ({column.type}) does not hold dates") from exc
        if days.null_count:
            raise DataError(f"{self.file}: column {name!r} is empty in {days.null_count} rows")
        return days.to_numpy().astype("datetime64[D]")

    def times(self, name: str, tz: str | None, hours: Segment) -> Zoned:
        """A column of times in ns UTC; a zone is stated, given or found out as for bars."""
        try:
            stamps = stamps_of(self._column(name))
        except BadStamp as exc:
            raise DataError(f"{self.file}: row {exc.row + 1}, column {name}: {exc}") from exc
        return to_utc(self.file, stamps, tz, Calendar.packaged(), hours)


def ascending(file: str, times: I64) -> None:
    """Refuse rows out of order; equal times are no fault.

    Raises:
        DataError: names the row.
    """
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back):
        raise DataError(f"{file}: row {int(back[0]) + 2} is earlier than the row before it: sort it by time")


def _is_parquet(path: Path, magic: bytes) -> bool:
    return magic[:4] == b"PAR1" or path.suffix.lower() in (".parquet", ".pq")


def _damaged(path: Path, exc: BaseException) -> DataError:
    reason = " ".join(str(exc).split())[:100]
    return DataError(f"{path.name}: truncated, damaged or not a Parquet file ({reason}): copy it again")
