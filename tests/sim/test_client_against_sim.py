"""Our own client reads everything from the simulator over loopback, through faults and limits."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest

from sos.brokers.secret import Secret
from sos.brokers.upstox import auth, endpoints, files
from sos.brokers.upstox.candles import Candles, Span, Unit
from sos.brokers.upstox.client import ClientSettings, UpstoxClient
from sos.brokers.upstox.endpoints import ExpiredInterval
from sos.brokers.upstox.errors import LoginNeeded, NotAllowed
from sos.brokers.upstox.token import Token
from sos.brokers.upstox.transport import Hosts
from sos.clock import ManualClock
from sos.errors import BrokerError, Rejected, Retryable
from sos.sim import FaultBoard, FaultRule, SimClock, World
from sos.sim.server import serving
from tests.sim.ask import DAY, NIFTY, NOW, RELIANCE, TOKEN, ask, data, make_world, nifty

EXPIRY = date(2026, 2, 3)
MINUTE = Span(Unit.MINUTES)
Read = Callable[[UpstoxClient], Awaitable[Any]]


class Jumping(ManualClock):
    """Whoever sleeps on it lets the time pass at once."""

    async def sleep_until(self, when_ns: int) -> None:
        await asyncio.sleep(0)
        if when_ns > self.now_ns():
            self.advance_to(when_ns)


@contextlib.asynccontextmanager
async def reading(world: World, token: str = TOKEN) -> AsyncIterator[UpstoxClient]:
    """A client at a simulator; both live in one time."""
    clock = Jumping(NOW)
    async with serving(world, SimClock(clock, NOW)) as url:
        settings = ClientSettings(hosts=Hosts(api=url, files=url, orders=url))
        found = Token(Secret(token)) if token else None
        async with UpstoxClient(lambda: found, clock, settings, Random(1)) as client:
            yield client


def world_with(*rules: FaultRule, seed: int = 7) -> World:
    return make_world(faults=FaultBoard(rules, seed))


def same(left: Candles, right: Candles) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in Candles.__slots__)


def history(client: UpstoxClient) -> Awaitable[Candles]:
    return client.history(NIFTY, MINUTE, date(2026, 1, 20), date(2026, 1, 27))


async def test_history_over_several_requests_is_the_source() -> None:
    async with reading(make_world()) as client:
        candles = await client.history(NIFTY, MINUTE, date(2025, 6, 1), date(2026, 1, 30))
        today = await client.intraday(NIFTY, MINUTE)
    run = nifty()[0].run
    first = run[: len(candles)]
    assert len(candles) == 17 * 375
    for name in ("ts", "open", "high", "low", "close"):
        assert np.array_equal(getattr(candles, name), getattr(first, name))
    assert np.array_equal(today.ts, run.ts[len(candles) : len(candles) + 106])
    assert np.array_equal(today.close[:-1], run.close[len(candles) : len(candles) + 105])


@pytest.mark.parametrize("unit", list(Unit))
async def test_every_unit_is_read(unit: Unit) -> None:
    async with reading(make_world()) as client:
        candles = await client.history(RELIANCE, Span(unit), date(2022, 1, 1), date(2026, 1, 30))
    assert len(candles) > 0
    assert (np.diff(candles.ts) > 0).all()
    assert candles.volume.min() > 0


async def test_quotes_of_every_kind_are_read_by_key() -> None:
    async with reading(make_world()) as client:
        rows = await client.call(endpoints.option_contracts(NIFTY, EXPIRY))
        keys = [NIFTY, RELIANCE, *(row.instrument_key for row in rows if row.instrument_key)]
        ltp, ohlc = await client.ltp(keys), await client.ohlc(keys)
        greeks, full = await client.greeks(keys), await client.quotes(keys)
    assert set(ltp) == set(ohlc) == set(greeks) == set(full) <= set(keys)
    assert len(ltp) > 100
    assert all(greeks[key].last_price == ltp[key].last_price for key in ltp)


async def test_chain_contracts_and_master_name_the_same_instruments() -> None:
    async with reading(make_world()) as client:
        chain = await client.call(endpoints.chain(NIFTY, EXPIRY))
        contracts = await client.call(endpoints.option_contracts(NIFTY))
        master = await client.call(files.instrument_file("NSE"))
        unchanged = await client.call(files.instrument_file("NSE", master.etag))
    assert master.data is not None
    assert unchanged.data is None
    listed = {row["instrument_key"] for row in orjson.loads(gzip.decompress(master.data))}
    assert {row.instrument_key for row in contracts} <= listed
    sides = {side.instrument_key for row in chain for side in (row.call_options, row.put_options) if side}
    assert sides == {row.instrument_key for row in contracts if row.expiry == EXPIRY}


async def test_expired_contracts_are_read() -> None:
    async with reading(make_world()) as client:
        expiries = await client.call(endpoints.expiries(NIFTY))
        options = await client.call(endpoints.expired_contracts(NIFTY, expiries[2]))
        futures = await client.call(endpoints.expired_contracts(NIFTY, expiries[3], futures=True))
        call = next(row for row in options if row.strike_price == 25500 and row.instrument_type == "CE")
        assert call.instrument_key is not None
        candles = await client.expired_history(
            call.instrument_key, ExpiredInterval.M1, date(2025, 6, 1), expiries[2]
        )
    assert expiries == (date(2026, 1, 6), date(2026, 1, 13), date(2026, 1, 20), date(2026, 1, 27))
    assert [row.trading_symbol for row in futures] == ["NIFTY FUT 27 JAN 26"]
    assert len(candles) == 13 * 375
    assert candles.oi.min() > 0


async def test_days_account_and_analytics_are_read() -> None:
    async with reading(make_world()) as client:
        holidays = await client.call(endpoints.holidays())
        timings = await client.call(endpoints.timings(DAY))
        status = await client.call(endpoints.market_status("NFO"))
        profile, funds = await client.call(endpoints.profile()), await client.call(endpoints.funds())
        oi = await client.call(endpoints.oi(NIFTY, EXPIRY, DAY))
        change = await client.call(endpoints.oi_change(NIFTY, EXPIRY, DAY, 1))
        pcr = await client.call(endpoints.pcr(NIFTY, EXPIRY, DAY, 60))
        pain = await client.call(endpoints.max_pain(NIFTY, EXPIRY, DAY, 60))
        flows = await client.call(endpoints.fii("NSE_EQ|CASH")), await client.call(endpoints.dii())
    assert date(2026, 1, 26) in {row.date for row in holidays}
    assert {row.exchange for row in timings} >= {"NSE", "NFO", "BSE", "BFO"}
    assert status.status == "NORMAL_OPEN"
    assert profile.user_id == "SIM001"
    assert funds["equity"].available_margin == 500_000.0
    want = data(make_world(), "/v2/market/pcr", instrument_key=NIFTY, expiry=str(EXPIRY))
    assert pcr.pcr == want["pcr"]
    assert all(flows)
    assert "25" in repr(pain)
    assert str(EXPIRY.year) in repr(oi)
    assert repr(change) != repr(oi)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("kind", ["html", "server_error", "rate_limited"])
async def test_passing_trouble_is_lived_through(kind: str, status: int) -> None:
    rule = FaultRule(kind, count=2, status=status)
    async with reading(make_world()) as quiet, reading(world_with(rule)) as client:
        assert same(await history(client), await history(quiet))


@pytest.mark.parametrize("kind", ["truncated", "reset", "empty", "not_json"])
async def test_a_broken_answer_is_asked_for_again(kind: str) -> None:
    rules = FaultRule(kind, skip=1, count=2), FaultRule("slow", delay_s=3.0, count=1)
    async with reading(make_world()) as quiet, reading(world_with(*rules)) as client:
        await client.call(endpoints.profile())
        assert same(await history(client), await history(quiet))


async def test_limits_used_up_by_somebody_else_are_waited_for() -> None:
    world = make_world()
    for _ in range(50):
        assert ask(world, "/v2/user/profile", wall_ns=NOW).status == 200
    assert ask(world, "/v2/user/profile", wall_ns=NOW).status == 429
    async with reading(world) as client:
        assert (await client.call(endpoints.profile())).user_id == "SIM001"


async def test_the_client_keeps_within_the_limits_by_itself() -> None:
    refused: list[str] = []

    class Watched(World):
        def answer(self, *request: Any) -> Any:
            answer = super().answer(*request)
            if answer.status == 429:
                refused.append(request[1])
            return answer

    inner = make_world()
    world = Watched(inner.market, inner.settings)
    async with reading(world) as client:
        for _ in range(520):
            await client.call(endpoints.profile())
    assert refused == []


async def test_a_refused_token_is_one_message_and_no_storm() -> None:
    world = world_with(FaultRule("unauthorized"))
    async with reading(world) as client:
        for _ in range(5):
            with pytest.raises(LoginNeeded, match="sos auth login"):
                await client.call(endpoints.profile())
    assert world.faults.show()[0]["seen"] == 1


async def test_without_a_token_candles_come_and_quotes_do_not() -> None:
    async with reading(make_world(), token="") as client:
        assert len(await history(client)) > 0
        with pytest.raises(LoginNeeded):
            await client.ltp([NIFTY])


async def test_refusals_arrive_as_what_they_are() -> None:
    async with reading(make_world(plus=False)) as client:
        with pytest.raises(NotAllowed):
            await client.call(endpoints.expiries(NIFTY))
        with pytest.raises(Rejected):
            await client.history("NSE_EQ|INE000000000", MINUTE, DAY, DAY)


@pytest.mark.parametrize("kind", ["html", "server_error", "truncated", "rate_limited", "empty", "not_json"])
async def test_lasting_trouble_is_an_error_that_may_pass(kind: str) -> None:
    async with reading(world_with(FaultRule(kind))) as client:
        with pytest.raises(BrokerError) as failed:
            await client.call(endpoints.profile())
    assert isinstance(failed.value, Retryable) or kind in ("empty", "not_json")
    assert TOKEN not in str(failed.value)


@pytest.mark.parametrize("seed", range(6))
async def test_in_a_storm_every_answer_is_right_or_an_error_of_the_tree(seed: int) -> None:
    kinds = ("html", "reset", "truncated", "empty", "wrong_json", "server_error", "rate_limited")
    rules = [FaultRule(kind, probability=0.08) for kind in kinds]
    reads: list[Read] = [
        history,
        lambda client: client.ltp([NIFTY, RELIANCE]),
        lambda client: client.call(endpoints.chain(NIFTY, EXPIRY)),
        lambda client: client.call(endpoints.profile()),
    ]
    async with reading(make_world()) as quiet, reading(world_with(*rules, seed=seed)) as client:
        for read in reads:
            want = await read(quiet)
            try:
                got = await read(client)
            except BrokerError:
                continue
            assert same(got, want) if isinstance(want, Candles) else got == want


async def test_it_logs_in_and_out() -> None:
    world = make_world(token=None)
    redirect = "http://127.0.0.1:5000/back"
    app = auth.App("app", Secret("s3cret"), redirect)
    query = {"response_type": "code", "client_id": "app", "redirect_uri": redirect, "state": "s"}
    answer = ask(world, "/v2/login/authorization/dialog", headers={"user-agent": "browser"}, params=query)
    code = auth.read_redirect(answer.headers["Location"].partition("?")[2], "s")
    assert code is not None
    clock = Jumping(NOW)
    async with serving(world, SimClock(clock, NOW)) as url:
        settings = ClientSettings(hosts=Hosts(api=url, files=url, orders=url))
        found: list[Token] = []
        async with UpstoxClient(lambda: found[-1] if found else None, clock, settings) as client:
            found.append(await client.call(auth.exchange(app, code, NOW)))
            assert found[0].user_id == "SIM001"
            assert (await client.call(endpoints.profile())).user_id == "SIM001"
            assert await client.call(auth.revoke())
            with pytest.raises(LoginNeeded):
                await client.call(endpoints.profile())
