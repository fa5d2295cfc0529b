"""No schedule of requests, however mean, gets more through than a window allows."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.brokers.upstox.errors import Unreachable
from sos.brokers.upstox.limits import DOCUMENTED, Bucket, Limit, buckets
from sos.brokers.upstox.retry import Backoff, Circuit
from sos.brokers.upstox.wire import Category
from sos.types import NS_PER_MINUTE, NS_PER_SECOND

LIMITS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 200)), min_size=1, max_size=3).map(tuple)
STEPS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["ask", "ask", "ask", "close"])), max_size=80)


@given(LIMITS, STEPS)
def test_no_window_ever_holds_more_than_its_limit(
    limits: tuple[Limit, ...], steps: list[tuple[int, str]]
) -> None:
    bucket, now, closed, starts = Bucket(limits), 0, 0, list[int]()
    for wait, action in steps:
        now += wait
        if action == "close":
            closed = max(closed, now + 37)
            bucket.close(now + 37)
        else:
            starts.append(bucket.reserve(now))
            assert starts[-1] >= max(now, closed)
    assert starts == sorted(starts)
    for count, window in limits:
        assert all(later - earlier >= window for earlier, later in zip(starts, starts[count:], strict=False))


@given(st.integers(1, 5), st.integers(1, 100), st.lists(st.integers(0, 300), max_size=40))
def test_a_request_waits_no_longer_than_it_must(count: int, window: int, waits: list[int]) -> None:
    bucket, now, starts = Bucket(((count, window),)), 0, list[int]()
    for wait in waits:
        now += wait
        soonest = max([now, *starts[-1:], *([starts[-count] + window] if len(starts) >= count else [])])
        starts.append(bucket.reserve(now))
        assert starts[-1] == soonest


def test_what_a_bucket_forgets_is_never_needed_again() -> None:
    bucket = Bucket(((3, 100), (2, 10)))
    starts = [bucket.reserve(0) for _ in range(100)]
    assert all(later - earlier >= 100 for earlier, later in zip(starts, starts[3:], strict=False))


def test_a_closed_bucket_says_so_until_its_time() -> None:
    bucket = Bucket(((1, 10),))
    bucket.close(100)
    assert bucket.is_closed(99)
    assert not bucket.is_closed(100)


def test_the_share_leaves_room_and_never_nothing() -> None:
    half = buckets(0.5)
    history = half[Category.HISTORY]
    assert [history.reserve(0) for _ in range(26)] == [0] * 25 + [NS_PER_SECOND]
    login = half[Category.LOGIN]
    assert [login.reserve(0) for _ in range(2)] == [0, NS_PER_SECOND]


def test_the_documented_limits_hold_over_half_an_hour() -> None:
    bucket = Bucket(DOCUMENTED[Category.HISTORY])
    starts = [bucket.reserve(0) for _ in range(4_001)]
    assert starts[49] < NS_PER_SECOND <= starts[50]
    assert starts[499] < NS_PER_MINUTE <= starts[500]
    assert starts[1999] < 30 * NS_PER_MINUTE <= starts[2000]
    assert starts[4000] >= 60 * NS_PER_MINUTE


@given(st.integers(1, 200), st.integers(0, 2**32))
def test_delays_double_are_jittered_and_bounded(failures: int, seed: int) -> None:
    backoff = Backoff(first_ns=100, longest_ns=6_400)
    whole = min(6_400, 100 * 2 ** (failures - 1))
    assert whole // 2 <= backoff.delay_ns(failures, Random(seed)) <= whole


def test_an_open_circuit_stays_open_for_a_run() -> None:
    circuit = Circuit()
    circuit.check(0)
    circuit.open("no way", 5)
    with pytest.raises(Unreachable, match="no way"):
        circuit.check(10**18)


def test_a_circuit_of_a_service_lets_one_try_after_its_time() -> None:
    circuit = Circuit(reset_ns=10)
    circuit.open("no way", 5)
    with pytest.raises(Unreachable):
        circuit.check(14)
    circuit.check(15)
