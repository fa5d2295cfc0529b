"""`sos auth`: get a token, look at it, give it up.

Secrets come from the environment, a 0600 file or standard input, never from the command line; what is printed
never holds one.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from sos.cli.options import Json
from sos.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from sos.brokers.secret import Secret
    from sos.brokers.upstox.auth import App
    from sos.brokers.upstox.login import Login
    from sos.brokers.upstox.token import Token

__all__ = ["commands"]

_Minutes: TypeAlias = Annotated[
    float, typer.Option("--timeout", metavar="MINUTES", min=0.01, max=1440.0, help="How long to wait.")
]


def commands() -> typer.Typer:
    """The group `sos auth`."""
    group = typer.Typer(
        help="Log in to the broker, show and revoke the token.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("login")(login)
    group.command("request")(request)
    group.command("store")(store)
    group.command("status")(status)
    group.command("logout")(logout)
    return group


def login(
    code: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="The code or the whole redirected address; - asks for it."),
    ] = None,
    timeout: _Minutes = 5.0,
) -> None:
    """Show the login dialog's address, wait for its redirect on this machine, keep the token."""
    import asyncio

    from sos.brokers.secret import Secret

    flows, app = _flows(), _app()
    if code is None:
        token = asyncio.run(flows.by_dialog(app, timeout * 60))
    else:
        pasted = None if code == "-" else Secret(code)
        token = asyncio.run(flows.by_code(app, pasted, lambda: _typed("code or address: ")))
    _keep(token)


def request(
    listen: Annotated[
        str, typer.Option(metavar="URL", help="Where on this machine the notifier URL is forwarded to.")
    ] = "",
    timeout: _Minutes = 10.0,
) -> None:
    """Ask for a token that you approve on the phone, and wait until it is delivered."""
    import asyncio

    _keep(asyncio.run(_flows().by_request(_app(), listen, timeout * 60)))


def store(
    analytics: Annotated[
        bool, typer.Option("--analytics", help="It is a read-only token of a year.")
    ] = False,
) -> None:
    """Keep a token made in the developer apps page; it is read from standard input."""
    from dataclasses import replace

    from sos.brokers.upstox.token import TokenKind, make_token
    from sos.clock import SystemClock

    token = make_token(_typed("token: "), SystemClock().now_ns(), "standard input", fresh=not analytics)
    _keep(replace(token, kind=TokenKind.ANALYTICS) if analytics else token)


def status(as_json: Json = False) -> None:
    """Say what the token is, whose, and how long it lives; exit 4 when there is none that lives."""
    from sos.cli.broker import is_simulated, token_store
    from sos.clock import SystemClock

    clock = SystemClock()
    token = token_store(os.environ, clock).load()
    left = None
    if token is not None and token.expires_ns is not None:
        left = (token.expires_ns - clock.now_ns()) // 60_000_000_000
    if as_json:
        import orjson

        fields = {} if token is None else _fields(token, left, token.is_expired(clock.now_ns()))
        print(orjson.dumps({"present": token is not None, **fields}).decode())
    elif token is not None:
        _describe(token, left)
    if token is None:
        raise BrokerError("there is no access token; run: sos auth login")
    if token.is_expired(clock.now_ns()) and not is_simulated(os.environ):
        raise BrokerError(f"the token expired on {token.expires_text}; run: sos auth login")


def logout() -> None:
    """Revoke the token at the broker and delete it here, even when the broker does not answer."""
    import asyncio

    from sos.cli.broker import token_store
    from sos.clock import SystemClock

    done = asyncio.run(_flows().out(token_store(os.environ, SystemClock())))
    print("the token is deleted here" if done.deleted else "there was no token file")
    if done.origin.startswith(("environment", "credential")):
        print(f"the token in force comes from the {done.origin}: remove it there too")
    if done.problem:
        raise BrokerError(f"the token may still be valid until it expires: {done.problem}")


def _flows() -> Login:
    from sos.brokers.upstox.login import Login
    from sos.cli.broker import client_settings
    from sos.clock import SystemClock

    return Login(client_settings(os.environ), SystemClock(), lambda line: print(line, flush=True))


def _app() -> App:
    from sos.brokers.upstox.auth import load_app
    from sos.config import config_files

    return load_app(config_files(os.environ)[-1].parent, os.environ)


def _keep(token: Token) -> None:
    from sos.cli.broker import token_store
    from sos.clock import SystemClock

    kept = token_store(os.environ, SystemClock()).save(token)
    print(f"logged in as {_who(kept)}; valid until {kept.expires_text}; kept in {kept.origin}")
    if os.environ.get("SOS_UPSTOX_TOKEN"):
        print("sos: SOS_UPSTOX_TOKEN is set and wins over the file: unset it", file=sys.stderr)


def _fields(token: Token, left: int | None, expired: bool) -> dict[str, object]:
    from sos.clock import ist_iso

    return {
        "kind": token.kind,
        "user_id": token.user_id,
        "user_name": token.user_name,
        "expires": None if token.expires_ns is None else ist_iso(token.expires_ns),
        "minutes_left": None if left is None else max(0, left),
        "expired": expired,
        "origin": token.origin,
    }


def _describe(token: Token, left: int | None) -> None:
    lifetime = "" if left is None else f" ({max(0, left)} minutes left)"
    print(f"kind     {token.kind}")
    print(f"user     {_who(token)}")
    print(f"expires  {token.expires_text}{lifetime}")
    print(f"from     {token.origin}")


def _who(token: Token) -> str:
    name = f" ({token.user_name})" if token.user_name else ""
    return f"{token.user_id or 'unknown user'}{name}"


def _typed(prompt: str) -> Secret:
    """A line of standard input; nothing is echoed where a person types it.

    Raises:
        ConfigError: there is none.
    """
    import getpass

    from sos.brokers.secret import Secret

    text = Secret((getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip())
    if not text:
        raise ConfigError("nothing was given on standard input")
    return text
