"""The simulated broker on a socket: aiohttp around `World`, nothing more.

Moves bytes: a request becomes a call of `World.answer` or of the control endpoint, and what comes back is
sent, delayed, cut short or dropped. Listens on loopback; another host needs ``expose``. Host headers that
are not loopback are refused there, so that no web page can reach it under a name of its own. Logs neither
URLs nor headers: they can hold secrets.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from sos.errors import ConfigError
from sos.sim.control import PREFIX, Control
from sos.sim.http import Response, json_response
from sos.sim.timing import SimClock
from sos.sim.world import World

__all__ = ["is_loopback", "serving"]

log = logging.getLogger(__name__)
_MOST_BODY: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 16  # 500 keys in one query
_WEBHOOK_TIMEOUT: Final = ClientTimeout(total=5.0)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine only."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@contextlib.asynccontextmanager
async def serving(
    world: World, clock: SimClock, host: str = "127.0.0.1", port: int = 0, *, expose: bool = False
) -> AsyncIterator[str]:
    """Serve ``world`` while the context lasts; gives the base URL. Port 0 takes any free one.

    Raises:
        ConfigError: a host that is not loopback without ``expose``, or a port that cannot be had.
    """
    if not expose and not is_loopback(host):
        raise ConfigError(f"--host {host}: is not this machine alone; add --expose if that is meant")
    async with ClientSession(timeout=_WEBHOOK_TIMEOUT) as session:
        shell = _Shell(world, clock, session, expose)
        app = web.Application(client_max_size=_MOST_BODY)
        app.router.add_route("*", "/{tail:.*}", shell.handle)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True, max_line_size=_LONGEST_LINE
        )
        await runner.setup()
        try:
            yield await _listen(runner, host, port)
        finally:
            await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as exc:
        raise ConfigError(f"--host {host} --port {port}: cannot listen there: {exc.strerror}") from exc
    taken = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{taken}"


class _Shell:
    """One server's handler."""

    def __init__(self, world: World, clock: SimClock, session: ClientSession, expose: bool) -> None:
        self._world = world
        self._clock = clock
        self._session = session
        self._expose = expose
        self._control = Control(world, clock)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, as well or as badly as the world says."""
        if not self._expose and not is_loopback(request.url.host or ""):
            return web.Response(status=403, text="this simulator answers to loopback names only\n")
        answer = self._ask(request, await request.read())
        if answer.delay_ns:
            wall = self._clock.base
            await wall.sleep_until(wall.now_ns() + answer.delay_ns)
        if answer.reset:
            return _drop(request)
        if answer.keep is not None:
            return await _send_part(request, answer, answer.keep)
        whole = web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
        if answer.webhook is not None:
            await whole.prepare(request)
            await whole.write_eof()
            await self._post(*answer.webhook)
        return whole

    def _ask(self, request: web.Request, body: bytes) -> Response:
        path = request.rel_url.raw_path
        if path.startswith(PREFIX):
            if not is_loopback(request.remote or ""):  # exposed or not, time and faults are set from here
                return json_response({"error": "the control endpoint answers to this machine only"}, 403)
            return self._control.answer(request.method, path, body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._world.answer(
            request.method,
            path,
            dict(request.query),
            headers,
            body,
            self._clock.now_ns(),
            self._clock.base.now_ns(),
        )

    async def _post(self, url: str, body: bytes) -> None:
        """Deliver a webhook once; a receiver that is not there is the receiver's trouble."""
        try:
            async with self._session.post(
                url, data=body, headers={"Content-Type": "application/json"}
            ) as got:
                log.info("sim.webhook", extra={"status": got.status})
        except (ClientError, TimeoutError, ValueError) as exc:
            log.warning("sim.webhook.failed", extra={"reason": type(exc).__name__})


def _drop(request: web.Request) -> web.Response:
    """Tear the connection down; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _send_part(request: web.Request, answer: Response, keep: int) -> web.StreamResponse:
    """Announce the whole body, send the beginning, hang up."""
    part = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
    part.content_length = len(answer.body)
    await part.prepare(request)
    with contextlib.suppress(ConnectionError):  # the reader may have gone first
        await part.write(answer.body[:keep])
        if request.transport is not None:
            request.transport.close()
    return part
