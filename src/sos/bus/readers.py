"""Those who read the log: stages, which it waits for, and observers, which have buffers of their own.

A reader's task may be cancelled at any await: it gives up its place in the log only after its last await.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from sos.bus.log import SEAL, Batch, Overflow, ReaderStats, Segment, Slot, scan
from sos.errors import InvariantBroken

if TYPE_CHECKING:
    from sos.bus.core import Bus

__all__ = ["Observer", "Reader", "Stage"]

_SCAN: Final = 4096  # slots an observer looks at in one go
_TURNS: Final = 64  # batches a stage takes in a row before it lets the others run


class Reader:
    """A place in the log, the task that reads there, and the future that it sleeps on."""

    def __init__(self, bus: Bus, name: str, segment: Segment, done: int) -> None:
        self.name = name
        self._bus = bus
        self._segment = segment
        self.done = done  # every slot below is behind this reader
        self._waiter: asyncio.Future[None] | None = None
        self._owner: asyncio.Task[object] | None = None
        self._ended = False
        self._consumed = self._batches = self._peak_lag = self._dropped = 0

    @property
    def stats(self) -> ReaderStats:
        return ReaderStats(self.name, self._consumed, self._batches, self._peak_lag, self._dropped)

    def here(self) -> Segment:
        """The segment that holds slot ``done`` (or will)."""
        segment = self._segment
        while (after := segment.next) is not None and after.first <= self.done:
            segment = after
        self._segment = segment
        return segment

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _sleep(self) -> None:
        if self._waiter is not None:
            raise InvariantBroken(f"two tasks read {self.name!r} at once")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _watch_owner(self) -> None:
        """The task that loops over a reader stands for it: when it dies, the bus must know."""
        task = asyncio.current_task()
        if task is not None and task is not self._owner:
            self._owner = task
            task.add_done_callback(self._owner_ended)

    def _owner_ended(self, task: asyncio.Task[object]) -> None:
        if self._ended or task is not self._owner:
            return
        cause = None if task.cancelled() else task.exception()
        self._bus.fail(
            cause or InvariantBroken(f"the task of {self.name!r} ended before the log did"), self.name
        )


class Stage(Reader):
    """A reader that the log waits for. ``async for batch in stage``; the previous batch counts as done
    when the next one is asked for.

    The loop ends when the bus is closed and everything has been read. When the task that loops fails, is
    cancelled or returns early, the bus fails; `close` leaves in good order.
    """

    def __init__(
        self, bus: Bus, name: str, segment: Segment, done: int, after: Stage | None, max_batch: int | None
    ) -> None:
        super().__init__(bus, name, segment, done)
        self.after = after
        self._max = max_batch
        self.gated: list[Stage] = []  # stages right behind this one
        self._batch: Batch | None = None
        self._turns = 0

    def __aiter__(self) -> Stage:
        self._watch_owner()
        return self

    async def __anext__(self) -> Batch:
        """The next slots.

        Raises:
            InvariantBroken: the bus has failed.
        """
        self._finish()
        while True:
            bus = self._bus
            bus.check()
            if self._ended or (bus.closed and self.done >= bus.published):
                self._ended = True
                raise StopAsyncIteration
            limit = bus.published if self.after is None else self.after.done
            if limit > self.done and (self.gated or not bus.clogged):
                if self._turns < _TURNS:
                    return self._take(limit)
                await asyncio.sleep(0)
            else:
                bus.idle |= self.after is None
                await self._sleep()
            self._turns = 0

    def close(self, error: BaseException | None = None) -> None:
        """Leave. With an error the bus fails; without, nobody waits for this stage any more, and the
        batch in hand counts as done."""
        if self._ended:
            return
        self._ended = True
        if error is not None:
            self._bus.fail(error, self.name)
            return
        self._finish()
        self._bus.leave(self)

    def _take(self, limit: int) -> Batch:
        segment = self.here()
        first = self.done
        end = min(limit, segment.first + len(segment.events))
        if self._max is not None:
            end = min(end, first + self._max)
        if not segment.sealed and len(segment.events) >= SEAL:
            self._bus.seal()
        self._turns += 1
        self._batches += 1
        self._batch = batch = Batch(segment, first, end)
        return batch

    def _finish(self) -> None:
        """The batch in hand is done: let those behind go on."""
        batch, bus = self._batch, self._bus
        if batch is None:
            return
        self._batch = None
        batch._live = False
        self._peak_lag = max(self._peak_lag, bus.published - self.done)
        self._consumed += batch.end - batch.first
        self.done = batch.end
        for stage in self.gated:
            stage.wake()
        if not self.gated:
            bus.advance()


class Observer(Reader):
    """A reader behind all stages: ``async for slot in observer``, only slots whose event or attachments are
    of the wanted kinds. It has a buffer of its own; `Overflow` says what happens when that is full.

    After a failure of the bus it still gets what it has buffered, then `InvariantBroken`. The task of a
    WAIT or FAIL observer stands for it as a stage's does; a LATEST observer may be restarted.
    """

    def __init__(
        self,
        bus: Bus,
        name: str,
        segment: Segment,
        done: int,
        kinds: tuple[type, ...],
        capacity: int,
        overflow: Overflow,
    ) -> None:
        super().__init__(bus, name, segment, done)
        self._kinds = kinds
        self._capacity = capacity
        self._overflow = overflow
        self._buffer: deque[Slot] = deque()
        self._latest: dict[tuple[type, object], Slot] = {}

    def __aiter__(self) -> Observer:
        if self._overflow is not Overflow.LATEST:
            self._watch_owner()
        return self

    async def __anext__(self) -> Slot:
        """The next wanted slot.

        Raises:
            InvariantBroken: the bus has failed and the buffer is empty.
        """
        while not self._buffer:
            if self._latest:
                self._buffer.extend(self._latest.values())
                self._latest.clear()
            elif self.done < self._bus.frontier and not self._ended:
                self._bus.advance()
            else:
                await self._rest()
        self._consumed += 1
        return self._buffer.popleft()

    def close(self) -> None:
        """Leave: nobody waits for this observer any more."""
        if not self._ended:
            self._ended = True
            self._bus.leave(self)

    async def _rest(self) -> None:
        bus = self._bus
        bus.check()
        if self._ended or (bus.closed and self.done >= bus.published):
            self._ended = True
            raise StopAsyncIteration
        await self._sleep()

    @property
    def holds(self) -> bool:
        return self._overflow is Overflow.WAIT

    def fill(self, frontier: int) -> None:
        """Look at the slots up to ``frontier`` and keep the wanted ones; stop when WAIT and full."""
        while self.done < frontier and not self._ended:
            room = self._capacity - len(self._buffer) if self.holds else _SCAN
            if room <= 0:
                return
            segment = self.here()
            end = min(frontier, segment.first + len(segment.events), self.done + _SCAN)
            found, self.done = scan(segment, self.done, end, self._kinds, room)
            if found:
                self._keep(found)

    def _keep(self, found: list[Slot]) -> None:
        self._batches += 1
        if self._overflow is Overflow.LATEST:
            for slot in found:
                self._keep_latest(slot)
        elif self._overflow is Overflow.FAIL and len(self._buffer) + len(found) > self._capacity:
            self._ended = True  # nothing after the gap
            self._bus.fail(InvariantBroken(f"its buffer of {self._capacity} slots is full"), self.name)
        else:
            self._buffer.extend(found)
        self._peak_lag = max(self._peak_lag, len(self._buffer) + len(self._latest))
        self.wake()

    def _keep_latest(self, slot: Slot) -> None:
        latest = self._latest
        thing = next(item for item in (slot.event, *slot.attached) if isinstance(item, self._kinds))
        key = (type(thing), getattr(thing, "key", None))
        if latest.pop(key, None) is not None:
            self._dropped += 1
        elif len(latest) >= self._capacity:
            del latest[next(iter(latest))]
            self._dropped += 1
        latest[key] = slot
