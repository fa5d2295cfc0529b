"""Which series `sos data check` looks at, and everything found on them: the store's files, then their
content.

Reads the store or the files named; writes nothing but what recovering from a killed writer needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sos.calendar import Calendar
from sos.contracts import Contracts
from sos.data.imports import ImportOptions, read_file
from sos.data.instruments.names import parse_contract, parse_key
from sos.data.quality import Finding, judge_series
from sos.data.store import Entry, Store
from sos.data.store.kinds import KINDS
from sos.data.symbols import resolve
from sos.errors import ConfigError, DataError

__all__ = ["Checked", "check_files", "check_store", "matches", "select"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One series and what was found. ``name`` is its key or file; ``broken`` says why it cannot be read."""

    kind: str
    name: str
    part: str
    rows: int
    findings: tuple[Finding, ...]
    broken: str | None = None

    @property
    def wrong(self) -> bool:
        return self.broken is not None or any(finding.severity == "wrong" for finding in self.findings)


def select(store: Store, symbols: Sequence[str]) -> list[Entry]:
    """The store's series of ``symbols`` (an index brings its contracts); all of them without any.

    Raises:
        ConfigError: a symbol is unknown. DataError: the store has nothing of it.
    """
    entries = store.list()
    if not symbols:
        return entries
    found: dict[tuple[str, str, str], Entry] = {}
    for symbol in symbols:
        hits = [entry for entry in entries if matches(entry.key, symbol)]
        if not hits:
            raise DataError(f"the store has nothing of {symbol}: sos data list shows what it has")
        found |= {(entry.kind, entry.key, entry.part): entry for entry in hits}
    return list(found.values())


def matches(key: str, symbol: str) -> bool:
    """Whether a stored key is what ``symbol`` names, its front future, or a contract on it.

    Raises:
        ConfigError: ``symbol`` is unknown.
    """
    contract = parse_contract(symbol)
    if contract is not None:
        return key == contract.key
    instrument = resolve(symbol)
    if key == instrument.key:
        return True
    owner = parse_key(key)
    if owner is not None:
        contracts = Contracts.packaged()
        if owner.underlying in contracts.underlyings and instrument.key.is_index:
            return contracts.underlying_of(instrument.key) == owner.underlying
        return owner.underlying == instrument.symbol
    return _is_future_of(key, instrument.key)


def _is_future_of(key: str, underlying: str) -> bool:
    try:
        return resolve(key).underlying == underlying
    except ConfigError:  # a token of the broker: it follows nothing that is known
        return False


def check_store(
    store: Store, symbols: Sequence[str], progress: Callable[[int, int], None] | None = None
) -> Iterator[Checked]:
    """The store's files (all of them, whatever is named), then the content of each series named."""
    for damage in store.check():
        yield Checked("file", damage.path, "", 0, (), damage.text)
    entries = select(store, symbols)
    for done, entry in enumerate(entries, start=1):
        yield _check_entry(store, entry)
        if progress is not None:
            progress(done, len(entries))


def _check_entry(store: Store, entry: Entry) -> Checked:
    try:
        frame = store.read(KINDS[entry.kind], entry.key, entry.part)
    except DataError as exc:
        return Checked(entry.kind, entry.key, entry.part, entry.rows, (), str(exc))
    if frame is None:
        return Checked(entry.kind, entry.key, entry.part, entry.rows, (), "its files are gone")
    findings = judge_series(entry.kind, entry.key, entry.part, frame, Calendar.packaged())
    return Checked(entry.kind, entry.key, entry.part, entry.rows, tuple(findings))


def check_files(
    paths: Sequence[Path], options: ImportOptions, progress: Callable[[int, int], None] | None = None
) -> Iterator[Checked]:
    """The content of files as an import would read them; what an import refuses is broken."""
    for done, path in enumerate(paths, start=1):
        try:
            pieces = read_file(path, options)
        except DataError as exc:
            yield Checked("file", path.name, "", 0, (), str(exc))
        else:
            for piece in pieces:
                found = judge_series(piece.kind.name, piece.key, piece.part, piece.frame, Calendar.packaged())
                rows = len(piece.frame["ts"])
                yield Checked(piece.kind.name, piece.key, piece.part, rows, tuple(found))
        if progress is not None:
            progress(done, len(paths))
