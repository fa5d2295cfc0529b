"""A frame as the bytes of a Parquet file, and back. The same rows give the same bytes.

No file is opened here. One fixed set of options: zstd level 1, times as deltas, numbers split by byte
(measured on minute bars: a third of the default's size and of its CPU), row groups of a fixed size, no
statistics, page checksums on, nothing about the writer's time or machine. Bytes may differ between versions
of Arrow, which writes its version into the footer.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sos.data.store.kinds import SCHEMA, Frame, Kind
from sos.errors import DataError

__all__ = ["decode", "encode"]

_ROWS: Final = 262_144  # of a row group


def encode(kind: Kind, frame: Frame) -> bytes:
    """The file of a tidy ``frame``."""
    schema = pa.schema(
        [pa.field(name, pa.int64(), nullable=False) for name in kind.whole]
        + [pa.field(name, pa.float64(), nullable=False) for name in kind.real],
        metadata={"sos.kind": kind.name, "sos.schema": str(SCHEMA)},
    )
    table = pa.Table.from_arrays([pa.array(frame[name]) for name in kind.columns], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=_ROWS,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        column_encoding={
            **dict.fromkeys(kind.whole, "DELTA_BINARY_PACKED"),
            **dict.fromkeys(kind.real, "BYTE_STREAM_SPLIT"),
        },
        write_statistics=False,
        write_page_checksum=True,
    )
    data: bytes = sink.getvalue().to_pybytes()
    return data


def decode(kind: Kind, data: bytes, name: str) -> Frame:
    """The frame in a file's bytes; ``name`` is for messages.

    Raises:
        DataError: damaged, of another kind, or of another schema.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            _check(kind, file.schema_arrow, name)
            table = file.read(columns=list(kind.columns), use_threads=False)
    except (pa.ArrowException, OSError) as exc:
        reason = " ".join(str(exc).split())[:100]
        raise DataError(f"{name}: damaged ({reason}): run sos data check") from exc
    return {column: np.asarray(table.column(column)) for column in kind.columns}


def _check(kind: Kind, schema: Any, name: str) -> None:
    said = schema.metadata or {}
    if said.get(b"sos.kind") != kind.name.encode():
        raise DataError(f"{name}: is not a file of {kind.name} written by SOS")
    if said.get(b"sos.schema") != str(SCHEMA).encode():
        found = said.get(b"sos.schema", b"none").decode(errors="replace")
        raise DataError(f"{name}: has schema {found}, this SOS reads {SCHEMA}: use the SOS that wrote it")
