"""Login, tokens, profile, funds: the flow as documented, and no token where it does not belong."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.clock import ist_datetime, ist_minute_of_day, ist_ns
from sos.sim import Response, Settings, World
from sos.sim.http import Request
from sos.sim.state import token_expiry
from sos.types import NS_PER_DAY, NS_PER_SECOND
from tests.sim.ask import DAY, HEADERS, NOW, TOKEN, ask, code, data, make_world

APP = {"client_id": "app", "redirect_uri": "http://127.0.0.1:5000/back"}
OPEN = {"user-agent": "browser"}


def login_code(world: World, now: int = NOW) -> str:
    query = {"response_type": "code", **APP}
    answer = ask(world, "/v2/login/authorization/dialog", now, headers=OPEN, params=query)
    assert answer.status == 302
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def exchange(world: World, now: int = NOW, **change: str) -> Response:
    form = {"client_secret": "s3cret", "grant_type": "authorization_code", **APP, **change}
    body = urlencode({name: value for name, value in form.items() if value}).encode()
    return ask(world, "/v2/login/authorization/token", now, "POST", body, OPEN)


def bearer(token: str) -> dict[str, str]:
    return {"user-agent": "t", "authorization": f"Bearer {token}"}


def test_the_dialog_leads_back_with_a_code_and_the_state() -> None:
    query = {"response_type": "code", "state": "a b&c", **APP}
    answer = ask(make_world(), "/v2/login/authorization/dialog", headers=OPEN, params=query)
    where = urlsplit(answer.headers["Location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == APP["redirect_uri"]
    assert parse_qs(where.query)["state"] == ["a b&c"]


def test_a_code_becomes_a_token_that_opens_the_reads() -> None:
    world = make_world()
    body = exchange(world, code=login_code(world)).json()
    assert "data" not in body  # the one answer without the envelope
    assert {"email", "exchanges", "products", "user_id", "access_token", "is_active"} <= set(body)
    assert ask(world, "/v2/user/profile", headers=bearer(body["access_token"])).status == 200


def test_a_token_looks_like_the_brokers_and_says_when_it_dies() -> None:
    world = make_world()
    token = exchange(world, code=login_code(world)).json()["access_token"]
    part = token.split(".")[1]
    claims = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["iss"] == "udapi-gateway-service"
    assert ist_datetime(claims["exp"] * NS_PER_SECOND).isoformat() == "2026-01-29T03:30:00+05:30"


def test_a_token_dies_at_half_past_three() -> None:
    world = make_world()
    token = exchange(world, code=login_code(world)).json()["access_token"]
    dies = ist_ns(date(2026, 1, 29), 3 * 60 + 30)
    assert ask(world, "/v2/user/profile", dies - 1, headers=bearer(token)).status == 200
    assert code(ask(world, "/v2/user/profile", dies, headers=bearer(token))) == (401, "UDAPI100050")


@given(st.integers(0, 400 * NS_PER_DAY))
def test_every_token_dies_at_the_next_half_past_three(offset: int) -> None:
    issued = ist_ns(date(2026, 1, 1)) + offset
    dies = token_expiry(issued)
    assert 0 < dies - issued <= NS_PER_DAY
    assert ist_minute_of_day(dies) == 3 * 60 + 30


def test_a_code_works_once_and_not_for_ever() -> None:
    world = make_world()
    used = login_code(world)
    assert exchange(world, code=used).status == 200
    assert code(exchange(world, code=used)) == (400, "UDAPI100057")
    late = login_code(world)
    assert code(exchange(world, NOW + 601 * NS_PER_SECOND, code=late)) == (400, "UDAPI100057")
    other = login_code(world)
    assert code(exchange(world, code=other, redirect_uri="http://127.0.0.1:1/")) == (400, "UDAPI100057")
    assert code(exchange(world, code=other)) == (400, "UDAPI100057")  # the failed try used it up


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("client_id", "UDAPI1017"),
        ("redirect_uri", "UDAPI1018"),
        ("code", "UDAPI1022"),
        ("grant_type", "UDAPI1023"),
        ("client_secret", "UDAPI1024"),
    ],
)
def test_a_form_without_a_field_is_refused(missing: str, error: str) -> None:
    assert code(exchange(make_world(), NOW, **{"code": "ABCDEF", missing: ""})) == (400, error)


def test_an_app_that_is_registered_is_checked() -> None:
    world = make_world(client_id="app", client_secret="s3cret", redirect_uri=APP["redirect_uri"])
    assert exchange(world, code=login_code(world)).status == 200
    assert code(exchange(world, code=login_code(world), client_secret="no")) == (400, "UDAPI100069")
    wrong = ask(
        world,
        "/v2/login/authorization/dialog",
        headers=OPEN,
        response_type="code",
        client_id="app",
        redirect_uri="http://127.0.0.1:1/",
    )
    assert code(wrong) == (400, "UDAPI100068")


@pytest.mark.parametrize("made", [False, True])
def test_logging_out_ends_a_token(made: bool) -> None:
    world = make_world()
    token = exchange(world, code=login_code(world)).json()["access_token"] if made else TOKEN
    assert ask(world, "/v2/logout", method="DELETE", headers=bearer(token)).json()["data"] is True
    assert ask(world, "/v2/user/profile", headers=bearer(token)).status == 401


def test_a_requested_token_goes_to_the_notifier() -> None:
    world = make_world(notifier_url="http://127.0.0.1:9/hook")
    answer = ask(
        world, "/v3/login/auth/token/request/app", method="POST", body=b'{"client_secret":"x"}', headers=OPEN
    )
    expiry = str(token_expiry(NOW) // 1_000_000)
    assert answer.json()["data"] == {
        "authorization_expiry": expiry,
        "notifier_url": "http://127.0.0.1:9/hook",
    }
    assert answer.webhook is not None
    message = orjson.loads(answer.webhook[1])
    assert (message["message_type"], message["expires_at"]) == ("access_token", expiry)
    assert all(isinstance(value, str) for value in message.values())
    assert ask(world, "/v2/user/profile", headers=bearer(message["access_token"])).status == 200
    nobody = ask(make_world(), "/v3/login/auth/token/request/app", method="POST", body=b"{}", headers=OPEN)
    assert code(nobody) == (400, "UDAPI1123")
    broken = ask(world, "/v3/login/auth/token/request/app", method="POST", body=b"[", headers=OPEN)
    assert code(broken) == (400, "UDAPI100038")


def test_profile_and_funds_have_the_documented_shape(world: World) -> None:
    profile = data(world, "/v2/user/profile")
    assert {"email", "exchanges", "products", "broker", "order_types", "ddpi", "poa"} <= set(profile)
    funds = data(world, "/v2/user/get-funds-and-margin")
    assert set(funds) == {"equity", "commodity"}
    assert funds["equity"]["available_margin"] == 500_000.0
    assert set(data(world, "/v2/user/get-funds-and-margin", segment="SEC")) == {"equity"}
    nested = data(world, "/v3/user/get-funds-and-margin")
    assert set(nested) == {"available_to_trade", "unavailable_to_trade"}
    assert nested["available_to_trade"]["cash_available_to_trade"]["margin_used"]["loss"]["total"] == 0.0


@pytest.mark.parametrize(("minute", "status"), [(0, 423), (329, 423), (330, 200), (1439, 200)])
def test_funds_are_closed_at_night(world: World, minute: int, status: int) -> None:
    for version in ("v2", "v3"):
        answer = ask(world, f"/{version}/user/get-funds-and-margin", ist_ns(DAY, minute))
        assert answer.status == status
        assert status == 200 or code(answer) == (423, "UDAPI100072")


@pytest.mark.parametrize(
    "value",
    [
        Settings(token="t0ken", client_secret="s3cret", notifier_url="http://127.0.0.1/?k=s3cret"),
        Request("GET", ("v2",), {"code": "t0ken"}, HEADERS, b"client_secret=s3cret", NOW),
        Response(200, b'{"access_token":"t0ken"}', {}, webhook=("http://x/?s3cret", b"t0ken")),
    ],
)
def test_no_secret_in_a_repr(value: Any) -> None:
    assert "t0ken" not in f"{value!r}{value}"
    assert "s3cret" not in f"{value!r}{value}"
    assert TOKEN not in f"{value!r}{value}"
