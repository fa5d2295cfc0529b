"""What goes over the wire, as values: a request, a reply, and a call that knows how to read its reply.

Pure. No socket and no clock; `transport` moves the bytes, `client` paces and repeats. Paths and limits:
docs/upstox.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

from sos.brokers.secret import Secret

__all__ = ["Access", "Body", "Call", "Category", "Host", "Pairs", "Reply", "Request", "path"]

T = TypeVar("T")
Pairs = tuple[tuple[str, str], ...]


class Category(StrEnum):
    """What shares one rate limit."""

    HISTORY = "history"
    QUOTES = "quotes"
    OPTIONS = "options"
    MARKET = "market"
    ACCOUNT = "account"
    LOGIN = "login"
    FILES = "files"
    ORDERS = "orders"


class Host(StrEnum):
    """Which of the configured base URLs."""

    API = "api"
    ORDERS = "orders"
    FILES = "files"


class Access(Enum):
    """Whether the bearer token goes along."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Body:
    """Fields of a form, or of a JSON object where ``is_json``. The transport reveals secret values."""

    fields: tuple[tuple[str, str | Secret], ...]
    is_json: bool = False

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(value for _, value in self.fields if isinstance(value, Secret))


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without base URL and token. Nothing in its repr is secret.

    ``name`` and ``subject`` are for messages and logs. ``path`` is percent-encoded, ``query`` is not.
    ``repeatable``: asking twice is the same as asking once, so a failed one may be sent again.
    """

    name: str
    path: str
    category: Category
    query: Pairs = ()
    subject: str = ""
    method: str = "GET"
    host: Host = Host.API
    access: Access = Access.REQUIRED
    headers: Pairs = ()
    body: Body | None = None
    repeatable: bool = True

    @property
    def target(self) -> str:
        """Path and query as they are sent: ``|`` as %7C, blank as %20, comma as it is."""
        if not self.query:
            return self.path
        return f"{self.path}?{urlencode(self.query, quote_via=quote, safe=',')}"

    @property
    def title(self) -> str:
        """How messages name this request, e.g. ``Upstox history of NSE_INDEX|Nifty 50``."""
        return f"Upstox {self.name} of {self.subject}" if self.subject else f"Upstox {self.name}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, headers with lower-case names, the whole body."""

    status: int
    body: bytes = field(repr=False)  # may hold a fresh token
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case; empty when it was not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and the way to read its reply; ``decode`` raises errors of the tree, nothing else."""

    request: Request
    decode: Callable[[Reply], T]


def path(*pieces: str) -> str:
    """Join pieces to an absolute path, each percent-encoded."""
    return "".join(f"/{quote(piece, safe='')}" for piece in pieces)
