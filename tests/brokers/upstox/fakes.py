"""A clock that jumps, a broker on loopback that answers from a script, and tokens that look real."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from aiohttp import web

from sos.brokers.secret import Secret
from sos.brokers.upstox.client import ClientSettings, UpstoxClient
from sos.brokers.upstox.token import Token
from sos.brokers.upstox.transport import Hosts, Timeouts
from sos.clock import IST
from sos.types import NS_PER_SECOND

NOW = int(datetime(2026, 11, 23, 10, 0, tzinfo=IST).timestamp()) * NS_PER_SECOND
TEXT = "eyJhbGciOiJIUzI1NiJ9.tokentokentoken.SIGNATURE-of-the-token"
TOKEN = Token(Secret(TEXT), user_id="AB1234", expires_ns=NOW + 3600 * NS_PER_SECOND, origin="a test")


class JumpingClock:
    """Sleeping takes no time: the clock jumps to where the sleeper wants to be, and remembers."""

    def __init__(self, start: int = NOW) -> None:
        self.now = start
        self.sleeps: list[int] = []

    def now_ns(self) -> int:
        return self.now

    async def sleep_until(self, when_ns: int) -> None:
        if when_ns > self.now:
            self.sleeps.append(when_ns - self.now)
            self.now = when_ns


def jwt(**claims: Any) -> str:
    """A token with these claims."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2lnbmF0dXJl"


def good(data: Any) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def bad(code: str, message: str = "what the broker says") -> bytes:
    entry = {"errorCode": code, "error_code": code, "message": message, "property_path": None}
    return json.dumps({"status": "error", "errors": [entry]}).encode()


@dataclass
class Seen:
    """A request as the broker saw it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = web.StreamResponse | Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Broker:
    """Answers the given answers in turn, the last one for ever."""

    answers: list[Answer]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(Seen(request.method, request.raw_path, dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request) if callable(answer) else _copy(answer)


def _copy(answer: web.StreamResponse) -> web.StreamResponse:
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def reply(
    body: bytes, status: int = 200, kind: str = "application/json", headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": kind, **(headers or {})})


@asynccontextmanager
async def broker(*answers: Answer) -> AsyncIterator[Broker]:
    """A broker on a free port of loopback; stops with the context."""
    fake = Broker(list(answers))
    application = web.Application()
    application.router.add_route("*", "/{anything:.*}", fake.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        await runner.cleanup()


def settings(url: str, **more: Any) -> ClientSettings:
    return ClientSettings(Hosts(url, url, url), **{"timeouts": Timeouts(1.0, 0.5, 1.0, 2.0), **more})


def client(
    url: str, clock: JumpingClock | None = None, token: Token | None = TOKEN, **more: Any
) -> UpstoxClient:
    return UpstoxClient(lambda: token, clock or JumpingClock(), settings(url, **more), Random(1))
