"""Where the token is kept, who may read it, and when it dies."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.brokers.secret import Secret
from sos.brokers.upstox.token import Token, TokenKind, TokenStore, make_token, next_expiry
from sos.clock import IST
from sos.errors import ConfigError
from sos.types import NS_PER_DAY, NS_PER_SECOND
from tests.brokers.upstox.fakes import NOW, TEXT, TOKEN, JumpingClock, jwt

SECONDS = NOW // NS_PER_SECOND


def store(folder: Path, **env: str) -> TokenStore:
    return TokenStore(folder, env, JumpingClock())


@pytest.mark.parametrize(
    ("issued", "dies"),
    [
        ("2026-11-23 10:00", "2026-11-24 03:30"),
        ("2026-11-23 02:30", "2026-11-23 03:30"),
        ("2026-11-23 03:29", "2026-11-23 03:30"),
        ("2026-11-23 03:30", "2026-11-24 03:30"),
        ("2026-12-31 23:59", "2027-01-01 03:30"),
    ],
)
def test_a_standard_token_dies_at_the_next_half_past_three(issued: str, dies: str) -> None:
    at, end = (datetime.fromisoformat(text).replace(tzinfo=IST) for text in (issued, dies))
    assert next_expiry(int(at.timestamp()) * NS_PER_SECOND) == int(end.timestamp()) * NS_PER_SECOND


@given(st.integers(631_152_000, 3_786_912_000))
def test_no_standard_token_lives_longer_than_a_day(seconds: int) -> None:
    issued = seconds * NS_PER_SECOND
    dies = datetime.fromtimestamp(next_expiry(issued) // NS_PER_SECOND, IST)
    assert 0 < next_expiry(issued) - issued <= NS_PER_DAY
    assert (dies.hour, dies.minute, dies.second) == (3, 30, 0)


def test_what_is_saved_is_loaded_again_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    kept = store(tmp_path / "new" / "folder")
    saved = kept.save(replace(TOKEN, user_name="A B", kind=TokenKind.ANALYTICS))
    assert kept.load() == saved
    assert saved.origin == str(kept.file)
    assert kept.file.stat().st_mode & 0o777 == 0o600
    assert kept.file.parent.stat().st_mode & 0o077 == 0
    assert [path.name for path in kept.file.parent.iterdir()] == [kept.file.name]


def test_a_failed_save_leaves_the_old_token_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store(tmp_path)
    old = kept.save(TOKEN)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        kept.save(replace(TOKEN, secret=Secret("another")))
    assert kept.load() == old
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o602, 0o610])
def test_a_file_that_others_may_touch_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    kept = store(tmp_path)
    kept.save(TOKEN)
    kept.file.chmod(mode)
    with pytest.raises(ConfigError, match=rf"mode {mode:04o}\); run: chmod 600 "):
        kept.load()


def test_the_environment_wins_over_the_credential_and_that_over_the_file(tmp_path: Path) -> None:
    store(tmp_path).save(replace(TOKEN, secret=Secret("of-the-file")))
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "upstox_token").write_text("of-systemd\n")
    texts = []
    for env in (
        {"SOS_UPSTOX_TOKEN": "of-the-environment ", "CREDENTIALS_DIRECTORY": str(credentials)},
        {"CREDENTIALS_DIRECTORY": str(credentials)},
        {"CREDENTIALS_DIRECTORY": str(tmp_path / "absent")},
        {"SOS_UPSTOX_TOKEN": ""},
    ):
        token = store(tmp_path, **env).load()
        assert token is not None
        texts.append((token.secret.reveal(), token.origin.split(" ")[0]))
    file = str(store(tmp_path).file)
    assert texts == [
        ("of-the-environment", "environment"),
        ("of-systemd", "credential"),
        ("of-the-file", file),
        ("of-the-file", file),
    ]


def test_without_any_token_there_is_none_and_nothing_to_delete(tmp_path: Path) -> None:
    assert store(tmp_path).load() is None
    assert store(tmp_path).delete() is False


def test_a_deleted_token_is_gone(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.save(TOKEN)
    assert kept.delete() is True
    assert kept.load() is None


@pytest.mark.parametrize(
    "text", ["", "two words", "{}", '{"access_token": ""}', '{"access_token": 7}', "{", "\x00"]
)
def test_a_file_without_a_token_says_so(tmp_path: Path, text: str) -> None:
    kept = store(tmp_path)
    kept.file.write_text(text)
    kept.file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"not a token|does not hold a token"):
        kept.load()


def test_a_file_that_is_a_folder_says_so(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.file.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        kept.load()


def test_the_claims_of_a_token_say_user_expiry_and_kind() -> None:
    day = jwt(sub="AB1234", iat=SECONDS - 60, exp=SECONDS + 3600)
    year = jwt(sub="AB1234", iat=SECONDS, exp=SECONDS + 365 * 86_400)
    token = make_token(Secret(day), NOW, fresh=True)
    assert (token.user_id, token.kind) == ("AB1234", TokenKind.STANDARD)
    assert token.expires_ns == NOW + 3600 * NS_PER_SECOND
    assert make_token(Secret(year), NOW).kind is TokenKind.ANALYTICS


@pytest.mark.parametrize(
    "text", ["plain", "a.b.c", "a.!!!.c", jwt(exp="soon"), jwt(exp=1e300), jwt(exp=-1), jwt()]
)
def test_a_token_without_sane_claims_is_still_a_token(text: str) -> None:
    assert make_token(Secret(text), NOW).expires_ns is None
    assert make_token(Secret(text), NOW, fresh=True).expires_ns == next_expiry(NOW)


@given(st.text(max_size=60))
def test_any_text_is_a_token_or_a_refusal(text: str) -> None:
    try:
        token = make_token(Secret(text), NOW)
    except ConfigError:
        assert not text or not all("!" <= letter <= "~" for letter in text)
    else:
        assert token.secret == Secret(text)


def test_an_expiry_is_reached_at_its_moment() -> None:
    token = Token(Secret(TEXT), expires_ns=NOW)
    assert token.is_expired(NOW)
    assert not token.is_expired(NOW - 1)
    assert not Token(Secret(TEXT)).is_expired(NOW + 10 * 365 * NS_PER_DAY)
    assert token.expires_text == "2026-11-23 10:00 IST"
