"""Getting and giving up a token: the app's credentials, the dialog's URL, and the calls of the login.

Pure but for `load_app`, which reads the credentials. A code, a secret and a token are `Secret`s from the
moment they are read; what the broker says about them is not repeated. Source: docs/upstox.md, login.
"""

from __future__ import annotations

import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec

from sos.brokers.secret import Secret
from sos.brokers.upstox.decode import Reader, Shape, check
from sos.brokers.upstox.token import Token, make_token, next_expiry, read_private
from sos.brokers.upstox.wire import Access, Body, Call, Category, Reply, Request, path
from sos.errors import BrokerError, ConfigError, Rejected
from sos.types import NS_PER_SECOND

__all__ = [
    "App",
    "Requested",
    "dialog_url",
    "exchange",
    "load_app",
    "read_notification",
    "read_pasted",
    "read_redirect",
    "request_token",
    "revoke",
]

T = TypeVar("T")
_APP_FILE: Final = "upstox-app.toml"
_APP_CREDENTIAL: Final = "upstox_app"
_NAMES: Final = ("client_id", "client_secret", "redirect_uri")
_NS_PER_MS: Final = NS_PER_SECOND // 1000


@dataclass(frozen=True, slots=True)
class App:
    """The API app of the user: what its page in the developer apps shows."""

    client_id: str
    client_secret: Secret
    redirect_uri: str = ""


@dataclass(frozen=True, slots=True)
class Requested:
    """A token was asked for: where it will be delivered, and until when (ns UTC) it may be approved."""

    notifier_url: str
    expires_ns: int | None


class _Grant(msgspec.Struct):
    access_token: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    client_id: str | None = None
    message_type: str | None = None
    expires_at: int | None = None

    def __repr__(self) -> str:
        return "_Grant(***)"


class _Requested(msgspec.Struct):
    notifier_url: str | None = None
    authorization_expiry: int | None = None


_GRANT: Final[Shape[_Grant]] = Shape(_Grant)
_REQUESTED: Final[Reader[_Requested]] = Reader(_Requested)
_DONE: Final[Reader[bool]] = Reader(bool)
_NOTIFIED: Final = Request("notification", "", Category.LOGIN)


def load_app(folder: Path, env: Mapping[str, str]) -> App:
    """The app's credentials: ``SOS_UPSTOX_CLIENT_ID``, ``_CLIENT_SECRET``, ``_REDIRECT_URI``, or a file.

    A variable wins over the file, which is the systemd credential ``upstox_app`` or ``upstox-app.toml``
    (0600) in ``folder``.

    Raises:
        ConfigError: id or secret is nowhere, or the file is wrong or readable by others.
    """
    stored = _stored_app(folder, env)
    found = {name: _from_env(env, name) or stored.get(name) for name in _NAMES}
    missing = [name for name in ("client_id", "client_secret") if not found[name]]
    if missing:
        variables = " and ".join(f"SOS_UPSTOX_{name.upper()}" for name in missing)
        raise ConfigError(
            f"the API app's {' and '.join(missing)} are not known: set {variables}, "
            f"or write client_id, client_secret, redirect_uri into {folder / _APP_FILE} (chmod 600)"
        )
    return App(
        _shown(found["client_id"]), found["client_secret"] or Secret(""), _shown(found["redirect_uri"])
    )


def dialog_url(api: str, app: App, state: str) -> str:
    """Where a person logs in; ends at the redirect URI with ``code`` and ``state``. Holds nothing secret."""
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "state": state,
    }
    return f"{api}/v2/login/authorization/dialog?{urlencode(query, quote_via=quote)}"


def read_redirect(query: str, state: str) -> Secret | None:
    """The code in the query of a redirect; None where the redirect is not the answer to this login.

    Raises:
        Rejected: the person or the broker refused.
    """
    fields = parse_qs(query)
    if not hmac.compare_digest(_last(fields, "state").encode(), state.encode()):
        return None
    if "error" in fields:
        reason = " ".join(_last(fields, "error").split())[:60]
        raise Rejected(f"Upstox login: refused in the dialog ({reason}); run sos auth login again")
    code = _last(fields, "code")
    return Secret(code) if code else None


def read_pasted(text: Secret, state: str | None = None) -> Secret:
    """A code as a person pastes it: bare, or the whole address to which the browser was sent.

    Args:
        text: what was pasted.
        state: what an address must carry; None where the dialog was opened by an earlier command.

    Raises:
        ConfigError: an address without a code, or with the state of another login.
    """
    if "://" not in text.reveal() and "code=" not in text.reveal():
        code = Secret(text.reveal().strip())
    else:
        fields = parse_qs(urlsplit(text.reveal().strip()).query)
        if state is not None and _last(fields, "state") != state:
            raise ConfigError("the pasted address belongs to another login; use the one shown last")
        code = Secret(_last(fields, "code"))
    if not code:
        raise ConfigError("no login code was given: paste the code, or the whole address it came with")
    return code


def exchange(app: App, code: Secret, now_ns: int) -> Call[Token]:
    """The token for a code. The code is spent even when this fails, so it is never sent twice."""
    request = Request(
        "login",
        path("v2", "login", "authorization", "token"),
        Category.LOGIN,
        method="POST",
        access=Access.NONE,
        repeatable=False,
        body=Body(
            (
                ("code", code),
                ("client_id", app.client_id),
                ("client_secret", app.client_secret),
                ("redirect_uri", app.redirect_uri),
                ("grant_type", "authorization_code"),
            )
        ),
    )

    def decode(reply: Reply) -> Token:
        check(reply, request)
        return _token(_grant(reply, request), now_ns)

    return Call(request, decode)


def revoke() -> Call[bool]:
    """Log out: the token is not valid any more. False where the broker says that it did not."""
    request = Request("logout", path("v2", "logout"), Category.LOGIN, method="DELETE", repeatable=False)
    return Call(request, lambda reply: _DONE.data(reply, request) is not False)


def request_token(app: App) -> Call[Requested]:
    """Ask that a person approves a token on the phone; it is delivered to the app's notifier URL."""
    request = Request(
        "token request",
        path("v3", "login", "auth", "token", "request", app.client_id),
        Category.LOGIN,
        method="POST",
        access=Access.NONE,
        repeatable=False,
        body=Body((("client_secret", app.client_secret),), is_json=True),
    )

    def decode(reply: Reply) -> Requested:
        data = _REQUESTED.data(reply, request) or _Requested()
        expiry = data.authorization_expiry
        return Requested(data.notifier_url or "", None if expiry is None else expiry * _NS_PER_MS)

    return Call(request, decode)


def read_notification(body: bytes, app: App, now_ns: int) -> Token | None:
    """The token in a message to the notifier URL; None where it is not one for this app.

    Nothing signs such a message: whoever takes it must ask the broker whose token it is before keeping it.
    """
    try:
        grant = _grant(Reply(200, body), _NOTIFIED)
    except BrokerError:
        return None
    if grant.message_type not in (None, "access_token") or not grant.access_token:
        return None
    if not hmac.compare_digest((grant.client_id or "").encode(), app.client_id.encode()):
        return None
    return _token(grant, now_ns)


def _grant(reply: Reply, request: Request) -> _Grant:
    """The fields of a grant; what is wrong with them is said without showing them."""
    try:
        return _GRANT.read(reply.body, request)
    except BrokerError as error:
        raise error.with_traceback(None) from None


def _token(grant: _Grant, now_ns: int) -> Token:
    if not grant.access_token:
        raise Rejected("Upstox login: the broker answered without a token; run sos auth login again")
    token = make_token(Secret(grant.access_token), now_ns, "the broker's answer", fresh=True)
    expires = token.expires_ns
    if grant.expires_at is not None:
        expires = grant.expires_at * _NS_PER_MS
    return replace(
        token,
        user_id=grant.user_id or token.user_id,
        user_name=grant.user_name or "",
        expires_ns=next_expiry(now_ns) if expires is None else expires,
    )


def _from_env(env: Mapping[str, str], name: str) -> Secret | None:
    value = env.get(f"SOS_UPSTOX_{name.upper()}", "").strip()
    return Secret(value) if value else None


def _stored_app(folder: Path, env: Mapping[str, str]) -> dict[str, Secret]:
    credentials = env.get("CREDENTIALS_DIRECTORY")
    text, where = None, folder / _APP_FILE
    if credentials:
        text = read_private(Path(credentials) / _APP_CREDENTIAL, checked=False)
    if text is None:
        text = read_private(where)
    return {} if text is None else _parsed(text, where)


def _parsed(text: Secret, where: Path) -> dict[str, Secret]:
    try:
        values = tomllib.loads(text.reveal())
    except tomllib.TOMLDecodeError:
        raise ConfigError(f'{where}: not valid TOML; write client_id = "...", one name a line') from None
    unknown = sorted(set(values) - set(_NAMES))
    if unknown:
        raise ConfigError(f"{where}: {unknown[0]} is not known; it holds {', '.join(_NAMES)}")
    return {name: Secret(str(value)) for name, value in values.items()}


def _shown(value: Secret | None) -> str:
    """A value of the file that is no secret."""
    return "" if value is None else value.reveal()


def _last(fields: Mapping[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[-1]
