"""The control endpoint: ``/sim/v1/clock``, ``/sim/v1/faults`` and ``/sim/v1/limits`` on the same server.

Pure apart from the clock that it moves. JSON in, JSON out; a wrong body is 400 with one line. It is no part
of the broker's protocol and needs no token: the server listens on loopback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from sos.clock import IST, ist_iso
from sos.errors import ConfigError
from sos.sim.faults import parse_faults
from sos.sim.http import Response, json_response
from sos.sim.timing import SimClock
from sos.sim.world import World
from sos.types import NS_PER_SECOND

__all__ = ["PREFIX", "Control", "parse_moment"]

PREFIX: Final = "/sim/v1/"


class _ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    now: str | None = None
    speed: float | None = None
    advance_s: float | None = None


class _LimitsOrder(msgspec.Struct, forbid_unknown_fields=True):
    on: bool | None = None
    clear: bool = False


def parse_moment(text: str) -> int:
    """An ISO date and time as ns UTC; without a zone it is IST.

    Raises:
        ConfigError: any other text.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(f"{text!r} is no time: write it as 2026-01-30T11:00") from exc
    aware = moment if moment.tzinfo else moment.replace(tzinfo=IST)
    return int(aware.timestamp()) * NS_PER_SECOND + aware.microsecond * 1000


class Control:
    """Answers the control requests of one server."""

    def __init__(self, world: World, clock: SimClock) -> None:
        self._world = world
        self._clock = clock
        self._verbs: Mapping[tuple[str, str], Callable[[bytes], object]] = {
            ("GET", "clock"): self._show_clock,
            ("POST", "clock"): self._set_clock,
            ("GET", "faults"): self._show_faults,
            ("POST", "faults"): self._set_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "limits"): self._show_limits,
            ("POST", "limits"): self._set_limits,
        }

    def answer(self, method: str, path: str, body: bytes) -> Response:
        """The answer to a request below `PREFIX`: 200, 400 with an ``error``, or 404."""
        verb = self._verbs.get((method, path.removeprefix(PREFIX)))
        if verb is None:
            known = sorted({f"{how} {PREFIX}{what}" for how, what in self._verbs})
            return json_response({"error": f"no such control; there are {', '.join(known)}"}, 404)
        try:
            return json_response(verb(body))
        except (ConfigError, ValueError) as exc:
            return json_response({"error": str(exc)}, 400)

    def _show_clock(self, _: bytes = b"") -> dict[str, Any]:
        now = self._clock.now_ns()
        return {"now": ist_iso(now), "now_ns": now, "speed": self._clock.speed}

    def _set_clock(self, body: bytes) -> dict[str, Any]:
        order = msgspec.json.decode(body or b"{}", type=_ClockOrder)
        now = None if order.now is None else parse_moment(order.now)
        if order.advance_s is not None:
            now = (self._clock.now_ns() if now is None else now) + int(order.advance_s * NS_PER_SECOND)
        self._clock.set(now, order.speed)
        return self._show_clock()

    def _show_faults(self, _: bytes = b"") -> dict[str, Any]:
        return {"fault": self._world.faults.show()}

    def _set_faults(self, body: bytes) -> dict[str, Any]:
        rules, seed = parse_faults(msgspec.json.decode(body or b"{}"), f"{PREFIX}faults")
        self._world.faults.set(rules, seed)
        return self._show_faults()

    def _clear_faults(self, _: bytes) -> dict[str, Any]:
        self._world.faults.set(())
        return self._show_faults()

    def _show_limits(self, _: bytes = b"") -> dict[str, Any]:
        return {"on": self._world.limits_on}

    def _set_limits(self, body: bytes) -> dict[str, Any]:
        order = msgspec.json.decode(body or b"{}", type=_LimitsOrder)
        if order.on is not None:
            self._world.limits_on = order.on
        if order.clear:
            self._world.limiter.clear()
        return self._show_limits()
