"""Reading bars from CSV, plain or gzipped; separator, header and types found and checked.

Opens one file and nothing else. The first line must name the columns. Numbers have a point for decimals
and no thousands separators. Parsing is Arrow's: a tenth of the time of the standard library's reader.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pc

from sos.data.arrow import bars_of
from sos.data.columns import ColumnMap, match_columns
from sos.data.raw import RawBars
from sos.errors import DataError

__all__ = ["read_csv", "read_header", "read_table"]

_MISSING: Final = ["", "NA", "N/A", "NaN", "nan", "null", "None", "-"]
_ROW: Final = re.compile(r"Row #(\d+): ?")


def read_csv(path: Path, columns: Mapping[str, str] | None = None) -> RawBars:
    """The bars of the CSV file ``path`` (``.csv``, ``.csv.gz``); ``columns`` maps fields to column names.

    Raises:
        DataError: no header, a column missing, a row that does not parse (with its line).
    """
    data = _content(path)
    head, _, rest = data.partition(b"\n")
    header, separator = _header(path.name, head)
    names = match_columns(path.name, header, columns)
    if not rest.strip():
        raise DataError(f"{path.name}: has a header and no rows")
    table = _parse(path.name, data, header, separator, names)
    return bars_of(path.name, table, names, lambda row: f"line {row + 2}")


def read_header(path: Path) -> list[str]:
    """The column names of a CSV file; only its first line is read.

    Raises:
        DataError: no header, or not text.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as lines:
            line = lines.readline(1 << 16)
    except (EOFError, OSError, zlib.error) as exc:
        raise DataError(f"{path.name}: cannot be read: copy or download it again ({exc})") from exc
    return _header(path.name, line.rstrip(b"\r\n"))[0]


def read_table(path: Path) -> Any:
    """Every column of a CSV file as an Arrow table, types found by Arrow.

    Raises:
        DataError: no header, or a row that does not parse.
    """
    data = _content(path)
    header, separator = _header(path.name, data.partition(b"\n")[0])
    read = pc.ReadOptions(column_names=header, skip_rows=1, use_threads=False, block_size=1 << 24)
    convert = pc.ConvertOptions(null_values=_MISSING, strings_can_be_null=True)
    try:
        return pc.read_csv(pa.BufferReader(data), read, pc.ParseOptions(delimiter=separator), convert)
    except pa.ArrowException as exc:
        raise DataError(f"{path.name}: {_explain(str(exc), header)}") from exc


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as exc:
        raise DataError(f"{path.name}: truncated or damaged gzip, copy or download it again ({exc})") from exc


def _header(file: str, line: bytes) -> tuple[list[str], str]:
    """Column names and the separator. A header of numbers is no header."""
    try:
        text = line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as exc:
        raise DataError(f"{file}: neither Parquet nor UTF-8 text: export it as CSV or Parquet") from exc
    separator = max(",;\t|", key=text.count)
    names = [name.strip() for name in next(csv.reader([text], delimiter=separator), [])]
    if not any(re.search(r"[A-Za-z]", name) for name in names):
        raise DataError(f"{file}: line 1 names no columns: add a header like ts,open,high,low,close,volume")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{file}: line 1 names the column {twice!r} twice: rename one")
    return names, separator


def _parse(file: str, data: bytes, header: list[str], separator: str, names: ColumnMap) -> Any:
    numbers = [name for name in names.names if name not in names.stamps]
    convert = pc.ConvertOptions(
        include_columns=names.names,
        column_types=dict.fromkeys(numbers, pa.float64()),
        null_values=_MISSING,
        strings_can_be_null=True,
    )
    read = pc.ReadOptions(column_names=header, skip_rows=1, use_threads=False, block_size=1 << 24)
    try:
        return pc.read_csv(pa.BufferReader(data), read, pc.ParseOptions(delimiter=separator), convert)
    except pa.ArrowException as exc:
        raise DataError(f"{file}: {_explain(str(exc), header)}") from exc


def _explain(message: str, header: list[str]) -> str:
    """Arrow's message with the line of the file and the name of the column."""
    message = " ".join(message.split())
    column = re.match(r"In CSV column #(\d+): ", message)
    row = _ROW.search(message)
    where = f"line {row[1]}" if row else "a line"
    if column is not None:
        where += f", column {header[int(column[1])]!r}"
    reason = re.sub(r"^(In CSV column #\d+: )?(CSV parse error: )?(Row #\d+: ?)?", "", message)
    return f"{where}: {reason[:160]}: mend or remove that line"
