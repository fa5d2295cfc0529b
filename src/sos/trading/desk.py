"""The desk: execution core and paper venue joined, synchronously, for bars of the traded instruments.

The plain path is `on_bar`, then `on_signal` for that bar's signals. `run` takes columns and, with
`trading.scan`, hands only the rows that can change something to the same methods; trades, refusals and
digest are equal. Inside a bar the slots (one per underlying and pattern) come in the order of ``specs``
and ``patterns``, each with: end of an older session, rules of the clock, open, inside, end of the bar.
No socket, file, clock or asyncio.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from sos.bars import BarRun
from sos.effects import CancelOrder, Effect, Note
from sos.errors import InvariantBroken
from sos.events import Bar, OrderFilled, Signal
from sos.strategy.pattern import Pattern
from sos.trading.execution import ExecutionCore, Slot
from sos.trading.orders import FREE
from sos.trading.plan import NO_PRICE
from sos.trading.positions import Trade
from sos.trading.record import Entry, RefusedSignal, SlotRecord
from sos.trading.risk import Limits
from sos.trading.scan import scan
from sos.trading.settings import ExecutionSettings, RiskSettings, resolve_exits
from sos.trading.size import Sizer
from sos.trading.spec import Instrument, InstrumentSpec, Sessions, paise
from sos.trading.trails import TrailSeries, series_name
from sos.trading.venue import NoSlippage, PaperVenue, Report, Slippage, TickSlippage
from sos.types import ExitReason, InstrumentKey, Refusal

__all__ = ["Desk", "Lane"]

_SQUARE_OFF: Final = ExitReason.SQUARE_OFF


class Lane:
    """One traded underlying: its running state, its slots, and the series that their trails follow."""

    __slots__ = ("by_pattern", "instrument", "slots", "trails")

    def __init__(self, instrument: Instrument, slots: Sequence[Slot], patterns: Sequence[Pattern]) -> None:
        self.instrument = instrument
        self.slots = tuple(slots)
        self.by_pattern = {slot.pattern_id: slot for slot in slots}
        self.trails: dict[tuple[str, int], TrailSeries] = {}
        for slot, pattern in zip(slots, patterns, strict=True):
            name = series_name(slot.plan.trail, pattern.side) if slot.plan.trail else None
            if name is not None:
                slot.trail = self.trails.setdefault(name, TrailSeries(*name))


class Desk:
    """Trades the signals of ``patterns`` on every instrument in ``specs``.

    Raises (constructor):
        ConfigError: a pattern's exits ask for what this version cannot do.
    """

    def __init__(
        self,
        patterns: Sequence[Pattern],
        specs: Mapping[InstrumentKey, InstrumentSpec],
        sessions: Mapping[InstrumentKey, Sessions],
        execution: ExecutionSettings,
        risk: RiskSettings,
        *,
        slippage: Slippage | None = None,
        keep_journal: bool = False,
    ) -> None:
        plans = [resolve_exits(pattern.id, pattern.exits, execution) for pattern in patterns]
        slots: list[Slot] = []
        self.lanes: dict[InstrumentKey, Lane] = {}
        for key, spec in specs.items():
            instrument = Instrument(spec, sessions[key])
            mine = [
                Slot(len(slots) + i, pattern.id, plan, Sizer(plan, execution, risk), instrument)
                for i, (pattern, plan) in enumerate(zip(patterns, plans, strict=True))
            ]
            slots += mine
            self.lanes[key] = Lane(instrument, mine, patterns)
        self.core = ExecutionCore(slots, Limits(risk, execution))
        if slippage is None:
            slippage = TickSlippage(execution.slippage_ticks) if execution.slippage_ticks else NoSlippage()
        self.venue = PaperVenue(slippage, fill_on_touch=execution.fill_on_touch)
        self.records = [
            SlotRecord(slot.pattern_id, slot.instrument.spec.key, keep=keep_journal) for slot in slots
        ]
        self._trades: list[Trade] = []

    @property
    def trades(self) -> list[Trade]:
        """Finished trades by exit time, then slot, numbered from 1."""
        done = self.core.trades
        if len(self._trades) != len(done):
            self._trades = sorted(done, key=_exit_order)
            for number, trade in enumerate(self._trades, 1):
                trade.id = number
        return self._trades

    @property
    def refusals(self) -> dict[str, Counter[Refusal]]:
        """Refused signals counted by pattern and reason, over all underlyings."""
        counted: dict[str, Counter[Refusal]] = {}
        for record in self.records:
            counted.setdefault(record.pattern_id, Counter()).update(record.counts())
        return counted

    def refused(self) -> Iterator[RefusedSignal]:
        """Refused signals one by one, slot by slot."""
        for record in self.records:
            yield from record.refused()

    @property
    def journal(self) -> list[Entry]:
        """Orders, moves and fills slot by slot: all of them with ``keep_journal``, else the latest."""
        return [entry for record in self.records for entry in (*record.kept, *record.pending)]

    def digest(self) -> str:
        """SHA-256 over all orders, fills and refusals of every slot, and the sum of all charges."""
        total = hashlib.sha256()
        for record in self.records:
            total.update(record.digest())
        total.update(str(sum(trade.charges.total for trade in self.core.trades)).encode())
        return total.hexdigest()

    def on_bar(self, bar: Bar) -> list[Entry]:
        """A finished bar: orders and positions of its underlying meet it. Returns what was done, by slot.

        Bars of instruments that are not traded, and bars whose prices cannot be, do nothing.

        Raises:
            InvariantBroken: the bar is in no session of its instrument.
        """
        lane = self.lanes.get(bar.key)
        if lane is None:
            return []
        done: list[Entry] = []
        at = lane.instrument
        session = at.sessions.index(bar.ts)
        for slot in lane.slots:
            if slot.state is not FREE and slot.session != session:
                done += self._watch(slot, lambda slot: self.end_session(slot, _SQUARE_OFF))
        at.enter(session)
        for series in lane.trails.values():
            series.push(bar.high, bar.low, bar.close)
        low, high = bar.low, bar.high
        if low <= bar.open <= high and low <= bar.close <= high and low > 0.0 and high < NO_PRICE:
            prices = paise(bar.open), paise(bar.high), paise(bar.low), paise(bar.close)
            for slot in lane.slots:
                if slot.state is not FREE:
                    done += self._watch(slot, lambda slot: self.meet(slot, bar.ts, bar.end, *prices))
            at.saw(bar.ts, bar.end, prices[3])
        return done

    def on_signal(self, signal: Signal) -> Sequence[Effect]:
        """A signal of the bar just handled: an order, or a `Note` that says why not.

        Raises:
            InvariantBroken: no such pattern or underlying on this desk.
        """
        lane = self.lanes.get(signal.underlying)
        slot = lane.by_pattern.get(signal.pattern_id) if lane is not None else None
        if slot is None:
            raise InvariantBroken(f"a signal of {signal.pattern_id} on {signal.underlying}, not traded here")
        effects = self.core.on_signal(slot, signal)
        self.carry_out(slot, effects, signal.end)
        return effects

    def run(self, run: BarRun, signals: Mapping[int, Sequence[Signal]]) -> None:
        """A run of bars and the signals by row: the same as `on_bar` and `on_signal` row by row."""
        scan(self, run, signals)

    def finish(self) -> None:
        """No more data: positions leave at the last close, waiting entries are withdrawn.

        END_OF_DATA where the session had more to come, SQUARE_OFF where its close was reached.
        """
        for lane in self.lanes.values():
            at = lane.instrument
            over = at.facts is not None and at.last_end >= at.facts.close
            for slot in lane.slots:
                if slot.state is not FREE:
                    self.end_session(slot, _SQUARE_OFF if over else ExitReason.END_OF_DATA)

    def meet(self, slot: Slot, ts: int, end: int, o: int, h: int, low: int, c: int) -> None:
        """One slot's order or position meets one bar; prices in paise."""
        effects = self.core.on_time(slot, ts)
        if effects:
            self.carry_out(slot, effects, ts)
            if slot.state is FREE:
                return
        if slot.sign < 0:
            o, h, low, c = -o, -low, -h, -c
        venue = self.venue
        working = venue.working[slot.order_id]
        reports = venue.open_phase(working, ts, o)
        if reports:
            self._deliver(slot, reports, ts)
            if slot.state is FREE:
                return
            working = venue.working[slot.order_id]
        reports = venue.inside_phase(working, ts, h, low)
        if reports:
            self._deliver(slot, reports, ts)
            if slot.state is FREE:
                return
        effects = self.core.on_bar_end(slot, end, h, c)
        if effects:
            self.carry_out(slot, effects, ts)

    def end_session(self, slot: Slot, reason: ExitReason) -> None:
        """The slot's session is over: withdraw or leave at the instrument's last close."""
        at = slot.instrument
        at.enter(slot.session)
        self.carry_out(slot, self.core.on_session_end(slot, reason), at.last_ts)
        if slot.state is not FREE:
            working = self.venue.working[slot.order_id]
            self._deliver(
                slot, self.venue.close_phase(working, at.last_ts, slot.sign * at.last_close), at.last_ts
            )

    def carry_out(self, slot: Slot, effects: Sequence[Effect], ts: int) -> None:
        """Record the slot's effects and give them to the venue; a refusal goes to its log."""
        record = self.records[slot.index]
        for effect in effects:
            if isinstance(effect, Note):
                record.refuse(effect.ts, effect.reason)
                continue
            record.pending.append(effect)
            if isinstance(effect, CancelOrder):
                self._deliver(slot, (self.venue.cancel(effect, ts),), ts)
            else:
                self.venue.apply(effect)

    def _deliver(self, slot: Slot, reports: Sequence[Report], ts: int) -> None:
        core, record = self.core, self.records[slot.index]
        for report in reports:
            record.pending.append(report)
            effects = core.on_filled(report) if isinstance(report, OrderFilled) else core.on_withdrawn(report)
            if effects:
                self.carry_out(slot, effects, ts)

    def _watch(self, slot: Slot, act: Callable[[Slot], None]) -> list[Entry]:
        """What ``act`` adds to the slot's record."""
        record = self.records[slot.index]
        record.flush()
        before = len(record.pending)
        act(slot)
        return record.pending[before:]


def _exit_order(trade: Trade) -> tuple[int, int]:
    return trade.exit_ts, trade.slot
