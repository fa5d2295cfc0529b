"""Recorded answers: a folder of captures that are given back for the same request.

Reads the folder named, once. A capture is a JSON object (plain or gzip) with ``endpoint``,
``request_params``, ``recorded_at`` and ``response``; one of an error holds ``http_status`` and ``body``
there. A capture answers only from the moment at which it was recorded.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import orjson

from sos.errors import DataError
from sos.sim.http import JSON, Request, Response, json_response
from sos.types import NS_PER_SECOND

__all__ = ["Fixtures"]

_PATH_PARAMS: Final = frozenset({"unit", "interval", "to_date", "from_date"})


@dataclass(frozen=True, slots=True)
class _Capture:
    recorded_ns: int
    response: Response


class Fixtures:
    """Captures by path and query."""

    def __init__(self, captures: Mapping[tuple[str, frozenset[tuple[str, str]]], _Capture]) -> None:
        self._captures = captures

    def __len__(self) -> int:
        return len(self._captures)

    @property
    def last_ns(self) -> int:
        """When the latest was recorded, ns UTC; 0 without any."""
        return max((one.recorded_ns for one in self._captures.values()), default=0)

    @classmethod
    def load(cls, folder: Path) -> Fixtures:
        """Every capture of a GET in the folder.

        Raises:
            DataError: the folder or a file in it cannot be read, or holds no capture at all.
        """
        found: dict[tuple[str, frozenset[tuple[str, str]]], _Capture] = {}
        try:
            paths = sorted(path for path in folder.iterdir() if path.name.endswith((".json", ".json.gz")))
            for path in paths:
                capture = _read(path)
                if "endpoint" in capture:
                    found[_key_of(capture)] = _capture(capture)
        except (OSError, EOFError, orjson.JSONDecodeError, KeyError, ValueError, TypeError) as exc:
            raise DataError(f"{folder}: recorded answers cannot be read: {exc}") from exc
        if not found:
            raise DataError(f"{folder}: holds no recorded answers of the broker's reads")
        return cls(found)

    def answer(self, request: Request) -> Response | None:
        """The recorded answer to this request, or None."""
        if request.method != "GET":
            return None
        found = self._captures.get(("/" + "/".join(request.path), frozenset(request.query.items())))
        return found.response if found is not None and found.recorded_ns <= request.now else None


def _read(path: Path) -> Mapping[str, Any]:
    raw = path.read_bytes()
    value = orjson.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    if not isinstance(value, dict):
        raise TypeError(f"{path.name} is no capture")
    return value


def _key_of(capture: Mapping[str, Any]) -> tuple[str, frozenset[tuple[str, str]]]:
    """Parameters that stand in the path already are no query."""
    path = unquote(capture["endpoint"])
    params = capture.get("request_params", {})
    query = {name: str(value) for name, value in params.items() if f"/{value}" not in path}
    return path, frozenset((name, value) for name, value in query.items() if name not in _PATH_PARAMS)


def _capture(capture: Mapping[str, Any]) -> _Capture:
    recorded = datetime.fromisoformat(capture["recorded_at"]).astimezone(UTC)
    response = capture["response"]
    if "http_status" in response:
        answer = Response(int(response["http_status"]), response["body"].encode(), {"Content-Type": JSON})
    else:
        answer = json_response(response)
    return _Capture(int(recorded.timestamp() * NS_PER_SECOND), answer)
