"""Routes: a method and a path template, a handler, and what a caller needs to be let in.

Pure. Literal segments win over named ones, so ``/historical-candle/intraday/…`` is not taken for a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from sos.sim.http import Problem, Request, Response

if TYPE_CHECKING:
    from sos.sim.world import World

__all__ = ["Handler", "Route", "Router"]

Handler: TypeAlias = "Callable[[World, Request], Response]"


@dataclass(frozen=True, slots=True)
class Route:
    """``template`` such as ``/v2/market/status/{exchange}``; ``category`` names its rate limit."""

    method: str
    template: str
    handler: Handler
    auth: bool = True
    category: str = "standard"

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.template.strip("/").split("/"))


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        by_literals = sorted(routes, key=lambda route: sum(part.startswith("{") for part in route.parts))
        self._by_length: dict[int, list[tuple[tuple[str, ...], Route]]] = {}
        for route in by_literals:
            self._by_length.setdefault(len(route.parts), []).append((route.parts, route))

    def find(self, request: Request) -> tuple[Route, Request]:
        """The route, and the request with the path's named segments in ``args``.

        Raises:
            Problem: 404 for an unknown path, 405 for a known one with another method.
        """
        known = False
        for parts, route in self._by_length.get(len(request.path), ()):
            args = _match(parts, request.path)
            if args is None:
                continue
            known = True
            if route.method == request.method:
                return route, replace(request, args=args)
        if known:
            raise Problem(405, "UDAPI10000", "This request is not supported by Upstox API")
        raise Problem(404, "UDAPI100060", "Resource not Found")


def _match(template: tuple[str, ...], path: tuple[str, ...]) -> Mapping[str, str] | None:
    args: dict[str, str] = {}
    for want, have in zip(template, path, strict=True):
        if want.startswith("{"):
            args[want[1:-1]] = have
        elif want != have:
            return None
    return args
