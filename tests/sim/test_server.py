"""The server on a loopback socket: bytes as the world says, faults on the wire, the control endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from sos.clock import Clock, ManualClock, ist_iso, ist_ns
from sos.errors import ConfigError
from sos.sim import SimClock, World, parse_moment
from sos.sim.server import is_loopback, serving
from sos.types import NS_PER_SECOND
from tests.sim.ask import DAY, HEADERS, NIFTY, NOW, TOKEN, ask, intraday, make_world


class WatchedClock(ManualClock):
    """Tells when somebody goes to sleep on it."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.somebody_sleeps = asyncio.Event()

    async def sleep_until(self, when_ns: int) -> None:
        self.somebody_sleeps.set()
        await super().sleep_until(when_ns)


@contextlib.asynccontextmanager
async def served(
    world: World | None = None, base: Clock | None = None, speed: float = 0.0
) -> AsyncIterator[aiohttp.ClientSession]:
    clock = SimClock(base or ManualClock(0), NOW, speed)
    async with (
        serving(world or make_world(limits=False), clock) as url,
        aiohttp.ClientSession(url, headers=HEADERS, timeout=aiohttp.ClientTimeout(total=10)) as session,
    ):
        yield session


async def get(session: aiohttp.ClientSession, path: str, **query: str) -> Any:
    async with session.get(path, params=query) as answer:
        return await answer.json()


async def control(session: aiohttp.ClientSession, what: str, **order: Any) -> Any:
    async with session.post(f"/sim/v1/{what}", json=order) as answer:
        return await answer.json()


async def test_the_socket_gives_what_the_world_answers() -> None:
    world = make_world(limits=False)
    async with served(world) as session:
        got = await get(session, "/v3/market-quote/ltp", instrument_key=NIFTY)
        assert got == ask(world, "/v3/market-quote/ltp", instrument_key=NIFTY).json()
        async with session.get(URL(intraday(NIFTY, "minutes", 5), encoded=True)) as answer:
            assert await answer.read() == ask(world, intraday(NIFTY, "minutes", 5)).body
        async with session.get("/v2/nothing") as answer:
            assert answer.status == 404


async def test_a_query_of_five_hundred_keys_fits() -> None:
    keys = ",".join([NIFTY, *(f"NSE_EQ|INE{n:09d}" for n in range(499))])
    async with served() as session:
        assert len((await get(session, "/v3/market-quote/ltp", instrument_key=keys))["data"]) == 1


async def test_faults_are_felt_on_the_wire() -> None:
    async with served() as session:
        await control(session, "faults", fault=[{"kind": "truncated", "count": 1}])
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(session, "/v2/user/profile")
        await control(session, "faults", fault=[{"kind": "reset", "count": 2}])  # aiohttp tries a GET twice
        async with aiohttp.ClientSession(headers=HEADERS) as fresh:
            with pytest.raises(aiohttp.ClientConnectionError):
                await get(fresh, f"{session._base_url}/v2/user/profile")
        await control(session, "faults", fault=[{"kind": "html", "status": 502, "count": 1}])
        async with session.get("/v2/user/profile") as answer:
            assert (answer.status, answer.content_type) == (502, "text/html")
        assert (await get(session, "/v2/user/profile"))["status"] == "success"


async def test_a_slow_answer_waits_for_the_clock() -> None:
    base = WatchedClock(0)
    async with served(base=base) as session:
        await control(session, "faults", fault=[{"kind": "slow", "delay_s": 30.0, "path": "*/profile"}])
        async with asyncio.TaskGroup() as tasks:
            slow = tasks.create_task(get(session, "/v2/user/profile"), name="slow")
            quick = await get(session, "/v2/market/status/NSE")
            await base.somebody_sleeps.wait()
            assert not slow.done()
            base.advance_to(30 * NS_PER_SECOND)
            assert (await slow)["status"] == quick["status"] == "success"


async def test_the_control_endpoint_moves_the_time() -> None:
    async with served() as session:
        assert (await get(session, "/sim/v1/clock"))["now_ns"] == NOW
        later = await control(session, "clock", now="2026-01-29T10:00", speed=0)
        assert later["now"] == "2026-01-29T10:00:00+05:30"
        assert (await control(session, "clock", advance_s=90))["now"] == "2026-01-29T10:01:30+05:30"
        status = await get(session, "/v2/market/status/NSE")
        assert status["data"]["status"] == "NORMAL_OPEN"
        back = await control(session, "clock", now="2026-01-28T08:00+05:30")
        assert back["now"] == ist_iso(ist_ns(DAY, 480))


async def test_simulated_time_runs_at_its_speed() -> None:
    base = ManualClock(0)
    async with served(base=base, speed=60.0) as session:
        base.advance_to(2 * NS_PER_SECOND)
        assert (await get(session, "/sim/v1/clock"))["now_ns"] == NOW + 120 * NS_PER_SECOND
        await control(session, "clock", speed=0)
        base.advance_to(9 * NS_PER_SECOND)
        assert (await get(session, "/sim/v1/clock"))["now_ns"] == NOW + 120 * NS_PER_SECOND


async def test_limits_count_in_the_callers_time_and_can_be_switched() -> None:
    async with served(make_world()) as session:
        answers = [await get(session, "/v2/user/profile") for _ in range(51)]
        assert [answer["status"] for answer in answers] == ["success"] * 50 + ["error"]
        await control(session, "clock", advance_s=3600)
        assert (await get(session, "/v2/user/profile"))["status"] == "error"
        assert await control(session, "limits", clear=True) == {"on": True}
        assert (await get(session, "/v2/user/profile"))["status"] == "success"
        assert await control(session, "limits", on=False) == {"on": False}
        for _ in range(60):
            assert (await get(session, "/v2/user/profile"))["status"] == "success"


@pytest.mark.parametrize(
    ("what", "order", "said"),
    [
        ("clock", {"now": "noon"}, "noon"),
        ("clock", {"speed": -1}, "speed"),
        ("clock", {"when": 1}, "when"),
        ("faults", {"fault": [{"kind": "meteor"}]}, "meteor"),
        ("limits", {"on": "perhaps"}, "bool"),
        ("weather", {}, "/sim/v1/clock"),
    ],
)
async def test_a_wrong_order_is_refused_in_one_line(what: str, order: dict[str, Any], said: str) -> None:
    async with served() as session:
        got = await control(session, what, **order)
        assert said in got["error"]
        assert "\n" not in got["error"]
        assert (await get(session, "/v2/user/profile"))["status"] == "success"


async def test_faults_are_shown_with_their_counts_and_cleared() -> None:
    async with served() as session:
        await control(session, "faults", seed=3, fault=[{"kind": "empty", "path": "/v2/*", "count": 2}])
        async with session.get("/v2/user/profile") as answer:
            assert await answer.read() == b""
        (rule,) = (await get(session, "/sim/v1/faults"))["fault"]
        assert (rule["kind"], rule["seen"], rule["done"]) == ("empty", 1, 1)
        async with session.delete("/sim/v1/faults") as answer:
            assert (await answer.json())["fault"] == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", ""])
async def test_another_host_needs_to_be_exposed(host: str) -> None:
    with pytest.raises(ConfigError, match="--expose"):
        async with serving(make_world(), SimClock(ManualClock(0), NOW), host):
            pytest.fail("it listens")


async def test_a_port_that_is_taken_is_said() -> None:
    async with served() as session:
        assert session._base_url is not None
        port = session._base_url.port or 0
        with pytest.raises(ConfigError, match="cannot listen"):
            async with serving(make_world(), SimClock(ManualClock(0), NOW), port=port):
                pytest.fail("two servers on one port")


async def test_a_name_that_is_not_loopback_is_turned_away() -> None:
    async with served() as session, session.get("/sim/v1/clock", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST", True),
        ("10.0.0.1", False),
        ("a.b", False),
    ],
)
def test_loopback_is_known_by_name_and_address(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it


async def test_a_requested_token_is_posted_to_the_notifier() -> None:
    got: asyncio.Queue[Any] = asyncio.Queue()

    async def hook(request: web.Request) -> web.Response:
        await got.put(await request.json())
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world = make_world(notifier_url=f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
    try:
        async with served(world) as session:
            async with session.post(
                "/v3/login/auth/token/request/app", json={"client_secret": "x"}
            ) as answer:
                assert (await answer.json())["status"] == "success"
            message = await got.get()
    finally:
        await runner.cleanup()
    headers = {**HEADERS, "authorization": f"Bearer {message['access_token']}"}
    assert ask(world, "/v2/user/profile", headers=headers).status == 200


async def test_a_notifier_that_is_not_there_harms_nobody() -> None:
    async with served(make_world(notifier_url="http://127.0.0.1:9/")) as session:
        async with session.post("/v3/login/auth/token/request/app", json={}) as answer:
            assert answer.status == 200
        assert (await get(session, "/v2/user/profile"))["status"] == "success"


async def test_no_token_code_or_secret_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(make_world(notifier_url="http://127.0.0.1:9/?key=n0tify")) as session:
        await get(session, "/v2/user/profile", code="c0de")
        form = {"code": "c0de", "client_secret": "s3cret", "client_id": "a", "redirect_uri": "b"}
        async with session.post("/v2/login/authorization/token", data=form) as answer:
            assert answer.status == 400
        async with session.post("/v3/login/auth/token/request/a", json={"client_secret": "s3cret"}) as answer:
            token = "eyJ"
            assert token not in await answer.text()
    said = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert not [word for word in (TOKEN, "c0de", "s3cret", "n0tify", "eyJ") if word in said]


async def test_a_sleeper_on_simulated_time_wakes_at_its_moment() -> None:
    base = ManualClock(0)
    clock = SimClock(base, NOW, 10.0)
    async with asyncio.TaskGroup() as tasks:
        sleeper = tasks.create_task(clock.sleep_until(NOW + 50 * NS_PER_SECOND), name="sleeper")
        await asyncio.sleep(0)
        base.advance_to(4 * NS_PER_SECOND)
        await asyncio.sleep(0)
        assert not sleeper.done()
        base.advance_to(5 * NS_PER_SECOND + 1)
    clock.set(speed=0.0)
    with pytest.raises(RuntimeError, match="frozen"):
        await clock.sleep_until(clock.now_ns() + 1)


def test_a_moment_without_a_zone_is_indian() -> None:
    assert parse_moment("2026-01-28T11:00:30") == parse_moment("2026-01-28T05:30:30+00:00") == NOW
    assert parse_moment("2026-01-28") == ist_ns(date(2026, 1, 28))
    with pytest.raises(ConfigError):
        parse_moment("tomorrow")
