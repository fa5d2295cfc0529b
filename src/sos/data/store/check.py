"""Whether the store is what its catalogue says: every file read, nothing changed.

Content is judged by `sos.data.quality`; here it is only presence, checksums, row counts, times and order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sos.data.store import files
from sos.data.store.catalogue import FileFacts
from sos.data.store.codec import decode
from sos.data.store.core import Archive, describe
from sos.data.store.kinds import KINDS, tidy
from sos.data.store.layout import Place, month_bounds
from sos.errors import DataError

__all__ = ["StoreFinding", "check_store"]


@dataclass(frozen=True, slots=True)
class StoreFinding:
    """One thing that is not as it should be. ``path`` is relative to the root."""

    path: str
    text: str


def check_store(archive: Archive) -> list[StoreFinding]:
    """Findings by path; empty when all is well. Recovers first from a writer that was killed."""
    known = {fact.place.path: fact for fact in archive.facts()}
    there = {place.path: place for place in files.places(archive.root)}
    findings = [StoreFinding(path, "in the catalogue, but the file is gone") for path in known.keys() - there]
    for path, place in there.items():
        findings += (StoreFinding(path, text) for text in _judge(archive, place, known.get(path)))
    findings += (
        StoreFinding(path.relative_to(archive.root).as_posix(), "left over from a writer that was killed")
        for path in archive.leftovers()
    )
    return sorted(findings, key=lambda finding: finding.path)


def _judge(archive: Archive, place: Place, said: FileFacts | None) -> Iterator[str]:
    kind, data = KINDS[place.kind], files.read(archive.root / place.path)
    if data is None:
        yield "has just gone"
        return
    try:
        frame = decode(kind, data, place.path)
        if not len(frame[kind.time]):
            yield "holds no rows"
            return
        tidy(kind, frame)
    except DataError as exc:
        yield str(exc).removeprefix(f"{place.path}: ")
        return
    found = describe(place, frame[kind.time], data)
    first, after = month_bounds(place.month)
    if not first <= found.first_ns <= found.last_ns < after:
        yield "holds rows of another month than its name"
    if said is None:
        yield "is not in the catalogue"
        return
    for field in ("rows", "first_ns", "last_ns", "bytes", "sha256"):
        if getattr(found, field) != getattr(said, field):
            yield f"{field} is {getattr(found, field)}, the catalogue says {getattr(said, field)}"
