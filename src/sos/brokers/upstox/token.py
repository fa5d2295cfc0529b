"""The access token: what it is, when it dies, and where it is kept.

Read from, in this order: ``SOS_UPSTOX_TOKEN``, the systemd credential ``upstox_token``, the file
``upstox-token.json`` (mode 0600) in the configuration folder. The first that is there is taken. Only the file
is ever written, whole or not at all. The text of a token is a `Secret`; it leaves this module as one.
Source: docs/upstox.md, tokens.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from sos.brokers.secret import Secret
from sos.clock import Clock, ist_date, ist_datetime, ist_ns
from sos.errors import ConfigError
from sos.types import NS_PER_DAY, NS_PER_SECOND

__all__ = ["Token", "TokenKind", "TokenStore", "make_token", "next_expiry", "read_private"]

_FILE: Final = "upstox-token.json"
_CREDENTIAL: Final = "upstox_token"
_VARIABLE: Final = "SOS_UPSTOX_TOKEN"
_DIES_AT: Final = 3 * 60 + 30  # minute of the day, IST
_OTHERS: Final = 0o077


class TokenKind(StrEnum):
    """``analytics``: read-only, valid for a year, made in the developer apps page."""

    STANDARD = "standard"
    ANALYTICS = "analytics"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. ``expires_ns`` (ns UTC) is None where nothing says it; then only the broker knows.

    ``origin`` is where it was read, for messages.
    """

    secret: Secret
    kind: TokenKind = TokenKind.STANDARD
    user_id: str = ""
    user_name: str = ""
    expires_ns: int | None = None
    origin: str = ""

    def is_expired(self, now_ns: int) -> bool:
        return self.expires_ns is not None and now_ns >= self.expires_ns

    @property
    def expires_text(self) -> str:
        """The expiry as people write it, in IST; ``unknown`` where it is."""
        if self.expires_ns is None:
            return "unknown"
        return f"{ist_datetime(self.expires_ns):%Y-%m-%d %H:%M} IST"


def next_expiry(issued_ns: int) -> int:
    """When a standard token issued then dies: the next 03:30 IST, whatever its age."""
    today = ist_ns(ist_date(issued_ns), _DIES_AT)
    return today if issued_ns < today else ist_ns(ist_date(issued_ns) + timedelta(days=1), _DIES_AT)


class _Claims(msgspec.Struct):
    exp: float | None = None
    iat: float | None = None
    sub: str | None = None


class _Stored(msgspec.Struct):
    access_token: str
    kind: TokenKind = TokenKind.STANDARD
    user_id: str = ""
    user_name: str = ""
    expires_ns: int | None = None

    def __repr__(self) -> str:
        return "_Stored(***)"


def make_token(secret: Secret, now_ns: int, origin: str = "", *, fresh: bool = False) -> Token:
    """A token from its text alone; what its claims say about user, expiry and kind is believed.

    Args:
        secret: the text.
        now_ns: the time, to tell a daily token from one of a year.
        origin: where it was found.
        fresh: it was issued just now, so that without claims it dies at the next 03:30 IST.

    Raises:
        ConfigError: the text cannot be a token.
    """
    if not _is_plain(secret):
        raise ConfigError(f"{origin or 'the token'}: not a token (blank, or characters that no token has)")
    claims = _claims(secret)
    expires = None if claims.exp is None else int(claims.exp) * NS_PER_SECOND
    if expires is None and fresh:
        expires = next_expiry(now_ns)
    issued = now_ns if claims.iat is None else int(claims.iat) * NS_PER_SECOND
    lasts_longer = expires is not None and expires - issued > NS_PER_DAY
    kind = TokenKind.ANALYTICS if lasts_longer else TokenKind.STANDARD
    return Token(secret, kind, claims.sub or "", "", expires, origin)


class TokenStore:
    """Where the token of this machine is.

    Args:
        folder: the configuration folder; made with mode 0700 when something is kept.
        env: the environment.
        clock: for what depends on the time of reading.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], clock: Clock) -> None:
        self._folder = folder
        self._env = env
        self._clock = clock

    @property
    def file(self) -> Path:
        return self._folder / _FILE

    def load(self) -> Token | None:
        """The token that is there, expired or not; None when there is none.

        Raises:
            ConfigError: a file that others can read, or that does not hold a token.
        """
        if self._env.get(_VARIABLE, "").strip():
            secret = Secret(self._env[_VARIABLE].strip())
            return make_token(secret, self._clock.now_ns(), f"environment {_VARIABLE}")
        return self._from_credential() or self._from_file()

    def save(self, token: Token) -> Token:
        """Write the file, whole or not at all, mode 0600; the token with the file as its origin.

        Raises:
            ConfigError: it cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(self.file, token)
        except OSError as exc:
            reason = exc.strerror or "output error"
            raise ConfigError(f"{self.file}: the token cannot be kept there ({reason})") from exc
        return replace(token, origin=str(self.file))

    def delete(self) -> bool:
        """Remove the file; False where there was none.

        Raises:
            ConfigError: it cannot be removed.
        """
        try:
            self.file.unlink()
        except FileNotFoundError:
            return False
        except OSError as exc:
            reason = exc.strerror or "output error"
            raise ConfigError(f"{self.file}: cannot be removed ({reason}); delete it by hand") from exc
        return True

    def _from_credential(self) -> Token | None:
        folder = self._env.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return None
        text = read_private(Path(folder) / _CREDENTIAL, checked=False)
        return None if text is None else self._read(text, f"credential {_CREDENTIAL}")

    def _from_file(self) -> Token | None:
        text = read_private(self.file)
        return None if text is None else self._read(text, str(self.file))

    def _read(self, text: Secret, origin: str) -> Token:
        """A stored record, or the bare text of a token."""
        if not text.reveal().lstrip().startswith("{"):
            return make_token(Secret(text.reveal().strip()), self._clock.now_ns(), origin)
        try:
            stored = msgspec.json.decode(text.reveal(), type=_Stored)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise ConfigError(f"{origin}: does not hold a token; run: sos auth login") from None
        secret = Secret(stored.access_token)
        if not _is_plain(secret):
            raise ConfigError(f"{origin}: does not hold a token; run: sos auth login")
        return Token(secret, stored.kind, stored.user_id, stored.user_name, stored.expires_ns, origin)


def read_private(path: Path, *, checked: bool = True) -> Secret | None:
    """The text of a file that only its owner may read; None when it is not there.

    Args:
        path: the file.
        checked: refuse one that group or world can read (systemd guards its credentials itself).

    Raises:
        ConfigError: readable by others, not readable at all, or not text.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if checked and os.name == "posix" and mode & _OTHERS:
                raise ConfigError(f"{path}: others can read it (mode {mode:04o}); run: chmod 600 {path}")
            return Secret(file.read(1 << 20).decode("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror or 'input error'})") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not text") from None


def _write_private(path: Path, token: Token) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".token-")  # 0600 from the first byte on
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_stored(token))
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _stored(token: Token) -> bytes:
    record = _Stored(token.secret.reveal(), token.kind, token.user_id, token.user_name, token.expires_ns)
    return msgspec.json.format(msgspec.json.encode(record))


def _is_plain(secret: Secret) -> bool:
    """Whether a header can carry it: printable ASCII without blanks."""
    return bool(secret) and all("!" <= letter <= "~" for letter in secret.reveal())


def _claims(secret: Secret) -> _Claims:
    """What a JWT says about itself, unverified; nothing where it is not one."""
    parts = secret.reveal().split(".")
    if len(parts) != 3:
        return _Claims()
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Claims, strict=False)
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        return _Claims()
    return claims if _sane(claims.exp) and _sane(claims.iat) else _Claims(sub=claims.sub)


def _sane(seconds: float | None) -> bool:
    """A time between 1970 and the year 2200, or none."""
    return seconds is None or 0 <= seconds < 7.3e9
