"""The bus: order, gates, room, failure, cancellation, and what happens to observers that are full."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.bus import Bus, Observer, Overflow, Slot, Stage
from sos.errors import InvariantBroken
from sos.events import Event

EXAMPLES = 2000 if os.environ.get("SOS_FULL") else 120


class Tick(Event, frozen=True, gc=False):
    key: str = "A"


class Note(Event, frozen=True, gc=False):
    pass


class Column(Sequence[Tick]):
    """A run of ticks that counts how many of them were made."""

    event_type = Tick

    def __init__(self, start: int, size: int, made: list[int] | None = None) -> None:
        self.rows = range(start, start + size)
        self.made = made if made is not None else [0]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Tick: ...
    @overload
    def __getitem__(self, index: slice) -> Column: ...
    def __getitem__(self, index: int | slice) -> Tick | Column:
        if isinstance(index, slice):
            part = self.rows[index]
            return Column(part.start, len(part), self.made)
        self.made[0] += 1
        return Tick(self.rows[index])

    def __iter__(self) -> Iterator[Tick]:
        return (self[i] for i in range(len(self)))


def ticks(*numbers: int) -> list[Event]:
    return [Tick(n) for n in numbers]


async def together(*coros: Coroutine[Any, Any, object]) -> None:
    async with asyncio.TaskGroup() as group:
        for coro in coros:
            group.create_task(coro)


async def settle(turns: int = 12) -> None:
    """Let every task run until it waits for something."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def read(stage: Stage) -> list[tuple[int, int]]:
    """(seq, ts) of everything a stage gets."""
    seen: list[tuple[int, int]] = []
    async for batch in stage:
        assert len(batch) == len(batch.events) > 0
        seen += [(slot.seq, slot.event.ts) for slot in batch.slots()]
    return seen


async def watch(observer: Observer) -> list[Slot]:
    return [slot async for slot in observer]


# ------------------------------------------------------------------ order and gates


@dataclass
class Trace:
    """What two gated stages and an observer saw, in the order in which it happened."""

    first_done: int = 0
    first: list[int] = field(default_factory=list)
    second: list[int] = field(default_factory=list)
    attached: dict[int, tuple[object, ...]] = field(default_factory=dict)
    observed: list[Slot] = field(default_factory=list)
    peak: int = 0


@dataclass(frozen=True)
class Plan:
    """Sizes of what is published (negative: a column), batch caps, capacity, and who pauses where."""

    bursts: list[int]
    caps: tuple[int | None, int | None]
    capacity: int
    seed: int


PLANS = st.builds(
    Plan,
    st.lists(st.integers(-40, 40).filter(bool), max_size=12),
    st.tuples(*[st.none() | st.integers(1, 9)] * 2),
    st.integers(1, 50),
    st.integers(0, 2**16),
)


async def run_plan(plan: Plan) -> Trace:
    bus, trace, chance = Bus(plan.capacity), Trace(), random.Random(plan.seed)
    one = bus.stage("one", max_batch=plan.caps[0])
    two = bus.stage("two", after="one", max_batch=plan.caps[1])
    observer = bus.observe("all", capacity=7, overflow=Overflow.WAIT)

    async def pause() -> None:
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)

    async def produce() -> None:
        at = 0
        for burst in plan.bursts:
            if burst < 0:
                await bus.publish_many(Column(at, -burst))
            elif burst % 2:
                await bus.publish_many(ticks(*range(at, at + burst)))
            else:
                for number in range(at, at + burst):
                    assert await bus.publish(Tick(number)) == number
            at += abs(burst)
            await pause()
        await bus.close()

    async def first() -> None:
        async for batch in one:
            trace.first_done = batch.first
            for slot in batch.slots():
                trace.first.append(slot.event.ts)
                if slot.seq % 3 == 0:
                    batch.attach(slot.seq, f"one:{slot.seq}")
            await pause()

    async def second() -> None:
        async for batch in two:
            assert batch.end <= one.done
            for seq in batch.attachments:
                batch.attach(seq, f"two:{seq}")
            for seq in range(batch.first, batch.end):
                trace.attached[seq] = batch.attached(seq)
            trace.second += [event.ts for event in batch.events]
            trace.peak = max(trace.peak, bus.published - batch.first)
            await pause()

    async def observe() -> None:
        async for slot in observer:
            assert slot.seq < two.done
            trace.observed.append(slot)

    await together(first(), second(), observe(), produce())
    return trace


@settings(max_examples=EXAMPLES, deadline=None)
@given(PLANS)
def test_every_reader_sees_every_slot_once_in_order_and_behind_its_gate(plan: Plan) -> None:
    trace = asyncio.run(run_plan(plan))
    numbers = list(range(sum(map(abs, plan.bursts))))
    assert trace.first == numbers
    assert trace.second == numbers
    assert [(slot.seq, slot.event.ts) for slot in trace.observed] == [(n, n) for n in numbers]
    wanted = {n: (f"one:{n}", f"two:{n}") if n % 3 == 0 else () for n in numbers}
    assert trace.attached == wanted
    assert {slot.seq: slot.attached for slot in trace.observed} == wanted
    assert trace.peak <= plan.capacity


async def test_the_second_stage_waits_until_the_first_asks_for_more() -> None:
    bus = Bus()
    one, two = bus.stage("one"), bus.stage("two", after="one")
    await bus.publish_many(ticks(1, 2, 3))
    batch = await anext(one)
    assert (batch.first, batch.end) == (0, 3)
    async with asyncio.TaskGroup() as group:
        behind = group.create_task(anext(two))
        await settle()
        assert not behind.done()
        ahead = group.create_task(anext(one))
        await settle()
        assert behind.done()
        assert [event.ts for event in behind.result().events] == [1, 2, 3]
        await bus.publish(Tick(4))
        assert [event.ts for event in (await ahead).events] == [4]


async def test_a_batch_never_mixes_two_sequences_and_keeps_their_type() -> None:
    bus = Bus()
    stage = bus.stage("one")
    made = [0]
    await bus.publish_many(ticks(0, 1))
    await bus.publish_many(Column(2, 5, made))
    await bus.publish_many(Column(7, 3, made))
    await bus.publish_many(ticks(10))
    await bus.close()
    batches = [(batch.first, type(batch.events).__name__, len(batch)) async for batch in stage]
    assert batches == [(0, "list", 2), (2, "Column", 5), (7, "Column", 3), (10, "list", 1)]
    assert made == [0]


async def test_many_at_once_equals_one_at_a_time() -> None:
    async def run(*, many: bool) -> list[tuple[int, int]]:
        bus = Bus(capacity=5)
        stage = bus.stage("one")

        async def produce() -> None:
            events = ticks(*range(3000))
            if many:
                await bus.publish_many(events)
            else:
                for event in events:
                    await bus.publish(event)
            await bus.close()

        async with asyncio.TaskGroup() as group:
            reader = group.create_task(read(stage))
            group.create_task(produce())
        return reader.result()

    assert await run(many=True) == await run(many=False) == [(n, n) for n in range(3000)]


async def test_a_list_changed_after_publishing_does_not_change_the_log() -> None:
    bus = Bus()
    stage = bus.stage("one")
    events = ticks(1, 2)
    await bus.publish_many(events)
    events.clear()
    await bus.close()
    assert await read(stage) == [(0, 1), (1, 2)]


async def test_two_producers_waiting_for_room_are_served_in_turn() -> None:
    bus = Bus(capacity=1)
    stage = bus.stage("one")

    async def produce(start: int) -> None:
        for number in range(start, start + 4):
            await bus.publish(Tick(number))

    async def close_after() -> None:
        await together(produce(0), produce(10))
        await bus.close()

    async with asyncio.TaskGroup() as group:
        reader = group.create_task(read(stage))
        group.create_task(close_after())
    assert [ts for _, ts in reader.result()] == [0, 1, 10, 2, 11, 3, 12, 13]


# ------------------------------------------------------------------ room


async def test_producers_stop_when_the_slowest_stage_is_capacity_behind() -> None:
    bus = Bus(capacity=10)
    one, two = bus.stage("one"), bus.stage("two", after="one", max_batch=4)
    async with asyncio.TaskGroup() as group:
        producer = group.create_task(bus.publish_many(Column(0, 25)))
        fast = group.create_task(read(one))
        await settle()
        assert bus.published == 10
        assert not producer.done()
        first = await anext(two)
        await settle()
        assert len(first) == 4
        assert bus.published == 10  # taken is not done
        await anext(two)
        await settle()
        assert bus.published == 14
        rest = group.create_task(read(two))
        await producer
        await bus.close()
    assert fast.result() == [(n, n) for n in range(25)]
    assert rest.result() == [(n, n) for n in range(8, 25)]
    assert max(stage.peak_lag for stage in bus.stats.stages) <= 10
    assert bus.stats.waits > 0


async def test_counters_tell_what_was_published_and_read() -> None:
    bus = Bus()
    one = bus.stage("one", max_batch=4)
    observer = bus.observe("notes", Note, capacity=8, overflow=Overflow.WAIT)
    await bus.publish_many([*ticks(1, 2, 3, 4, 5), Note(6)])
    await bus.close()
    await together(read(one), watch(observer))
    stage, notes = bus.stats.stages[0], bus.stats.observers[0]
    assert bus.stats.published == 6
    assert (stage.name, stage.consumed, stage.batches, stage.peak_lag) == ("one", 6, 2, 6)
    assert (notes.name, notes.consumed, notes.dropped) == ("notes", 1, 0)


# ------------------------------------------------------------------ closing and failing


async def test_after_close_readers_drain_and_end_and_producers_are_refused() -> None:
    bus = Bus()
    one, two = bus.stage("one"), bus.stage("two", after="one")
    await bus.publish_many(ticks(1, 2))
    await bus.close()
    await bus.close()
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read(stage)) for stage in (two, one)]
    assert [reader.result() for reader in readers] == [[(0, 1), (1, 2)]] * 2
    with pytest.raises(InvariantBroken, match="closed"):
        await bus.publish(Tick(3))
    with pytest.raises(StopAsyncIteration):
        await anext(one)


async def test_a_producer_waiting_for_room_hears_of_the_close() -> None:
    bus = Bus(capacity=1)
    bus.stage("one")
    await bus.publish(Tick(1))
    async with asyncio.TaskGroup() as group:
        producer = group.create_task(_expect_broken(bus.publish(Tick(2)), "closed"))
        await settle()
        await bus.close()
        await producer
    assert bus.published == 1


async def _expect_broken(coro: Coroutine[Any, Any, object], match: str) -> None:
    with pytest.raises(InvariantBroken, match=match):
        await coro


@pytest.mark.parametrize("how", ["raises", "returns", "is cancelled", "closes with an error"])
async def test_a_stage_that_dies_stops_producers_and_readers(how: str) -> None:
    bus = Bus(capacity=4)
    one, two = bus.stage("one"), bus.stage("two", after="one")
    observer = bus.observe("all", capacity=4, overflow=Overflow.WAIT)

    async def die() -> None:
        async for _ in one:
            if how == "raises":
                raise RuntimeError("matcher is broken")
            if how == "closes with an error":
                one.close(RuntimeError("matcher is broken"))
            if how == "is cancelled":
                await asyncio.Event().wait()
            return

    async def guarded() -> None:
        try:
            await die()
        except RuntimeError:
            assert how == "raises"

    loop = asyncio.get_running_loop()
    dying = asyncio.Task(guarded() if how != "raises" else die(), loop=loop)
    async with asyncio.TaskGroup() as group:
        group.create_task(_expect_broken(bus.publish_many(ticks(*range(20))), "one"))
        group.create_task(_expect_broken(read(two), "one"))
        group.create_task(_expect_broken(watch(observer), "one"))
        await settle()
        if how == "is cancelled":
            dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    with pytest.raises(InvariantBroken) as caught:
        await bus.publish(Tick(1))
    broken = "matcher is broken" if how in {"raises", "closes with an error"} else "ended before the log did"
    assert broken in str(caught.value.__cause__)


async def test_a_stage_that_closes_without_error_holds_nobody_back() -> None:
    bus = Bus(capacity=3)
    one, two = bus.stage("one"), bus.stage("two", after="one")

    async def leave_early() -> None:
        async for batch in one:
            batch.attach(batch.first, "seen")
            one.close()
            with pytest.raises(InvariantBroken, match="current batch"):
                batch.attach(batch.first, "late")

    async def produce() -> None:
        await bus.publish_many(ticks(*range(10)))
        await bus.close()

    async with asyncio.TaskGroup() as group:
        reader = group.create_task(read(two))
        group.create_task(leave_early())
        group.create_task(produce())
    assert reader.result() == [(n, n) for n in range(10)]


async def test_attaching_outside_the_batch_in_hand_is_an_error() -> None:
    bus = Bus()
    one = bus.stage("one", max_batch=1)
    await bus.publish_many(ticks(1, 2))
    old = await anext(one)
    with pytest.raises(InvariantBroken, match="slot 1"):
        old.attach(1, "x")
    await anext(one)
    with pytest.raises(InvariantBroken, match="slot 0"):
        old.attach(0, "x")


async def test_wrong_declarations_are_refused() -> None:
    bus = Bus()
    bus.stage("one")
    for wrong in ({"name": "one"}, {"name": "two", "after": "three"}, {"name": "two", "max_batch": 0}):
        with pytest.raises(ValueError, match=str(wrong["name"])):
            bus.stage(**wrong)
    with pytest.raises(ValueError, match="capacity"):
        bus.observe("x", capacity=0, overflow=Overflow.WAIT)
    with pytest.raises(ValueError, match="room"):
        Bus(capacity=0)
    await bus.publish(Tick(1))
    with pytest.raises(InvariantBroken, match="would miss it"):
        bus.stage("late")


async def test_two_tasks_on_one_stage_are_an_error() -> None:
    bus = Bus()
    one = bus.stage("one")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(anext(one))
        await settle()
        with pytest.raises(InvariantBroken, match="two tasks"):
            await anext(one)
        await bus.publish(Tick(1))
    assert len(waiting.result()) == 1


# ------------------------------------------------------------------ observers


async def drive(bus: Bus, events: Sequence[Event], *, signal_at: int | None = None) -> None:
    """One stage reads what is published; on slot ``signal_at`` it attaches a Note."""
    stage = bus.stage("one")

    async def work() -> None:
        async for batch in stage:
            if signal_at is not None and batch.first <= signal_at < batch.end:
                batch.attach(signal_at, Note(signal_at))

    async def produce() -> None:
        await bus.publish_many(events)
        await bus.close()

    await together(work(), produce())


async def test_an_observer_gets_the_kinds_it_wants_among_events_and_attachments() -> None:
    bus = Bus()
    notes = bus.observe("notes", Note, capacity=9, overflow=Overflow.FAIL)
    await drive(bus, [Tick(0), Note(1), Tick(2), Tick(3)], signal_at=3)
    seen = await watch(notes)
    assert [(slot.seq, type(slot.event).__name__, slot.attached) for slot in seen] == [
        (1, "Note", ()),
        (3, "Tick", (Note(3),)),
    ]


@pytest.mark.parametrize("overflow", Overflow)
async def test_bars_that_no_observer_wants_are_never_made(overflow: Overflow) -> None:
    bus, made = Bus(capacity=50_000), [0]
    notes = bus.observe("notes", Note, capacity=4, overflow=overflow)
    await drive(bus, Column(0, 20_000, made), signal_at=12_345)
    assert [(slot.seq, slot.attached) for slot in await watch(notes)] == [(12_345, (Note(12_345),))]
    assert made == [1]


async def test_a_waiting_observer_holds_the_stages_and_so_the_producers() -> None:
    bus = Bus(capacity=20)
    one = bus.stage("one", max_batch=5)
    slow = bus.observe("slow", Tick, capacity=3, overflow=Overflow.WAIT)
    async with asyncio.TaskGroup() as group:
        producer = group.create_task(bus.publish_many(Column(0, 100)))
        stage = group.create_task(read(one))
        await settle()
        assert one.done == 5  # the next batch is not given out
        assert bus.published <= 3 + 20
        got = [(await anext(slow)).seq for _ in range(7)]
        await settle()
        assert 5 < one.done < 20
        rest = group.create_task(watch(slow))
        await producer
        await bus.close()
    assert got + [slot.seq for slot in rest.result()] == list(range(100))
    assert len(stage.result()) == 100
    assert bus.stats.observers[0].peak_lag == 3
    assert bus.stats.observers[0].dropped == 0


async def test_a_latest_observer_keeps_the_newest_of_each_key_and_counts_the_rest() -> None:
    bus = Bus()
    board = bus.observe("board", Tick, capacity=2, overflow=Overflow.LATEST)
    await drive(bus, [Tick(0, "A"), Tick(1, "B"), Tick(2, "A"), Tick(3, "B"), Tick(4, "A")])
    assert [(slot.seq, slot.event.ts) for slot in await watch(board)] == [(3, 3), (4, 4)]
    assert bus.stats.observers[0].dropped == 3


async def test_a_latest_observer_with_too_many_keys_drops_the_oldest() -> None:
    bus = Bus()
    board = bus.observe("board", Tick, capacity=2, overflow=Overflow.LATEST)
    await drive(bus, [Tick(0, "A"), Tick(1, "B"), Tick(2, "C")])
    assert [slot.seq for slot in await watch(board)] == [1, 2]
    assert bus.stats.observers[0].dropped == 1


async def test_a_full_failing_observer_breaks_the_bus_and_has_no_gap_before_that() -> None:
    bus = Bus()
    one = bus.stage("one", max_batch=2)
    journal = bus.observe("journal", capacity=5, overflow=Overflow.FAIL)
    await bus.publish_many(ticks(*range(10)))
    await _expect_broken(read(one), "journal: its buffer of 5 slots is full")
    await _expect_broken(bus.publish(Tick(1)), "journal")
    assert [(await anext(journal)).seq for _ in range(4)] == [0, 1, 2, 3]
    await _expect_broken(anext(journal), "journal")


async def test_an_observer_may_join_late_and_leave_early() -> None:
    bus = Bus(capacity=4)
    one = bus.stage("one", max_batch=3)
    async with asyncio.TaskGroup() as group:
        stage = group.create_task(read(one))
        await bus.publish_many(ticks(*range(6)))
        await settle()
        late = bus.observe("late", capacity=1, overflow=Overflow.WAIT)
        producer = group.create_task(bus.publish_many(Column(6, 20)))
        assert (await anext(late)).seq == 6
        await settle()
        assert not producer.done()
        late.close()
        await producer
        await bus.close()
    assert len(stage.result()) == 26


async def test_observers_alone_see_everything() -> None:
    bus = Bus(capacity=3)
    observer = bus.observe("all", capacity=2, overflow=Overflow.WAIT)

    async def produce() -> None:
        await bus.publish_many(ticks(*range(1500)))
        for number in range(1500, 3000):
            await bus.publish(Tick(number))
        await bus.close()

    async with asyncio.TaskGroup() as group:
        seen = group.create_task(watch(observer))
        group.create_task(produce())
    assert [slot.event.ts for slot in seen.result()] == list(range(3000))


async def test_a_latest_observer_may_be_restarted() -> None:
    bus = Bus()
    one = bus.stage("one")
    board = bus.observe("board", capacity=2, overflow=Overflow.LATEST)

    async def crash() -> None:
        async for _ in board:
            raise RuntimeError("page is broken")

    await bus.publish(Tick(1))
    async with asyncio.TaskGroup() as group:
        group.create_task(read(one))
        await settle()
        with pytest.raises(RuntimeError, match="page"):
            await crash()
        await bus.publish(Tick(2))
        await bus.close()
        assert [slot.event.ts for slot in await watch(board)] == [2]


# ------------------------------------------------------------------ cancellation


async def _cancel_storm(seed: int, *, total: int = 120) -> tuple[list[int], list[int], list[int], set[int]]:
    """Producers and readers that are cancelled at random points and simply go on."""
    chance = random.Random(seed)
    bus = Bus(capacity=chance.randint(1, 8))
    one = bus.stage("one", max_batch=chance.choice([None, 1, 3]))
    two = bus.stage("two", after="one")
    observer = bus.observe("all", capacity=chance.randint(1, 4), overflow=Overflow.WAIT)
    first: list[int] = []
    second: list[int] = []
    observed: list[int] = []
    accepted: set[int] = set()
    running: list[asyncio.Task[object]] = []
    over = asyncio.Event()

    async def stubborn(step: Coroutine[Any, Any, Any]) -> Any:
        """Run one await as a task of its own that the storm may cancel; None when it was cancelled."""
        task: asyncio.Task[object] = asyncio.Task(step, loop=asyncio.get_running_loop())
        running.append(task)
        await asyncio.wait([task])
        running.remove(task)
        return None if task.cancelled() else task

    async def consume(reader: Stage | Observer, sink: list[int]) -> None:
        while True:
            task = await stubborn(reader.__anext__())
            if task is None:
                continue
            try:
                got = task.result()
            except RuntimeError:  # a task turns StopAsyncIteration into this
                return
            except StopAsyncIteration:
                return
            sink.extend([got.event.ts] if isinstance(got, Slot) else [event.ts for event in got.events])

    async def produce() -> None:
        for number in range(total):
            if await stubborn(bus.publish(Tick(number))) is not None:
                accepted.add(number)
        await bus.close()

    async def storm() -> None:
        while not over.is_set():
            await asyncio.sleep(0)
            if running and chance.random() < 0.4:
                chance.choice(running).cancel()

    async def work() -> None:
        await together(produce(), consume(one, first), consume(two, second), consume(observer, observed))
        over.set()

    await together(work(), storm())
    return first, second, observed, accepted


@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(st.integers(0, 2**32))
def test_cancelling_any_await_loses_nothing_and_doubles_nothing(seed: int) -> None:
    first, second, observed, accepted = asyncio.run(_cancel_storm(seed))
    assert first == second == observed == sorted(accepted)


async def test_cancelling_publish_many_leaves_a_prefix() -> None:
    bus = Bus(capacity=4)
    one = bus.stage("one")
    producer = asyncio.Task(bus.publish_many(Column(0, 10)), loop=asyncio.get_running_loop())
    await settle()
    producer.cancel()
    await asyncio.gather(producer, return_exceptions=True)
    assert producer.cancelled()
    await bus.close()
    assert await read(one) == [(n, n) for n in range(4)]


async def test_a_cancelled_producer_gives_its_turn_to_the_next() -> None:
    bus = Bus(capacity=1)
    one = bus.stage("one")
    loop = asyncio.get_running_loop()
    await bus.publish(Tick(0))
    waiting = [asyncio.Task(bus.publish(Tick(n)), loop=loop) for n in (1, 2)]
    await settle()
    await anext(one)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(anext(one))
        while not waiting[0].cancelling():
            await asyncio.sleep(0)
            waiting[0].cancel()  # in the very turn in which it was woken, or before
        batch = await following
    assert [event.ts for event in batch.events] in ([1], [2])
    one.close()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert waiting[1].result() == bus.published - 1
