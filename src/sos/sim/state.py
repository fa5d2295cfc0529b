"""What the simulated broker remembers between requests: login codes and tokens. Nothing else changes.

Pure: the caller gives the time. Tokens are made up here, look like the broker's and are worth nothing
outside; even so they never appear in a repr.
Source: the broker's documented login flow; a token dies at 03:30 IST whatever its age.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final

import orjson

from sos.clock import ist_date, ist_ns
from sos.types import NS_PER_SECOND

__all__ = ["Settings", "State", "token_expiry"]

_EXPIRY_MINUTE: Final = 3 * 60 + 30
_CODE_NS: Final = 600 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Settings:
    """Switches. The defaults are what the broker is known or assumed to do.

    ``token`` is accepted beside those of the token endpoint, at any time. ``client_id``, ``client_secret``
    and ``redirect_uri`` are checked where given. ``notifier_url`` gets a token after a token request.
    ``plus`` False refuses expired contracts. ``before_open`` True answers the intraday read before the open
    with the last working day. ``unknown_is_error`` refuses quotes of which no key is known.
    """

    user_id: str = "SIM001"
    token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    redirect_uri: str | None = None
    notifier_url: str | None = field(default=None, repr=False)
    limits: bool = True
    plus: bool = True
    user_agent: bool = True
    before_open: bool = False
    unknown_is_error: bool = True
    funds: float = 500_000.0


def token_expiry(issued_ns: int) -> int:
    """The next 03:30 IST after ``issued_ns``, ns UTC."""
    day = ist_date(issued_ns)
    today = ist_ns(day, _EXPIRY_MINUTE)
    return today if issued_ns < today else ist_ns(day + timedelta(days=1), _EXPIRY_MINUTE)


@dataclass(slots=True)
class _Code:
    client_id: str
    redirect_uri: str
    made_ns: int


class State:
    """Codes and tokens. A token is good until its expiry, also where simulated time is moved back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codes: dict[str, _Code] = {}
        self._expiries: dict[str, int] = {}
        self._static_off = False
        self._made = 0

    def new_code(self, client_id: str, redirect_uri: str, now: int) -> str:
        """A login code: six characters, for one exchange within ten minutes."""
        self._made += 1
        code = base64.b32encode(sha256(f"code {self._made}".encode()).digest())[:6].decode()
        self._codes[code] = _Code(client_id, redirect_uri, now)
        return code

    def take_code(self, code: str, client_id: str, redirect_uri: str, now: int) -> bool:
        """Use up a code, whatever comes of it; whether it was good."""
        found = self._codes.pop(code, None)
        return (
            found is not None
            and (found.client_id, found.redirect_uri) == (client_id, redirect_uri)
            and now - found.made_ns <= _CODE_NS
        )

    def new_token(self, now: int) -> str:
        """A token that dies at the next 03:30 IST."""
        self._made += 1
        expiry = token_expiry(now)
        claims = {
            "sub": self._settings.user_id,
            "jti": sha256(f"token {self._made}".encode()).hexdigest()[:24],
            "isMultiClient": False,
            "isPlusPlan": self._settings.plus,
            "iat": now // NS_PER_SECOND,
            "iss": "udapi-gateway-service",
            "exp": expiry // NS_PER_SECOND,
        }
        head = _part({"typ": "JWT", "keyId": "sim", "alg": "HS256"})
        body = _part(claims)
        mark = base64.urlsafe_b64encode(sha256(f"{head}.{body}".encode()).digest()).rstrip(b"=").decode()
        token = f"{head}.{body}.{mark}"
        self._expiries[token] = expiry
        return token

    def user_of(self, authorization: str, now: int) -> str | None:
        """The user behind an Authorization header; None if it is worth nothing at ``now``."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        if token == self._settings.token and not self._static_off:
            return self._settings.user_id
        return self._settings.user_id if now < self._expiries.get(token, now) else None

    def forget(self, authorization: str) -> None:
        """Log a token out."""
        token = authorization.partition(" ")[2]
        if token == self._settings.token:
            self._static_off = True
        self._expiries.pop(token, None)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()
