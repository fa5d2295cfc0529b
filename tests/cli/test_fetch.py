"""`sos data fetch` and the chain of sources as commands, against the simulated broker on loopback."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sos.clock import SystemClock
from sos.sim import FaultRule, SimClock, World
from sos.sim.server import serving
from tests.cli.conftest import Sos
from tests.sim.ask import NOW, TOKEN, make_world

JANUARY = ("--from", "2026-01-05", "--to", "2026-01-12")
PATTERNS = str(Path(__file__).parents[2] / "strategies")


def serve(world: World, ready: threading.Event, box: list[str], stop: threading.Event) -> None:
    async def run() -> None:
        async with serving(world, SimClock(SystemClock(), NOW)) as url:
            box.append(url)
            ready.set()
            await asyncio.to_thread(stop.wait)

    asyncio.run(run())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[World]:
    """A simulator that commands talk to, with a token and a store of their own."""
    world = make_world(limits=False, **getattr(request, "param", {}))
    ready, stop, box = threading.Event(), threading.Event(), list[str]()
    server = threading.Thread(target=serve, args=(world, ready, box, stop))
    server.start()
    assert ready.wait(20)
    monkeypatch.setenv("SOS_UPSTOX_API_URL", box[0])
    monkeypatch.setenv("SOS_UPSTOX_TOKEN", TOKEN)
    monkeypatch.setenv("SOS_DATA_DIR", str(tmp_path / "store"))
    yield world
    stop.set()
    server.join(20)


def test_an_index_a_share_and_the_future_are_fetched_and_a_second_run_fetches_nothing(
    sos: Sos, world: World
) -> None:
    first = sos("data", "fetch", "NIFTY", "RELIANCE", *JANUARY)
    assert (first.code, first.err) == (0, "")
    assert first.out.splitlines() == [
        f"{name}: 6 days asked for, 2,250 bars added" for name in ("NIFTY", "RELIANCE", "NIFTY.FUT")
    ]
    world.faults.set((FaultRule("server_error", path="/v*"),), 7)  # any further request would be told
    second = sos("data", "fetch", "NIFTY", "RELIANCE", *JANUARY)
    assert second.code == 0
    assert second.out.count("6 days there already") == 3


def test_options_around_the_money_and_the_chain_of_now_are_fetched(sos: Sos, world: World) -> None:
    command = ("data", "fetch", "NIFTY", "--from", "2026-01-27", "--options", "--strikes", "1", "--json")
    first = sos(*command)
    assert first.code == 0, first.out + first.err
    found = json.loads(first.out)
    labels = [one["label"] for one in found["series"]]
    assert labels[:2] == ["NIFTY", "NIFTY.FUT"]
    assert any(label.endswith("CE 27 JAN 26") for label in labels)  # expired yesterday
    assert any(label.endswith("PE 03 FEB 26") for label in labels)  # listed
    assert [one["label"] for one in found["chains"]] == ["NIFTY chain of 2026-02-03"]
    assert found["chains"][0]["strikes"] > 50
    world.faults.set((FaultRule("server_error", path="/v*"),), 7)
    again = json.loads(sos(*command).out)
    assert {one["days_asked"] for one in again["series"]} == {0}
    assert again["chains"][0]["strikes"] == 0


@pytest.mark.parametrize("world", [{"plus": False}], indirect=True)
def test_without_plus_the_expired_are_missing_and_the_rest_goes_on(sos: Sos, world: World) -> None:
    outcome = sos("data", "fetch", "NIFTY", "--from", "2026-01-27", "--options", "--strikes", "0")
    assert outcome.code == 1
    lines = {line.partition(":")[0]: line for line in outcome.out.splitlines()}
    assert "Plus" in lines["NIFTY options of 2026-01-27"]
    assert "added" in lines["NIFTY"]
    assert any(name.endswith("CE 03 FEB 26") for name in lines)


def test_a_broker_that_fails_is_exit_4_and_the_next_run_completes(sos: Sos, world: World) -> None:
    world.faults.set((FaultRule("unauthorized", path="/v3/historical-candle/NSE_EQ*"),), 7)
    failed = sos("data", "fetch", "NIFTY", "RELIANCE", *JANUARY)
    assert failed.code == 4
    assert "NIFTY: 6 days asked for, 2,250 bars added" in failed.out
    assert "RELIANCE: 6 days asked for, 0 bars added; no bars of 6 days" in failed.out
    assert "sos auth login" in failed.out
    assert TOKEN not in failed.out + failed.err
    world.faults.set((), 7)
    assert sos("data", "fetch", "NIFTY", "RELIANCE", *JANUARY).code == 0


def test_no_network_is_one_line_and_exit_4(sos: Sos, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOS_UPSTOX_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SOS_UPSTOX_TOKEN", TOKEN)
    monkeypatch.setenv("SOS_DATA_DIR", str(tmp_path / "store"))
    outcome = sos("data", "fetch", "NIFTY", *JANUARY)
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.count("\n") == 1
    assert TOKEN not in outcome.err
    run = sos("backtest", "NIFTY", *JANUARY, "--strategies", PATTERNS, "--json")
    assert run.code == 0
    assert "upstox: " in run.out
    assert TOKEN not in run.out + run.err


def test_a_backtest_fetches_the_days_it_is_asked_for(sos: Sos, world: World) -> None:
    command = ("backtest", "NIFTY", *JANUARY, "--strategies", PATTERNS)
    first = sos(*command)
    assert first.code == 0, first.err
    assert "upstox: fetched 6 days into the store" in first.out
    second = sos(*command)
    assert "store: NIFTY 2026-01-05 to 2026-01-12, 2,250 bars" in second.out
    assert "upstox:" not in second.out
    digest = [line for line in first.out.splitlines() if "digest" in line]
    assert digest == [line for line in second.out.splitlines() if "digest" in line] != []


def test_steps_can_be_switched_off(sos: Sos, world: World) -> None:
    outcome = sos("backtest", "NIFTY", *JANUARY, "--set", 'data.sources=["sample"]', "--strategies", PATTERNS)
    assert outcome.code == 0
    assert "store:" not in outcome.out
    assert "upstox:" not in outcome.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("NIFTY", "--from", "2026-01-05", "--interval", "2h"), 2, "give minutes"),
        (("NIFTY", "--from", "2026-01-05", "--interval", "301m"), 2, "give minutes"),
        (("NIFTY", "--from", "2026-01-05", "--to", "2026-01-02"), 2, "swap them"),
        (("NIFTY", "--from", "2099-01-05"), 2, "after today"),
        (("NIFTY.FUT", "--from", "2026-01-05"), 2, "sos data fetch NIFTY"),
        (("NIFTTY", "--from", "2026-01-05"), 2, "did you mean NIFTY"),
    ],
)
def test_a_mistake_is_one_line(
    sos: Sos, world: World, arguments: tuple[str, ...], code: int, says: str
) -> None:
    outcome = sos("data", "fetch", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1
