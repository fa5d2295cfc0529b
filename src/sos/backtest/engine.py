"""One replay: producer, matcher and execution as tasks around the bus.

The coroutines are thin: the matcher and the desk are synchronous and know nothing of the bus. A failing
task stops the others and its error comes out of `run_engine` as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from sos.backtest.digest import SignalDigest
from sos.bars import BarRun
from sos.bus import Batch, Bus, BusStats, Stage
from sos.events import Bar, Signal
from sos.feeds.replay import replay
from sos.market.matcher import Matcher
from sos.trading.desk import Desk

__all__ = ["CAPACITY", "run_engine"]

CAPACITY: Final = 16_384  # columns of a batch stay in the cache; larger ones save nothing
Progress = Callable[[int, int], None]


async def run_engine(
    run: BarRun,
    matcher: Matcher,
    desk: Desk,
    signals: SignalDigest,
    *,
    batch: int = 0,
    capacity: int = CAPACITY,
    progress: Progress = lambda done, total: None,
) -> BusStats:
    """Replay ``run`` through the two stages to the end of the data.

    ``batch`` is the most slots of one batch, 0 as many as there are; no result depends on it or on
    ``capacity``. ``progress(done, total)`` is called after each batch, in bars.
    """
    bus = Bus(capacity)
    matching = bus.stage("matcher", max_batch=batch or None)
    executing = bus.stage("execution", after="matcher", max_batch=batch or None)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(replay(bus, run), name="replay")
            tasks.create_task(_match(matching, matcher, signals), name="matcher")
            tasks.create_task(_execute(executing, desk, len(run), progress), name="execution")
    except BaseExceptionGroup as group:
        raise _cause(group) from None
    desk.finish()
    return bus.stats


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that brought the group down: the bus repeats it to the tasks that waited."""
    errors = [error for error in group.exceptions if not isinstance(error, asyncio.CancelledError)]
    first = next((error for error in errors if error.__cause__ is None), errors[0])
    return _cause(first) if isinstance(first, BaseExceptionGroup) else first


async def _match(stage: Stage, matcher: Matcher, digest: SignalDigest) -> None:
    async for batch in stage:
        found = matcher.on_events(batch.events)
        rows = sorted(found)
        digest.add(signal for at in rows for signal in found[at])
        for at in rows:
            for signal in found[at]:
                batch.attach(batch.first + at, signal)


async def _execute(stage: Stage, desk: Desk, total: int, progress: Progress) -> None:
    async for batch in stage:
        _execute_batch(batch, desk)
        progress(batch.end, total)


def _execute_batch(batch: Batch, desk: Desk) -> None:
    attached = batch.attachments
    signals = {seq - batch.first: cast(list[Signal], items) for seq, items in attached.items()}
    if isinstance(batch.events, BarRun):
        desk.run(batch.events, signals)
        return
    for at, event in enumerate(batch.events):
        if isinstance(event, Bar):
            desk.on_bar(event)
        for signal in signals.get(at, ()):
            desk.on_signal(signal)
