"""`sos auth`: what is printed, the exit codes, and that no secret is among it."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sos.cli.broker import client_settings, token_store
from sos.clock import SystemClock
from sos.errors import ConfigError
from tests.brokers.upstox.fakes import jwt
from tests.cli.conftest import Sos

FAR = 4_000_000_000  # seconds, the year 2096
TEXT = jwt(sub="AB1234", exp=FAR)


@pytest.fixture
def upstox(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[int, Any]]]:
    """A broker on loopback in a thread: path to (status, answer)."""
    answers: dict[str, tuple[int, Any]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = answers.get(self.path, (404, {}))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_any  # noqa: N815 - the library's names

        def log_message(self, *arguments: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("SOS_UPSTOX_API_URL", f"http://127.0.0.1:{server.server_port}")
        yield answers
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_without_a_token_the_status_is_exit_four_and_says_how_to_get_one(sos: Sos) -> None:
    done = sos("auth", "status")
    assert (done.code, done.out) == (4, "")
    assert done.err == "sos: there is no access token; run: sos auth login\n"
    assert json.loads(sos("auth", "status", "--json").out) == {"present": False}


def test_a_stored_token_is_described_without_being_shown(sos: Sos, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, TEXT + "\n")
    stored = sos("auth", "store", "--analytics")
    assert stored.code == 0, stored.err
    assert stored.out.startswith("logged in as AB1234; valid until 2096-")
    shown = sos("auth", "status")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines()] == ["kind", "user", "expires", "from"]
    assert "analytics" in shown.out
    fields = json.loads(sos("auth", "status", "--json").out)
    assert (fields["kind"], fields["user_id"], fields["expired"]) == ("analytics", "AB1234", False)
    assert fields["minutes_left"] > 1_000_000
    assert TEXT not in stored.out + stored.err + shown.out + shown.err + str(fields)


def test_an_expired_token_is_exit_four(sos: Sos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOS_UPSTOX_TOKEN", jwt(sub="AB1234", exp=1_700_000_000))
    done = sos("auth", "status")
    assert done.code == 4
    assert "(0 minutes left)" in done.out
    assert "the token expired on 2023-11-15 03:43 IST; run: sos auth login" in done.err


def test_a_file_that_others_can_read_is_exit_two(sos: Sos, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, TEXT)
    sos("auth", "store")
    token_store(os.environ, SystemClock()).file.chmod(0o644)
    done = sos("auth", "status")
    assert done.code == 2
    assert "chmod 600" in done.err


def test_a_code_is_exchanged_and_kept_then_given_up(
    sos: Sos, upstox: dict[str, tuple[int, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ID", "app"), ("SECRET", "SECRET-of-the-app")):
        monkeypatch.setenv(f"SOS_UPSTOX_CLIENT_{name}", value)
    monkeypatch.setenv("SOS_UPSTOX_REDIRECT_URI", "https://far.example/cb")
    upstox["/v2/login/authorization/token"] = 200, {"access_token": "opaque-token", "user_id": "AB1234"}
    typed(monkeypatch, "CODE42\n")
    done = sos("auth", "login", "--code", "-")
    assert done.code == 0, done.err
    dialog, kept = done.out.splitlines()
    assert "/v2/login/authorization/dialog?response_type=code&client_id=app&" in dialog
    assert "logged in as AB1234; valid until " in kept
    assert " 03:30 IST" in kept
    assert "opaque-token" not in done.out + done.err
    assert "SECRET-of-the-app" not in done.out + done.err
    upstox["/v2/logout"] = 200, {"status": "success", "data": True}
    gone = sos("auth", "logout")
    assert (gone.code, gone.out) == (0, "the token is deleted here\n")
    assert sos("auth", "status").code == 4


def test_a_logout_that_cannot_revoke_deletes_and_is_exit_four(
    sos: Sos, upstox: dict[str, tuple[int, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, TEXT)
    sos("auth", "store")
    upstox["/v2/logout"] = 500, {}
    done = sos("auth", "logout")
    assert (done.code, done.out) == (4, "the token is deleted here\n")
    assert "may still be valid" in done.err
    assert not token_store(os.environ, SystemClock()).file.exists()


def test_a_login_without_the_app_says_what_to_set(sos: Sos) -> None:
    done = sos("auth", "login")
    assert done.code == 2
    assert "SOS_UPSTOX_CLIENT_ID" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_token_in_the_environment_that_hides_the_new_one_is_said(
    sos: Sos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOS_UPSTOX_TOKEN", "another.token.text")
    typed(monkeypatch, TEXT)
    assert "SOS_UPSTOX_TOKEN is set and wins" in sos("auth", "store").err


@pytest.mark.parametrize("text", ["", "\n", "two words\n"])
def test_nothing_or_nonsense_on_standard_input_is_exit_two(
    sos: Sos, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    typed(monkeypatch, text)
    assert sos("auth", "store").code == 2


def test_a_simulator_takes_the_place_of_every_host(tmp_path: Path) -> None:
    hosts = client_settings({"SOS_UPSTOX_API_URL": "http://127.0.0.1:9000/"}).hosts
    assert {hosts.api, hosts.files, hosts.orders} == {"http://127.0.0.1:9000"}
    assert client_settings({}).hosts.api == "https://api.upstox.com"
    with pytest.raises(ConfigError, match="https"):
        client_settings({"SOS_UPSTOX_API_URL": "http://example.com"})
