"""A slow, obvious simulator of the trading rules, written from the text of the design alone.

It shares no code with the desk. One pattern on one underlying at a time, one loop over the bars, prices in
whole paise, longs and shorts by explicit comparison, one function per rule. Tests hold the desk to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, isfinite

__all__ = [
    "Candle",
    "Hours",
    "Idea",
    "Refused",
    "Result",
    "Row",
    "Rules",
    "TrailRule",
    "partial_level",
    "simulate",
]

MINUTE = 60_000_000_000


@dataclass(frozen=True)
class Candle:
    """One bar; prices in paise, times in ns."""

    ts: int
    end: int
    open: int
    high: int
    low: int
    close: int


@dataclass(frozen=True)
class Hours:
    """One session; ``midnight`` is the start of its IST day. All in ns."""

    midnight: int
    open: int
    close: int


@dataclass(frozen=True)
class Idea:
    """What a pattern wants at the end of a bar: levels in rupees as expressions gave them, NaN not ready."""

    entry: float
    stop: float
    target: float
    quantity_mod: float = 1.0


@dataclass(frozen=True)
class TrailRule:
    """Distances in rupees."""

    by: str
    distance: Fraction
    step: Fraction = Fraction(0)
    length: int = 14
    start_r: Fraction = Fraction(0)


@dataclass(frozen=True)
class Rules:
    """Everything that is fixed for one pattern. Times of day are IST minutes; ``tick`` is paise."""

    long: bool
    tick: int = 5
    lot: int = 50
    lots: int = 1
    quantity: int = 0
    slippage_ticks: int = 1
    fill_on_touch: bool = False
    valid_bars: int = 3
    breakeven_at: Fraction = Fraction(0)
    time_stop_minutes: int = 0
    square_off: int = 15 * 60 + 15
    last_entry: int = 15 * 60
    trail: TrailRule | None = None
    partials: tuple[tuple[Fraction, Fraction], ...] = ()  # (R in favour, fraction of the quantity)


@dataclass(frozen=True)
class Row:
    """One finished trade. Prices and money in paise."""

    qty: int
    signal_ts: int
    entry_ts: int
    entry_price: int
    stop: int
    target: int
    exit_ts: int
    exit_price: int
    exit_reason: str
    gross: int


@dataclass(frozen=True)
class Refused:
    signal_ts: int
    reason: str


@dataclass
class Result:
    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class Waiting:
    """An entry that has not filled. ``kind``: "once", "stop" or "limit"."""

    kind: str
    row: int
    signal_ts: int
    entry: int
    stop: int
    target: int
    qty: int


@dataclass
class Held:
    """An open position. ``told``: why it leaves at the next open; ``stop_is``: the name of a stop exit."""

    order: Waiting
    entry_ts: int
    entry_price: int
    stop: int
    left: int
    best: int
    partials: list[tuple[int, int]]
    inside: bool
    stop_is: str = "STOP"
    told: str | None = None
    gross: int = 0


@dataclass
class State:
    rules: Rules
    waiting: Waiting | None = None
    held: Held | None = None
    result: Result = field(default_factory=Result)


# Directions -------------------------------------------------------------------------------------------


def in_favour(rules: Rules, price: int, level: int) -> bool:
    """At the level or further where the trade wants to go."""
    return price >= level if rules.long else price <= level


def against(rules: Rules, price: int, level: int) -> bool:
    """At the level or further where the trade does not want to go."""
    return price <= level if rules.long else price >= level


def best_price(rules: Rules, candle: Candle) -> int:
    return candle.high if rules.long else candle.low


def worst_price(rules: Rules, candle: Candle) -> int:
    return candle.low if rules.long else candle.high


def points(rules: Rules, start: int, end: int) -> int:
    """Signed distance made from one price to another."""
    return end - start if rules.long else start - end


def moved(rules: Rules, price: int, paise: int) -> int:
    """A price further in favour by so many paise."""
    return price + paise if rules.long else price - paise


# Slippage: against us on at-once and stop fills -------------------------------------------------------


def slipped_entry(rules: Rules, price: int) -> int:
    return moved(rules, price, rules.slippage_ticks * rules.tick)


def slipped_exit(rules: Rules, price: int) -> int:
    return moved(rules, price, -rules.slippage_ticks * rules.tick)


# Levels -----------------------------------------------------------------------------------------------


def in_paise(rupees: float) -> Fraction:
    """A level as an exact number of paise, free of the noise of binary fractions."""
    return Fraction(round(rupees * 10**7), 10**5)


def rounded(value: Fraction, tick: int, *, upwards: bool) -> int:
    steps = value / tick
    return (ceil(steps) if upwards else floor(steps)) * tick


def nearest(value: Fraction, tick: int) -> int:
    """The nearest tick, half up."""
    return floor(value / tick + Fraction(1, 2)) * tick


def stop_level(rules: Rules, level: float) -> int:
    """Stops are rounded away from the market."""
    return rounded(in_paise(level), rules.tick, upwards=not rules.long)


def target_level(rules: Rules, level: float) -> int:
    """Targets are rounded in the direction of the trade."""
    return rounded(in_paise(level), rules.tick, upwards=rules.long)


def not_ready(idea: Idea) -> bool:
    """A level without a finite value. (The design names missing values only; infinity follows the desk.)"""
    return not all(isfinite(level) for level in (idea.entry, idea.stop, idea.target))


def bad_levels(rules: Rules, entry: int, stop: int, target: int) -> bool:
    """The stop must lose, the target must win, and each must be a price."""
    if min(entry, stop, target) <= 0:
        return True
    return points(rules, stop, entry) <= 0 or points(rules, entry, target) <= 0


def kind_of_entry(rules: Rules, entry: int, close: int) -> str:
    """Equal to the close after rounding: at once. Beyond it: stop entry. Else limit."""
    close_on_tick = nearest(Fraction(close), rules.tick)
    if entry == close_on_tick:
        return "once"
    return "stop" if points(rules, close_on_tick, entry) > 0 else "limit"


def size(rules: Rules, quantity_mod: float) -> int:
    """Lots (or units) times the modifier, floored to whole lots."""
    units = rules.quantity or rules.lots * rules.lot
    return floor(units * Fraction(quantity_mod) / rules.lot) * rules.lot


# Times ------------------------------------------------------------------------------------------------


def last_entry_time(rules: Rules, hours: Hours) -> int:
    """The configured time, or 30 minutes before the close where that is earlier."""
    return min(hours.midnight + rules.last_entry * MINUTE, hours.close - 30 * MINUTE)


def square_off_time(rules: Rules, hours: Hours) -> int:
    """The configured time, or 15 minutes before the close where that is earlier."""
    return min(hours.midnight + rules.square_off * MINUTE, hours.close - 15 * MINUTE)


# A signal ---------------------------------------------------------------------------------------------


def take_signal(state: State, idea: Idea, candle: Candle, row: int, hours: Hours) -> None:
    """A signal at the end of its bar becomes a waiting entry or a refusal."""
    reason = first_objection(state, idea, candle, hours)
    if reason is not None:
        state.result.refused.append(Refused(candle.ts, reason))
        return
    rules = state.rules
    entry = nearest(in_paise(idea.entry), rules.tick)
    state.waiting = Waiting(
        kind_of_entry(rules, entry, candle.close),
        row,
        candle.ts,
        entry,
        stop_level(rules, idea.stop),
        target_level(rules, idea.target),
        size(rules, idea.quantity_mod),
    )


def first_objection(state: State, idea: Idea, candle: Candle, hours: Hours) -> str | None:
    rules = state.rules
    if state.waiting is not None or state.held is not None:
        return "BUSY"
    if candle.end >= last_entry_time(rules, hours):
        return "LAST_ENTRY"
    if not_ready(idea):
        return "NOT_READY"
    entry = nearest(in_paise(idea.entry), rules.tick)
    if bad_levels(rules, entry, stop_level(rules, idea.stop), target_level(rules, idea.target)):
        return "BAD_LEVELS"
    return None if size(rules, idea.quantity_mod) > 0 else "ZERO_SIZE"


# Entries ----------------------------------------------------------------------------------------------


def withdraw(state: State, reason: str) -> None:
    if state.waiting is not None:
        state.result.refused.append(Refused(state.waiting.signal_ts, reason))
        state.waiting = None


def withdraw_at_last_entry(state: State, candle: Candle, hours: Hours) -> None:
    if candle.ts >= last_entry_time(state.rules, hours):
        withdraw(state, "LAST_ENTRY")


def withdraw_expired(state: State, row: int) -> None:
    """The signal of bar n is offered on the bars n+1 to n+valid_bars."""
    if state.waiting is not None and row - state.waiting.row >= state.rules.valid_bars:
        withdraw(state, "EXPIRED")


def enter_at_open(state: State, candle: Candle) -> None:
    """At-once entries, and stop and limit entries that the open has reached."""
    order, rules = state.waiting, state.rules
    if order is None:
        return
    if order.kind == "limit":
        reached, price = against(rules, candle.open, order.entry), candle.open
    else:
        reached = order.kind == "once" or in_favour(rules, candle.open, order.entry)
        price = slipped_entry(rules, candle.open)
    if reached and gapped(rules, order, candle.open):
        withdraw(state, "GAPPED")
    elif reached:
        enter(state, order, candle, price, inside=False)


def gapped(rules: Rules, order: Waiting, price: int) -> bool:
    """The open to enter at is already at or beyond the stop or the target."""
    return against(rules, price, order.stop) or in_favour(rules, price, order.target)


def enter_inside(state: State, candle: Candle) -> None:
    """A stop entry fills when touched; a limit when traded through by a tick (or touched, if so set)."""
    order, rules = state.waiting, state.rules
    if order is None:
        return
    if order.kind == "stop" and in_favour(rules, best_price(rules, candle), order.entry):
        enter(state, order, candle, slipped_entry(rules, order.entry), inside=True)
    elif order.kind == "limit":
        needed = order.entry if rules.fill_on_touch else moved(rules, order.entry, -rules.tick)
        if against(rules, worst_price(rules, candle), needed):
            enter(state, order, candle, order.entry, inside=True)


def enter(state: State, order: Waiting, candle: Candle, price: int, *, inside: bool) -> None:
    parts = partial_exits(state.rules, order, price)
    state.waiting = None
    state.held = Held(order, candle.ts, price, order.stop, order.qty, price, parts, inside)


def partial_level(rules: Rules, price: int, stop: int, at_r: Fraction) -> int:
    """So many times the initial risk in favour of the fill, rounded in the direction of the trade."""
    away = at_r * points(rules, stop, price)
    return rounded(price + away if rules.long else price - away, rules.tick, upwards=rules.long)


def partial_exits(rules: Rules, order: Waiting, price: int) -> list[tuple[int, int]]:
    """Level and units of each partial exit, nearest first; parts of less than a lot are none."""
    found = []
    for at_r, fraction in sorted(rules.partials):
        units = floor(fraction * order.qty / rules.lot) * rules.lot
        if units:
            found.append((partial_level(rules, price, order.stop, at_r), units))
    return found


# Exits ------------------------------------------------------------------------------------------------


def leave(state: State, held: Held, ts: int, price: int, reason: str) -> None:
    """All that is left leaves."""
    order, rules = held.order, state.rules
    gross = held.gross + points(rules, held.entry_price, price) * held.left
    state.held = None
    state.result.rows.append(
        Row(
            order.qty,
            order.signal_ts,
            held.entry_ts,
            held.entry_price,
            order.stop,
            order.target,
            ts,
            price,
            reason,
            gross,
        )
    )


def leave_in_part(state: State, held: Held, ts: int, price: int, units: int) -> None:
    if units >= held.left:
        leave(state, held, ts, price, "TARGET")
        return
    held.gross += points(state.rules, held.entry_price, price) * units
    held.left -= units


def leave_at_square_off(state: State, candle: Candle, hours: Hours) -> None:
    """At the open of the first bar that opens at or after the square-off time."""
    if state.held is not None and candle.ts >= square_off_time(state.rules, hours):
        leave(state, state.held, candle.ts, slipped_exit(state.rules, candle.open), "SQUARE_OFF")


def leave_as_told(state: State, candle: Candle) -> None:
    """At-once exits decided at the end of an earlier bar.

    At the square-off's own open they keep their name. (The design does not say; this follows the desk.)
    """
    if state.held is not None and state.held.told is not None:
        leave(state, state.held, candle.ts, slipped_exit(state.rules, candle.open), state.held.told)


def leave_by_gap(state: State, candle: Candle) -> None:
    """The open has jumped the stop or the target: exit at the open."""
    held, rules = state.held, state.rules
    if held is None:
        return
    if against(rules, candle.open, held.stop):
        leave(state, held, candle.ts, slipped_exit(rules, candle.open), held.stop_is)
    elif in_favour(rules, candle.open, held.order.target):
        leave(state, held, candle.ts, candle.open, "TARGET")
    else:
        for level, units in list(held.partials):
            if state.held is not None and in_favour(rules, candle.open, level):
                held.partials.remove((level, units))
                leave_in_part(state, held, candle.ts, candle.open, units)


def leave_inside(state: State, candle: Candle) -> None:
    """Stop first, then partials and target; not for a position that was entered inside this bar.

    A partial at or beyond the target never fills: the target is reached first and takes everything.
    """
    held, rules = state.held, state.rules
    if held is None or held.inside:
        return
    if against(rules, worst_price(rules, candle), held.stop):
        leave(state, held, candle.ts, slipped_exit(rules, held.stop), held.stop_is)
        return
    for level, units in list(held.partials):
        before_target = not in_favour(rules, level, held.order.target)
        if state.held is not None and before_target and traded_through(rules, candle, level):
            held.partials.remove((level, units))
            leave_in_part(state, held, candle.ts, level, units)
    if state.held is not None and traded_through(rules, candle, held.order.target):
        leave(state, held, candle.ts, held.order.target, "TARGET")


def traded_through(rules: Rules, candle: Candle, level: int) -> bool:
    """A target fills when traded through by a tick, or touched, if so set."""
    needed = level if rules.fill_on_touch else moved(rules, level, rules.tick)
    return in_favour(rules, best_price(rules, candle), needed)


def leave_at_last_close(state: State, last: Candle, reason: str) -> None:
    """Nothing is held past the last bar of a session or of the data."""
    if state.held is not None:
        leave(state, state.held, last.ts, slipped_exit(state.rules, last.close), reason)
    withdraw(state, "SESSION_END")


# The end of a bar -------------------------------------------------------------------------------------


def stop_by_close(held: Held, rules: Rules, candle: Candle) -> None:
    """A position entered inside the bar whose close is at or beyond the stop leaves at the next open."""
    if held.inside and against(rules, candle.close, held.stop):
        held.told = "STOP"


def time_stop(held: Held, rules: Rules, candle: Candle) -> None:
    """Time is up at the end of the first bar that ends so many minutes after the fill."""
    minutes = rules.time_stop_minutes
    if minutes and held.told is None and candle.end >= held.entry_ts + minutes * MINUTE:
        held.told = "TIME"


def breakeven(held: Held, rules: Rules, candle: Candle) -> None:
    """A close that has made its share of the way to the target moves the stop to the fill.

    Where slippage has carried the fill to the target there is no way to make. (The design does not say;
    this follows the desk.)
    """
    way = points(rules, held.entry_price, held.order.target)
    if not rules.breakeven_at or way <= 0:
        return
    made = points(rules, held.entry_price, candle.close)
    if made >= rules.breakeven_at * way and points(rules, held.stop, held.entry_price) > 0:
        held.stop, held.stop_is = held.entry_price, "BREAKEVEN"


def trail(held: Held, rules: Rules, candle: Candle, behind: Fraction | None) -> None:
    """The stop follows the best price (or the last pivot) and never goes back."""
    seen = candle.close if held.inside else best_price(rules, candle)
    if in_favour(rules, seen, held.best):
        held.best = seen
    rule = rules.trail
    if rule is None:
        return
    risk = points(rules, held.order.stop, held.entry_price)
    if points(rules, held.entry_price, held.best) < rule.start_r * risk:
        return
    level = trail_level(held, rules, rule, behind)
    if level is not None and points(rules, held.stop, level) > 0:
        held.stop, held.stop_is = level, "TRAIL"


def trail_level(held: Held, rules: Rules, rule: TrailRule, behind: Fraction | None) -> int | None:
    """``behind``: ATR or last pivot in paise, None until it is ready."""
    sign = 1 if rules.long else -1
    distance = rule.distance * 100
    if rule.by == "structure":
        raw = None if behind is None else behind - sign * (distance + rules.tick)
    elif rule.by == "atr":
        raw = None if behind is None else held.best - sign * rule.distance * behind
    else:
        raw = held.best - sign * distance
        if rule.step:
            steps = floor((raw - held.stop) * sign / (rule.step * 100))
            raw = held.stop + sign * steps * rule.step * 100
    return None if raw is None else rounded(raw, rules.tick, upwards=not rules.long)


def trail_series(rules: Rules, candles: Sequence[Candle]) -> list[Fraction | None]:
    """What the trail looks at, known at the end of each bar, in paise."""
    if rules.trail is None or rules.trail.by == "step":
        return [None] * len(candles)
    if rules.trail.by == "atr":
        return atr(candles, rules.trail.length)
    return pivots(candles, rules.trail.length, low=rules.long)


def atr(candles: Sequence[Candle], length: int) -> list[Fraction | None]:
    """Wilder's average true range: first after length + 1 bars, seeded by the mean."""
    ranges = [max(now.high, before.close) - min(now.low, before.close) for before, now in pairwise(candles)]
    values: list[Fraction | None] = [None] * len(candles)
    value = 0.0
    for i in range(length, len(candles)):
        if i == length:
            value = sum(ranges[:length]) / length
        else:
            value = (value * (length - 1) + ranges[i - 1]) / length
        values[i] = Fraction(round(value * 10**8), 10**8)
    return values


def pivots(candles: Sequence[Candle], window: int, *, low: bool) -> list[Fraction | None]:
    """The last turning point beyond all of ``window`` bars on both sides, so known that many bars late."""
    line = [-candle.low if low else candle.high for candle in candles]
    values: list[Fraction | None] = []
    last: int | None = None
    for i in range(len(line)):
        middle = i - window
        if middle >= window:
            before, after = line[middle - window : middle], line[middle + 1 : i + 1]
            if line[middle] > max(before) and line[middle] >= max(after):
                last = -line[middle] if low else line[middle]
        values.append(None if last is None else Fraction(last))
    return values


def end_of_bar(state: State, candle: Candle, row: int, behind: Fraction | None) -> None:
    withdraw_expired(state, row)
    held = state.held
    if held is not None:
        stop_by_close(held, state.rules, candle)
        time_stop(held, state.rules, candle)
        breakeven(held, state.rules, candle)
        trail(held, state.rules, candle, behind)
        held.inside = False


# The loop ---------------------------------------------------------------------------------------------


def hours_of(candle: Candle, hours: Sequence[Hours]) -> Hours:
    return next(one for one in hours if one.open <= candle.ts < one.close)


def simulate(
    candles: Sequence[Candle], hours: Sequence[Hours], ideas: Mapping[int, Idea], rules: Rules
) -> Result:
    """Trades and refusals of one pattern; ``ideas`` by the row of the bar at whose end they come."""
    state = State(rules)
    behind = trail_series(rules, candles)
    for row, candle in enumerate(candles):
        session = hours_of(candle, hours)
        if row and hours_of(candles[row - 1], hours) != session:
            leave_at_last_close(state, candles[row - 1], "SQUARE_OFF")
        withdraw_at_last_entry(state, candle, session)
        leave_as_told(state, candle)
        leave_at_square_off(state, candle, session)
        leave_by_gap(state, candle)
        enter_at_open(state, candle)
        leave_inside(state, candle)
        enter_inside(state, candle)
        end_of_bar(state, candle, row, behind[row])
        if row in ideas:
            take_signal(state, ideas[row], candle, row, session)
    if candles:
        complete = candles[-1].end == hours_of(candles[-1], hours).close
        leave_at_last_close(state, candles[-1], "SQUARE_OFF" if complete else "END_OF_DATA")
    return state.result
