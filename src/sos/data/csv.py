"""Reading bars from CSV, plain or gzipped; separator, header and types found and checked.

Opens one file and nothing else. The first line must name the columns. Numbers have a point for decimals;
commas between thousands or lakhs are read where the number is quoted. Parsing is Arrow's: a tenth of the
time of the standard library's reader.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Mapping
from itertools import islice
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
_GROUPED: Final = r"^\s*-?\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?\s*$"  # 13,997.90 and 1,23,456
_CONTAINERS: Final = {
    b"PK\x03\x04": "is a ZIP archive: unpack it and name the file in it",
    b"PAR1": "is Parquet inside gzip: unpack it",
    b"\xff\xfe": "is UTF-16 text: save it as CSV in UTF-8",
    b"\xfe\xff": "is UTF-16 text: save it as CSV in UTF-8",
}
_ROW: Final = re.compile(r"Row #(\d+): ?")


def read_csv(path: Path, columns: Mapping[str, str] | None = None) -> RawBars:
    """The bars of the CSV file ``path`` (``.csv``, ``.csv.gz``); ``columns`` maps fields to column names.

    Raises:
        DataError: no header, a column missing, a row that does not parse (with its line).
    """
    data = _content(path)
    head = data[: data.find(b"\n")] if b"\n" in data else data
    header, separator = _header(path.name, head)
    names = match_columns(path.name, header, columns)
    if not data[len(head) : len(head) + 4096].strip() and not data[len(head) :].strip():
        raise DataError(f"{path.name}: has a header and no rows: copy or download it again")
    table = _parse(path.name, data, header, separator, names)
    return bars_of(path.name, table, names, lambda row: f"line {_line_of(data, row)}")


def _line_of(data: bytes, row: int) -> int:
    """The line of the file that holds a row; empty lines hold none. Counted only to tell of a fault."""
    full = (number for number, line in enumerate(data.split(b"\n"), 1) if line.strip(b"\r"))
    return next(islice(full, row + 1, None), row + 2)


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
    """The text of the file, unpacked, with an end of line that Arrow knows."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as exc:
            raise DataError(
                f"{path.name}: truncated or damaged gzip, copy or download it again ({exc})"
            ) from exc
    for magic, says in _CONTAINERS.items():
        if data.startswith(magic):
            raise DataError(f"{path.name}: {says}")
    first = data[: 1 << 16]
    return data.replace(b"\r", b"\n") if b"\r" in first and b"\n" not in first else data


def _header(file: str, line: bytes) -> tuple[list[str], str]:
    """Column names and the separator. A header of numbers is no header."""
    try:
        text = line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as exc:
        raise DataError(
            f"{file}: neither Parquet nor UTF-8 text: export it as CSV in UTF-8, or as Parquet"
        ) from exc
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
    try:
        return _read(data, header, separator, names.names, dict.fromkeys(numbers, pa.float64()))
    except pa.ArrowException as exc:
        table = _grouped(data, header, names.names, numbers) if separator == "," and b'"' in data else None
        if table is None:
            raise DataError(f"{file}: {_explain(str(exc), header)}") from exc
        return table


def _read(data: bytes, header: list[str], separator: str, wanted: list[str], types: dict[str, Any]) -> Any:
    convert = pc.ConvertOptions(
        include_columns=wanted, column_types=types, null_values=_MISSING, strings_can_be_null=True
    )
    read = pc.ReadOptions(column_names=header, skip_rows=1, use_threads=False, block_size=1 << 24)
    return pc.read_csv(pa.BufferReader(data), read, pc.ParseOptions(delimiter=separator), convert)


def _grouped(data: bytes, header: list[str], wanted: list[str], numbers: list[str]) -> Any:
    """The table with the commas inside quoted numbers taken out; None if that does not make them numbers."""
    import pyarrow.compute as compute

    try:
        table = _read(data, header, ",", wanted, dict.fromkeys(numbers, pa.string()))
        for name in numbers:
            texts = table.column(name)
            plain = compute.replace_substring(texts, ",", "")
            grouped = compute.match_substring_regex(texts, _GROUPED)
            values = compute.if_else(grouped, plain, texts).cast(pa.float64())
            table = table.set_column(table.column_names.index(name), name, values)
    except pa.ArrowException:
        return None
    return table


def _explain(message: str, header: list[str]) -> str:
    """Arrow's message with the line of the file and the name of the column."""
    message = " ".join(message.split())
    column = re.match(r"In CSV column #(\d+): ", message)
    row = _ROW.search(message)
    where = f"line {row[1]}" if row else "a line"
    if column is not None:
        where += f", column {header[int(column[1])]!r}"
    value = re.search(r"CSV conversion error to double: invalid value ('.*')", message)
    if value is not None:
        return f"{where}: {value[1][:60]} is not a number: write it like 1234.5, or remove the line"
    reason = re.sub(r"^(In CSV column #\d+: )?(CSV parse error: )?(Row #\d+: ?)?", "", message)
    return f"{where}: {reason[:160]}: mend or remove that line"
