"""Columns of an Arrow table as NumPy columns and stamps; shared by the Parquet and the CSV reader.

Touches no file. A null price is NaN, a null time is an error. Nothing is judged here beyond types: order,
prices and zones are the business of `checks` and `zones`.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from sos.bars import F64, I64
from sos.data import stamps as st
from sos.data.columns import ColumnMap
from sos.data.raw import Place, RawBars
from sos.data.stamps import BadStamp, Stamps
from sos.errors import DataError
from sos.types import NS_PER_DAY

__all__ = ["Columns", "bars_of", "stamps_of"]

_NS: dict[str, int] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


class Columns(Protocol):
    """Columns by name: an Arrow table, or a file that decodes each one when it is asked for."""

    def column(self, name: str, /) -> Any: ...


def bars_of(file: str, table: Columns, columns: ColumnMap, place: Place) -> RawBars:
    """The rows of a ``table`` that has the columns of ``columns``; each is asked for once.

    Raises:
        DataError: a column cannot be read as what it should be; names the row where one is to blame.
    """
    names = columns.stamps
    try:
        if len(names) == 2:
            times = _date_and_time(table.column(names[0]), table.column(names[1]))
        else:
            times = _stamps(table.column(names[0]))
    except BadStamp as exc:
        raise DataError(f"{file}: {place(exc.row)}, column {' + '.join(names)}: {exc}") from exc
    return RawBars(
        file,
        place,
        times,
        open=_number(file, table, columns.open),
        high=_number(file, table, columns.high),
        low=_number(file, table, columns.low),
        close=_number(file, table, columns.close),
        volume=None if columns.volume is None else _number(file, table, columns.volume),
        oi=None if columns.oi is None else _number(file, table, columns.oi),
    )


def stamps_of(column: Any) -> Stamps:
    """A column of times, however it is kept.

    Raises:
        BadStamp: a value is no time; names its row.
    """
    return _stamps(column)


def _number(file: str, table: Columns, name: str) -> F64:
    column = table.column(name)
    if pa.types.is_integer(column.type) and not column.null_count:
        return np.asarray(column.to_numpy()).astype(np.float64)
    try:
        numbers = column if column.type == pa.float64() else column.cast(pa.float64(), safe=False)
    except pa.ArrowException as exc:
        reason = " ".join(str(exc).split())
        raise DataError(f"{file}: column {name!r} ({column.type}) does not hold numbers: {reason}") from exc
    return np.ascontiguousarray(numbers.to_numpy(), np.float64)


def _whole(column: Any) -> I64:
    """Whole numbers, or the count that a time is. Arrow's own cast would import its compute functions."""
    if column.type == pa.int64():
        return np.ascontiguousarray(column.to_numpy(), np.int64)
    if pa.types.is_timestamp(column.type):
        return np.ascontiguousarray(column.to_numpy()).view(np.int64)
    return np.ascontiguousarray(column.cast(pa.int64()).to_numpy(), np.int64)


def _no_nulls(column: Any) -> None:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise BadStamp(row, "the time is empty")


def _plain(column: Any) -> Any:
    """Dictionary columns (categories) and large strings as plain ones, without nulls."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    _no_nulls(column)
    return column


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _stamps(column: Any) -> Stamps:
    column = _plain(column)
    kind = column.type
    if pa.types.is_timestamp(kind):
        ns = _whole(column) * _NS[kind.unit] if kind.unit != "ns" else _whole(column)
        return Stamps(ns, kind.tz, "timestamp")
    if pa.types.is_integer(kind):
        return st.from_epoch(_whole(column))
    if pa.types.is_floating(kind):
        return _float_epoch(np.asarray(column.to_numpy(), np.float64))
    if _is_text(kind):
        texts = column.to_pylist()
        return st.from_epoch(_text_numbers(texts)) if _all_digits(texts) else st.from_text(texts)
    if pa.types.is_date(kind):
        return Stamps(_dates(column), None, "date")
    raise BadStamp(0, f"a column of type {kind} holds no times: name the right one with --columns ts=NAME")


def _float_epoch(values: F64) -> Stamps:
    """Epochs kept as floats: whole seconds stay exact, fractions are read to the microsecond."""
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise BadStamp(int(bad[0]), f"{values[bad[0]]} is not a time")
    if bool(np.all(values == np.rint(values))):
        return st.from_epoch(values.astype(np.int64))
    micros = st.from_epoch(np.rint(values * 1e6).astype(np.int64))
    return Stamps(micros.ns, micros.zone, "epoch s with a fraction")


def _all_digits(texts: list[str]) -> bool:
    return bool(texts) and all(text.isdigit() and len(text) in (10, 13, 16, 19) for text in texts)


def _text_numbers(texts: list[str]) -> I64:
    return np.array([int(text) for text in texts], np.int64)


def _date_and_time(dates: Any, times: Any) -> Stamps:
    days, (clock, offsets) = _days(_plain(dates)), _clock(_plain(times))
    if offsets is None:
        return st.join(days, clock)
    return Stamps(days + clock - offsets * 60_000_000_000, "UTC", "date and time with its zone")


def _dates(column: Any) -> I64:
    return _whole(column.cast(pa.date32()).cast(pa.int32())) * NS_PER_DAY


def _days(column: Any) -> I64:
    kind = column.type
    if pa.types.is_date(kind):
        return _dates(column)
    if pa.types.is_integer(kind):
        return st.day_numbers(_whole(column))
    if _is_text(kind):
        return st.from_dates([text.strip() for text in column.to_pylist()])
    if pa.types.is_timestamp(kind) and kind.tz is None:
        ns = _whole(column) * _NS[kind.unit]
        return ns - ns % NS_PER_DAY
    raise BadStamp(0, f"a column of type {kind} holds no dates")


def _clock(column: Any) -> tuple[I64, I64 | None]:
    kind = column.type
    if pa.types.is_time(kind):
        whole = column.cast(pa.int32()) if pa.types.is_time32(kind) else column
        return _whole(whole) * _NS[kind.unit], None
    if pa.types.is_integer(kind):
        return st.clock_numbers(_whole(column)), None
    if _is_text(kind):
        return st.clock_texts(column.to_pylist())
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return _whole(column) * _NS[kind.unit] % NS_PER_DAY, None
    raise BadStamp(0, f"a column of type {kind} holds no times of the day")
