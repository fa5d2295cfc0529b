"""Rate limits as the broker documents them: sliding windows per user and endpoint.

Pure: the caller gives the time. A request that is refused does not count, so no window of a category's
length ever holds more accepted requests than its limit.
Source: the broker's rate-limit page as of November 2026.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, TypeAlias

from sos.types import NS_PER_MINUTE, NS_PER_SECOND

__all__ = ["LIMITS", "Limiter", "Windows"]

Windows: TypeAlias = tuple[tuple[int, int], ...]

_SECOND: Final = NS_PER_SECOND
_MINUTE: Final = NS_PER_MINUTE
_HALF_HOUR: Final = 30 * NS_PER_MINUTE
LIMITS: Final[Mapping[str, Windows]] = {
    "standard": ((_SECOND, 50), (_MINUTE, 500), (_HALF_HOUR, 2000)),
    "orders": ((_SECOND, 10), (_MINUTE, 500), (_HALF_HOUR, 2000)),
    "free": (),
}


class Limiter:
    """Accepted requests per bucket. ``limits`` maps a category to (window ns, most requests) pairs."""

    def __init__(self, limits: Mapping[str, Windows] = LIMITS) -> None:
        self._limits = limits
        self._taken: dict[tuple[str, ...], deque[int]] = {}

    def admit(self, bucket: tuple[str, ...], category: str, now: int) -> bool:
        """Count a request at ``now`` (ns, never falling per bucket) unless a window is full.

        A window of length w at ``now`` is (now − w, now].
        """
        windows = self._limits[category]
        if not windows:
            return True
        taken = self._taken.setdefault(bucket, deque())
        oldest = now - max(length for length, _ in windows)
        while taken and taken[0] <= oldest:
            taken.popleft()
        if any(len(taken) >= most and taken[-most] > now - length for length, most in windows):
            return False
        taken.append(now)
        return True

    def clear(self) -> None:
        """Forget every request."""
        self._taken.clear()
