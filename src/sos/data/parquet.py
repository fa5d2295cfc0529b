"""Reading bars from Parquet: only the columns needed, decoded one after the other.

Opens one file and nothing else. pyarrow is imported here and by `csv` alone, so that commands which read
no file never pay for it (0.06 s). The file is not memory-mapped: one that shrinks meanwhile must be an
error, not a crash of the process; measured, mapping saves nothing. Decoding all columns at once on all
cores costs the same CPU seconds and twice the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sos.data.arrow import bars_of
from sos.data.columns import match_columns
from sos.data.raw import RawBars
from sos.errors import DataError

__all__ = ["read_parquet"]


def read_parquet(path: Path, columns: Mapping[str, str] | None = None) -> RawBars:
    """The bars of the Parquet file ``path``; ``columns`` maps fields to column names.

    Raises:
        DataError: truncated, damaged or not Parquet, or without the columns of a bar.
    """
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowException, OSError) as exc:
        raise _damaged(path, exc) from exc
    with file:
        names = match_columns(path.name, file.schema_arrow.names, columns)
        raw = bars_of(path.name, _Columns(path, file), names, lambda row: f"row {row + 1}")
    pa.default_memory_pool().release_unused()
    return raw


class _Columns:
    """The columns of an open file."""

    def __init__(self, path: Path, file: pq.ParquetFile) -> None:
        self._path = path
        self._file = file

    def column(self, name: str) -> Any:
        """Decode one column."""
        try:
            return self._file.read(columns=[name], use_threads=False).column(name)
        except (pa.ArrowException, OSError) as exc:
            raise _damaged(self._path, exc) from exc


def _damaged(path: Path, exc: BaseException) -> DataError:
    """The first sentence of the foreign message, on one line."""
    reason = " ".join(str(exc).split()).partition(". ")[0][:120]
    return DataError(
        f"{path.name}: truncated, damaged or not a Parquet file ({reason}): copy or download it again"
    )
