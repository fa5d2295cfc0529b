"""The flows of a login: wait for a person, exchange, check, give up. Values in, a token out.

The shell over `auth`, `listen` and `client`: it shows texts by a callable, keeps nothing (the caller saves
the token), and sends a code or a secret exactly once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from sos.brokers.secret import Secret
from sos.brokers.upstox import endpoints
from sos.brokers.upstox.auth import (
    App,
    dialog_url,
    exchange,
    read_notification,
    read_pasted,
    read_redirect,
    request_token,
    revoke,
)
from sos.brokers.upstox.client import ClientSettings, UpstoxClient
from sos.brokers.upstox.errors import LoginNeeded
from sos.brokers.upstox.listen import Incoming, listening
from sos.brokers.upstox.token import Token, TokenStore
from sos.brokers.upstox.transport import is_loopback
from sos.clock import Clock, ist_datetime
from sos.errors import BrokerError, ConfigError, Rejected

__all__ = ["LoggedOut", "Login"]

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """What a logout did. ``problem`` is why the token could not be revoked, and empty where it is dead."""

    origin: str
    deleted: bool
    problem: str = ""


class Login:
    """The flows for one app.

    Args:
        settings: base URLs and times of the client.
        clock: the time; the person's patience is measured by the event loop.
        show: prints a line for the person.
    """

    def __init__(self, settings: ClientSettings, clock: Clock, show: Show) -> None:
        self._settings = settings
        self._clock = clock
        self._show = show

    async def by_dialog(self, app: App, timeout_s: float) -> Token:
        """Show the dialog's URL, wait for its redirect to this machine, exchange the code.

        Raises:
            ConfigError: the redirect URI is not on this machine.
            BrokerError: refused, not in time, or no network.
        """
        state = secrets.token_urlsafe(24)
        _need_redirect(app)

        def judge(incoming: Incoming) -> Secret | None:
            return read_redirect(incoming.query, state)

        async with listening(app.redirect_uri, judge) as waiter:
            self._show(dialog_url(self._settings.hosts.api, app, state))
            code = await waiter.wait(timeout_s)
        return await self._exchanged(app, code)

    async def by_code(self, app: App, pasted: Secret | None, ask: Callable[[], Secret]) -> Token:
        """Exchange a code that a person pasted; without one show the URL and ask for it."""
        _need_redirect(app)
        if pasted is not None:
            return await self._exchanged(app, read_pasted(pasted))
        state = secrets.token_urlsafe(24)
        self._show(dialog_url(self._settings.hosts.api, app, state))
        return await self._exchanged(app, read_pasted(ask(), state))

    async def by_request(self, app: App, listen_url: str, timeout_s: float) -> Token:
        """Ask for a token, wait until a person has approved it and it is delivered here, check whose it is.

        Args:
            app: id and secret.
            listen_url: where on this machine the notifier URL is forwarded to; empty is the notifier URL.
            timeout_s: how long to wait.

        Raises:
            ConfigError: there is nothing to listen on.
            BrokerError: refused, not in time, or the token is somebody else's.
        """

        def judge(incoming: Incoming) -> Token | None:
            if incoming.method != "POST":
                return None
            return read_notification(incoming.body, app, self._clock.now_ns())

        async with AsyncExitStack() as stack:
            waiter = await stack.enter_async_context(listening(listen_url, judge)) if listen_url else None
            async with UpstoxClient(_nobody, self._clock, self._settings) as client:
                asked = await client.call(request_token(app))
            if waiter is None:
                url = _deliverable(asked.notifier_url)
                waiter = await stack.enter_async_context(listening(url, judge))
            until = "" if asked.expires_ns is None else f" before {ist_datetime(asked.expires_ns):%H:%M} IST"
            self._show(f"approve the request in the Upstox app{until}; waiting for the token")
            token = await waiter.wait(timeout_s)
        return await self.checked(token)

    async def checked(self, token: Token) -> Token:
        """The token with the user to whom the broker says it belongs.

        Raises:
            Rejected: the broker does not take it, or it belongs to another user.
        """
        async with UpstoxClient(lambda: token, self._clock, self._settings) as client:
            profile = await client.call(endpoints.profile())
        if token.user_id and profile.user_id and token.user_id != profile.user_id:
            raise Rejected("Upstox login: the delivered token belongs to another user; it is not kept")
        return replace(
            token, user_id=profile.user_id or token.user_id, user_name=profile.user_name or token.user_name
        )

    async def out(self, store: TokenStore) -> LoggedOut:
        """Revoke the token in force and delete the file; it is deleted whatever the broker says.

        Raises:
            ConfigError: the file cannot be deleted.
        """
        origin, problem = "", ""
        try:
            token = store.load()
            origin = token.origin if token else ""
            problem = await self._revoked(token)
        except ConfigError as error:
            problem = str(error)
        finally:
            deleted = store.delete()
        return LoggedOut(origin, deleted, problem)

    async def _revoked(self, token: Token | None) -> str:
        """Empty once the token is dead, else why it may not be."""
        if token is None or (self._settings.own_clock and token.is_expired(self._clock.now_ns())):
            return ""
        try:
            async with UpstoxClient(lambda: token, self._clock, self._settings) as client:
                return "" if await client.call(revoke()) else "the broker did not log out"
        except LoginNeeded:
            return ""
        except BrokerError as error:
            return str(error)

    async def _exchanged(self, app: App, code: Secret) -> Token:
        async with UpstoxClient(_nobody, self._clock, self._settings) as client:
            return await client.call(exchange(app, code, self._clock.now_ns()))


def _nobody() -> None:
    """The token source of those who have none yet."""


def _need_redirect(app: App) -> None:
    if not app.redirect_uri:
        raise ConfigError(
            "the app's redirect URI is not known: set SOS_UPSTOX_REDIRECT_URI or write redirect_uri "
            "into upstox-app.toml, exactly as in the developer apps page"
        )


def _deliverable(url: str) -> str:
    """A notifier URL that is on this machine."""
    shown = url.partition("?")[0] or "an unknown address"
    host = shown.partition("://")[2].partition("/")[0].partition(":")[0]
    if not is_loopback(host):
        raise ConfigError(
            f"the token will be delivered to {shown}, which is not this machine: forward that address "
            "here and run again with --listen http://127.0.0.1:PORT/PATH"
        )
    return url
