"""A listener on this machine that waits for one message: the redirect of a login, or a delivered token.

Binds loopback addresses only, answers nothing but the one path, keeps no log of what comes in (it holds codes
and tokens), and stops as soon as the message is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from sos.brokers.upstox.transport import is_loopback
from sos.errors import BrokerError, ConfigError

__all__ = ["Incoming", "Waiter", "listening"]

T = TypeVar("T")
_MOST_BYTES: Final = 64 << 10
_THANKS: Final = "SOS has got it. You can close this page."
_NOT_OURS: Final = "This is not what SOS is waiting for."


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message. ``query``: as sent, without the question mark."""

    method: str
    query: str = field(repr=False)
    body: bytes = field(repr=False)


class Waiter(Generic[T]):
    """What `listening` gives: the port in use, and `wait` for the message."""

    def __init__(self, port: int, outcome: asyncio.Future[T]) -> None:
        self.port = port
        self._outcome = outcome

    async def wait(self, timeout_s: float) -> T:
        """The value of the first message that is the right one.

        Raises:
            BrokerError: none came in time, or the message says that the broker refused.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._outcome)
        except TimeoutError:
            raise BrokerError(f"nothing came within {timeout_s / 60:.0f} minutes; try again") from None


@asynccontextmanager
async def listening(url: str, judge: Callable[[Incoming], T | None]) -> AsyncIterator[Waiter[T]]:
    """Listen on a URL of this machine while the context is open.

    Args:
        url: ``http://127.0.0.1:port/path``, or ``localhost``; port 0 takes a free one.
        judge: the value of a message; None where it is not the right one, an error of the tree to give up.

    Raises:
        ConfigError: not an address of this machine, or it is in use.
    """
    parts = _checked(url)
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    application = web.Application(client_max_size=_MOST_BYTES)
    application.router.add_route("*", parts[2], _handler(judge, outcome))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, parts[0], parts[1])
        try:
            await site.start()
        except OSError as exc:
            raise ConfigError(f"{url}: cannot listen there ({exc.strerror or 'in use'})") from exc
        yield Waiter(runner.addresses[0][1], outcome)
    finally:
        await runner.cleanup()
        if outcome.done() and not outcome.cancelled():
            outcome.exception()  # taken or not, it is not worth a warning
        outcome.cancel()


def _checked(url: str) -> tuple[str, int, str]:
    """(address to bind, port, path) of a URL of this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"{url}: not an address") from None
    if parts.scheme != "http" or not is_loopback(parts.hostname):
        raise ConfigError(f"{url}: not on this machine; only http://127.0.0.1:PORT/... can be listened on")
    host = "127.0.0.1" if parts.hostname == "localhost" else str(parts.hostname)
    return host, 80 if port is None else port, parts.path or "/"


def _handler(
    judge: Callable[[Incoming], T | None], outcome: asyncio.Future[T]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        incoming = Incoming(request.method, request.query_string, await request.read())
        try:
            value = judge(incoming)
        except BrokerError as error:
            _settle(outcome, error)
            return web.Response(text=str(error), status=400)
        if value is None:
            return web.Response(text=_NOT_OURS, status=400)
        if not outcome.done():
            outcome.set_result(value)
        return web.Response(text=_THANKS)

    return handle


def _settle(outcome: asyncio.Future[T], error: BrokerError) -> None:
    if not outcome.done():
        outcome.set_exception(error)
