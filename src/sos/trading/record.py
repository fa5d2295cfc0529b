"""What the desk keeps: a digest of every order and fill, and every refusal with its reason.

The journal is hashed in chunks of a fixed number of entries, so the digest depends on what happened and
never on how the bars were batched. Refusals take 16 bytes each. No file is written here.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sos.effects import Effect
from sos.events import Event
from sos.types import InstrumentKey, Refusal

__all__ = ["REFUSAL_CODE", "Entry", "Journal", "RefusalLog", "RefusedSignal"]

Entry = Effect | Event
REFUSALS: Final = tuple(Refusal)
REFUSAL_CODE: Final = {reason: code for code, reason in enumerate(REFUSALS)}
_WIDTH: Final = 64  # codes per slot in a packed refusal
_CHUNK: Final = 1024


class Journal:
    """Effects and order events in their order. ``pending`` holds what is not hashed yet.

    With ``keep`` every entry stays in ``kept``; without, memory does not grow with the run.
    """

    __slots__ = ("_encode", "_hash", "keep", "kept", "pending")

    def __init__(self, *, keep: bool = False) -> None:
        self.keep = keep
        self.kept: list[Entry] = []
        self.pending: list[Entry] = []
        self._hash = hashlib.sha256()
        self._encode = msgspec.msgpack.Encoder(enc_hook=str).encode

    def flush(self) -> None:
        """Hash every full chunk. Call it often; it is free while there is none."""
        while len(self.pending) >= _CHUNK:
            chunk = self.pending[:_CHUNK]
            self._hash.update(self._encode(chunk))
            del self.pending[:_CHUNK]
            if self.keep:
                self.kept.extend(chunk)

    def entries(self) -> list[Entry]:
        """Everything so far (only what is pending unless ``keep``)."""
        return [*self.kept, *self.pending]

    def hash(self) -> hashlib._Hash:
        """The hash of everything so far; the journal goes on unchanged."""
        self.flush()
        copy = self._hash.copy()
        copy.update(self._encode(self.pending))
        return copy


class RefusedSignal(msgspec.Struct, frozen=True, gc=False):
    """One signal that became no position. ``signal_ts``: open time of the bar that gave it."""

    signal_ts: int
    pattern_id: str
    underlying: InstrumentKey
    reason: Refusal


class RefusalLog(Sequence[RefusedSignal]):
    """Refused signals in the order in which they were refused, unpacked on demand."""

    __slots__ = ("_codes", "_names", "_times")

    def __init__(self, names: Sequence[tuple[str, InstrumentKey]]) -> None:
        self._names = tuple(names)  # pattern and underlying by slot index
        self._times = array("q")
        self._codes = array("q")

    def add(self, signal_ts: int, slot: int, reason: Refusal) -> None:
        self._times.append(signal_ts)
        self._codes.append(slot * _WIDTH + REFUSAL_CODE[reason])

    def __len__(self) -> int:
        return len(self._times)

    def __getitem__(self, index: int) -> RefusedSignal:  # type: ignore[override]  # rows only, no slices
        slot, code = divmod(self._codes[index], _WIDTH)
        pattern_id, underlying = self._names[slot]
        return RefusedSignal(self._times[index], pattern_id, underlying, REFUSALS[code])

    def __iter__(self) -> Iterator[RefusedSignal]:
        return (self[i] for i in range(len(self)))

    def counts(self) -> dict[str, Counter[Refusal]]:
        """Refusals by pattern and reason; every pattern has an entry."""
        counted: dict[str, Counter[Refusal]] = {pattern_id: Counter() for pattern_id, _ in self._names}
        for packed, times in Counter(self._codes).items():
            slot, code = divmod(packed, _WIDTH)
            counted[self._names[slot][0]][REFUSALS[code]] += times
        return counted

    def bytes(self) -> bytes:
        """The packed rows, little endian, for a digest."""
        rows = array("q", self._times)
        rows.extend(self._codes)
        if sys.byteorder == "big":
            rows.byteswap()
        return rows.tobytes()
