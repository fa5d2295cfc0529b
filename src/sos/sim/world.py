"""The simulated broker as one pure function: a request and a time in, an answer out.

`World.answer` opens no socket and reads no clock. What it knows of the market is in `market`, what it
remembers in `state`; faults and limits are applied here, in the order in which a gateway would:
path, agent, token, limit, handler, and last the fault that spoils the answer. Source: docs/sim.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from sos.clock import ist_date, ist_minute_of_day
from sos.sim import routes_history, routes_login, routes_market, routes_options, routes_quotes
from sos.sim.faults import FaultBoard, spoil
from sos.sim.fixtures import Fixtures
from sos.sim.http import JSON, Problem, Request, Response, html
from sos.sim.limits import Limiter
from sos.sim.listings import Listing
from sos.sim.market import Market
from sos.sim.routing import Route, Router
from sos.sim.state import Settings, State

__all__ = ["ROUTES", "World"]

ROUTES: Final[tuple[Route, ...]] = (
    *routes_login.ROUTES,
    *routes_history.ROUTES,
    *routes_quotes.ROUTES,
    *routes_options.ROUTES,
    *routes_market.ROUTES,
)
_LISTING_MINUTE: Final = 9 * 60 + 15  # when new contracts appear


class World:
    """Everything behind the server's socket."""

    def __init__(
        self,
        market: Market,
        settings: Settings | None = None,
        faults: FaultBoard | None = None,
        fixtures: Fixtures | None = None,
    ) -> None:
        self.market = market
        self.settings = settings or Settings()
        self.faults = faults or FaultBoard()
        self.limiter = Limiter()
        self.state = State(self.settings)
        self.limits_on = self.settings.limits
        self._fixtures = fixtures
        self._router = Router(ROUTES)
        self._master: tuple[int, tuple[Listing, ...]] = (-1, ())

    def answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        now: int,
        wall_ns: int | None = None,
    ) -> Response:
        """The answer to one request at simulated ``now`` (ns UTC).

        ``path`` is percent-encoded as on the wire, ``query`` decoded, header names in lower case. Rate limits
        count by ``wall_ns``, the time in which the caller lives; None means that it is ``now``.
        """
        parts = tuple(unquote(part) for part in path.strip("/").split("/"))
        request = Request(method, parts, query, headers, body, now)
        rule = self.faults.pick(method, "/" + "/".join(parts))
        try:
            answer = self._answer(request, now if wall_ns is None else wall_ns)
        except Problem as problem:
            answer = problem.response()
        return answer if rule is None else spoil(rule, answer)

    def master(self, now: int) -> tuple[Listing, ...]:
        """Every instrument that is listed on the date of ``now``: spot, futures, options by expiry."""
        part = ist_date(now).toordinal() * 2 + (ist_minute_of_day(now) >= _LISTING_MINUTE)
        if self._master[0] != part:
            self._master = (part, tuple(self._listed(now)))
        return self._master[1]

    def greeks_of(self, listing: Listing, now: int) -> dict[str, float]:
        """Volatility as a fraction and the greeks of an option; empty for anything else."""
        terms = listing.contract
        if terms is None or not listing.is_option:
            return {}
        underlying = self.market.find(terms.underlying, now)
        chain = None if underlying is None else self.market.chain(underlying, terms.expiry, now)
        if chain is None:
            return {}
        at = chain.strikes.index(terms.strike) + (0 if listing.kind == "CE" else len(chain.strikes))
        names = ("vega", "gamma", "theta", "delta")
        values = {name: round(float(getattr(chain.now.greeks, name)[at]), 4) for name in names}
        return {"iv": round(float(chain.now.sigma[at]), 4), **values}

    def _answer(self, request: Request, wall_ns: int) -> Response:
        route, request = self._router.find(request)
        self._check_headers(request)
        user = self._user(request, route)
        if self.limits_on and not self.limiter.admit(
            (user, route.method, route.template), route.category, wall_ns
        ):
            raise Problem(429, "UDAPI10005", "Too Many Request Sent")
        recorded = None if self._fixtures is None else self._fixtures.answer(request)
        return recorded if recorded is not None else route.handler(self, replace(request, user=user))

    def _check_headers(self, request: Request) -> None:
        if self.settings.user_agent and not request.headers.get("user-agent"):
            raise _Blocked(403, "1010", "Access denied")
        accepted = request.headers.get("accept", "*/*")
        if not any(kind in accepted for kind in (JSON, "*/*", "application/*")) and request.path[0] in (
            "v2",
            "v3",
        ):
            raise Problem(406, "UDAPI100036", "Only application/json is supported")

    def _user(self, request: Request, route: Route) -> str:
        user = self.state.user_of(request.headers.get("authorization", ""), request.now)
        if user is None and route.auth:
            raise Problem(401, "UDAPI100050", "Invalid token used to access API")
        return user or "nobody"

    def _listed(self, now: int) -> list[Listing]:
        found = [one for one in self.market.spots() if one.kind in ("INDEX", "EQ")]
        for underlying in self.market.underlyings():
            found += self.market.futures(underlying, now)
            for expiry in self.market.expiries(underlying, now):
                found += self.market.options(underlying, expiry, now)
        return found


class _Blocked(Problem):
    """Refused by the gateway in front: a page, not JSON."""

    def response(self) -> Response:
        return html(self.status, self.message)
