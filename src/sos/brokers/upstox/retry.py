"""When to try again, and when to stop trying.

Pure: delays are computed, not waited. `Backoff` gives growing, jittered delays; `Circuit` remembers that
there is no way to the broker, so that everything after the first failure of a run fails at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sos.brokers.upstox.errors import Unreachable
from sos.types import NS_PER_SECOND

__all__ = ["Backoff", "Circuit"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays double from ``first_ns`` to ``longest_ns``; each is drawn from its upper half.

    ``attempts``: how often a request is sent at most, the first time included.
    """

    attempts: int = 4
    first_ns: int = NS_PER_SECOND // 2
    longest_ns: int = 60 * NS_PER_SECOND

    def delay_ns(self, failures: int, random: Random) -> int:
        """How long to wait after ``failures`` (from 1 on) in a row."""
        whole = min(self.longest_ns, self.first_ns << min(failures - 1, 40))
        return whole // 2 + int(random.random() * (whole - whole // 2))


class Circuit:
    """Open once the broker cannot be reached; then nothing is sent any more.

    Args:
        reset_ns: after how long one request may try again; None is never, right for a command that ends soon.
    """

    def __init__(self, reset_ns: int | None = None) -> None:
        self._reset_ns = reset_ns
        self._reason: str | None = None
        self._opened_ns = 0

    @property
    def is_open(self) -> bool:
        return self._reason is not None

    def check(self, now_ns: int) -> None:
        """Pass while closed; an open one passes again once ``reset_ns`` has gone by.

        Raises:
            Unreachable: open; the message is that of the first failure.
        """
        if self._reason is None:
            return
        if self._reset_ns is not None and now_ns >= self._opened_ns + self._reset_ns:
            self._reason = None
            return
        raise Unreachable(self._reason)

    def open(self, reason: str, now_ns: int) -> None:
        """The broker could not be reached at ``now_ns``; one that is open already stays as it is."""
        if self._reason is None:
            self._reason, self._opened_ns = reason, now_ns
