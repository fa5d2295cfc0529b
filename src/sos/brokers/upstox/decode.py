"""Bytes to models: envelope, tolerance, and the errors for what cannot be read.

Pure. Unknown fields are ignored, every field may be missing or null, numbers may be texts. The first
reading is typed and fast; only when it fails is the body read again with empty and non-finite texts taken
as missing. What then still has a wrong type is `NotUnderstood` and names the field; what is cut off is
`Retryable`.
"""

from __future__ import annotations

import math
from typing import Any, Generic, TypeVar

import msgspec

from sos.brokers.upstox.errors import NotUnderstood, WireError, gateway_page, is_page, refusal
from sos.brokers.upstox.wire import Reply, Request
from sos.errors import Retryable

__all__ = ["Envelope", "Reader", "Shape"]

T = TypeVar("T")
_GOOD = (None, "success", "partial_success")


class Envelope(msgspec.Struct, Generic[T]):
    """What wraps every answer but that of the token exchange."""

    status: str | None = None
    data: T | None = None
    errors: list[WireError | None] | None = None


class Shape(Generic[T]):
    """Reads bodies of one type; made once per type, at import."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._fast: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind, strict=False)

    def read(self, body: bytes, request: Request) -> T:
        """The typed value of a body.

        Raises:
            Retryable: the body is empty, cut off or not JSON.
            NotUnderstood: it is JSON of another shape.
        """
        try:
            return self._fast.decode(body)
        except msgspec.ValidationError:
            return self._tolerant(body, request)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise _cut_off(request) from exc.with_traceback(None)
        except RecursionError as exc:
            raise NotUnderstood(f"{request.title}: the answer is nested too deep") from exc

    def _tolerant(self, body: bytes, request: Request) -> T:
        try:
            plain = _without_blanks(msgspec.json.decode(body))
            value: T = msgspec.convert(plain, self._kind, strict=False)
            return value
        except msgspec.ValidationError as exc:
            reason = " ".join(str(exc).split())[:200]
            raise NotUnderstood(f"{request.title}: the answer is not as known: {reason}") from exc
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise _cut_off(request) from exc.with_traceback(None)
        except RecursionError as exc:
            raise NotUnderstood(f"{request.title}: the answer is nested too deep") from exc


class Reader(Generic[T]):
    """Reads replies whose data is of one type inside the envelope."""

    def __init__(self, kind: Any) -> None:
        self._shape: Shape[Envelope[T]] = Shape(Envelope[kind])

    def data(self, reply: Reply, request: Request) -> T | None:
        """The data of a reply; None where the broker sent none.

        Raises:
            BrokerError: refused, cut off, a page, or of another shape (see `errors`).
        """
        check(reply, request)
        envelope = self._shape.read(reply.body, request)
        if envelope.status not in _GOOD:
            raise refusal(reply, request)
        return envelope.data


def check(reply: Reply, request: Request) -> None:
    """Pass a reply that can hold data.

    Raises:
        BrokerError: any status but 2xx, a page, or an empty body.
    """
    if not 200 <= reply.status < 300:
        raise refusal(reply, request)
    if is_page(reply):
        raise gateway_page(reply, request)
    if not reply.body.strip():
        raise _cut_off(request)


def _cut_off(request: Request) -> Retryable:
    return Retryable(f"{request.title}: the answer is cut off or not JSON; try again")


def _without_blanks(value: Any) -> Any:
    """The same tree with empty and non-finite texts as None."""
    if isinstance(value, dict):
        return {key: _without_blanks(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_blanks(item) for item in value]
    if isinstance(value, str) and _says_nothing(value):
        return None
    return value


def _says_nothing(text: str) -> bool:
    if not text.strip():
        return True
    if len(text) > 9 or text.strip().lstrip("+-").lower()[:3] not in ("nan", "inf"):
        return False
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False
