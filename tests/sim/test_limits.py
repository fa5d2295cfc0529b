"""Rate limits: the (n+1)-th request in a window is refused, and no window ever holds more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.clock import ManualClock
from sos.sim.limits import LIMITS, Limiter
from sos.types import NS_PER_MINUTE, NS_PER_SECOND
from tests.sim.ask import NIFTY, NOW, ask, code, data, make_world

SMALL = {"standard": ((1000, 3), (10_000, 8)), "orders": ((1000, 1),), "free": ()}


@pytest.mark.parametrize(
    ("window", "most", "gap"),
    [(NS_PER_SECOND, 50, 0), (NS_PER_MINUTE, 500, 20_100_000), (30 * NS_PER_MINUTE, 2000, 125_000_000)],
)
def test_the_request_after_the_last_allowed_one_is_429(window: int, most: int, gap: int) -> None:
    world, clock = make_world(), ManualClock(NOW)
    for _ in range(most):
        assert ask(world, "/v2/user/profile", wall_ns=clock.now_ns()).status == 200
        clock.advance_to(clock.now_ns() + gap)
    assert code(ask(world, "/v2/user/profile", wall_ns=clock.now_ns())) == (429, "UDAPI10005")
    clock.advance_to(NOW + window)
    assert ask(world, "/v2/user/profile", wall_ns=clock.now_ns()).status == 200


def test_each_endpoint_and_each_caller_has_a_bucket_of_its_own() -> None:
    world = make_world()
    for _ in range(50):
        ask(world, "/v2/user/profile", wall_ns=NOW)
    assert ask(world, "/v2/user/profile", wall_ns=NOW).status == 429
    assert ask(world, "/v2/market/holidays", wall_ns=NOW).status == 200
    candles = "/v3/historical-candle/NSE_INDEX%7CNifty%2050/days/1/2026-01-27"
    for _ in range(50):
        assert ask(world, candles, wall_ns=NOW, headers={"user-agent": "t"}).status == 200
    assert ask(world, candles, wall_ns=NOW, headers={"user-agent": "t"}).status == 429
    assert ask(world, candles, wall_ns=NOW).status == 200


def test_instrument_files_are_not_counted_and_limits_can_be_switched_off() -> None:
    world = make_world()
    for _ in range(60):
        assert ask(world, "/market-quote/instruments/exchange/NSE.csv.gz", wall_ns=NOW).status == 404
    free = make_world(limits=False)
    for _ in range(60):
        data(free, "/v2/market-quote/ltp", instrument_key=NIFTY)


def test_a_refusal_carries_no_hint_and_costs_nothing() -> None:
    world = make_world()
    for _ in range(50):
        ask(world, "/v2/user/profile", wall_ns=NOW)
    for _ in range(500):
        assert ask(world, "/v2/user/profile", wall_ns=NOW + 1).status == 429
    assert set(ask(world, "/v2/user/profile", wall_ns=NOW + 1).headers) == {"Content-Type"}
    assert ask(world, "/v2/user/profile", wall_ns=NOW + NS_PER_SECOND).status == 200


@given(st.lists(st.integers(0, 3000), max_size=120), st.sampled_from(["standard", "orders", "free"]))
def test_no_window_of_any_schedule_holds_more_than_its_limit(gaps: list[int], category: str) -> None:
    limiter, now, taken = Limiter(SMALL), 0, list[int]()
    for gap in gaps:
        now += gap
        admitted = limiter.admit(("a",), category, now)
        full = any(sum(now - length < at <= now for at in taken) >= most for length, most in SMALL[category])
        assert admitted == (not full)
        if admitted:
            taken.append(now)


def test_the_documented_limits_are_those_in_force() -> None:
    minute = NS_PER_MINUTE
    assert LIMITS["standard"] == ((NS_PER_SECOND, 50), (minute, 500), (30 * minute, 2000))
    assert LIMITS["orders"] == ((NS_PER_SECOND, 10), (minute, 500), (30 * minute, 2000))
