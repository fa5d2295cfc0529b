"""The replay: every bar once, in order, however it is cut."""

from __future__ import annotations

import asyncio

import pytest

from sos.bus import Bus, Stage
from sos.data import resolve_inputs
from sos.errors import InvariantBroken
from sos.events import Event
from sos.feeds import replay


async def collect(stage: Stage) -> list[Event]:
    return [event async for batch in stage for event in batch.events]


@pytest.mark.parametrize("chunk", [1, 7, 256, None])
async def test_readers_get_every_bar_once_whatever_the_chunk(chunk: int | None) -> None:
    run = resolve_inputs(["NIFTY"], sample_sessions=1).run[:300]
    bus = Bus(capacity=64)
    seen: list[tuple[int, int]] = []
    stage = bus.stage("reader")
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(collect(stage))
        await replay(bus, run, chunk, progress=lambda done, total: seen.append((done, total)))
    assert list(map(repr, reader.result())) == list(map(repr, run))  # missing volume equals nothing
    assert seen[0] == (0, 300)
    assert seen[-1] == (300, 300)


async def test_an_empty_run_closes_the_bus() -> None:
    bus = Bus()
    run = resolve_inputs(["NIFTY"], sample_sessions=1).run[:0]
    stage = bus.stage("reader")
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(collect(stage))
        await replay(bus, run)
    assert reader.result() == []


async def test_a_closed_bus_is_an_error_and_a_chunk_of_nothing_too() -> None:
    run = resolve_inputs(["NIFTY"], sample_sessions=1).run
    bus = Bus()
    await bus.close()
    with pytest.raises(InvariantBroken):
        await replay(bus, run)
    with pytest.raises(ValueError, match="at least one bar"):
        await replay(Bus(), run, 0)
