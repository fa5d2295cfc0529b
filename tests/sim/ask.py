"""Asking a world without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

from sos.clock import ist_ns
from sos.data.sample import sample
from sos.data.series import SeriesData
from sos.sim import FaultBoard, Fixtures, Market, Response, SampleShelf, SeriesShelf, Settings, Shelf, World
from sos.types import NS_PER_SECOND

NIFTY = "NSE_INDEX|Nifty 50"
RELIANCE = "NSE_EQ|INE002A01018"
TOKEN = "let-me-in"
DAY = date(2026, 1, 28)
ELEVEN = ist_ns(DAY, 11 * 60)
NOW = ELEVEN + 30 * NS_PER_SECOND
HEADERS = {"authorization": f"Bearer {TOKEN}", "user-agent": "test", "accept": "application/json"}


def make_world(
    shelf: Shelf | None = None,
    faults: FaultBoard | None = None,
    fixtures: Fixtures | None = None,
    **settings: Any,
) -> World:
    """A world on the sample that knows `TOKEN`."""
    chosen = Settings(**{"token": TOKEN, **settings})
    return World(Market(shelf or SampleShelf()), chosen, faults, fixtures)


def ask(
    world: World,
    path: str,
    now: int = NOW,
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    wall_ns: int | None = None,
    params: Mapping[str, str] | None = None,
    **more: str,
) -> Response:
    sent = HEADERS if headers is None else headers
    return world.answer(method, path, {**(params or {}), **more}, sent, body, now, wall_ns)


def data(
    world: World, path: str, now: int = NOW, params: Mapping[str, str] | None = None, **more: str
) -> Any:
    """The data of an answer that must be good."""
    answer = ask(world, path, now, params={**(params or {}), **more})
    assert answer.status == 200, answer.body
    return answer.json()["data"]


def code(answer: Response) -> tuple[int, str]:
    """Status and error code; both spellings must agree."""
    error = answer.json()["errors"][0]
    assert answer.json()["status"] == "error"
    for old, new in (
        ("errorCode", "error_code"),
        ("propertyPath", "property_path"),
        ("invalidValue", "invalid_value"),
    ):
        assert error[old] == error[new]
    return answer.status, error["error_code"]


def history(key: str, unit: str, interval: int, to: str, start: str | None = None) -> str:
    path = f"/v3/historical-candle/{quote(key, safe='')}/{unit}/{interval}/{to}"
    return path if start is None else f"{path}/{start}"


def intraday(key: str, unit: str, interval: int) -> str:
    return f"/v3/historical-candle/intraday/{quote(key, safe='')}/{unit}/{interval}"


def nifty() -> tuple[SeriesData, SeriesData]:
    """The sample's index and its future."""
    index, future = sample("NIFTY")
    return index, future


def shelf_of(*series: SeriesData) -> SeriesShelf:
    return SeriesShelf(series)
