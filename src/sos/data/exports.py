"""Bars as CSV files that other programs (and `sos data import`) read.

Writes the file named, whole or not at all; one with a header, stamps with +05:30, missing values empty.
"""

from __future__ import annotations

from pathlib import Path

from sos.bars import F64, BarRun
from sos.clock import ist_iso
from sos.data.store import files

__all__ = ["write_bars_csv"]

_FIELDS = ("open", "high", "low", "close", "volume", "oi")


def write_bars_csv(path: Path, run: BarRun) -> None:
    """Write ``run`` as ``ts,open,high,low,close,volume,oi``.

    Raises:
        DataError: the file cannot be written.
    """
    lines = ["ts," + ",".join(_FIELDS)]
    columns = [_texts(getattr(run, name)) for name in _FIELDS]
    stamps = [ist_iso(ts) for ts in run.ts.tolist()]
    lines += [",".join(row) for row in zip(stamps, *columns, strict=True)]
    try:
        files.commit(files.stage(path, ("\n".join(lines) + "\n").encode()), path)
    except OSError as exc:
        raise files.storage_error(path, exc) from exc


def _texts(values: F64) -> list[str]:
    return ["" if value != value else f"{value:.10g}" for value in values.tolist()]
