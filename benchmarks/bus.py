"""B1: events per second through two gated stages and one observer, on asyncio and on uvloop.

Usage: python -m benchmarks.bus [EVENTS]. The producer gives way after each burst, so readers get batches
of that size. Every reader touches every event. Prints one JSON object: case -> million events per CPU second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from sos.bus import Bus, Observer, Overflow, Stage
from sos.events import Event

__all__ = ["CASES"]

CASES = (("publish", 1), ("publish", 50), ("publish_many", 50))
_ROUNDS = 5


async def _read(stage: Stage) -> int:
    count = 0
    async for batch in stage:
        for event in batch.events:
            count += event.ts >= 0
    return count


async def _watch(observer: Observer) -> int:
    count = 0
    async for slot in observer:
        count += slot.event.ts >= 0
    return count


async def _produce(bus: Bus, events: list[Event], how: str, burst: int) -> None:
    for start in range(0, len(events), burst):
        part = events[start : start + burst]
        if how == "publish":
            for event in part:
                await bus.publish(event)
        else:
            await bus.publish_many(part)
        await asyncio.sleep(0)
    await bus.close()


async def _run(events: list[Event], how: str, burst: int) -> float:
    bus = Bus()
    one, two = bus.stage("one"), bus.stage("two", after="one")
    observer = bus.observe("observer", capacity=65_536, overflow=Overflow.WAIT)
    begin = time.process_time()
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(job) for job in (_read(one), _read(two), _watch(observer))]
        group.create_task(_produce(bus, events, how, burst))
    spent = time.process_time() - begin
    counts = [reader.result() for reader in readers]
    if counts != [len(events)] * 3:
        raise SystemExit(f"the bus lost or doubled events: {counts}")
    return len(events) / spent / 1e6


def main(size: int) -> None:
    """Run all cases interleaved and print the medians."""
    loops: dict[str, Callable[[Coroutine[Any, Any, float]], float]] = {
        "asyncio": asyncio.run,
        "uvloop": uvloop.run,
    }
    events = [Event(n) for n in range(size)]
    found: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for how, burst in CASES:
            for name, run in loops.items():
                part = events if burst > 1 else events[: size // 8]
                found.setdefault(f"{how}, bursts of {burst}, {name}", []).append(run(_run(part, how, burst)))
    print(json.dumps({case: sorted(rates)[_ROUNDS // 2] for case, rates in found.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400_000)
