"""The fast path over a run of bars: find the rows that matter, hand only those to the desk's own methods.

A row matters to a slot when it could change it: every row while an entry waits, a trail moves the stop or
the position is leaving; else the first row that reaches the stop, or the nearest of target, partial and
breakeven level, or that begins the square-off or a new session, or ends the time stop. Rows in between
provably do nothing. A row that matters to one slot is not shown to the others. Columns are taken in
blocks, because Python lists of a whole year would cost more memory than the run itself.
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
from sos.trading.orders import OrderState
from sos.types import Refusal

if TYPE_CHECKING:
    from sos.trading.desk import Desk, Lane

__all__ = ["scan"]

_BLOCK: Final = 16_384
_FREE: Final = OrderState.FREE
_WORKING: Final = OrderState.WORKING
_BUSY: Final = Refusal.BUSY


def scan(desk: Desk, run: BarRun, signals: Mapping[int, Sequence[Signal]]) -> None:
    """Same as `Desk.on_bar` and `Desk.on_signal` over the rows of ``run``; rows without bars are ignored."""
    rows = sorted(signals)
    for start in range(0, len(run), _BLOCK):
        block = run[start : start + _BLOCK]
        mine = rows[bisect_left(rows, start) : bisect_left(rows, start + len(block))]
        _Block(desk, block).process({row - start: signals[row] for row in mine})


class _LaneRows:
    """The rows of one underlying in a block. ``rows[i]`` is the block's row of local row ``i``.

    Highs and lows are lists because scanning reads them most; the rest is read at chosen rows only.
    """

    __slots__ = ("close", "end", "ends_at", "highs", "lane", "lows", "n", "open", "rows", "session", "ts")

    def __init__(self, lane: Lane, block: BarRun, rows: I64 | None) -> None:
        def column(values: F64) -> F64:
            return values if rows is None else values[rows]

        ts = block.ts if rows is None else block.ts[rows]
        sessions = lane.instrument.sessions.index_block(ts)
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
        self.ends_at = {int(sessions[a]): b for a, b in pairwise(starts)} if self.n else {}
        for series in lane.trails.values():
            series.load(column(block.high), column(block.low), column(block.close))


def _paise(rupees: F64) -> I64:
    """`spec.paise` for a column, bit for bit."""
    return (rupees * 100.0 + 0.5).astype(np.int64)


class _Block:
    """One block of a run and its agenda: which slots want which row."""

    def __init__(self, desk: Desk, block: BarRun) -> None:
        self._desk = desk
        self._block = block
        self._agenda: dict[int, list[Slot]] = {}
        self._heap: list[int] = []

    def process(self, signals: Mapping[int, Sequence[Signal]]) -> None:
        """Handle the block's rows in order."""
        block, desk = self._block, self._desk
        if not bool(np.isfinite(block.open + block.high + block.low + block.close).all()):
            self._plainly(signals)
            return
        by_code, which, local = self._split()
        for lane_rows in by_code.values():
            for slot in lane_rows.lane.slots:
                if slot.state is not _FREE:
                    self._schedule(slot, lane_rows, -1)
        heap, agenda = self._heap, self._agenda
        waiting = sorted(signals, reverse=True)
        while heap or waiting:
            due: list[Slot] = []
            row = heap[0] if heap else waiting[-1]
            if waiting and waiting[-1] < row:
                row = waiting[-1]
            elif heap:
                heappop(heap)
                due = agenda.pop(row)
            wanted: Sequence[Signal] = ()
            if waiting and waiting[-1] == row:
                wanted = signals[waiting.pop()]
            lane_rows_or_none = by_code.get(which[row]) if which is not None else by_code.get(0)
            if lane_rows_or_none is not None:
                self._row(lane_rows_or_none, row if local is None else local[row], due, wanted)
                desk.journal.flush()
        for lane_rows in by_code.values():
            last = lane_rows.n - 1
            desk.enter_session(lane_rows.lane, lane_rows.session[last])
            lane_rows.lane.instrument.saw(lane_rows.ts[last], lane_rows.end[last], lane_rows.close[last])

    def _row(self, rows: _LaneRows, i: int, due: list[Slot], wanted: Sequence[Signal]) -> None:
        """One row that matters: the slots that asked for it meet the bar, then its signals."""
        desk, lane = self._desk, rows.lane
        at = lane.instrument
        if rows.session[i] != at.session:
            if i:
                at.saw(rows.ts[i - 1], rows.end[i - 1], rows.close[i - 1])
            desk.enter_session(lane, rows.session[i])
        if due:
            for series in lane.trails.values():
                series.seek(i)
            if len(due) > 1:
                due.sort(key=_index)
            ts, end, prices = (
                rows.ts[i],
                rows.end[i],
                (rows.open[i], rows.highs[i], rows.lows[i], rows.close[i]),
            )
            for slot in due:
                if slot.state is not _FREE:
                    desk.meet(slot, ts, end, *prices)
        for signal in wanted:
            slot_or_none = lane.by_pattern.get(signal.pattern_id)
            if slot_or_none is not None and slot_or_none.state is not _FREE:
                desk.refused.add(signal.ts, slot_or_none.index, _BUSY)
                continue
            desk.on_signal(signal)
            if slot_or_none is not None and slot_or_none not in due:
                due.append(slot_or_none)
        for slot in due:
            if slot.state is not _FREE:
                self._schedule(slot, rows, i)

    def _schedule(self, slot: Slot, rows: _LaneRows, i: int) -> None:
        """Put the slot on the agenda for the next row after ``i`` that matters to it, if in this block."""
        local = _next_row(slot, rows, i + 1)
        if local >= rows.n:
            return
        row = rows.rows[local]
        others = self._agenda.get(row)
        if others is None:
            self._agenda[row] = [slot]
            heappush(self._heap, row)
        else:
            others.append(slot)

    def _split(self) -> tuple[dict[int, _LaneRows], memoryview | None, list[int] | None]:
        """The traded underlyings of the block by code; for several, also code and local row of each row."""
        block, lanes = self._block, self._desk.lanes
        if len(block.keys) == 1:
            lane = lanes.get(block.keys[0])
            return ({0: _LaneRows(lane, block, None)} if lane is not None else {}), None, None
        by_code: dict[int, _LaneRows] = {}
        local = np.zeros(len(block), np.int64)
        for code, key in enumerate(block.keys):
            rows = np.flatnonzero(block.which == code)
            if key in lanes and len(rows):
                local[rows] = np.arange(len(rows))
                by_code[code] = _LaneRows(lanes[key], block, rows)
        return by_code, np.ascontiguousarray(block.which).data, local.tolist()

    def _plainly(self, signals: Mapping[int, Sequence[Signal]]) -> None:
        """A block with missing prices takes the plain path."""
        for row, bar in enumerate(self._block):
            self._desk.on_bar(bar)
            if bar.key in self._desk.lanes:
                for signal in signals.get(row, ()):
                    self._desk.on_signal(signal)


def _index(slot: Slot) -> int:
    return slot.index


def _next_row(slot: Slot, rows: _LaneRows, start: int) -> int:
    """The first local row from ``start`` on that can change the slot; ``rows.n`` if none can."""
    pos = slot.position
    if pos is None or slot.state is not _WORKING or slot.plan.trail is not None:
        return start
    session_end = rows.ends_at.get(slot.instrument.session, 0)
    if start >= session_end:
        return start
    limit = bisect_left(rows.ts, slot.square_off_ns, start, session_end)
    if pos.time_limit is not None:
        limit = bisect_left(rows.end, pos.time_limit, start, limit)
    reach = min(pos.target, pos.partials[0]) if pos.partials else pos.target
    if pos.breakeven is not None and pos.breakeven < reach:
        reach = pos.breakeven
    if slot.sign > 0:
        return _leaves_band(rows.lows, rows.highs, start, limit, pos.stop, reach)
    return _leaves_band(rows.lows, rows.highs, start, limit, -reach, -pos.stop)


def _leaves_band(lows: list[int], highs: list[int], start: int, limit: int, low: int, high: int) -> int:
    """The first row in ``[start, limit)`` with a low <= ``low`` or a high >= ``high``; else ``limit``."""
    for j in range(start, limit):
        if lows[j] <= low or highs[j] >= high:
            return j
    return limit
