"""Files of the store on the disk: written whole or not at all, read whole, swept after a crash.

A file is written under a temporary name in its own folder, flushed to the disk, and renamed; the folder is
flushed too. Nothing here knows what is inside.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sos.data.store.kinds import KINDS
from sos.data.store.layout import Place, parse_place
from sos.errors import DataError

__all__ = [
    "commit",
    "discard",
    "flush_folder",
    "leftovers",
    "places",
    "read",
    "stage",
    "storage_error",
    "sweep",
]

_TEMPORARY: Final = ".tmp"


def stage(target: Path, data: bytes) -> Path:
    """Write ``data`` beside ``target`` and flush it; returns the temporary file.

    Raises:
        OSError: no space, no permission. Nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}{_TEMPORARY}")
    try:
        with temporary.open("wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            os.fsync(file.fileno())
    except BaseException:
        discard(temporary)
        raise
    return temporary


def commit(temporary: Path, target: Path) -> None:
    """Put a staged file in the place of ``target``; the caller flushes the folder (`flush_folder`)."""
    os.replace(temporary, target)


def flush_folder(folder: Path) -> None:
    """Make renames in ``folder`` survive a power cut, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(temporary: Path) -> None:
    """Remove a staged file that is not wanted, if it is there."""
    with contextlib.suppress(OSError):  # a leftover is ignored by readers and swept later
        temporary.unlink()


def read(path: Path) -> bytes | None:
    """The content of a file; None where there is none.

    Raises:
        DataError: it is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise storage_error(path, exc) from exc


def places(root: Path, kind: str | None = None) -> Iterator[Place]:
    """Every file of the store, in order of path. Other files are none of it."""
    for name in sorted(KINDS) if kind is None else [kind]:
        for path in sorted((root / name).glob("*/*/*.parquet")):
            if path.name.startswith("."):
                continue
            place = parse_place(path.relative_to(root).as_posix())
            if place is not None and place.kind in KINDS:
                yield place


def sweep(root: Path) -> int:
    """Remove what killed writers left; only the holder of the lock may. Returns how many."""
    found = leftovers(root)
    for path in found:
        discard(path)
    return len(found)


def leftovers(root: Path) -> list[Path]:
    """Temporary files, by path."""
    return sorted(path for kind in KINDS for path in (root / kind).glob(f"*/*/.*{_TEMPORARY}"))


def storage_error(path: Path, exc: OSError) -> DataError:
    """An operating system's refusal as one line that says what to do."""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        mend = "free some space (or allow larger files) and run it again; what was there is untouched"
    elif exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        mend = "it cannot be written: choose another folder with SOS_DATA_DIR, or mend its permissions"
    else:
        mend = "check the data directory and run it again; what was there is untouched"
    return DataError(f"{path}: {exc.strerror or exc}: {mend}")
