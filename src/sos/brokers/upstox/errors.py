"""What Upstox refuses, as errors of the tree: one class for each reaction, one line for each message.

BrokerError
├── Retryable
│   ├── RateLimited       wait longer: the limit of a category is used up (429)
│   └── Unreachable       no connection at all: the rest of the run does not try again
├── Rejected
│   ├── LoginNeeded       no token, or one that is not taken: a person has to log in
│   └── NotAllowed        this account, token or address may not ask that
└── NotUnderstood         the answer has a shape that this version does not know

Pure. Codes are keyed by ``error_code``, never by the broker's text; that text is shown only for codes that
are not in the table, shortened, and never for calls that carry a secret. Source: docs/upstox.md, errors.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sos.brokers.upstox.wire import Category, Reply, Request
from sos.errors import BrokerError, Rejected, Retryable

__all__ = [
    "LoginNeeded",
    "NotAllowed",
    "NotUnderstood",
    "RateLimited",
    "Unreachable",
    "WireError",
    "gateway_page",
    "is_page",
    "refusal",
]

_LONGEST_TEXT: Final = 160


class RateLimited(Retryable):
    """Too many requests: the whole category waits."""


class Unreachable(Retryable):
    """Name not found, connection refused or not answered in time: there is no network to the broker."""


class LoginNeeded(Rejected):
    """There is no valid token; only a person can get one."""


class NotAllowed(Rejected):
    """Account, kind of token, subscription or address do not allow this."""


class NotUnderstood(BrokerError):
    """The broker answered in a shape that is not known. The message names the field."""


class WireError(msgspec.Struct):
    """One entry of the error envelope; both spellings are sent."""

    error_code: str | None = None
    errorCode: str | None = None  # noqa: N815 - the deprecated twin on the wire
    message: str | None = None
    property_path: str | None = None

    @property
    def code(self) -> str:
        return self.error_code or self.errorCode or ""


class _Refusal(msgspec.Struct):
    errors: list[WireError | None] | None = None


_LOGIN: Final = "run: sos auth login"
_BY_CODE: Final[dict[str, tuple[type[BrokerError], str]]] = {
    "UDAPI100050": (LoginNeeded, f"the token is expired or not valid; {_LOGIN}"),
    "UDAPI100016": (LoginNeeded, f"the credentials are not valid; {_LOGIN}"),
    "UDAPI100067": (NotAllowed, f"this kind of token may not ask that; {_LOGIN} gives a full one"),
    "UDAPI100073": (NotAllowed, "the API app is inactive; activate it in the developer apps page"),
    "UDAPI1154": (
        NotAllowed,
        "refused by the static IP rule; register this machine's address in the developer apps page, "
        "then sos auth login",
    ),
    "UDAPI1149": (NotAllowed, "expired contracts need an Upstox Plus subscription"),
    "UDAPI100058": (NotAllowed, "the account has no active segment; activate one with the broker"),
    "UDAPI10005": (RateLimited, "too many requests; waiting"),
    "UDAPI100099": (RateLimited, "too many requests; waiting"),
    "UDAPI100500": (Retryable, "the broker's server failed; try again later"),
    "UDAPI100072": (Rejected, "funds are closed from 00:00 to 05:30 IST; ask after that"),
    "UDAPI100011": (Rejected, "unknown instrument key; look it up with sos data instruments"),
    "UDAPI1087": (Rejected, "unknown instrument key; look it up with sos data instruments"),
    "UDAPI1021": (Rejected, "the instrument key is not written as SEGMENT|ID"),
    "UDAPI1011": (Rejected, "the instrument key is not written as SEGMENT|ID"),
    "UDAPI1009": (Rejected, "an instrument key is missing"),
    "UDAPI1015": (Rejected, "the dates are not YYYY-MM-DD, or end before they begin"),
    "UDAPI1022": (Rejected, "the last date is missing"),
    "UDAPI1088": (Rejected, "the date is not valid; write YYYY-MM-DD"),
    "UDAPI1089": (Rejected, "unknown exchange; use NSE, NFO, BSE or BFO"),
    "UDAPI1146": (Rejected, "unknown unit; use minutes, hours, days, weeks or months"),
    "UDAPI1147": (Rejected, "the interval is out of range for its unit"),
    "UDAPI1148": (Rejected, "the range is longer than the broker gives at once"),
    "UDAPI1020": (Rejected, "unknown interval"),
    "UDAPI1027": (Rejected, "the interval is missing; use 1d, I1 or I30"),
    "UDAPI1028": (Rejected, "unknown interval; use 1d, I1 or I30"),
    "UDAPI100042": (Rejected, "more than 500 keys at once"),
    "UDAPI100043": (Rejected, "more than 500 keys at once"),
    "UDAPI100076": (Rejected, "more than 50 keys at once"),
    "UDAPI100060": (Rejected, "nothing is there; check the key and the dates"),
    "UDAPI10000": (Rejected, "the request is not known to the broker; SOS may be too old"),
    "UDAPI100015": (Rejected, "the API version is missing; check the configured base URL"),
    "UDAPI1198": (Rejected, "unknown data type"),
    "UDAPI1199": (Rejected, "unknown interval; use 1D or 1M"),
    "UDAPI1200": (Rejected, "the first date is not valid; write YYYY-MM-DD"),
    "UDAPI1202": (Rejected, "the expiry is not valid; write YYYY-MM-DD"),
    "UDAPI1203": (Rejected, "the date is not valid; write YYYY-MM-DD"),
    "UDAPI1204": (Rejected, "the interval in days is not valid"),
    "UDAPI1205": (Rejected, "the bucket in minutes is not valid"),
}
# The same numbers mean other things when logging in.
_BY_LOGIN_CODE: Final[dict[str, tuple[type[BrokerError], str]]] = {
    "UDAPI100057": (Rejected, "the login code is wrong or was used before; run sos auth login again"),
    "UDAPI100068": (
        Rejected,
        "client id and redirect URI do not belong together; compare them with the app's",
    ),
    "UDAPI100069": (Rejected, "client id or secret is wrong; compare them with the app's"),
    "UDAPI100070": (Rejected, "the redirect URI is not the app's; compare them"),
    "UDAPI1017": (Rejected, "the client id is missing"),
    "UDAPI1018": (Rejected, "the redirect URI is missing"),
    "UDAPI1022": (Rejected, "the login code is missing"),
    "UDAPI1023": (Rejected, "the grant type is missing"),
    "UDAPI1024": (Rejected, "the client secret is missing"),
    "UDAPI1123": (Rejected, "the app has no notifier URL; enter one in the developer apps page"),
    "UDAPI1124": (Rejected, "tokens on request are for individual users only; run: sos auth login"),
}
_BY_STATUS: Final[dict[int, tuple[type[BrokerError], str]]] = {
    401: (LoginNeeded, f"the token is not taken; {_LOGIN}"),
    403: (NotAllowed, "the broker forbids this"),
    404: (Rejected, "nothing is there; check the key, the dates and the base URL"),
    408: (Retryable, "the broker gave up waiting; try again"),
    423: (Rejected, "closed at this hour; ask between 05:30 and 24:00 IST"),
    429: (RateLimited, "too many requests; waiting"),
}
# Classes that say more than the status they come with.
_STATUS_WINS: Final = {429: RateLimited}


def refusal(reply: Reply, request: Request) -> BrokerError:
    """The error that an unsuccessful reply stands for.

    Args:
        reply: any status, any body.
        request: what was asked; for a login the broker's text stays out of the message.

    Returns:
        An error of the tree with a one-line message; it is not raised here.
    """
    if is_page(reply):
        return gateway_page(reply, request)
    errors = _entries(reply.body)
    code, entry = next(((error.code, error) for error in errors if error.code), ("", None))
    kind, text = _known(code, request) or _by_status(reply.status, entry, request)
    kind = _STATUS_WINS.get(reply.status, kind)
    where = f"HTTP {reply.status}, {code}" if code else f"HTTP {reply.status}"
    return kind(f"{request.title}: {text} ({where})")


def is_page(reply: Reply) -> bool:
    """Whether the body is an HTML page, whatever its header says."""
    return reply.body[:256].lstrip()[:1] == b"<" or (
        reply.content_type == "text/html" and reply.body[:256].lstrip()[:1] not in (b"{", b"[")
    )


def gateway_page(reply: Reply, request: Request) -> BrokerError:
    """A page of the gateway in front of the broker instead of an answer."""
    start, where = reply.body[:20_000].lower(), f"(HTTP {reply.status}, a page instead of data)"
    if reply.status == 429 or b"rate limit" in start or b"error 1015" in start:
        return RateLimited(f"{request.title}: the gateway asks for fewer requests; waiting {where}")
    if reply.status == 401:
        return LoginNeeded(f"{request.title}: the gateway does not take the token; {_LOGIN} {where}")
    if reply.status < 400 or reply.status >= 500:
        return Retryable(f"{request.title}: the gateway answered for the broker; try again later {where}")
    if reply.status == 403:
        return NotAllowed(f"{request.title}: the gateway blocks this address for now; wait a while {where}")
    return Rejected(f"{request.title}: check the configured base URL {where}")


def _known(code: str, request: Request) -> tuple[type[BrokerError], str] | None:
    if request.category is Category.LOGIN and code in _BY_LOGIN_CODE:
        return _BY_LOGIN_CODE[code]
    return _BY_CODE.get(code)


def _by_status(status: int, entry: WireError | None, request: Request) -> tuple[type[BrokerError], str]:
    said = ""
    if entry is not None and entry.message and request.category is not Category.LOGIN:
        said = f": {' '.join(entry.message.split())[:_LONGEST_TEXT]}"
    if status >= 500:
        return Retryable, f"the broker's server failed{said}; try again later"
    if 300 <= status < 400:
        return Rejected, "the broker points elsewhere; check the configured base URL"
    kind, text = _BY_STATUS.get(status, (Rejected, "refused"))
    return kind, text + said


def _entries(body: bytes) -> list[WireError]:
    """The error entries of a body; a body that has none gives none, the status then says enough."""
    try:
        found = msgspec.json.decode(body, type=_Refusal).errors or []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [entry for entry in found if entry is not None]
