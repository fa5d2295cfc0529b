"""The fast path over a run of bars: find the rows that matter, hand only those to the desk's own methods.

A row matters to a slot when it could change it: every row while an entry waits, a trail moves the stop or
the position is leaving; else the first row that reaches the stop, or the nearest of target, partial and
breakeven level, or that begins the square-off or a new session, or ends the time stop. Rows in between
provably do nothing. Slots share nothing but the risk limits, so without limits each slot goes through the
block on its own; with limits the rows of all slots are taken in order from an agenda. Columns are taken
in blocks, because Python lists of a whole year would cost more memory than the run itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from sos.bars import F64, I64, BarRun
from sos.events import Signal
from sos.trading.execution import Slot
from sos.trading.orders import FREE, WORKING
from sos.trading.plan import NO_PRICE
from sos.trading.record import SlotRecord
from sos.trading.straight import is_straight, live_straight
from sos.types import ExitReason

if TYPE_CHECKING:
    from sos.trading.desk import Desk, Lane

__all__ = ["LaneRows", "scan"]

_BLOCK: Final = 16_384
_SHORT: Final = 8  # fewer rows are not worth columns
_SQUARE_OFF: Final = ExitReason.SQUARE_OFF


def scan(desk: Desk, run: BarRun, signals: Mapping[int, Sequence[Signal]]) -> None:
    """Same as `Desk.on_bar` and `Desk.on_signal` row by row; signals of untraded rows are ignored."""
    rows = sorted(signals)
    for start in range(0, len(run), _BLOCK):
        block = run[start : start + _BLOCK]
        mine = rows[bisect_left(rows, start) : bisect_left(rows, start + len(block))]
        wanted = [(row - start, signals[row]) for row in mine]
        if len(block) < _SHORT or not _sound(block):
            _plainly(desk, block, dict(wanted))
            continue
        lanes = _lanes(desk, block)
        if desk.core.limits.any:
            _Agenda(desk, lanes, block).process(wanted)
        else:
            _apart(desk, lanes, block, wanted)
        for lane_rows in lanes.values():
            lane_rows.leave()
        for record in desk.records:
            record.flush()


def _sound(block: BarRun) -> bool:
    """Are all bars such as `Desk.on_bar` takes: 0 < low <= open, close <= high, and no absurd price?"""
    below = np.minimum(block.open, block.close)
    above = np.maximum(block.open, block.close)
    sound = (block.low > 0.0) & (block.low <= below) & (above <= block.high) & (block.high < NO_PRICE)
    return bool(sound.all())


class LaneRows:
    """The rows of one underlying in a block. ``rows[i]`` is the block's row of local row ``i``.

    Highs and lows are lists because scanning reads them most; the rest is read at chosen rows only.
    """

    __slots__ = (
        "before",
        "close",
        "end",
        "ends_at",
        "highs",
        "lane",
        "lows",
        "n",
        "open",
        "rows",
        "session",
        "ts",
    )

    def __init__(self, lane: Lane, block: BarRun, rows: I64 | None) -> None:
        def column(values: F64) -> F64:
            return values if rows is None else values[rows]

        ts = block.ts if rows is None else block.ts[rows]
        sessions = lane.instrument.sessions.index_block(ts)
        at = lane.instrument
        self.before = at.last_ts, at.last_end, at.last_close  # slots cross the block one after another
        self.lane = lane
        self.n = len(ts)
        self.rows: Sequence[int] = range(self.n) if rows is None else rows.tolist()
        self.ts = np.ascontiguousarray(ts).data
        self.end = np.ascontiguousarray(block.end if rows is None else block.end[rows]).data
        self.session = np.ascontiguousarray(sessions).data
        self.open = _paise(column(block.open)).data
        self.close = _paise(column(block.close)).data
        self.highs: list[int] = _paise(column(block.high)).tolist()
        self.lows: list[int] = _paise(column(block.low)).tolist()
        starts = [0, *(np.flatnonzero(np.diff(sessions)) + 1).tolist(), self.n]
        self.ends_at = {int(sessions[a]): b for a, b in pairwise(starts)}
        for series in lane.trails.values():
            series.load(column(block.high), column(block.low), column(block.close))

    def meet(self, desk: Desk, slot: Slot, i: int) -> None:
        """The slot's order or position meets local row ``i``, or learns there that its session is over."""
        at = self.lane.instrument
        session = self.session[i]
        if slot.session != session:
            last = (self.ts[i - 1], self.end[i - 1], self.close[i - 1]) if i else self.before
            at.saw(*last)
            desk.end_session(slot, _SQUARE_OFF)
            return
        at.enter(session)
        if slot.trail is not None:
            slot.trail.seek(i)
        desk.meet(slot, self.ts[i], self.end[i], self.open[i], self.highs[i], self.lows[i], self.close[i])

    def take(self, desk: Desk, slot: Slot, i: int, signal: Signal) -> None:
        """A free slot gets a signal of local row ``i``."""
        self.lane.instrument.enter(self.session[i])
        desk.carry_out(slot, desk.core.on_signal(slot, signal), signal.end)

    def live(self, desk: Desk, slot: Slot, i: int, signal: Signal) -> int:
        """A free slot gets a signal and, if it is simple enough, the whole trade; see `live_straight`."""
        self.lane.instrument.enter(self.session[i])
        return live_straight(desk, self, slot, i, signal)

    def reaches(self, sign: int, start: int, limit: int, stop: int, reach: int) -> int:
        """The first row in ``[start, limit)`` that touches one of two signed prices; else ``limit``."""
        lows, highs = self.lows, self.highs
        low, high = (stop, reach) if sign > 0 else (-reach, -stop)
        for row in range(start, limit):
            if lows[row] <= low or highs[row] >= high:
                return row
        return limit

    def leave(self) -> None:
        """The block is over: the instrument stands on its last row."""
        last = self.n - 1
        at = self.lane.instrument
        at.enter(self.session[last])
        at.saw(self.ts[last], self.end[last], self.close[last])


def _paise(rupees: F64) -> I64:
    """`spec.paise` for a column, bit for bit."""
    return (rupees * 100.0 + 0.5).astype(np.int64)


def _lanes(desk: Desk, block: BarRun) -> dict[int, LaneRows]:
    """The traded underlyings that have rows in the block, by their code in it."""
    if len(block.keys) == 1:
        lane = desk.lanes.get(block.keys[0])
        return {} if lane is None else {0: LaneRows(lane, block, None)}
    found: dict[int, LaneRows] = {}
    for code, key in enumerate(block.keys):
        rows = np.flatnonzero(block.which == code)
        if key in desk.lanes and len(rows):
            found[code] = LaneRows(desk.lanes[key], block, rows)
    return found


def _plainly(desk: Desk, block: BarRun, signals: Mapping[int, Sequence[Signal]]) -> None:
    """A block with missing prices, or of a few rows, takes the plain path."""
    for row, bar in enumerate(block):
        desk.on_bar(bar)
        if bar.key in desk.lanes:
            for signal in signals.get(row, ()):
                desk.on_signal(signal)


def _local_rows(lanes: Mapping[int, LaneRows], block: BarRun) -> list[int] | range:
    """The local row of each row of the block (0 where it is not traded)."""
    if len(block.keys) == 1:
        return range(len(block))
    local = np.zeros(len(block), np.int64)
    for lane_rows in lanes.values():
        local[list(lane_rows.rows)] = np.arange(lane_rows.n)
    return local.tolist()


def _apart(
    desk: Desk, lanes: Mapping[int, LaneRows], block: BarRun, wanted: Sequence[tuple[int, Sequence[Signal]]]
) -> None:
    """Slot by slot through the block."""
    mine = {slot.index: _Wanted() for rows in lanes.values() for slot in rows.lane.slots}
    by_code = {
        code: {slot.pattern_id: mine[slot.index].add for slot in rows.lane.slots}
        for code, rows in lanes.items()
    }
    local, which = _local_rows(lanes, block), block.which.tolist()
    for row, signals in wanted:
        add = by_code.get(which[row])
        if add is not None:
            i = local[row]
            for signal in signals:
                add[signal.pattern_id](i, signal)
    for rows in lanes.values():
        for slot in rows.lane.slots:
            _through(desk, rows, slot, mine[slot.index])


class _Wanted:
    """The signals of one slot in a block: local rows and signals, in order."""

    __slots__ = ("rows", "signals")

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.signals: list[Signal] = []

    def add(self, row: int, signal: Signal) -> None:
        self.rows.append(row)
        self.signals.append(signal)


def _through(desk: Desk, rows: LaneRows, slot: Slot, wanted: _Wanted) -> None:
    """One slot through one block: wait for a signal, then from row to row that matters until it is free."""
    record, straight = desk.records[slot.index], is_straight(slot.plan, desk)
    at, signals = wanted.rows, wanted.signals
    nth, i = 0, -1
    while True:
        if slot.state is not FREE:
            i = _next_row(slot, rows, i + 1)
            nth = _busy_before(i, record, wanted, nth)
            if i >= rows.n:
                return
            rows.meet(desk, slot, i)
        elif nth < len(at):
            i = at[nth]
            out = rows.live(desk, slot, i, signals[nth]) if straight else -1
            if out < 0:
                rows.take(desk, slot, i, signals[nth])
                nth += 1
            else:
                i, nth = out, _busy_before(out, record, wanted, nth + 1)
        else:
            return


def _busy_before(i: int, record: SlotRecord, wanted: _Wanted, nth: int) -> int:
    """Refuse the signals of rows before ``i``: the slot had a trade then. The number of the next signal."""
    to = bisect_left(wanted.rows, i, nth)
    for signal in wanted.signals[nth:to]:
        record.busy(signal.ts)
    return to


class _Agenda:
    """All slots of a block together, in the order of the rows: which slots want which row."""

    def __init__(self, desk: Desk, lanes: Mapping[int, LaneRows], block: BarRun) -> None:
        self._desk = desk
        self._lanes = lanes
        self._which: list[int] = block.which.tolist()
        self._local = _local_rows(lanes, block)
        self._due: dict[int, list[Slot]] = {}
        self._heap: list[int] = []

    def process(self, wanted: Sequence[tuple[int, Sequence[Signal]]]) -> None:
        """Handle the block's rows in order."""
        for lane_rows in self._lanes.values():
            for slot in lane_rows.lane.slots:
                self._schedule(slot, lane_rows, 0)
        signals = dict(wanted)
        waiting = [row for row, _ in reversed(wanted)]
        heap = self._heap
        while heap or waiting:
            row = heap[0] if heap and not (waiting and waiting[-1] < heap[0]) else waiting[-1]
            due: list[Slot] = []
            if heap and heap[0] == row:
                heappop(heap)
                due = self._due.pop(row)
            if waiting and waiting[-1] == row:
                waiting.pop()
            lane_rows_or_none = self._lanes.get(self._which[row])
            if lane_rows_or_none is not None:
                self._row(lane_rows_or_none, self._local[row], due, signals.get(row, ()))

    def _row(self, rows: LaneRows, i: int, due: list[Slot], wanted: Sequence[Signal]) -> None:
        """One row that matters: the slots that asked for it meet the bar, then its signals."""
        desk = self._desk
        due.sort(key=_index)
        for slot in due:
            rows.meet(desk, slot, i)
        for signal in wanted:
            slot = rows.lane.by_pattern[signal.pattern_id]
            if slot.state is not FREE:
                desk.records[slot.index].busy(signal.ts)
                continue
            rows.take(desk, slot, i, signal)
            if slot not in due:
                due.append(slot)
        for slot in due:
            self._schedule(slot, rows, i + 1)

    def _schedule(self, slot: Slot, rows: LaneRows, start: int) -> None:
        """Put the slot on the agenda for the first row from ``start`` on that matters to it."""
        if slot.state is FREE:
            return
        local = _next_row(slot, rows, start)
        if local >= rows.n:
            return
        row = rows.rows[local]
        if row not in self._due:
            self._due[row] = []
            heappush(self._heap, row)
        self._due[row].append(slot)


def _index(slot: Slot) -> int:
    return slot.index


def _next_row(slot: Slot, rows: LaneRows, start: int) -> int:
    """The first local row from ``start`` on that can change the slot; ``rows.n`` if none can."""
    pos = slot.position
    if pos is None or slot.state is not WORKING or slot.plan.trail is not None:
        return start
    session_end = rows.ends_at.get(slot.session, 0)
    if start >= session_end:
        return start
    limit = bisect_left(rows.ts, slot.square_off_ns, start, session_end)
    if pos.time_limit is not None:
        limit = bisect_left(rows.end, pos.time_limit, start, limit)
    reach = min(pos.target, pos.partials[0]) if pos.partials else pos.target
    if pos.breakeven is not None and pos.breakeven < reach:
        reach = pos.breakeven
    return rows.reaches(slot.sign, start, limit, pos.stop, reach)
