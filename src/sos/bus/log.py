"""The words of the bus and the chain of segments that the log is made of.

Single events share a growing list; a published sequence (a run of bars in columns) is a segment of its own
and is only ever sliced. Readers point into the chain, so a segment is freed with what is attached to it
when the last reader has passed. Nothing here waits or wakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Final

import msgspec

from sos.errors import InvariantBroken
from sos.events import Event

__all__ = ["SEAL", "Batch", "BusStats", "Overflow", "ReaderStats", "Segment", "Slot", "scan"]

SEAL: Final = 1024  # a list of single events this long is closed and a new one begun


class Overflow(Enum):
    """What happens to an observer that is full."""

    WAIT = auto()  # the stages wait for it, and so in the end the producers
    LATEST = auto()  # the newest slot of each (type, key) is kept, older ones are dropped and counted
    FAIL = auto()  # full means broken: the bus fails


class Slot(msgspec.Struct, frozen=True, gc=False):
    """One numbered event and what the stages attached to it, in the order of attaching."""

    seq: int
    event: Event
    attached: tuple[object, ...]


class ReaderStats(msgspec.Struct, frozen=True):
    """Counters of one stage or observer. ``peak_lag`` is in slots for a stage, in buffered slots for an
    observer; ``dropped`` is what `Overflow.LATEST` replaced."""

    name: str
    consumed: int
    batches: int
    peak_lag: int
    dropped: int


class BusStats(msgspec.Struct, frozen=True):
    """Counters of the whole bus. ``waits``: how often a producer had to wait for room."""

    published: int
    waits: int
    stages: tuple[ReaderStats, ...]
    observers: tuple[ReaderStats, ...]


class Segment:
    """A stretch of the log: events from ``first`` on, what is attached to them, and the next stretch."""

    __slots__ = ("attached", "events", "first", "next", "sealed")

    def __init__(self, first: int, events: Sequence[Event], *, sealed: bool) -> None:
        self.first = first
        self.events = events
        self.sealed = sealed
        self.attached: dict[int, list[object]] = {}
        self.next: Segment | None = None

    def cut(self, first: int, end: int) -> Sequence[Event]:
        """Events of the slots first..end-1, safe from later appends."""
        start, stop = first - self.first, end - self.first
        if self.sealed and start == 0 and stop == len(self.events):
            return self.events
        return self.events[start:stop]


class Batch:
    """Slots ``first`` .. ``end - 1`` as one stage gets them; ``events[i]`` belongs to slot ``first + i``.

    ``events`` is a list of single events or a slice of what was given to `Bus.publish_many`. A batch may
    be attached to until its stage asks for the next one.
    """

    __slots__ = ("_live", "_segment", "end", "events", "first")

    def __init__(self, segment: Segment, first: int, end: int) -> None:
        self.first = first
        self.end = end
        self.events = segment.cut(first, end)
        self._segment = segment
        self._live = True

    def __len__(self) -> int:
        return self.end - self.first

    def attach(self, seq: int, item: object) -> None:
        """Hang a derived value on slot ``seq`` for later stages and observers.

        Raises:
            InvariantBroken: the slot is not of this batch, or the stage has already moved on.
        """
        if not (self._live and self.first <= seq < self.end):
            raise InvariantBroken(
                f"slot {seq} is not in the stage's current batch {self.first}..{self.end - 1}"
            )
        self._segment.attached.setdefault(seq, []).append(item)

    def attached(self, seq: int) -> tuple[object, ...]:
        """What has been attached to slot ``seq`` so far."""
        return tuple(self._segment.attached.get(seq, ()))

    @property
    def attachments(self) -> Mapping[int, list[object]]:
        """Slot number -> attached values, only slots of this batch that have any, in slot order."""
        held = self._segment.attached
        return {seq: held[seq] for seq in _attached_in(self._segment, self.first, self.end)} if held else {}

    def slots(self) -> Iterator[Slot]:
        """The batch slot by slot."""
        held = self._segment.attached
        for seq, event in enumerate(self.events, self.first):
            yield Slot(seq, event, tuple(held.get(seq, ())))


def _attached_in(segment: Segment, first: int, end: int) -> list[int]:
    """Slots of first..end-1 with attachments, in order."""
    held = segment.attached
    if len(held) > end - first:
        return [seq for seq in range(first, end) if seq in held]
    return sorted(seq for seq in held if first <= seq < end)


def scan(
    segment: Segment, first: int, end: int, kinds: tuple[type, ...], room: int
) -> tuple[list[Slot], int]:
    """Wanted slots of first..end-1, at most ``room``; and the first slot not looked at."""
    kind = getattr(type(segment.events), "event_type", None)
    if kind is not None and not issubclass(kind, kinds):
        return _scan_attached(segment, first, end, kinds, room)
    if kind is not None:
        end = min(end, first + room)
    held, events = segment.attached, segment.cut(first, end)
    if not held and end - first <= room:
        return [
            Slot(seq, event, ()) for seq, event in enumerate(events, first) if isinstance(event, kinds)
        ], end
    found: list[Slot] = []
    for seq, event in enumerate(events, first):
        items = held.get(seq, ())
        if isinstance(event, kinds) or any(isinstance(item, kinds) for item in items):
            if len(found) == room:
                return found, seq
            found.append(Slot(seq, event, tuple(items)))
    return found, end


def _scan_attached(
    segment: Segment, first: int, end: int, kinds: tuple[type, ...], room: int
) -> tuple[list[Slot], int]:
    """The same where no event is wanted: only events whose attachments are wanted are made."""
    found: list[Slot] = []
    for seq in _attached_in(segment, first, end):
        items = segment.attached[seq]
        if any(isinstance(item, kinds) for item in items):
            if len(found) == room:
                return found, seq
            found.append(Slot(seq, segment.events[seq - segment.first], tuple(items)))
    return found, end
