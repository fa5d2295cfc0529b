"""Many files into the store: read by two workers ahead, written by one hand in the order named.

The order of the files decides who wins where two disagree, never the timing of workers. A file that is bad is
told and the others go on. Stopping at any point loses nothing: whatever is written is whole, and running the
same command again writes only what is missing.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sos.data.imports.reading import ImportOptions, Piece, read_file
from sos.data.store import SYNTHETIC, MergeReport, Store
from sos.data.store.merge import Prefer, length
from sos.errors import SosError

__all__ = ["FileOutcome", "run_import"]

_WORKERS: Final = 2
_AHEAD: Final = 4  # files read and not yet written


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file. ``error`` is None for a good one. ``series``: (kind, key, part) written."""

    path: Path
    series: tuple[tuple[str, str, str], ...] = ()
    rows: int = 0
    report: MergeReport = field(default_factory=MergeReport)
    notes: tuple[str, ...] = ()
    error: SosError | None = None


def run_import(
    paths: Sequence[Path],
    store: Store,
    options: ImportOptions,
    *,
    prefer: Prefer = "new",
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[FileOutcome]:
    """Import ``paths`` one after the other, yielding what became of each.

    Raises:
        DataError: the store cannot be written (full, read-only, another writer); the rest is not tried.
    """
    with store.writing(), contextlib.closing(_read_ahead(paths, options)) as ahead:
        for done, (path, future) in enumerate(ahead, start=1):
            try:
                pieces = future.result()
            except SosError as exc:
                outcome = FileOutcome(path, error=exc)
            else:
                outcome = _write(path, pieces, store, prefer)
            if progress is not None:
                progress(done, len(paths))
            yield outcome


def _read_ahead(
    paths: Sequence[Path], options: ImportOptions
) -> Generator[tuple[Path, Future[list[Piece]]], None, None]:
    if len(paths) == 1:
        yield paths[0], _now(paths[0], options)
        return
    waiting: deque[tuple[Path, Future[list[Piece]]]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="import") as pool:
        try:
            for path in paths:
                waiting.append((path, pool.submit(read_file, path, options)))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _now(path: Path, options: ImportOptions) -> Future[list[Piece]]:
    future: Future[list[Piece]] = Future()
    try:
        future.set_result(read_file(path, options))
    except SosError as exc:
        future.set_exception(exc)
    return future


def _write(path: Path, pieces: Sequence[Piece], store: Store, prefer: Prefer) -> FileOutcome:
    report, extra = MergeReport(), []
    for piece in pieces:
        if any(one.startswith(SYNTHETIC) for one in store.sources(piece.kind, piece.key, piece.part)):
            store.remove(piece.kind, piece.key, piece.part)
            extra.append(f"replaces the synthetic sample of {piece.key}")
        report += store.write(piece.kind, piece.key, piece.part, piece.frame, path.name, prefer)
    return FileOutcome(
        path,
        series=tuple((piece.kind.name, piece.key, piece.part) for piece in pieces),
        rows=sum(length(piece.frame) for piece in pieces),
        report=report,
        notes=tuple(dict.fromkeys([*(note for piece in pieces for note in piece.notes), *extra])),
    )
