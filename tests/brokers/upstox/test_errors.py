"""Every refusal becomes the class of its reaction and one line that says what to do."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sos import errors as tree
from sos.brokers.secret import Secret
from sos.brokers.upstox import auth, endpoints
from sos.brokers.upstox import errors as upstox
from sos.brokers.upstox.candles import Span, Unit
from sos.brokers.upstox.wire import Call, Reply
from tests.brokers.upstox.fakes import NOW, bad

DAY = date(2026, 4, 1)
APP = auth.App("app-id", Secret("SECRETVALUE"), "http://127.0.0.1:1/x")
CALLS: dict[str, Call[Any]] = {
    "profile": endpoints.profile(),
    "funds": endpoints.funds(),
    "expiries": endpoints.expiries("NSE_INDEX|Nifty 50"),
    "history": endpoints.history("NSE_FO|1", Span(Unit.MINUTES), DAY, DAY),
    "exchange": auth.exchange(APP, Secret("CODE42"), NOW),
    "request_token": auth.request_token(APP),
}
CASES = json.loads((Path(__file__).parent / "refusal_cases.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[3]}-{case[4]}-{case[5][0][:20]}")
def test_a_refusal_is_the_error_of_its_reaction(case: list[Any]) -> None:
    status, kind, body, name, expected, words = case
    raw = body.encode() if isinstance(body, str) else bad(*body)
    with pytest.raises(tree.BrokerError) as caught:
        CALLS[name].decode(Reply(status, raw, {"content-type": kind}))
    message = str(caught.value)
    assert type(caught.value).__name__ == expected
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert "SECRETVALUE" not in message
    assert caught.value.exit_code == 4


def test_the_classes_stand_where_their_reaction_is() -> None:
    assert issubclass(upstox.RateLimited, tree.Retryable)
    assert issubclass(upstox.Unreachable, tree.Retryable)
    assert issubclass(upstox.LoginNeeded, tree.Rejected)
    assert issubclass(upstox.NotAllowed, tree.Rejected)
    assert not issubclass(upstox.NotUnderstood, (tree.Retryable, tree.Rejected))


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"status":"success","data":{"x":' + b"[" * 200_000, b"\xff\xfe", b'{"data":"\xff"}'],
)
def test_a_hostile_body_is_an_error_of_the_tree(body: bytes) -> None:
    with pytest.raises(tree.BrokerError):
        CALLS["history"].decode(Reply(200, body))


def test_a_hostile_body_of_a_refusal_still_gives_the_refusal() -> None:
    with pytest.raises(upstox.LoginNeeded):
        CALLS["profile"].decode(Reply(401, b'{"errors":' + b"[" * 200_000))


def test_the_old_spelling_of_the_code_is_read_too() -> None:
    body = json.dumps({"status": "error", "errors": [None, {"errorCode": "UDAPI1154"}]}).encode()
    with pytest.raises(upstox.NotAllowed, match="static IP"):
        CALLS["profile"].decode(Reply(403, body))
