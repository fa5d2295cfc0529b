"""One request over one aiohttp session: bytes out, bytes in, foreign exceptions translated.

No pacing, no repeating, no reading of answers (`client` and the calls do that). The token is revealed into
the header only here; exceptions of the library lose their frames, which hold headers, before being chained.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from sos import __version__
from sos.brokers.secret import Secret
from sos.brokers.upstox.errors import Unreachable
from sos.brokers.upstox.wire import Body, Host, Reply, Request
from sos.errors import BrokerError, ConfigError, InvariantBroken, Rejected, Retryable

__all__ = ["Hosts", "Timeouts", "Transport", "is_loopback"]

_AGENT: Final = f"sos/{__version__}"
_MOST_BYTES: Final = 128 << 20
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base URLs without a slash at the end; a simulator takes their place.

    Raises:
        ConfigError: not https, unless the host is this machine.
    """

    api: str = "https://api.upstox.com"
    files: str = "https://assets.upstox.com"
    orders: str = "https://api-hft.upstox.com"

    def __post_init__(self) -> None:
        for url in (self.api, self.files, self.orders):
            parts = urlsplit(url)
            safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
            if not safe or not parts.hostname or parts.path or parts.query:
                raise ConfigError(f"{url}: give https://host, or http://127.0.0.1:port for a simulator")

    def base(self, host: Host) -> str:
        return {Host.API: self.api, Host.FILES: self.files, Host.ORDERS: self.orders}[host]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect (name included), between two pieces of an answer, for a whole answer."""

    connect_s: float = 3.0
    silence_s: float = 8.0
    answer_s: float = 15.0
    file_s: float = 120.0


class Transport:
    """An async context manager around one session; `send` may run many times at once."""

    def __init__(self, hosts: Hosts, timeouts: Timeouts) -> None:
        self._hosts = hosts
        self._timeouts = timeouts
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the client bounds how many run at once
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _AGENT},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request, token: Secret | None) -> Reply:
        """Send one request once.

        Raises:
            Unreachable: no connection.
            Retryable: the connection or the answer broke off, or did not come in time.
            Rejected: the certificate is not trusted.
        """
        if self._session is None:
            raise InvariantBroken("the Upstox client is used outside its context")
        is_file = request.host is Host.FILES
        try:
            async with self._session.request(
                request.method,
                URL(self._hosts.base(request.host) + request.target, encoded=True),
                headers=_headers(request, token),
                data=_encoded(request.body),
                timeout=self._timeout(is_file),
                allow_redirects=is_file,  # a token must not follow the broker's page to another host
            ) as response:
                body = await _whole_body(response, request)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, body, headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise _translated(exc, request, self._hosts.base(request.host)) from _bare(exc)

    def _timeout(self, is_file: bool) -> aiohttp.ClientTimeout:
        times = self._timeouts
        return aiohttp.ClientTimeout(
            total=times.file_s if is_file else times.answer_s,
            connect=times.connect_s,
            sock_read=times.silence_s,
        )


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


async def _whole_body(response: aiohttp.ClientResponse, request: Request) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Rejected(f"{request.title}: the answer is larger than {_MOST_BYTES >> 20} MB")
    return bytes(body)


def _headers(request: Request, token: Secret | None) -> dict[str, str]:
    headers = dict(request.headers)
    if request.host is Host.FILES:
        headers |= {"Accept": "*/*", "Accept-Encoding": "identity"}
    else:
        headers["Accept"] = "application/json"
    if request.body is not None:
        kind = "json" if request.body.is_json else "x-www-form-urlencoded"
        headers["Content-Type"] = f"application/{kind}"
    if token is not None:
        headers["Authorization"] = f"Bearer {token.reveal()}"
    return headers


def _encoded(body: Body | None) -> bytes | None:
    if body is None:
        return None
    if body.is_json:
        return json.dumps({name: _plain(value) for name, value in body.fields}).encode()
    return urlencode([(name, _plain(value)) for name, value in body.fields]).encode()


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _translated(exc: Exception, request: Request, base: str) -> BrokerError:
    """Which error of ours a failure of the connection is."""
    if isinstance(exc, (aiohttp.ClientSSLError, ssl.SSLError)):
        return Rejected(f"{request.title}: the certificate of {base} is not trusted; check clock and network")
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return Unreachable(f"no way to {base}: the name is not found; check the network")
    if isinstance(exc, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        why = "no answer in time" if isinstance(exc, TimeoutError) else "the connection is refused"
        return Unreachable(f"no way to {base}: {why}; check the network")
    if isinstance(exc, TimeoutError):
        return Retryable(f"{request.title}: no answer in time; try again later")
    return Retryable(f"{request.title}: the connection broke off; try again")


def _bare(exc: BaseException) -> BaseException:
    """The same exception without the library's frames, nor those of its causes."""
    seen: BaseException | None = exc
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    return exc
