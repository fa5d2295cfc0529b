"""Rate limits: how many requests of a category may start in any second, minute and half hour.

Pure and driven by the times it is given. A `Bucket` remembers when its last requests were let go and
answers when the next may go; unlike a bucket that refills, it never lets more than the limit into any
window, wherever the window begins. The limits are the broker's, per user (docs/upstox.md); a client uses a
share of them, because other programs of the same user count too and the network squeezes requests together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sos.brokers.upstox.wire import Category
from sos.types import NS_PER_MINUTE, NS_PER_SECOND

__all__ = ["DOCUMENTED", "Bucket", "Limit", "buckets"]

Limit = tuple[int, int]  # requests, window in ns

_STANDARD: Final[tuple[Limit, ...]] = (
    (50, NS_PER_SECOND),
    (500, NS_PER_MINUTE),
    (2000, 30 * NS_PER_MINUTE),
)
DOCUMENTED: Final[Mapping[Category, tuple[Limit, ...]]] = {
    Category.HISTORY: _STANDARD,
    Category.QUOTES: _STANDARD,
    Category.OPTIONS: _STANDARD,
    Category.MARKET: _STANDARD,
    Category.ACCOUNT: _STANDARD,
    Category.LOGIN: ((1, NS_PER_SECOND), (10, NS_PER_MINUTE), (60, 30 * NS_PER_MINUTE)),
    Category.FILES: ((5, NS_PER_SECOND), (60, NS_PER_MINUTE)),  # nothing is documented: be polite
    Category.ORDERS: ((10, NS_PER_SECOND), (500, NS_PER_MINUTE), (2000, 30 * NS_PER_MINUTE)),
}
_SHARE: Final = 0.9


class Bucket:
    """The limits of one category.

    Args:
        limits: requests and window in ns, each at least 1; all of them hold.
    """

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self._limits = limits
        self._most = max(count for count, _ in limits)
        self._let_go: list[int] = []  # ascending, the last `_most` at least
        self._closed_until = 0

    def reserve(self, now_ns: int) -> int:
        """Take the next place: the time at which the request may start, ``now_ns`` or later.

        Places are given in the order of asking and never given back.
        """
        when = max(now_ns, self._closed_until, self._let_go[-1] if self._let_go else now_ns)
        for count, window in self._limits:
            if len(self._let_go) >= count:
                when = max(when, self._let_go[-count] + window)
        self._let_go.append(when)
        if len(self._let_go) > 2 * self._most:
            del self._let_go[: -self._most]
        return when

    def is_closed(self, now_ns: int) -> bool:
        """Whether nothing may go at ``now_ns``, places given before included."""
        return now_ns < self._closed_until

    def close(self, until_ns: int) -> None:
        """Let nothing go before ``until_ns``: the broker said that there were too many."""
        self._closed_until = max(self._closed_until, until_ns)


def buckets(share: float = _SHARE) -> dict[Category, Bucket]:
    """A bucket for every category at ``share`` (0 to 1) of the documented limits, at least one each."""
    return {
        category: Bucket(tuple((max(1, int(count * share)), window) for count, window in limits))
        for category, limits in DOCUMENTED.items()
    }
