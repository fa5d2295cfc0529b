"""Requests and responses of the simulator as plain values, and the broker's envelopes.

Pure: no socket. A handler returns a `Response` or raises `Problem`, which `World.answer` turns into the
error envelope with both spellings of every key.
Source: the broker's documented response and error structure (docs/sim.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

__all__ = ["JSON", "Problem", "Request", "Response", "html", "json_response", "ok"]

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``path`` is decoded and split, header names are in lower case, ``now`` is ns UTC."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: int
    args: Mapping[str, str] = field(default_factory=dict)
    user: str = ""

    def __repr__(self) -> str:
        return f"<Request {self.method} /{'/'.join(self.path)}>"  # headers and body hold secrets


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back, and how badly.

    ``delay_ns``: wait before answering. ``keep``: send only so many bytes of the body, then drop the
    connection; None sends all. ``reset``: drop the connection without an answer. ``webhook``: (URL, JSON
    body) to post after the answer.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    delay_ns: int = 0
    keep: int | None = None
    reset: bool = False
    webhook: tuple[str, bytes] | None = None

    def json(self) -> Any:
        """The decoded body."""
        return orjson.loads(self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"  # a body may hold a token


class Problem(Exception):
    """A refusal on its way to the error envelope; never leaves the simulator."""

    def __init__(
        self, status: int, code: str, message: str, path: str | None = None, value: object = None
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.path = path
        self.value = value

    def response(self) -> Response:
        """The error envelope, new and deprecated key styles side by side."""
        error = {
            "errorCode": self.code,
            "message": self.message,
            "propertyPath": self.path,
            "invalidValue": self.value,
            "error_code": self.code,
            "property_path": self.path,
            "invalid_value": self.value,
        }
        return json_response({"status": "error", "errors": [error]}, self.status)


def json_response(value: object, status: int = 200) -> Response:
    """Any JSON body."""
    return Response(status, orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), {"Content-Type": JSON})


def ok(data: object, **more: object) -> Response:
    """The success envelope."""
    return json_response({"status": "success", "data": data, **more})


def html(status: int, title: str) -> Response:
    """A page of the gateway in front of the API: not JSON."""
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Response(status, page.encode(), {"Content-Type": "text/html; charset=UTF-8"})
