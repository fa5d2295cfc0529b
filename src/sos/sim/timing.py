"""Simulated time: a start, a speed, and the clock underneath.

Reads only the `Clock` it is given. Speed 0 is frozen; speed 60 lets an hour pass in a minute. Moving the time
by hand may also go back: every answer depends on the present simulated time alone.
"""

from __future__ import annotations

from sos.clock import Clock

__all__ = ["SimClock"]


class SimClock:
    """A clock that runs from ``start_ns`` at ``speed`` times the pace of ``base``; it is a `Clock` too."""

    def __init__(self, base: Clock, start_ns: int, speed: float = 0.0) -> None:
        self._base = base
        self._from = base.now_ns()
        self._start = start_ns
        self._speed = speed

    @property
    def base(self) -> Clock:
        return self._base

    @property
    def speed(self) -> float:
        return self._speed

    def now_ns(self) -> int:
        return self._start + int((self._base.now_ns() - self._from) * self._speed)

    def set(self, now_ns: int | None = None, speed: float | None = None) -> None:
        """Jump to ``now_ns``, run at ``speed`` from here on; None leaves as it is."""
        self._start = self.now_ns() if now_ns is None else now_ns
        self._from = self._base.now_ns()
        if speed is not None:
            if not 0.0 <= speed <= 100_000.0:
                raise ValueError("speed is 0 (frozen) to 100000")
            self._speed = speed

    async def sleep_until(self, when_ns: int) -> None:
        """Wait for simulated ``when_ns`` at the present speed.

        Raises:
            RuntimeError: the time is frozen and would never come.
        """
        ahead = when_ns - self.now_ns()
        if ahead <= 0:
            return
        if self._speed == 0.0:
            raise RuntimeError("simulated time is frozen: that moment never comes")
        await self._base.sleep_until(self._base.now_ns() + int(ahead / self._speed) + 1)
