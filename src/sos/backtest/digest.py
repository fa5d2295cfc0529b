"""The digest of a run's decisions: equal digests mean equal signals, to the last bit.

Fed signal by signal in log order, so it does not depend on how the log was cut into batches.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from sos.events import Signal
from sos.types import REGIMES

__all__ = ["SignalDigest"]

_REGIME = {regime: code for code, regime in enumerate(REGIMES)}
_PACK = struct.Struct("<qqddddddB").pack


class SignalDigest:
    """SHA-256 over the canonical bytes of each signal."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._names: dict[tuple[str, str], bytes] = {}
        self.count = 0

    def add(self, signals: Iterable[Signal]) -> None:
        """Take the next signals, in log order."""
        parts: list[bytes] = []
        add = parts.append
        for signal in signals:
            self.count += 1
            add(self._name(signal))
            add(
                _PACK(
                    signal.ts,
                    signal.end,
                    signal.close,
                    signal.entry,
                    signal.stop,
                    signal.target,
                    signal.quantity_mod,
                    signal.tp_mult,
                    _REGIME[signal.regime],
                )
            )
            for name, value in signal.captures:
                add(f"{name}={value!r};".encode())
        self._hash.update(b"".join(parts))

    def _name(self, signal: Signal) -> bytes:
        key = (signal.pattern_id, signal.underlying)
        known = self._names.get(key)
        if known is None:
            known = self._names[key] = f"{signal.pattern_id}\n{signal.underlying}\n{signal.side}\n".encode()
        return known

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
