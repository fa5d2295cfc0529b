"""The store: one folder of Parquet files, a catalogue, one writer at a time.

Readers open files only: they need neither the lock nor the catalogue, and a file is always whole. Writers
hold the lock, stage every month they change, announce the change in the catalogue, rename, settle. Whatever
point a writer is killed at, the files are the old or the new ones, and the next one who takes the lock makes
the catalogue true again. The kinds of content are in `kinds`; their own words in `bars`, `ticks`,
`snapshots`.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sos.bars import I64
from sos.clock import Clock
from sos.data.store import files
from sos.data.store.catalogue import Catalogue, FileFacts
from sos.data.store.codec import decode, encode
from sos.data.store.kinds import KINDS, Frame, Kind
from sos.data.store.layout import Place, default_root, encode_key, month_bounds, month_edges, parse_place
from sos.data.store.lock import Lock
from sos.data.store.merge import MergeReport, Prefer, merge, take
from sos.errors import DataError

__all__ = ["SYNTHETIC", "Archive", "Entry", "describe"]

SYNTHETIC: Final = "synthetic sample"  # how the source of generated bars begins
_CATALOGUE = "catalogue.sqlite"
_LOCK = "writer.lock"


@dataclass(frozen=True, slots=True)
class Entry:
    """One series of the store: what of which instrument, how much, and where it came from."""

    kind: str
    key: str
    part: str
    files: int
    rows: int
    first_ns: int
    last_ns: int
    bytes: int
    sources: tuple[str, ...]

    @property
    def synthetic(self) -> bool:
        """Whether it holds generated bars; a run on it must say so."""
        return any(source.startswith(SYNTHETIC) for source in self.sources)


@dataclass(frozen=True, slots=True)
class _Change:
    """A month that becomes another one."""

    facts: FileFacts
    data: bytes


class Archive:
    """Frames by kind, instrument, part and month below ``root``; made there when the first is written."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root
        self._clock = clock
        self._mutex = threading.RLock()
        self._depth = 0
        self._lock: Lock | None = None
        self._catalogue: Catalogue | None = None

    @classmethod
    def default(cls, env: Mapping[str, str], clock: Clock) -> Archive:
        """The store of this user; see `layout.default_root`."""
        return cls(default_root(env), clock)

    # ---- reading

    def read(
        self, kind: Kind, key: str, part: str, start_ns: int | None = None, end_ns: int | None = None
    ) -> Frame | None:
        """Rows with ``start_ns`` <= time < ``end_ns``; only the months needed are opened. None: no row.

        Raises:
            DataError: a file is damaged or unreadable.
        """
        wanted = [month for month in self.months(kind, key, part) if _meets(month, start_ns, end_ns)]
        read = (self._month(Place(kind.name, key, part, month)) for month in wanted)
        parts = [frame for frame in read if frame is not None]
        if not parts:
            return None
        whole = parts[0] if len(parts) == 1 else _concatenate(parts)
        times = whole[kind.time]
        lo = 0 if start_ns is None else int(np.searchsorted(times, start_ns))
        hi = len(times) if end_ns is None else int(np.searchsorted(times, end_ns))
        return take(whole, slice(lo, hi)) if lo < hi else None

    def months(self, kind: Kind, key: str, part: str) -> list[str]:
        """Months that are there, ascending."""
        folder = self.root / kind.name / encode_key(key) / part
        names = (path.stem for path in folder.glob("*.parquet") if not path.name.startswith("."))
        return sorted(names)

    def parts(self, kind: Kind, key: str) -> list[str]:
        """Parts (bar lengths, expiries) of an instrument, ascending."""
        folder = self.root / kind.name / encode_key(key)
        return sorted(path.name for path in folder.glob("*") if path.is_dir() and any(path.glob("*.parquet")))

    def keys(self, kind: Kind) -> list[str]:
        """Instruments that have files of ``kind``, ascending."""
        return sorted({place.key for place in files.places(self.root, kind.name)})

    def entries(self) -> list[Entry]:
        """What is there, from the catalogue (made anew where it is lost), else from the files themselves."""
        facts, sources = self._facts()
        grouped: dict[tuple[str, str, str], list[FileFacts]] = {}
        for fact in facts:
            grouped.setdefault((fact.place.kind, fact.place.key, fact.place.part), []).append(fact)
        return [_entry(name, of, sources) for name, of in sorted(grouped.items())]

    def sources(self, kind: Kind, key: str, part: str) -> list[str]:
        """Where a series came from, sorted; empty where nothing is there or it was not recorded."""
        folder = Place(kind.name, key, part, "").folder
        catalogue = self._catalogue or Catalogue.open_to_read(self.root / _CATALOGUE)
        if catalogue is None:
            return []
        try:
            return catalogue.sources_below(folder)
        finally:
            if catalogue is not self._catalogue:
                catalogue.close()

    def leftovers(self) -> list[Path]:
        """Temporary files; while a writer is at work some are no leftovers."""
        return files.leftovers(self.root)

    def facts(self) -> list[FileFacts]:
        """The catalogue's rows, by path."""
        return self._facts()[0]

    def _month(self, place: Place) -> Frame | None:
        data = files.read(self.root / place.path)
        return None if data is None else decode(KINDS[place.kind], data, place.path)

    def _facts(self) -> tuple[list[FileFacts], dict[str, list[str]]]:
        if not self.root.is_dir():
            return [], {}
        self._recover_if_free()
        catalogue = self._catalogue or Catalogue.open_to_read(self.root / _CATALOGUE)
        if catalogue is None:
            return self._measure_all(), {}
        try:
            return catalogue.files(), catalogue.sources()
        finally:
            if catalogue is not self._catalogue:
                catalogue.close()

    def _recover_if_free(self) -> None:
        """Set right what a killed writer left, if nobody writes and the folder can be written."""
        path = self.root / _CATALOGUE
        lock = self.root / _LOCK
        if self._depth or (path.is_file() and not (lock.is_file() and lock.stat().st_size)):
            return
        if any(True for _ in files.places(self.root)) or path.is_file():
            with contextlib.suppress(DataError), self.writing():  # a reader goes on without
                pass

    # ---- writing

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock over several writes. May be nested; other threads of this store wait.

        Raises:
            DataError: another process writes, or the folder cannot be written.
        """
        with self._mutex:
            if self._depth == 0:
                self._open()
            self._depth += 1
            clean = False
            try:
                yield
                clean = True
            except DataError:
                clean = True  # told in order: nothing was left half done
                raise
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._close(clean=clean)

    def write(
        self, kind: Kind, key: str, part: str, frame: Frame, source: str, prefer: Prefer = "new"
    ) -> MergeReport:
        """Merge a tidy frame; months that do not change are not touched.

        Raises:
            DataError: no space, no permission, a damaged file in the way, another writer.
        """
        total = MergeReport()
        encode_key(key)
        with self.writing():
            changes: list[_Change] = []
            touched: list[str] = []
            for month, lo, hi in month_edges(frame[kind.time]):
                place = Place(kind.name, key, part, month)
                merged, report = merge(kind, self._sound(place), take(frame, slice(lo, hi)), prefer)
                total += report
                touched.append(place.path)
                if report.rewrites:
                    changes.append(_change(kind, place, merged))
            self._apply(changes, source, touched)
        return total

    def remove(self, kind: Kind, key: str, part: str | None = None) -> int:
        """Delete a series (all parts of it without ``part``); returns the number of files.

        Raises:
            DataError: it cannot be deleted.
        """
        with self.writing():
            wanted = [part] if part is not None else self.parts(kind, key)
            gone = [
                Place(kind.name, key, p, month).path for p in wanted for month in self.months(kind, key, p)
            ]
            self._held().announce(gone)
            try:
                for path in gone:
                    (self.root / path).unlink()
            except OSError as exc:
                self._settle_pending()
                raise files.storage_error(self.root, exc) from exc
            self._held().settle([], gone=gone)
        return len(gone)

    def rebuild(self) -> int:
        """Make the catalogue say what the files are; returns the number of sound ones.

        Raises:
            DataError: the folder cannot be written.
        """
        with self.writing():
            facts = self._measure_all()
            known = {fact.place.path for fact in facts}
            gone = [fact.place.path for fact in self._held().files() if fact.place.path not in known]
            self._held().settle(facts, gone=gone)
        return len(facts)

    def _sound(self, place: Place) -> Frame | None:
        """The month as it is, after proof that it is what was written."""
        path = self.root / place.path
        data, fact = files.read(path), self._held().file(place.path)
        if data is None:
            return None  # the files are the truth: what somebody deleted is not there
        if fact is not None and _sha(data) != fact.sha256:
            raise DataError(f"{path}: is not what was written (checksum): restore it or delete that file")
        return decode(KINDS[place.kind], data, place.path)

    def _apply(self, changes: list[_Change], source: str, touched: list[str]) -> None:
        staged: list[tuple[Path, Path]] = []
        catalogue = self._held()
        try:
            for change in changes:
                target = self.root / change.facts.place.path
                staged.append((files.stage(target, change.data), target))
            if changes:
                catalogue.announce(change.facts.place.path for change in changes)
            for temporary, target in staged:
                files.commit(temporary, target)
            for folder in {target.parent for _, target in staged}:
                files.flush_folder(folder)
        except OSError as exc:
            self._undo(staged)
            raise files.storage_error(self.root, exc) from exc
        except DataError:
            self._undo(staged)
            raise
        catalogue.settle([change.facts for change in changes], source=source, touched=touched)

    def _undo(self, staged: list[tuple[Path, Path]]) -> None:
        for temporary, _ in staged:
            files.discard(temporary)
        with contextlib.suppress(DataError):  # pending stays announced: the next writer settles it
            self._settle_pending()

    def _open(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock = Lock.acquire(self.root / _LOCK, self._clock.now_ns)
        except OSError as exc:
            raise files.storage_error(self.root, exc) from exc
        try:
            self._catalogue = self._open_catalogue()
            if self._lock.was_dirty:
                files.sweep(self.root)
            self._settle_pending()
        except BaseException:
            self._close(clean=False)
            raise

    def _open_catalogue(self) -> Catalogue:
        """The catalogue; a lost or damaged one is made from the files."""
        path = self.root / _CATALOGUE
        fresh = not path.exists()
        catalogue = Catalogue.open(path)
        if catalogue is None:
            for name in (_CATALOGUE, f"{_CATALOGUE}-wal", f"{_CATALOGUE}-shm"):
                (self.root / name).unlink(missing_ok=True)
            catalogue, fresh = Catalogue.open(path), True
        if catalogue is None:
            raise DataError(f"{path}: cannot be made: check the data directory")
        if fresh:
            catalogue.settle(self._measure_all())
        return catalogue

    def _measure_all(self) -> list[FileFacts]:
        """Facts of every file that can be read; `check` tells about the others."""
        found = (self._measure(place) for place in files.places(self.root))
        return [fact for fact in found if fact is not None]

    def _measure(self, place: Place) -> FileFacts | None:
        """The facts of a file as it is; None for one that is damaged (it stays, and `check` names it)."""
        data = files.read(self.root / place.path)
        if data is None:
            return None
        try:
            times = decode(KINDS[place.kind], data, place.path)[KINDS[place.kind].time]
        except DataError:
            return None
        return describe(place, times, data) if len(times) else None

    def _settle_pending(self) -> None:
        """Files whose change was announced: whatever is there now is what counts."""
        catalogue = self._held()
        found: list[FileFacts] = []
        gone: list[str] = []
        for path in catalogue.pending():
            place = parse_place(path)
            if place is None or not (self.root / path).is_file():
                gone.append(path)
            elif (fact := self._measure(place)) is not None:
                found.append(fact)
        if found or gone:
            catalogue.settle(found, gone=gone)

    def _held(self) -> Catalogue:
        if self._catalogue is None:
            raise DataError("the store is not open for writing")
        return self._catalogue

    def _close(self, *, clean: bool) -> None:
        catalogue, self._catalogue = self._catalogue, None
        lock, self._lock = self._lock, None
        if catalogue is not None:
            catalogue.close()
        if lock is not None:
            lock.release(clean=clean)


def _meets(month: str, start_ns: int | None, end_ns: int | None) -> bool:
    first, after = month_bounds(month)
    return (start_ns is None or after > start_ns) and (end_ns is None or first < end_ns)


def _concatenate(parts: list[Frame]) -> Frame:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _change(kind: Kind, place: Place, frame: Frame) -> _Change:
    data = encode(kind, frame)
    return _Change(describe(place, frame[kind.time], data), data)


def describe(place: Place, times: I64, data: bytes) -> FileFacts:
    """The facts of a file with these (ascending) times and bytes."""
    return FileFacts(place, len(times), int(times[0]), int(times[-1]), len(data), _sha(data))


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _entry(name: tuple[str, str, str], facts: list[FileFacts], sources: Mapping[str, list[str]]) -> Entry:
    said = sorted({source for fact in facts for source in sources.get(fact.place.path, ())})
    return Entry(
        *name,
        files=len(facts),
        rows=sum(fact.rows for fact in facts),
        first_ns=min(fact.first_ns for fact in facts),
        last_ns=max(fact.last_ns for fact in facts),
        bytes=sum(fact.bytes for fact in facts),
        sources=tuple(said),
    )
