"""Random numbers of the sample: the same on every machine, NumPy version and processor.

Pure. SplitMix64 on whole numbers, turned into floats with exact operations only; nothing here calls the
mathematics library, whose last digits differ between systems.
Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (the output mix).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import numpy as np

from sos.bars import F64

__all__ = ["Draws", "derive_seed"]

_GAMMA: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1
_TERMS: Final = 6  # uniforms in one bell-shaped draw


def derive_seed(seed: int, name: str) -> int:
    """A seed of its own for ``name``: 64 bits of SHA-256 over both."""
    return int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:8], "big")


class Draws:
    """A stream of draws; each call takes the next ones."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def uniform(self, n: int) -> F64:
        """``n`` floats in [0, 1), multiples of 2^-53."""
        steps = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(_GAMMA)
        x = steps + np.uint64(self._state)
        self._state = (self._state + n * _GAMMA) & _MASK
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
        return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def bell(self, n: int) -> F64:
        """``n`` draws of mean 0 and variance 1, bell-shaped, within ±4.25: sums of six uniforms."""
        total = self.uniform(n)
        for _ in range(_TERMS - 1):
            total = total + self.uniform(n)
        return (total - _TERMS / 2) * 1.4142135623730951

    def one(self) -> float:
        """One float in [0, 1)."""
        return float(self.uniform(1)[0])

    def between(self, low: float, high: float) -> float:
        """One float in [low, high)."""
        return low + (high - low) * self.one()
