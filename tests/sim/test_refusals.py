"""Every refusal has the documented status and code, in both spellings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sos.sim import World
from sos.sim.world import ROUTES
from tests.sim.ask import HEADERS, NIFTY, NOW, ask, code, make_world

CASES = json.loads((Path(__file__).parent / "refusals.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "error"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_it_refuses(
    world: World, method: str, path: str, query: dict[str, str], status: int, error: str
) -> None:
    assert code(ask(world, path, method=method, params=query)) == (status, error)


def test_a_refused_parameter_is_named_as_the_broker_names_it(world: World) -> None:
    answer = ask(world, "/v3/historical-candle/NSE_INDEX%7CNifty%2050/day/1/2026-01-27")
    error = answer.json()["errors"][0]
    assert error["property_path"] == "getHistoricalCandleData.unit"
    assert error["invalid_value"] == "day"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.auth], ids=lambda route: route.template)
def test_without_a_good_token_a_read_that_needs_one_is_refused(world: World, route: object) -> None:
    path = route.template  # type: ignore[attr-defined]
    method = route.method  # type: ignore[attr-defined]
    for headers in (
        {"user-agent": "test"},
        {"user-agent": "test", "authorization": "Bearer wrong"},
        {"user-agent": "test", "authorization": HEADERS["authorization"].removeprefix("Bearer ")},
    ):
        assert code(ask(world, path, method=method, headers=headers)) == (401, "UDAPI100050")


def test_candles_holidays_and_timings_need_no_token(world: World) -> None:
    for path in (
        "/v3/historical-candle/NSE_INDEX%7CNifty%2050/days/1/2026-01-27",
        "/v3/historical-candle/intraday/NSE_INDEX%7CNifty%2050/minutes/5",
        "/v2/market/holidays",
        "/v2/market/timings/2026-01-28",
        "/market-quote/instruments/exchange/BSE.json.gz",
    ):
        assert ask(world, path, headers={"user-agent": "test"}).status == 200


def test_a_client_without_a_user_agent_meets_the_gateway_page() -> None:
    answer = ask(make_world(), "/v2/user/profile", headers={"authorization": HEADERS["authorization"]})
    assert answer.status == 403
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert ask(make_world(user_agent=False), "/v2/market/holidays", headers={}).status == 200


def test_only_json_is_served(world: World) -> None:
    answer = ask(world, "/v2/user/profile", headers={**HEADERS, "accept": "text/csv"})
    assert answer.status == 406


@pytest.mark.parametrize(
    ("path", "most", "error"),
    [
        ("/v3/market-quote/ltp", 500, "UDAPI100043"),
        ("/v3/market-quote/ohlc", 500, "UDAPI100043"),
        ("/v3/market-quote/quotes", 500, "UDAPI100042"),
        ("/v2/market-quote/quotes", 500, "UDAPI100042"),
        ("/v3/market-quote/option-greek", 50, "UDAPI100076"),
    ],
)
def test_more_keys_than_allowed_are_refused(world: World, path: str, most: int, error: str) -> None:
    strangers = [f"NSE_EQ|INE{n:09d}" for n in range(most - 1)]
    full = ",".join([NIFTY, *strangers])
    assert ask(world, path, instrument_key=full, interval="1d").status == 200
    assert code(ask(world, path, instrument_key=f"{full},NSE_EQ|ONE", interval="1d")) == (400, error)


def test_without_the_plus_plan_expired_contracts_are_refused() -> None:
    world = make_world(plus=False)
    answer = ask(world, "/v2/expired-instruments/expiries", NOW, instrument_key=NIFTY)
    assert code(answer) == (403, "UDAPI1149")
