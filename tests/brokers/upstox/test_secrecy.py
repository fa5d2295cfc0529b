"""A secret is in no repr, log, message or traceback, not even one that shows variables."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from aiohttp import web

from sos.brokers.secret import Secret, scrub
from sos.brokers.upstox import auth, endpoints
from sos.brokers.upstox.token import TokenStore, make_token
from sos.brokers.upstox.wire import Call, Reply
from sos.errors import SosError
from tests.brokers.upstox.fakes import NOW, TEXT, TOKEN, JumpingClock, bad, broker, client, good, reply
from tests.brokers.upstox.test_client import dropped, silent

CODE, CLIENT_SECRET = "CODE-4242-CODE", "SECRET-of-the-app"
APP = auth.App("app-id", Secret(CLIENT_SECRET), "http://127.0.0.1:9/cb")
HERE = str(Path(__file__).parent)
HIDDEN = (TEXT, CODE, CLIENT_SECRET)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that anybody logs, with every field of every record."""
    stream = io.StringIO()

    class Everything(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            stream.write(f"{record.getMessage()} {record.__dict__}\n")

    handler, root = Everything(), logging.getLogger()
    names = ("aiohttp", "aiohttp.client", "aiohttp.access", "asyncio", "sos")
    levels = {name: logging.getLogger(name).level for name in ("", *names)}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def shown(error: BaseException) -> str:
    """All that a traceback can show, variables of every frame but this folder's included."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    part: traceback.TracebackException | None = whole
    while part is not None:
        part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(HERE)]
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
    return "".join(whole.format()) + str(error) + repr(error) + repr(error.args)


def echo(request: web.Request) -> bytes:
    """A broker that repeats what it was told."""
    return bad("UDAPI9999", f"you said {request.headers.get('Authorization')} {request.query_string}")


async def echoing(request: web.Request) -> web.StreamResponse:
    return reply(echo(request) + await request.read(), 400)


async def echoing_well(request: web.Request) -> web.StreamResponse:
    return reply(bad("UDAPI9999", f"you said {request.headers.get('Authorization')}"), 400)


CALLS: list[Call[Any]] = [
    endpoints.profile(),
    endpoints.holidays(),
    auth.exchange(APP, Secret(CODE), NOW),
    auth.request_token(APP),
    auth.revoke(),
]
FAULTS: list[Any] = [
    reply(bad("UDAPI100050"), 401),
    reply(bad("UDAPI10005"), 429),
    reply(b"<html>", 502, "text/html"),
    reply(b'{"status":"succ'),
    reply(b"7"),
    dropped,
    silent,
    echoing,
    echoing_well,
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.request.name)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: getattr(fault, "__name__", "reply"))
async def test_no_failure_shows_a_secret(call: Call[Any], fault: Any, log: io.StringIO) -> None:
    async with broker(fault) as fake, client(fake.url) as upstox:
        with pytest.raises(SosError) as caught:
            await upstox.call(call)
    text = shown(caught.value) + log.getvalue() + repr(upstox) + repr(call)
    assert not [hidden for hidden in HIDDEN if hidden in text]
    assert "\n" not in str(caught.value)


async def test_no_connection_shows_no_secret(log: io.StringIO) -> None:
    async with broker(reply(b"")) as fake:
        url = fake.url
    async with client(url) as upstox:
        with pytest.raises(SosError) as caught:
            await upstox.call(auth.exchange(APP, Secret(CODE), NOW))
        with pytest.raises(SosError) as again:
            await upstox.call(endpoints.profile())
    text = shown(caught.value) + shown(again.value) + log.getvalue()
    assert not [hidden for hidden in HIDDEN if hidden in text]


async def test_success_shows_no_secret_either(log: io.StringIO) -> None:
    async with broker(reply(good({}))) as fake, client(fake.url) as upstox:
        await upstox.call(endpoints.profile())
    assert "upstox.reply" in log.getvalue()
    assert TEXT not in log.getvalue()


@pytest.mark.parametrize("field", ["user_id", "user_name", "expires_at", "message_type"])
def test_a_broken_grant_does_not_show_its_token(field: str) -> None:
    body = json.dumps({"access_token": TEXT, field: {"not": "this"}}).encode()
    with pytest.raises(SosError) as caught:
        auth.exchange(APP, Secret(CODE), NOW).decode(Reply(200, body))
    assert not [hidden for hidden in HIDDEN if hidden in shown(caught.value)]
    assert auth.read_notification(body, APP, NOW) is None


@pytest.mark.parametrize(
    "text", ["{", '{"access_token": 7, "x": "%s"}', '{"access_token":"%s","kind":"odd"}', "%s x"]
)
def test_a_broken_token_file_does_not_show_its_text(text: str, tmp_path: Path) -> None:
    store = TokenStore(tmp_path, {}, JumpingClock())
    store.file.write_text(text.replace("%s", TEXT))
    store.file.chmod(0o600)
    with pytest.raises(SosError) as caught:
        store.load()
    assert TEXT not in shown(caught.value)


def test_a_token_that_cannot_be_one_is_refused_without_showing_it() -> None:
    with pytest.raises(SosError) as caught:
        make_token(Secret(TEXT + "\r\nX-Other: 1"), NOW)
    assert TEXT not in shown(caught.value)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda secret: f"{secret} {secret!r} {secret!s}",
        lambda secret: str([secret]) + str({secret: secret}),
        lambda secret: str(dir(secret)),
        lambda secret: repr(dataclasses.asdict(dataclasses.replace(TOKEN, secret=secret))),
        lambda secret: repr(copy.deepcopy(secret)) + repr(copy.copy(secret)),
    ],
)
def test_a_secret_is_not_in_any_text_of_it(show: Any) -> None:
    assert TEXT not in show(Secret(TEXT))


@pytest.mark.parametrize("dump", [json.dumps, orjson.dumps, msgspec.json.encode, pickle.dumps, vars])
def test_a_secret_is_not_serialised(dump: Any) -> None:
    with pytest.raises(TypeError):
        dump(Secret(TEXT))


def test_a_secret_is_equal_by_value_and_knows_when_it_is_empty() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    assert Secret("a").reveal() == "a"


def test_scrubbing_takes_every_secret_out_of_a_text() -> None:
    assert scrub("a LONGSECRET b LONGSECRET c OTHERONE", Secret("LONGSECRET"), None, Secret("OTHERONE")) == (
        "a *** b *** c ***"
    )
