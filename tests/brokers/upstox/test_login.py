"""The flows of a login over loopback: the right message is waited for, the wrong ones are not taken."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from sos.brokers.secret import Secret
from sos.brokers.upstox import auth
from sos.brokers.upstox.listen import Incoming, listening
from sos.brokers.upstox.login import Login
from sos.brokers.upstox.token import Token, TokenStore, next_expiry
from sos.errors import BrokerError, ConfigError, Rejected
from tests.brokers.upstox.fakes import (
    NOW,
    TEXT,
    TOKEN,
    Broker,
    JumpingClock,
    bad,
    broker,
    good,
    reply,
    settings,
)

CODE, CLIENT_SECRET = "CODE42", "SECRET-of-the-app"
GRANT = {"access_token": TEXT, "user_id": "AB1234", "user_name": "A B"}
MESSAGE = {
    **GRANT,
    "client_id": "app-id",
    "token_type": "Bearer",
    "expires_at": "1795557600000",
    "message_type": "access_token",
}
OWNER = reply(good({"user_id": "AB1234", "user_name": "A B"}))


def app(redirect: str = "") -> auth.App:
    return auth.App("app-id", Secret(CLIENT_SECRET), redirect)


def free_url(path: str = "/callback") -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}{path}"


def flows(fake: Broker, show: Callable[[str], None] = lambda line: None) -> Login:
    return Login(settings(fake.url), JumpingClock(), show)


async def sent(url: str, method: str = "GET", **more: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **more) as response:
        return response.status, await response.text()


class Person:
    """Reads what is shown; `shown` waits for the first line."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, line: str) -> None:
        self._lines.put_nowait(line)

    async def shown(self) -> str:
        return await self._lines.get()


async def test_a_login_takes_the_redirect_with_its_own_state_and_exchanges_the_code_once() -> None:
    url, person = free_url(), Person()
    async with broker(reply(json.dumps(GRANT).encode())) as fake, asyncio.TaskGroup() as group:
        login = group.create_task(flows(fake, person).by_dialog(app(url), 20))
        dialog = urlsplit(await person.shown())
        asked = {name: values[0] for name, values in parse_qs(dialog.query).items()}
        assert dialog.path == "/v2/login/authorization/dialog"
        assert asked.pop("state")
        assert asked == {"response_type": "code", "client_id": "app-id", "redirect_uri": url}
        state = parse_qs(dialog.query)["state"][0]
        assert (await sent(f"{url}?code=EVIL&state=wrong"))[0] == 400
        assert (await sent(f"{url}?code=EVIL"))[0] == 400
        assert (await sent(f"{url}?state={state}"))[0] == 400
        assert (await sent(url.replace("/callback", "/other") + f"?code=EVIL&state={state}"))[0] == 404
        assert (await sent(f"{url}?code={CODE}&state={state}"))[0] == 200
        token = await login
    assert len(fake.seen) == 1
    assert b"code=CODE42" in fake.seen[0].body
    assert token.secret == Secret(TEXT)
    assert (token.user_id, token.user_name) == ("AB1234", "A B")
    assert token.expires_ns == next_expiry(NOW)


async def test_two_logins_never_share_a_state() -> None:
    states = []
    for _ in range(2):
        url, person = free_url(), Person()
        async with broker(reply(b"{}")) as fake:
            with pytest.raises(BrokerError):
                await flows(fake, person).by_dialog(app(url), 0.01)
        states.append(parse_qs(urlsplit(await person.shown()).query)["state"][0])
    assert states[0] != states[1]
    assert min(map(len, states)) >= 32


async def test_a_refusal_in_the_dialog_ends_the_login() -> None:
    url, person = free_url(), Person()
    async with broker(reply(b"")) as fake, asyncio.TaskGroup() as group:

        async def refused() -> None:
            with pytest.raises(Rejected, match=r"refused in the dialog \(access_denied\)"):
                await flows(fake, person).by_dialog(app(url), 20)

        login = group.create_task(refused())
        state = parse_qs(urlsplit(await person.shown()).query)["state"][0]
        await sent(f"{url}?error=access_denied&state={state}")
        await login
    assert fake.seen == []


async def test_a_login_that_nobody_completes_ends_in_one_line() -> None:
    async with broker(reply(b"")) as fake:
        with pytest.raises(BrokerError, match="nothing came"):
            await flows(fake).by_dialog(app(free_url()), 0.02)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:8000/x", "http://192.0.2.1:8000/x", "http://example.com/x", "http://127.0.0.1:x/"],
)
async def test_only_this_machine_is_listened_on(url: str) -> None:
    async with broker(reply(b"")) as fake:
        with pytest.raises(ConfigError, match=r"not on this machine|not an address"):
            await flows(fake).by_dialog(app(url), 1)


async def test_an_address_in_use_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(ConfigError, match="cannot listen there"):
            async with listening(url, lambda incoming: True):
                pass


async def test_the_listener_takes_the_first_good_message_only_and_large_ones_never() -> None:
    def judge(incoming: Incoming) -> str | None:
        return incoming.query or None

    async with listening("http://localhost:0/x", judge) as waiter:
        url = f"http://127.0.0.1:{waiter.port}/x"
        assert (await sent(url, "POST", data=b"x" * 100_000))[0] == 413
        await sent(f"{url}?first")
        await sent(f"{url}?second")
        assert await waiter.wait(5) == "first"


@pytest.mark.parametrize(
    "pasted", [CODE, f" {CODE} ", f"http://127.0.0.1/cb?code={CODE}&state=S", f"x?code={CODE}"]
)
def test_a_pasted_code_may_be_the_whole_address(pasted: str) -> None:
    assert auth.read_pasted(Secret(pasted)) == Secret(CODE)


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "no login code"),
        ("http://127.0.0.1/cb", "no login code"),
        ("http://x/?code=C&state=T", "another login"),
    ],
)
def test_a_pasted_text_without_the_code_is_refused(pasted: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        auth.read_pasted(Secret(pasted), "S" if "state" in pasted else None)


async def test_a_pasted_code_is_exchanged_and_asked_for_where_it_is_not_given() -> None:
    lines: list[str] = []
    async with broker(reply(json.dumps(GRANT).encode())) as fake:
        login = flows(fake, lines.append)
        given = await login.by_code(app("https://far.example/x"), Secret(CODE), lambda: Secret("unused"))
        asked = await login.by_code(app("https://far.example/x"), None, lambda: Secret(CODE))
    assert given.secret == asked.secret == Secret(TEXT)
    assert [seen.body.split(b"&")[0] for seen in fake.seen] == [b"code=CODE42"] * 2
    assert len(lines) == 1
    assert "dialog" in lines[0]


async def test_a_login_without_a_redirect_uri_says_what_to_set() -> None:
    async with broker(reply(b"")) as fake:
        with pytest.raises(ConfigError, match="SOS_UPSTOX_REDIRECT_URI"):
            await flows(fake).by_dialog(app(), 1)


async def test_a_requested_token_is_waited_for_and_its_owner_is_checked() -> None:
    url, person = free_url("/notify"), Person()
    asked = reply(good({"authorization_expiry": "1795557600000", "notifier_url": "https://far.example/n"}))
    async with broker(asked, OWNER) as fake, asyncio.TaskGroup() as group:
        login = group.create_task(flows(fake, person).by_request(app(), url, 20))
        assert "approve the request in the Upstox app before 03:30 IST" in await person.shown()
        for wrong in (
            b"{",
            b"[]",
            json.dumps({**MESSAGE, "client_id": "other"}).encode(),
            json.dumps({**MESSAGE, "message_type": "order"}).encode(),
            json.dumps({**MESSAGE, "access_token": ""}).encode(),
        ):
            assert (await sent(url, "POST", data=wrong))[0] == 400
        assert (await sent(url))[0] == 400
        assert (await sent(url, "POST", data=json.dumps(MESSAGE).encode()))[0] == 200
        token = await login
    assert (token.user_id, token.expires_ns) == ("AB1234", 1795557600000 * 1_000_000)
    assert [(seen.method, seen.target) for seen in fake.seen] == [
        ("POST", "/v3/login/auth/token/request/app-id"),
        ("GET", "/v2/user/profile"),
    ]
    assert json.loads(fake.seen[0].body) == {"client_secret": CLIENT_SECRET}
    assert "Authorization" not in fake.seen[0].headers
    assert fake.seen[1].headers["Authorization"] == f"Bearer {TEXT}"


async def test_a_delivered_token_of_somebody_else_is_not_kept() -> None:
    async with broker(reply(good({"user_id": "ZZ9999"}))) as fake:
        with pytest.raises(Rejected, match="another user"):
            await flows(fake).checked(TOKEN)


async def test_a_token_delivered_elsewhere_needs_a_forwarded_address() -> None:
    asked = reply(good({"authorization_expiry": None, "notifier_url": "https://far.example/n?key=1"}))
    async with broker(asked) as fake:
        with pytest.raises(
            ConfigError, match=r"far\.example/n, which is not this machine.*--listen"
        ) as caught:
            await flows(fake).by_request(app(), "", 1)
    assert "key=1" not in str(caught.value)


async def test_a_notifier_on_this_machine_is_listened_on_by_itself() -> None:
    url, person = free_url("/n"), Person()
    asked = reply(good({"notifier_url": url}))
    async with broker(asked, OWNER) as fake, asyncio.TaskGroup() as group:
        login = group.create_task(flows(fake, person).by_request(app(), "", 20))
        await person.shown()
        await sent(url, "POST", data=json.dumps(MESSAGE).encode())
        assert (await login).user_id == "AB1234"


@pytest.mark.parametrize(
    ("answer", "problem", "asked"),
    [
        (reply(good(True)), "", 1),
        (reply(bad("UDAPI100050"), 401), "", 1),  # dead already
        (reply(good(False)), "did not log out", 1),
        (reply(bad("UDAPI100500"), 500), "server failed", 1),
    ],
    ids=["revoked", "dead", "refused", "fault"],
)
async def test_a_logout_deletes_whatever_the_broker_says(
    answer: Any, problem: str, asked: int, tmp_path: Path
) -> None:
    store = TokenStore(tmp_path, {}, JumpingClock())
    store.save(TOKEN)
    async with broker(answer) as fake:
        done = await flows(fake).out(store)
    assert done.deleted
    assert problem in done.problem
    assert bool(problem) == bool(done.problem)
    assert not store.file.exists()
    assert [(seen.method, seen.target) for seen in fake.seen] == [("DELETE", "/v2/logout")] * asked


async def test_a_logout_without_network_deletes_and_says_so(tmp_path: Path) -> None:
    store = TokenStore(tmp_path, {}, JumpingClock())
    store.save(TOKEN)
    async with broker(reply(b"")) as fake:
        pass
    done = await flows(fake).out(store)
    assert done.deleted
    assert "no way to" in done.problem


async def test_an_expired_or_unreadable_token_is_deleted_without_asking(tmp_path: Path) -> None:
    store = TokenStore(tmp_path, {}, JumpingClock())
    async with broker(reply(b"")) as fake:
        store.save(Token(Secret(TEXT), expires_ns=NOW))
        assert (await flows(fake).out(store)).problem == ""
        store.save(TOKEN)
        store.file.chmod(0o644)
        assert "chmod 600" in (await flows(fake).out(store)).problem
        assert (await flows(fake).out(store)).deleted is False
    assert fake.seen == []
    assert not store.file.exists()


def test_the_app_comes_from_the_environment_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "upstox-app.toml"
    file.write_text('client_id = "of-file"\nclient_secret = "s"\nredirect_uri = "http://127.0.0.1:1/x"\n')
    file.chmod(0o600)
    found = auth.load_app(tmp_path, {"SOS_UPSTOX_CLIENT_ID": "of-env"})
    assert found == auth.App("of-env", Secret("s"), "http://127.0.0.1:1/x")


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (None, 0o600, "client_id and client_secret are not known: set SOS_UPSTOX_CLIENT_ID and"),
        ('client_id = "a"', 0o600, "client_secret are not known"),
        ("client_id = ", 0o600, "not valid TOML"),
        ('client_id = "a"\nsecret = "HIDDEN-VALUE"', 0o600, "secret is not known"),
        ('client_id = "a"\nclient_secret = "HIDDEN-VALUE"', 0o644, "chmod 600"),
    ],
)
def test_an_app_that_is_not_known_says_what_to_write(
    text: str | None, mode: int, words: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "upstox-app.toml").write_text(text)
        (tmp_path / "upstox-app.toml").chmod(mode)
    with pytest.raises(ConfigError, match=words) as caught:
        auth.load_app(tmp_path, {})
    assert "HIDDEN-VALUE" not in str(caught.value)
