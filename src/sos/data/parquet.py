"""Reading bars from Parquet: only the columns needed, decoded on all cores.

Opens one file and nothing else. pyarrow is imported here and by `csv` alone, so that commands which read
no file never pay for it (0.06 s). The file is not memory-mapped: one that shrinks meanwhile must be an
error, not a crash of the process; measured, mapping saves nothing. Decoding with threads costs the same
CPU seconds as without and half the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sos.data.arrow import RawBars, bars_of
from sos.data.columns import match_columns
from sos.errors import DataError

__all__ = ["read_parquet"]


def read_parquet(path: Path, columns: Mapping[str, str] | None = None) -> RawBars:
    """The bars of the Parquet file ``path``; ``columns`` maps fields to column names.

    Raises:
        DataError: truncated, damaged or not Parquet, or without the columns of a bar.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = match_columns(path.name, file.schema_arrow.names, columns)
            table = file.read(columns=names.names)
    except (pa.ArrowException, OSError) as exc:
        raise DataError(
            f"{path.name}: truncated, damaged or not a Parquet file ({_reason(exc)}): "
            "copy or download it again"
        ) from exc
    return bars_of(path.name, table, names, lambda row: f"row {row + 1}")


def _reason(exc: BaseException) -> str:
    """The first sentence of a foreign message, on one line."""
    return " ".join(str(exc).split()).partition(". ")[0][:120]
