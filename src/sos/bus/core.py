"""The bus itself: numbers, room and wake-ups.

Producers append here; what stages and observers have finished gives room back. All state changes are
synchronous; the only awaits are producers waiting in line for room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from sos.bus.log import SEAL, BusStats, Overflow, Segment
from sos.bus.readers import Observer, Reader, Stage
from sos.errors import InvariantBroken
from sos.events import Event

__all__ = ["Bus"]


class Bus:
    """One numbered log for one event loop. Producers wait when the slowest reader is ``capacity`` slots
    behind. Stages are declared before the first event; observers may join and leave at any time."""

    def __init__(self, capacity: int = 65_536) -> None:
        if capacity < 1:
            raise ValueError("a bus needs room for at least one event")
        self.capacity = capacity
        self.published = 0  # number of the next event
        self.closed = False
        self._error: BaseException | None = None
        self._culprit = ""
        self._tail: list[Event] = []
        self._last = Segment(0, self._tail, sealed=False)
        self._stop = capacity  # no event may get this number yet
        self.frontier = 0  # slots below are behind all stages
        self.clogged = False  # a WAIT observer is full
        self.idle = True  # somebody has to be told about the next event
        self._stages: dict[str, Stage] = {}
        self._observers: list[Observer] = []
        self._putters: deque[asyncio.Future[None]] = deque()
        self._waits = 0

    def stage(self, name: str, *, after: str | None = None, max_batch: int | None = None) -> Stage:
        """Declare a gated reader. ``max_batch`` bounds the slots of one batch.

        Raises:
            ValueError: name taken, ``after`` unknown, ``max_batch`` not positive.
            InvariantBroken: events have been published already.
        """
        if self.published:
            raise InvariantBroken(f"stage {name!r} comes after the first event and would miss it")
        if name in self._stages or (after is not None and after not in self._stages):
            raise ValueError(
                f"stage {name!r}: the name is taken, or there is no stage {after!r} to come after"
            )
        if max_batch is not None and max_batch < 1:
            raise ValueError(f"stage {name!r}: max_batch is {max_batch}, wanted 1 or more")
        ahead = None if after is None else self._stages[after]
        self._stages[name] = stage = Stage(self, name, self._last, 0, ahead, max_batch)
        if ahead is not None:
            ahead.gated.append(stage)
        return stage

    def observe(self, name: str, *kinds: type, capacity: int, overflow: Overflow) -> Observer:
        """A reader behind all stages, from the slots not yet finished on. No kinds means all."""
        if capacity < 1:
            raise ValueError(f"observer {name!r}: capacity is {capacity}, wanted 1 or more")
        slowest = min(self._stages.values(), key=lambda stage: stage.done, default=None)
        segment = self._last if slowest is None else slowest.here()
        observer = Observer(self, name, segment, self.frontier, kinds or (object,), capacity, overflow)
        self._observers.append(observer)
        return observer

    async def publish(self, event: Event) -> int:
        """Append one event and return its number. Waits for room, first come first served; when
        cancelled while waiting the event is not in the log.

        Raises:
            InvariantBroken: the bus is closed or has failed.
        """
        if self.published >= self._stop or self._putters:
            await self._room()
        seq = self.published
        self._tail.append(event)
        self.published = seq + 1
        if self.idle or self._putters:
            self._rouse()
        return seq

    async def publish_many(self, events: Sequence[Event]) -> None:
        """Append events in order. Lists and tuples join the single events; any other sequence becomes
        segments of its own, cut by slicing to the room there is. Cancelled while waiting for room, a first
        part is in the log and the rest is not.

        Raises:
            InvariantBroken: the bus is closed or has failed.
        """
        total, at = len(events), 0
        while at < total:
            if self.published >= self._stop or self._putters:
                await self._room()
            size = min(total - at, self._stop - self.published)
            self._append(events if size == total else events[at : at + size], size)
            at += size

    async def close(self) -> None:
        """No more events. Readers get what is there, then their loops end; a producer that still waits
        for room gets an error. Returns at once: the owner of the reading tasks waits for them."""
        if not self.closed:
            self.closed = True
            self._end()

    def fail(self, error: BaseException, culprit: str = "bus") -> None:
        """Stop: every producer and reader gets `InvariantBroken` from ``error``. The first call counts."""
        if self._error is None:
            self._error, self._culprit = error, culprit
            self._end()

    def check(self) -> None:
        """Raises `InvariantBroken` if the bus has failed."""
        if self._error is not None:
            raise InvariantBroken(f"the bus stopped: {self._culprit}: {self._error}") from self._error

    @property
    def stats(self) -> BusStats:
        return BusStats(
            self.published,
            self._waits,
            tuple(stage.stats for stage in self._stages.values()),
            tuple(observer.stats for observer in self._observers),
        )

    def _append(self, events: Sequence[Event], size: int) -> None:
        if isinstance(events, (list, tuple)):
            self._tail.extend(events)
        else:
            self.seal(events)
        self.published += size
        if self.idle or self._putters:
            self._rouse()

    def seal(self, events: Sequence[Event] = ()) -> None:
        """Close the list of single events; put ``events`` behind it as a segment, then a new list."""
        self._last.sealed = True
        end = self._last.first + len(self._tail)
        if events:
            run = Segment(end, events, sealed=True)
            self._last.next = self._last = run
            end += len(events)
        self._tail = []
        fresh = Segment(end, self._tail, sealed=False)
        self._last.next = self._last = fresh

    def _rouse(self) -> None:
        """Something was published: wake who waits for it, once per wait."""
        if self._stages:
            self.idle = False
            _wake_all(stage for stage in self._stages.values() if stage.after is None)
            self._wake_putter()
            return
        self.advance()
        if len(self._tail) >= SEAL:
            self.seal()

    def advance(self) -> None:
        """Let observers see what all stages are done with, then give the freed room to producers."""
        self.frontier = frontier = min((s.done for s in self._stages.values()), default=self.published)
        floor, clogged = frontier, False
        for observer in self._observers:
            observer.fill(frontier)
            if observer.holds and observer.done < frontier:
                floor, clogged = min(floor, observer.done), True
        if self.clogged and not clogged:
            _wake_all(self._stages.values())
        self.clogged = clogged
        if not self.closed and self._error is None:
            self._stop = floor + self.capacity
            self._wake_putter()
        elif self.closed and frontier == self.published:
            _wake_all(self._observers)

    def leave(self, reader: Reader) -> None:
        """Forget a reader; stages behind it come after what it came after."""
        if isinstance(reader, Observer):
            self._observers.remove(reader)
        elif isinstance(reader, Stage):
            del self._stages[reader.name]
            ahead = reader.after
            if ahead is not None:
                ahead.gated.remove(reader)
                ahead.gated.extend(reader.gated)
            for stage in reader.gated:
                stage.after = ahead
        self.idle = True
        _wake_all(self._stages.values())
        self.advance()

    def _end(self) -> None:
        self._stop = -1
        _wake_all(self._stages.values())
        _wake_all(self._observers)
        for waiter in self._putters:
            if not waiter.done():
                waiter.set_result(None)

    def _check_open(self) -> None:
        self.check()
        if self.closed:
            raise InvariantBroken("the bus is closed: nothing can be published any more")

    def _wake_putter(self) -> None:
        if self._putters and self.published < self._stop and not self._putters[0].done():
            self._putters[0].set_result(None)

    async def _room(self) -> None:
        """Wait in line until there is room. On return it is our turn and no one else may append before."""
        self._check_open()
        self._waits += 1
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._putters.append(waiter)
        try:
            await waiter
            self._check_open()
        except BaseException:
            self._putters.remove(waiter)
            self._wake_putter()
            raise
        self._putters.popleft()


def _wake_all(readers: Iterable[Reader]) -> None:
    for reader in readers:
        reader.wake()
