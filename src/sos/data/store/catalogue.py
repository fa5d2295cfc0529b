"""What the store holds, as a table: rows, first and last time, SHA-256, sources. SQLite, write-ahead log.

The files are the truth; this can be deleted and is made again from them (only the names of sources are lost
then). A change is announced (`announce`) before any file is renamed and settled (`settle`) after, so that a
writer killed between the two is found out by whoever opens the store next.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sos.data.store.kinds import SCHEMA
from sos.data.store.layout import Place, parse_place
from sos.errors import DataError

__all__ = ["Catalogue", "FileFacts"]

_TABLES: Final = """
CREATE TABLE files (path TEXT PRIMARY KEY, rows INTEGER NOT NULL, first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (path TEXT NOT NULL, source TEXT NOT NULL, PRIMARY KEY (path, source)) WITHOUT ROWID;
CREATE TABLE pending (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_VERSION: Final = 100 + SCHEMA  # user_version; another one means: make it again


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file. Times are of the kind's time column, ns UTC, both inside."""

    place: Place
    rows: int
    first_ns: int
    last_ns: int
    bytes: int
    sha256: str


class Catalogue:
    """An open catalogue. Every method raises `DataError` where SQLite cannot read or write."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path

    @staticmethod
    def open(path: Path) -> Catalogue | None:
        """Open for writing; an absent one is made. None: damaged or of another version, make it anew."""
        with _translated(path):
            db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        catalogue = Catalogue(db, path)
        try:
            if catalogue._prepare():
                return catalogue
        except sqlite3.DatabaseError as exc:
            db.close()
            if isinstance(exc, sqlite3.OperationalError):
                raise _error(path, exc) from exc
            return None
        db.close()
        return None

    @staticmethod
    def open_to_read(path: Path) -> Catalogue | None:
        """Open without writing anything; None where there is no catalogue that can be read."""
        if not path.is_file():
            return None
        for flags in ("mode=ro", "mode=ro&immutable=1"):  # the second for folders that cannot be written
            with contextlib.suppress(sqlite3.DatabaseError):
                db = sqlite3.connect(f"{path.resolve().as_uri()}?{flags}", uri=True, isolation_level=None)
                try:
                    if db.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
                        db.execute("SELECT count(*) FROM files").fetchone()
                        return Catalogue(db, path)
                except sqlite3.DatabaseError:
                    db.close()
                    raise
                db.close()
        return None

    def close(self) -> None:
        self._db.close()

    def files(self, *, kind: str | None = None, key: str | None = None) -> list[FileFacts]:
        """Every file in the table, by path."""
        with _translated(self._path):
            rows = self._db.execute("SELECT * FROM files ORDER BY path").fetchall()
        found = (FileFacts(place, *row[1:]) for row in rows if (place := parse_place(row[0])) is not None)
        return [f for f in found if kind in (None, f.place.kind) and key in (None, f.place.key)]

    def file(self, path: str) -> FileFacts | None:
        """The facts of one file."""
        with _translated(self._path):
            row = self._db.execute("SELECT * FROM files WHERE path = ?", (path,)).fetchone()
        place = parse_place(path)
        return None if row is None or place is None else FileFacts(place, *row[1:])

    def sources(self) -> dict[str, list[str]]:
        """Names of the sources by path, sorted."""
        with _translated(self._path):
            rows = self._db.execute("SELECT path, source FROM sources ORDER BY path, source").fetchall()
        found: dict[str, list[str]] = {}
        for path, source in rows:
            found.setdefault(path, []).append(source)
        return found

    def sources_below(self, folder: str) -> list[str]:
        """Names of the sources of a folder's files, sorted."""
        span = (f"{folder}/", f"{folder}0")  # "0" is the character after "/"
        with _translated(self._path):
            rows = self._db.execute(
                "SELECT DISTINCT source FROM sources WHERE path > ? AND path < ? ORDER BY source", span
            )
            return [row[0] for row in rows]

    def pending(self) -> list[str]:
        """Paths whose change was announced and not settled."""
        with _translated(self._path):
            return [row[0] for row in self._db.execute("SELECT path FROM pending ORDER BY path")]

    def announce(self, paths: Iterable[str]) -> None:
        """Say that these files are about to change."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO pending VALUES (?)", [(path,) for path in paths])

    def settle(
        self,
        facts: Iterable[FileFacts],
        *,
        gone: Iterable[str] = (),
        source: str | None = None,
        touched: Iterable[str] = (),
    ) -> None:
        """Record what is there now. ``touched``: files that hold rows of ``source``, changed or not."""
        facts, gone = list(facts), list(gone)
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
                [(f.place.path, f.rows, f.first_ns, f.last_ns, f.bytes, f.sha256) for f in facts],
            )
            for table in ("files", "sources"):
                self._db.executemany(f"DELETE FROM {table} WHERE path = ?", [(path,) for path in gone])
            if source is not None:
                pairs = [(path, source) for path in touched]
                self._db.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?)", pairs)
            done = [(f.place.path,) for f in facts] + [(path,) for path in gone]
            self._db.executemany("DELETE FROM pending WHERE path = ?", done)

    def _prepare(self) -> bool:
        """Make the tables of a new catalogue; False for one of another version."""
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
            return True
        return bool(version == _VERSION)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # the first error is the one to tell
                    self._db.execute("ROLLBACK")
                raise


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise _error(path, exc) from exc


def _error(path: Path, exc: sqlite3.Error) -> DataError:
    return DataError(
        f"{path}: the catalogue cannot be written ({exc}): check space and permissions, then run it again"
    )
