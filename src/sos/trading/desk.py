"""The desk: execution core and paper venue joined, synchronously, for bars of the traded instruments.

The plain path is `on_bar`, then `on_signal` for that bar's signals. `run` takes columns and, with
`trading.scan`, hands only the rows that can change something to the same methods; trades, refusals and
digest are equal. Inside a bar the slots (one per underlying and pattern) come in the order of ``specs``
and ``patterns``, each with: end of an older session, rules of the clock, open, inside, end of the bar.
No socket, file, clock or asyncio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from sos.bars import BarRun
from sos.effects import CancelOrder, Effect, Note
from sos.errors import InvariantBroken
from sos.events import Bar, OrderFilled, Signal
from sos.strategy.pattern import Pattern
from sos.trading.execution import ExecutionCore, Slot
from sos.trading.orders import OrderState
from sos.trading.positions import Trade
from sos.trading.record import Entry, Journal, RefusalLog
from sos.trading.risk import Limits
from sos.trading.scan import scan
from sos.trading.settings import ExecutionSettings, RiskSettings, resolve_exits
from sos.trading.size import Sizer
from sos.trading.spec import Instrument, InstrumentSpec, Sessions, paise
from sos.trading.trails import TrailSeries, series_name
from sos.trading.venue import NoSlippage, PaperVenue, Report, Slippage, TickSlippage
from sos.types import ExitReason, InstrumentKey, Refusal

__all__ = ["Desk", "Lane"]

_FREE: Final = OrderState.FREE


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
        self.journal = Journal(keep=keep_journal)
        self.refused = RefusalLog([(slot.pattern_id, slot.instrument.spec.key) for slot in slots])

    @property
    def trades(self) -> list[Trade]:
        """Finished trades in the order in which they ended."""
        return self.core.trades

    @property
    def refusals(self) -> dict[str, Counter[Refusal]]:
        """Refused signals counted by pattern and reason; `refused` has them one by one."""
        return self.refused.counts()

    def digest(self) -> str:
        """SHA-256 over all orders, fills and refusals in their order, and the sum of all charges."""
        total = self.journal.hash()
        total.update(self.refused.bytes())
        total.update(str(sum(trade.charges.total for trade in self.trades)).encode())
        return total.hexdigest()

    def on_bar(self, bar: Bar) -> list[Entry]:
        """A finished bar: orders and positions of its underlying meet it. Returns what was done.

        Bars of instruments that are not traded, and bars without prices, do nothing.

        Raises:
            InvariantBroken: the bar is in no session of its instrument.
        """
        lane = self.lanes.get(bar.key)
        if lane is None:
            return []
        self.journal.flush()
        before = len(self.journal.pending)
        self.enter_session(lane, lane.instrument.sessions.index(bar.ts))
        for series in lane.trails.values():
            series.push(bar.high, bar.low, bar.close)
        if isfinite(bar.open + bar.high + bar.low + bar.close):
            prices = paise(bar.open), paise(bar.high), paise(bar.low), paise(bar.close)
            for slot in lane.slots:
                if slot.state is not _FREE:
                    self.meet(slot, bar.ts, bar.end, *prices)
            lane.instrument.saw(bar.ts, bar.end, prices[3])
        return self.journal.pending[before:]

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
        self.carry_out(effects, signal.end)
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
            if at.facts is not None:
                over = at.last_end >= at.facts.close
                self._end_session(lane, ExitReason.SQUARE_OFF if over else ExitReason.END_OF_DATA)

    def enter_session(self, lane: Lane, session: int) -> None:
        """If ``session`` is a new one, end the older one for every slot first."""
        if session != lane.instrument.session:
            self._end_session(lane, ExitReason.SQUARE_OFF)
            lane.instrument.enter(session)

    def meet(self, slot: Slot, ts: int, end: int, o: int, h: int, low: int, c: int) -> None:
        """One slot's order or position meets one bar; prices in paise."""
        effects = self.core.on_time(slot, ts)
        if effects:
            self.carry_out(effects, ts)
            if slot.state is _FREE:
                return
        if slot.sign < 0:
            o, h, low, c = -o, -low, -h, -c
        venue = self.venue
        working = venue.working[slot.order_id]
        reports = venue.open_phase(working, ts, o)
        if reports:
            self._deliver(reports, ts)
            if slot.state is _FREE:
                return
            working = venue.working[slot.order_id]
        reports = venue.inside_phase(working, ts, h, low)
        if reports:
            self._deliver(reports, ts)
            if slot.state is _FREE:
                return
        effects = self.core.on_bar_end(slot, end, h, c)
        if effects:
            self.carry_out(effects, ts)

    def carry_out(self, effects: Sequence[Effect], ts: int) -> None:
        """Journal effects and give them to the venue; a refusal goes to its log."""
        for effect in effects:
            if isinstance(effect, Note):
                self.refused.add(effect.ts, effect.book, effect.reason)
                continue
            self.journal.pending.append(effect)
            if isinstance(effect, CancelOrder):
                self._deliver((self.venue.cancel(effect, ts),), ts)
            else:
                self.venue.apply(effect)

    def _deliver(self, reports: Sequence[Report], ts: int) -> None:
        core = self.core
        for report in reports:
            self.journal.pending.append(report)
            effects = core.on_filled(report) if isinstance(report, OrderFilled) else core.on_withdrawn(report)
            if effects:
                self.carry_out(effects, ts)

    def _end_session(self, lane: Lane, reason: ExitReason) -> None:
        at = lane.instrument
        for slot in lane.slots:
            if slot.state is not _FREE:
                self.carry_out(self.core.on_session_end(slot, reason), at.last_ts)
            if slot.state is not _FREE:
                working = self.venue.working[slot.order_id]
                self._deliver(
                    self.venue.close_phase(working, at.last_ts, slot.sign * at.last_close), at.last_ts
                )
