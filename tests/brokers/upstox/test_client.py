"""The client over loopback: paced, repeated where that is safe, quick to give up where it is hopeless."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from random import Random
from typing import Any

import pytest
from aiohttp import web

from sos.brokers.secret import Secret
from sos.brokers.upstox import endpoints
from sos.brokers.upstox.auth import App, exchange
from sos.brokers.upstox.candles import Span, Unit
from sos.brokers.upstox.client import UpstoxClient
from sos.brokers.upstox.errors import LoginNeeded, NotAllowed, RateLimited, Unreachable
from sos.brokers.upstox.files import instrument_file
from sos.brokers.upstox.token import Token
from sos.brokers.upstox.transport import Hosts
from sos.brokers.upstox.wire import Category
from sos.clock import ManualClock
from sos.errors import ConfigError, InvariantBroken, Rejected, Retryable
from sos.types import NS_PER_MINUTE, NS_PER_SECOND
from tests.brokers.upstox.fakes import (
    NOW,
    TEXT,
    TOKEN,
    JumpingClock,
    bad,
    broker,
    client,
    good,
    reply,
    settings,
)

M1 = Span(Unit.MINUTES)
APP = App("app-id", Secret("SECRETVALUE"), "http://127.0.0.1:9/cb")
PROFILE = good({"user_id": "AB1234", "surprise": [1]})
HOLIDAYS = good([])


async def test_a_read_carries_the_token_and_says_who_asks() -> None:
    async with broker(reply(PROFILE)) as fake, client(fake.url) as upstox:
        profile = await upstox.call(endpoints.profile())
    assert profile.user_id == "AB1234"
    (seen,) = fake.seen
    assert (seen.method, seen.target) == ("GET", "/v2/user/profile")
    assert seen.headers["Authorization"] == f"Bearer {TEXT}"
    assert seen.headers["Accept"] == "application/json"
    assert seen.headers["User-Agent"].startswith("sos/")


async def test_keys_are_sent_percent_encoded_once() -> None:
    async with broker(reply(good({}))) as fake, client(fake.url) as upstox:
        await upstox.ltp(["NSE_INDEX|Nifty 50", "NSE_FO|1"])
    assert fake.seen[0].target == "/v3/market-quote/ltp?instrument_key=NSE_INDEX%7CNifty%2050,NSE_FO%7C1"


@pytest.mark.parametrize(
    "fault",
    [
        reply(bad("UDAPI100500"), 500),
        reply(b"<html>Bad gateway</html>", 502, "text/html"),
        reply(b"<html>Maintenance</html>", 200, "text/html"),
        reply(PROFILE[:-9]),
        reply(b""),
    ],
    ids=["500", "gateway", "page", "cut", "empty"],
)
async def test_a_passing_fault_is_asked_again(fault: web.Response) -> None:
    clock = JumpingClock()
    async with broker(fault, fault, reply(PROFILE)) as fake, client(fake.url, clock) as upstox:
        assert (await upstox.call(endpoints.profile())).user_id == "AB1234"
    assert len(fake.seen) == 3
    assert len(clock.sleeps) == 2
    assert 0.25 * NS_PER_SECOND <= clock.sleeps[0] <= 0.5 * NS_PER_SECOND < clock.sleeps[1] + 1


async def test_a_fault_that_stays_is_given_up_after_four_times() -> None:
    async with broker(reply(bad("UDAPI100500"), 500)) as fake, client(fake.url) as upstox:
        with pytest.raises(Retryable, match="server failed"):
            await upstox.call(endpoints.profile())
    assert len(fake.seen) == 4


async def dropped(request: web.Request) -> web.StreamResponse:
    """The connection breaks in the middle of the answer."""
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"status":"succ')
    assert request.transport is not None
    request.transport.abort()
    return response


async def silent(request: web.Request) -> web.StreamResponse:
    """No answer while the client is patient."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_connection_that_breaks_in_the_answer_is_asked_again() -> None:
    async with broker(dropped, reply(PROFILE)) as fake, client(fake.url) as upstox:
        assert (await upstox.call(endpoints.profile())).user_id == "AB1234"
    assert len(fake.seen) == 2


async def test_a_silent_broker_is_asked_again_after_a_short_time() -> None:
    async with broker(silent, reply(PROFILE)) as fake, client(fake.url) as upstox:
        assert (await upstox.call(endpoints.profile())).user_id == "AB1234"
    assert len(fake.seen) == 2


@pytest.mark.parametrize(
    "fault",
    [reply(bad("UDAPI100500"), 500), reply(bad("UDAPI10005"), 429), dropped],
    ids=["500", "429", "drop"],
)
async def test_what_is_not_repeatable_is_sent_once(fault: Any) -> None:
    async with broker(fault) as fake, client(fake.url, token=None) as upstox:
        with pytest.raises(Retryable):
            await upstox.call(exchange(APP, Secret("CODE42"), NOW))
    assert len(fake.seen) == 1


async def test_a_refusal_is_not_asked_again() -> None:
    async with broker(reply(bad("UDAPI1154"), 403)) as fake, client(fake.url) as upstox:
        with pytest.raises(NotAllowed, match="static IP"):
            await upstox.call(endpoints.profile())
    assert len(fake.seen) == 1


async def test_too_many_requests_make_the_whole_category_wait() -> None:
    clock = JumpingClock()
    answers = (reply(bad("UDAPI10005"), 429), reply(b"<html>", 429, "text/html"), reply(PROFILE))
    async with broker(*answers) as fake, client(fake.url, clock) as upstox:
        await upstox.call(endpoints.profile())
        waited = clock.now - NOW
        await upstox.call(endpoints.profile())
    assert len(fake.seen) == 4
    assert waited >= (1 + 2) * NS_PER_SECOND  # halves of 2 s and 4 s at least
    assert clock.now - NOW == waited


async def test_too_many_requests_for_good_end_in_one_line() -> None:
    async with broker(reply(bad("UDAPI10005"), 429)) as fake, client(fake.url) as upstox:
        with pytest.raises(RateLimited, match="too many requests"):
            await upstox.call(endpoints.profile())
    assert len(fake.seen) == 6


async def test_requests_are_paced_to_a_share_of_the_limits() -> None:
    clock = JumpingClock()
    async with broker(reply(PROFILE)) as fake, client(fake.url, clock, share=0.1, at_once=20) as upstox:
        await upstox.calls([endpoints.profile()] * 52)
    assert len(fake.seen) == 52
    assert clock.now - NOW >= NS_PER_MINUTE  # 5 a second, 50 a minute


async def test_a_place_taken_before_the_broker_complained_is_not_used() -> None:
    clock = ManualClock(NOW)
    async with (
        broker(reply(PROFILE)) as fake,
        UpstoxClient(lambda: TOKEN, clock, settings(fake.url, share=0.02)) as upstox,
    ):
        await upstox.call(endpoints.profile())  # one a second: the next has to wait
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(upstox.call(endpoints.profile()))
            await asyncio.sleep(0)
            upstox._buckets[Category.ACCOUNT].close(NOW + 10 * NS_PER_SECOND)
            for second in range(1, 10):
                clock.advance_to(NOW + second * NS_PER_SECOND)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            assert len(fake.seen) == 1
            clock.advance_to(NOW + 10 * NS_PER_SECOND)
            await waiting
    assert len(fake.seen) == 2


async def test_a_long_wait_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async with broker(reply(PROFILE)) as fake, client(fake.url, share=0.1, at_once=20) as upstox:
        await upstox.calls([endpoints.profile()] * 49)
        assert "upstox.waiting" not in caplog.messages
        await upstox.calls([endpoints.profile()] * 5)
    assert caplog.messages.count("upstox.waiting") == 1


async def test_a_dead_token_is_refused_here_and_not_sent_again() -> None:
    clock = JumpingClock()
    async with broker(reply(bad("UDAPI100050"), 401)) as fake, client(fake.url, clock) as upstox:
        for _ in range(3):
            with pytest.raises(LoginNeeded, match="sos auth login"):
                await upstox.call(endpoints.profile())
        assert len(fake.seen) == 1
        clock.now += NS_PER_MINUTE  # perhaps it was the broker's mistake
        with pytest.raises(LoginNeeded):
            await upstox.call(endpoints.profile())
    assert len(fake.seen) == 2


async def test_a_new_login_is_seen_without_a_new_client() -> None:
    tokens = [TOKEN]
    refused = reply(bad("UDAPI100050"), 401)
    async with (
        broker(refused, reply(PROFILE)) as fake,
        UpstoxClient(lambda: tokens[-1], JumpingClock(), settings(fake.url)) as upstox,
    ):
        with pytest.raises(LoginNeeded):
            await upstox.call(endpoints.profile())
        tokens.append(Token(Secret("another.token.text")))
        assert (await upstox.call(endpoints.profile())).user_id == "AB1234"
    assert fake.seen[1].headers["Authorization"] == "Bearer another.token.text"


@pytest.mark.parametrize(
    "token", [None, Token(Secret(TEXT), expires_ns=NOW, origin="a test")], ids=["none", "old"]
)
async def test_without_a_living_token_nothing_is_sent_that_needs_one(token: Token | None) -> None:
    async with broker(reply(PROFILE)) as fake, client(fake.url, token=token) as upstox:
        with pytest.raises(LoginNeeded, match="run: sos auth login"):
            await upstox.call(endpoints.profile())
    assert fake.seen == []


async def test_a_simulator_with_a_time_of_its_own_judges_the_token_itself() -> None:
    old = Token(Secret(TEXT), expires_ns=NOW)
    async with broker(reply(PROFILE)) as fake, client(fake.url, token=old, own_clock=False) as upstox:
        assert (await upstox.call(endpoints.profile())).user_id == "AB1234"


@pytest.mark.parametrize("token", [None, Token(Secret(TEXT), expires_ns=NOW)], ids=["none", "old"])
async def test_what_needs_no_token_is_asked_without_one(token: Token | None) -> None:
    async with broker(reply(HOLIDAYS)) as fake, client(fake.url, token=token) as upstox:
        assert await upstox.call(endpoints.holidays()) == ()
    assert "Authorization" not in fake.seen[0].headers


async def test_what_needs_no_token_is_asked_again_without_a_refused_one() -> None:
    async with broker(reply(bad("UDAPI100050"), 401), reply(HOLIDAYS)) as fake, client(fake.url) as upstox:
        assert await upstox.call(endpoints.holidays()) == ()
    assert ["Authorization" in seen.headers for seen in fake.seen] == [True, False]


async def test_a_broker_that_is_not_there_is_tried_once_in_a_run() -> None:
    async with broker(reply(PROFILE)) as fake:
        url = fake.url
    clock = JumpingClock()
    async with client(url, clock) as upstox:
        with pytest.raises(Unreachable, match=r"no way to http://127.0.0.1.*connection is refused"):
            await upstox.call(endpoints.profile())
    assert clock.sleeps == []
    async with broker(reply(PROFILE)) as fake, client(url, clock) as upstox:
        with pytest.raises(Unreachable):
            await upstox.call(endpoints.profile())
        upstox._transport._hosts = Hosts(fake.url, fake.url, fake.url)  # now it would be there
        with pytest.raises(Unreachable):
            await upstox.call(endpoints.profile())
        assert fake.seen == []


async def test_a_service_tries_again_after_its_time() -> None:
    async with broker(reply(PROFILE)) as fake:
        url = fake.url
    clock = JumpingClock()
    async with broker(reply(PROFILE)) as fake, client(url, clock, offline_reset_s=5.0) as upstox:
        with pytest.raises(Unreachable):
            await upstox.call(endpoints.profile())
        upstox._transport._hosts = Hosts(fake.url, fake.url, fake.url)
        for _ in range(4):  # asking in between does not put the time off
            clock.now += NS_PER_SECOND
            with pytest.raises(Unreachable):
                await upstox.call(endpoints.profile())
        clock.now += NS_PER_SECOND
        assert (await upstox.call(endpoints.profile())).user_id == "AB1234"


async def test_a_broker_that_goes_away_is_tried_a_few_times_and_then_no_more() -> None:
    clock = JumpingClock()
    async with broker(reply(PROFILE)) as gone, client(gone.url, clock) as upstox:
        await upstox.call(endpoints.profile())
        async with broker(reply(PROFILE)) as other:
            pass
        upstox._transport._hosts = Hosts(other.url, other.url, other.url)
        for sleeps in (3, 3):
            with pytest.raises(Unreachable):
                await upstox.call(endpoints.profile())
            assert len(clock.sleeps) == sleeps
    assert len(gone.seen) == 1


async def test_a_name_that_is_not_found_is_said_at_once() -> None:
    hosts = Hosts("https://sos-test.invalid", "https://sos-test.invalid", "https://sos-test.invalid")
    clock = JumpingClock()
    upstox = UpstoxClient(lambda: TOKEN, clock, settings("http://127.0.0.1:9"), Random(1))
    upstox._transport._hosts = hosts
    async with upstox:
        with pytest.raises(Unreachable, match=r"no way to https://sos-test.invalid"):
            await upstox.call(endpoints.profile())
    assert clock.sleeps == []


async def test_a_token_does_not_follow_the_broker_elsewhere() -> None:
    elsewhere = reply(b"", 302, headers={"Location": "/elsewhere"})
    async with broker(elsewhere) as fake, client(fake.url) as upstox:
        with pytest.raises(Rejected, match="base URL"):
            await upstox.call(endpoints.profile())
    assert len(fake.seen) == 1


async def candles_of_the_range(request: web.Request) -> web.StreamResponse:
    last, first = request.path.split("/")[-2:]
    rows = [[f"{day}T09:15:00+05:30", 1, 1, 1, 1, 1, 0] for day in dict.fromkeys((last, first))]
    return reply(good({"candles": rows}))


async def test_a_long_history_is_asked_in_allowed_ranges_and_joined() -> None:
    async with broker(candles_of_the_range) as fake, client(fake.url) as upstox:
        candles = await upstox.history("NSE_FO|1", M1, date(2021, 6, 1), date(2022, 2, 10))
    asked = sorted(tuple(seen.target.split("/")[-2:]) for seen in fake.seen)
    assert asked == [("2022-01-31", "2022-01-01"), ("2022-02-10", "2022-02-01")]  # nothing before 2022
    assert len(candles) == 4
    assert (candles.ts[1:] > candles.ts[:-1]).all()


async def test_one_failed_part_stops_a_history_with_its_error() -> None:
    async with broker(reply(bad("UDAPI100011"), 400)) as fake, client(fake.url) as upstox:
        with pytest.raises(Rejected, match=r"Upstox history of NSE_FO\|1: unknown instrument key"):
            await upstox.history("NSE_FO|1", M1, date(2022, 1, 1), date(2026, 1, 1))
    assert len(fake.seen) < 49


async def test_many_keys_are_asked_in_batches_and_merged() -> None:
    async def quoted(request: web.Request) -> web.StreamResponse:
        keys = request.query["instrument_key"].split(",")
        return reply(
            good({key.replace("|", ":"): {"instrument_token": key, "last_price": 1.0} for key in keys})
        )

    keys = [f"NSE_FO|{number}" for number in range(1_200)]
    async with broker(quoted) as fake, client(fake.url) as upstox:
        quotes = await upstox.ltp(keys)
        greeks = await upstox.greeks(keys[:120])
    assert list(quotes) == keys
    assert len(greeks) == 120
    assert sum("option-greek" in seen.target for seen in fake.seen) == 3


async def test_an_instrument_file_comes_whole_without_the_token() -> None:
    async with broker(reply(b'[{"a":1}]', headers={"ETag": '"x"'})) as fake, client(fake.url) as upstox:
        file = await upstox.call(instrument_file("BSE"))
    assert file.etag == '"x"'
    assert fake.seen[0].target.endswith("/BSE.json.gz")
    assert "Authorization" not in fake.seen[0].headers
    assert fake.seen[0].headers["Accept-Encoding"] == "identity"


async def test_the_code_is_exchanged_by_a_form_without_token() -> None:
    answer = json.dumps({"access_token": TEXT, "user_id": "AB1234", "user_name": "A B"}).encode()
    async with broker(reply(answer)) as fake, client(fake.url) as upstox:
        token = await upstox.call(exchange(APP, Secret("CODE42"), NOW))
    assert token.secret == Secret(TEXT)
    assert fake.seen[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in fake.seen[0].headers
    assert fake.seen[0].body == (
        b"code=CODE42&client_id=app-id&client_secret=SECRETVALUE"
        b"&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcb&grant_type=authorization_code"
    )


async def test_a_client_outside_its_context_says_so() -> None:
    with pytest.raises(InvariantBroken):
        await client("http://127.0.0.1:9").call(endpoints.profile())


@pytest.mark.parametrize(
    "url", ["http://api.upstox.com", "ftp://127.0.0.1", "https://", "http://127.0.0.1:9/x", "x"]
)
def test_a_base_url_must_be_https_or_this_machine(url: str) -> None:
    with pytest.raises(ConfigError, match="https://host"):
        Hosts(api=url)
