"""What the desk keeps of each slot: a digest of its orders and fills, and its refusals with their reasons.

One record per slot (pattern and underlying), hashed in chunks of a fixed number of entries, so the digest
depends on what happened and never on how the bars were batched or on which slot was looked at first.
Refusals take 16 bytes each. No file is written here.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from sos.effects import Effect
from sos.events import Event
from sos.types import InstrumentKey, Refusal

__all__ = ["Entry", "RefusedSignal", "SlotRecord"]

Entry = Effect | Event
_REFUSALS: Final = tuple(Refusal)
_CODE: Final = {reason: code for code, reason in enumerate(_REFUSALS)}
_BUSY: Final = _CODE[Refusal.BUSY]
_CHUNK: Final = 1024


class RefusedSignal(msgspec.Struct, frozen=True, gc=False):
    """One signal that became no position. ``signal_ts``: open time of the bar that gave it."""

    signal_ts: int
    pattern_id: str
    underlying: InstrumentKey
    reason: Refusal


class SlotRecord:
    """Effects, order events and refusals of one slot, each in its order.

    ``pending`` holds the entries not hashed yet; with ``keep`` every entry stays in ``kept``, without,
    memory grows by refusals only.
    """

    __slots__ = (
        "_codes",
        "_encode",
        "_hash",
        "_times",
        "keep",
        "kept",
        "pattern_id",
        "pending",
        "underlying",
    )

    def __init__(self, pattern_id: str, underlying: InstrumentKey, *, keep: bool = False) -> None:
        self.pattern_id = pattern_id
        self.underlying = underlying
        self.keep = keep
        self.kept: list[Entry] = []
        self.pending: list[Entry] = []
        self._times = array("q")
        self._codes = array("b")
        self._hash = hashlib.sha256()
        self._encode = msgspec.msgpack.Encoder(enc_hook=str).encode

    def flush(self) -> None:
        """Hash every full chunk. Free while there is none."""
        while len(self.pending) >= _CHUNK:
            chunk = self.pending[:_CHUNK]
            self._hash.update(self._encode(chunk))
            del self.pending[:_CHUNK]
            if self.keep:
                self.kept.extend(chunk)

    def refuse(self, signal_ts: int, reason: Refusal) -> None:
        """Note a refused signal."""
        self._times.append(signal_ts)
        self._codes.append(_CODE[reason])

    def busy(self, signal_ts: int) -> None:
        """The commonest refusal, in short."""
        self._times.append(signal_ts)
        self._codes.append(_BUSY)

    def counts(self) -> Counter[Refusal]:
        """Refusals by reason."""
        return Counter({_REFUSALS[code]: times for code, times in Counter(self._codes).items()})

    def refused(self) -> Iterator[RefusedSignal]:
        """The refusals one by one."""
        for ts, code in zip(self._times, self._codes, strict=True):
            yield RefusedSignal(ts, self.pattern_id, self.underlying, _REFUSALS[code])

    def digest(self) -> bytes:
        """SHA-256 of everything so far; the record goes on unchanged."""
        self.flush()
        total = self._hash.copy()
        total.update(self._encode(self.pending))
        times = array("q", self._times)
        if sys.byteorder == "big":
            times.byteswap()
        total.update(times.tobytes())
        total.update(self._codes.tobytes())
        return total.digest()
