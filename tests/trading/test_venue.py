"""Fills on bars as scripts of the market, long and, upside down, short. Rules: docs/semantics.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.effects import Approved, EntryKind, Protection, SubmitOrder
from sos.errors import InvariantBroken
from sos.events import Bar, OrderFilled
from sos.strategy.pattern import Partial, Trail
from sos.trading.desk import Desk
from sos.trading.settings import ExecutionSettings, RiskSettings
from sos.trading.venue import NoSlippage, PaperVenue, TickSlippage
from sos.types import ExitReason, Refusal, Side
from tests.trading.market import KEY, Days, at, bar, feed, make_desk, mirrored, pattern, signal

B0 = bar("10:00", 100, 100.5, 99.5, 100)


def play(script: Sequence[object], *, short: bool, finish: bool = False, **exits: Any) -> Desk:
    """Run a script for a long, or its mirror image for a short, without slippage."""
    side = Side.SELL if short else Side.BUY
    execution = ExecutionSettings(
        slippage_ticks=exits.pop("slippage", 0), fill_on_touch=exits.pop("touch", False)
    )
    desk = make_desk([pattern("P", side, **exits)], execution=execution)
    feed(desk, [mirrored(step) for step in script] if short else script)
    if finish:
        desk.finish()
    return desk


def told(desk: Desk, *, short: bool) -> list[tuple[str, float, str, float, str]]:
    """(entry bar, entry, exit bar, exit, reason) of each trade, prices as the long saw them."""

    def seen(price: int) -> float:
        return 200 - price / 100 if short else price / 100

    def clock(ts: int) -> str:
        minute = (ts - at("00:00")) // 60_000_000_000 % 1440
        return f"{minute // 60:02d}:{minute % 60:02d}"

    return [
        (clock(t.entry_ts), seen(t.entry_price), clock(t.exit_ts), seen(t.exit_price), t.exit_reason.value)
        for t in desk.trades
    ]


def refusals(desk: Desk) -> list[Refusal]:
    return [refused.reason for refused in desk.refused()]


both_sides = pytest.mark.parametrize("short", [False, True], ids=["long", "short"])
QUIET = bar("10:01", 100, 100.5, 99.5, 100)
AT_ONCE = signal(B0, 98, 103)


@both_sides
def test_an_entry_at_once_fills_at_the_open_of_the_next_bar(short: bool) -> None:
    desk = play([B0, AT_ONCE, bar("10:01", 100.2, 103.5, 99.9, 103)], short=short)
    assert told(desk, short=short) == [("10:01", 100.2, "10:01", 103, "TARGET")]


@both_sides
def test_a_gap_through_the_stop_fills_at_the_open(short: bool) -> None:
    desk = play([B0, AT_ONCE, QUIET, bar("10:02", 97, 97.5, 96, 97)], short=short)
    assert told(desk, short=short) == [("10:01", 100, "10:02", 97, "STOP")]


@both_sides
def test_a_gap_through_the_target_fills_at_the_better_open(short: bool) -> None:
    desk = play([B0, AT_ONCE, QUIET, bar("10:02", 104, 104.5, 97, 98)], short=short)
    assert told(desk, short=short) == [("10:01", 100, "10:02", 104, "TARGET")]


@both_sides
def test_when_one_bar_touches_both_the_stop_is_taken(short: bool) -> None:
    desk = play([B0, AT_ONCE, QUIET, bar("10:02", 100, 104, 97, 103)], short=short)
    assert told(desk, short=short) == [("10:01", 100, "10:02", 98, "STOP")]


@both_sides
@pytest.mark.parametrize(
    ("high", "touch", "fills"), [(103, False, False), (103.05, False, True), (103, True, True)]
)
def test_a_target_fills_only_when_traded_through(short: bool, high: float, touch: bool, fills: bool) -> None:
    desk = play([B0, AT_ONCE, QUIET, bar("10:02", 100, high, 99, 102)], short=short, touch=touch)
    assert told(desk, short=short) == ([("10:01", 100, "10:02", 103, "TARGET")] if fills else [])


@both_sides
def test_a_position_entered_at_the_open_can_be_stopped_in_that_bar(short: bool) -> None:
    desk = play([B0, AT_ONCE, bar("10:01", 100, 104, 97, 103)], short=short)
    assert told(desk, short=short) == [("10:01", 100, "10:01", 98, "STOP")]


@both_sides
@pytest.mark.parametrize(
    "opens", [98, 97, 103, 104], ids=["at stop", "past stop", "at target", "past target"]
)
def test_an_open_at_or_beyond_stop_or_target_withdraws_the_entry(short: bool, opens: float) -> None:
    desk = play([B0, AT_ONCE, bar("10:01", opens, 105, 96, 100)], short=short)
    assert told(desk, short=short) == []
    assert refusals(desk) == [Refusal.GAPPED]


@both_sides
def test_a_stop_entry_fills_at_its_level_and_sits_out_the_rest_of_that_bar(short: bool) -> None:
    script = [
        B0,
        signal(B0, 99, 102, entry=101),
        bar("10:01", 100, 103, 98, 100),
        bar("10:02", 100, 102.05, 99.5, 100),
    ]
    desk = play(script, short=short)
    assert told(desk, short=short) == [("10:01", 101, "10:02", 102, "TARGET")]


@both_sides
def test_a_stop_entry_that_the_open_jumped_fills_at_the_open_and_takes_part_in_the_bar(short: bool) -> None:
    script = [B0, signal(B0, 99, 104, entry=101), bar("10:01", 101.5, 102, 98, 100)]
    assert told(play(script, short=short), short=short) == [("10:01", 101.5, "10:01", 99, "STOP")]


@both_sides
def test_a_close_beyond_the_stop_after_an_entry_inside_the_bar_leaves_at_the_next_open(short: bool) -> None:
    script = [
        B0,
        signal(B0, 99, 104, entry=101),
        bar("10:01", 100, 101, 98, 99),
        bar("10:02", 99.5, 105, 99.2, 104),
    ]
    assert told(play(script, short=short), short=short) == [("10:01", 101, "10:02", 99.5, "STOP")]


@both_sides
def test_a_limit_entry_needs_a_trade_through_its_level(short: bool) -> None:
    entry = signal(B0, 97, 103, entry=99)
    touched = [B0, entry, bar("10:01", 100, 100, 99, 100), bar("10:02", 100, 100, 98.95, 100)]
    assert told(play(touched, short=short, finish=True), short=short) == [
        ("10:02", 99, "10:02", 100, "END_OF_DATA")
    ]
    assert told(play(touched[:3], short=short, finish=True), short=short) == []
    assert told(play(touched[:3], short=short, finish=True, touch=True), short=short)[0][:2] == ("10:01", 99)


@both_sides
def test_a_limit_entry_below_an_open_fills_at_the_better_open(short: bool) -> None:
    script = [B0, signal(B0, 97, 103, entry=99), bar("10:01", 98.5, 99.5, 98, 99)]
    assert told(play(script, short=short, finish=True), short=short)[0][:2] == ("10:01", 98.5)


@both_sides
@pytest.mark.parametrize("entry", [101, 99])
def test_an_entry_expires_at_the_end_of_the_last_bar_it_is_valid_on(short: bool, entry: float) -> None:
    idle = [bar(f"10:0{i}", 100, 100.5, 99.5, 100) for i in range(1, 4)]
    again = signal(idle[1], 90, 110)
    script = [B0, signal(B0, 90, 110, entry=entry), *idle[:2], again, idle[2]]
    desk = play(script, short=short, finish=True, entry_valid_bars=2)
    assert refusals(desk) == [Refusal.EXPIRED]
    assert told(desk, short=short)[0][:2] == ("10:03", 100)


@both_sides
def test_an_exit_inside_a_bar_frees_the_pattern_for_a_signal_at_that_bars_end(short: bool) -> None:
    out = bar("10:02", 100, 100, 97, 98.5)
    script = [
        B0,
        AT_ONCE,
        QUIET,
        signal(QUIET, 90, 110),
        out,
        signal(out, 96, 102),
        bar("10:03", 98.5, 103, 98, 102),
    ]
    desk = play(script, short=short)
    assert refusals(desk) == [Refusal.BUSY]
    assert told(desk, short=short) == [
        ("10:01", 100, "10:02", 98, "STOP"),
        ("10:03", 98.5, "10:03", 102, "TARGET"),
    ]


@both_sides
@pytest.mark.parametrize(("stop", "target"), [(100, 103), (100.5, 103), (98, 100), (98, 99), (100.04, 103)])
def test_levels_that_make_no_trade_are_refused(short: bool, stop: float, target: float) -> None:
    assert refusals(play([B0, signal(B0, stop, target)], short=short)) == [Refusal.BAD_LEVELS]


@both_sides
def test_slippage_worsens_at_once_and_stop_fills_and_nothing_else(short: bool) -> None:
    stopped = play([B0, AT_ONCE, bar("10:01", 100, 101, 97.98, 98)], short=short, slippage=2)
    assert told(stopped, short=short) == [("10:01", 100.1, "10:01", 97.9, "STOP")]
    won = play([B0, AT_ONCE, bar("10:01", 100, 104, 99, 103)], short=short, slippage=2)
    assert told(won, short=short) == [("10:01", 100.1, "10:01", 103, "TARGET")]
    limit = play([B0, signal(B0, 97, 103, entry=99), bar("10:01", 100, 100, 98, 99)], short=short, slippage=2)
    assert [e.price for e in limit.journal if isinstance(e, OrderFilled)] == [10_100 if short else 9_900]


@both_sides
def test_a_stop_moved_to_breakeven_on_bar_n_applies_from_the_next(short: bool) -> None:
    half_way = bar("10:02", 100, 102, 98.5, 101.5)
    script = [B0, AT_ONCE, QUIET, half_way, bar("10:03", 101, 101.2, 99.9, 100)]
    assert told(play(script, short=short, breakeven_at=0.5), short=short) == [
        ("10:01", 100, "10:03", 100, "BREAKEVEN")
    ]
    almost = bar("10:02", 100, 102, 98.5, 101.49)
    assert told(play([*script[:3], almost, script[4]], short=short, breakeven_at=0.5), short=short) == []


@both_sides
def test_a_trail_by_steps_follows_the_best_price_from_the_next_bar_on(short: bool) -> None:
    trail = Trail("step", distance=1.0, step=0.5)
    up = bar("10:02", 100, 102.3, 99.6, 102)
    script = [
        B0,
        AT_ONCE,
        QUIET,
        up,
        bar("10:03", 102, 102.2, 101.1, 101.2),
        bar("10:04", 101.2, 101.3, 100.9, 101),
    ]
    assert told(play(script, short=short, trail=trail), short=short) == [
        ("10:01", 100, "10:04", 101, "TRAIL")
    ]
    later = Trail("step", distance=1.0, step=0.5, start_r=1.2)
    assert told(play(script, short=short, trail=later), short=short) == []


@both_sides
def test_a_trail_by_atr_waits_until_the_atr_is_ready(short: bool) -> None:
    trail = Trail("atr", distance=1.0, length=2)
    up = bar("10:02", 100, 102, 100, 102)
    script = [B0, AT_ONCE, QUIET, up, bar("10:03", 102, 102, 100.4, 100.5)]
    assert told(play(script, short=short, trail=trail), short=short) == [
        ("10:01", 100, "10:03", 100.5, "TRAIL")
    ]


@both_sides
def test_a_trail_by_structure_stands_one_tick_behind_the_last_pivot(short: bool) -> None:
    trail = Trail("structure", length=1)
    lows = [bar("10:02", 100, 101, 99.2, 100.5), bar("10:03", 100.5, 101, 100, 100.8)]
    script = [B0, AT_ONCE, QUIET, *lows, bar("10:04", 100.8, 101, 99, 99.5)]
    assert told(play(script, short=short, trail=trail), short=short) == [
        ("10:01", 100, "10:04", 99.15, "TRAIL")
    ]


@both_sides
def test_partials_leave_at_their_levels_and_the_rest_goes_on(short: bool) -> None:
    partials = Partial(0.5, 0.5), Partial(1.0, 0.25)
    script = [B0, AT_ONCE, QUIET, bar("10:02", 100, 101.05, 99, 101), bar("10:03", 102.5, 102.6, 97, 98)]
    desk = play(script, short=short, partials=partials, fixed_lots=4)
    (trade,) = desk.trades
    prices = [200 - leg.price / 100 if short else leg.price / 100 for leg in trade.exits]
    assert [(leg.qty, price, leg.reason) for leg, price in zip(trade.exits, prices, strict=True)] == [
        (100, 101, ExitReason.TARGET),
        (50, 102.5, ExitReason.TARGET),
        (50, 98, ExitReason.STOP),
    ]
    assert trade.gross == 100 * 100 + 50 * 250 - 50 * 200


@both_sides
def test_the_time_stop_leaves_at_the_open_after_the_first_bar_that_ends_late_enough(short: bool) -> None:
    idle = [bar(f"10:0{i}", 100, 100.5, 99.5, 100) for i in range(2, 5)]
    desk = play([B0, AT_ONCE, QUIET, *idle], short=short, time_stop_minutes=2)
    assert told(desk, short=short) == [("10:01", 100, "10:03", 100, "TIME")]


@both_sides
def test_positions_leave_at_the_open_of_the_first_bar_at_the_square_off_time(short: bool) -> None:
    script = [B0, AT_ONCE, QUIET, bar("15:14", 100, 100.5, 99.5, 100), bar("15:17", 100.7, 104, 97, 100)]
    assert told(play(script, short=short), short=short) == [("10:01", 100, "15:17", 100.7, "SQUARE_OFF")]


@both_sides
def test_without_a_bar_after_the_square_off_time_positions_leave_at_the_last_close(short: bool) -> None:
    script = [
        B0,
        AT_ONCE,
        QUIET,
        bar("15:10", 100, 100.5, 99.5, 100.4),
        bar("09:15", 90, 110, 80, 100, day=1),
    ]
    assert told(play(script, short=short), short=short) == [("10:01", 100, "15:10", 100.4, "SQUARE_OFF")]


@both_sides
def test_the_end_of_the_data_inside_a_session_closes_at_the_last_close(short: bool) -> None:
    script = [B0, AT_ONCE, QUIET, bar("15:10", 100, 100.5, 99.5, 100.4)]
    desk = play(script, short=short, finish=True)
    assert told(desk, short=short) == [("10:01", 100, "15:10", 100.4, "END_OF_DATA")]


def test_a_session_whose_close_was_reached_ends_by_square_off_even_at_the_end_of_the_data() -> None:
    days = Days(1, closes=605)
    first = bar("09:30", 100, 100.5, 99.5, 100)
    desk = feed(make_desk(days=days), [first, signal(first, 98, 103), bar("09:31", 100, 101, 99, 100)])
    late = Bar(at("09:49"), int(days.closes[0]), KEY, 100, 100.5, 99.5, 100.2, 0.0, 0.0)
    desk.on_bar(late)
    desk.finish()
    assert [(t.exit_price, t.exit_reason) for t in desk.trades] == [(10_020, ExitReason.SQUARE_OFF)]


@both_sides
def test_waiting_entries_end_with_their_session_and_with_the_data(short: bool) -> None:
    entry = signal(B0, 98, 105, entry=103)
    overnight = play([B0, entry, bar("09:15", 104, 104, 99, 100, day=1)], short=short)
    assert refusals(overnight) == [Refusal.SESSION_END]
    assert refusals(play([B0, entry], short=short, finish=True)) == [Refusal.SESSION_END]


@both_sides
def test_no_entry_is_taken_at_the_last_entry_time_and_waiting_ones_are_withdrawn(short: bool) -> None:
    before, then = bar("14:58", 100, 100.5, 99.5, 100), bar("14:59", 100, 100.5, 99.5, 100)
    late = [before, then, signal(then, 98, 103)]
    assert refusals(play(late, short=short)) == [Refusal.LAST_ENTRY]
    waits = [before, signal(before, 98, 105, entry=103), then, bar("15:00", 104, 105, 99, 100)]
    assert refusals(play(waits, short=short)) == [Refusal.LAST_ENTRY]


def test_an_early_close_moves_the_last_entry_and_the_square_off() -> None:
    desk = make_desk(days=Days(2, closes=12 * 60))
    steps = [
        b := bar("11:28", 100, 100.5, 99.5, 100),
        signal(b, 98, 103),
        c := bar("11:29", 100, 100.5, 99.5, 100),
        bar("11:44", 100, 100.5, 99.5, 100),
        bar("11:45", 100.3, 100.5, 99.5, 100),
        signal(c, 98, 103),
    ]
    feed(desk, steps)
    assert [(t.exit_price, t.exit_reason) for t in desk.trades] == [(10_030, ExitReason.SQUARE_OFF)]
    assert refusals(desk) == [Refusal.LAST_ENTRY]


prices = st.integers(9_000, 11_000)


@given(o=prices, spread=st.integers(0, 500), slip=st.integers(0, 3), short=st.booleans())
def test_a_stop_never_pays_more_than_its_level_or_the_open(
    o: int, spread: int, slip: int, short: bool
) -> None:
    venue = PaperVenue(TickSlippage(slip))
    sign = -1 if short else 1
    side = Side.BUY if short else Side.SELL
    stop = 10_000
    protection = Protection(1, 0, KEY, side, 50, stop, stop + sign * 5_000, 5, ())
    venue.apply(SubmitOrder(protection))
    high, low = o + spread, o - spread
    reports = list(venue.open_phase(venue.working[1], 0, sign * o))
    if not reports:
        reports += venue.inside_phase(
            venue.working[1], 0, sign * (low if short else high), sign * (high if short else low)
        )
    for report in reports:
        assert isinstance(report, OrderFilled)
        assert sign * report.price <= min(sign * stop, sign * o)
        assert report.qty == 50


@given(st.lists(st.tuples(prices, st.integers(0, 300), st.integers(0, 300)), max_size=20), st.integers(1, 5))
def test_fills_never_exceed_the_order_and_partials_add_up(
    bars: list[tuple[int, int, int]], lots: int
) -> None:
    partials = (Partial(0.2, 0.3), Partial(0.5, 0.4), Partial(0.8, 0.3))
    desk = make_desk([pattern(partials=partials, fixed_lots=lots)])
    first = bar("09:59", 100, 100, 100, 100)
    desk.on_bar(first)
    desk.on_signal(signal(first, 95, 108))
    for i, (o, up, down) in enumerate(bars):
        desk.on_bar(bar(f"10:{i:02d}", o / 100, (o + up) / 100, (o - down) / 100, o / 100))
    desk.finish()
    entered = sum(e.qty for e in desk.journal if isinstance(e, OrderFilled) and e.reason is None)
    left = sum(e.qty for e in desk.journal if isinstance(e, OrderFilled) and e.reason is not None)
    assert left == entered == sum(trade.qty for trade in desk.trades)
    for trade in desk.trades:
        assert not trade.exits or sum(leg.qty for leg in trade.exits) == trade.qty


def test_the_venue_refuses_what_it_was_not_given() -> None:
    venue = PaperVenue(NoSlippage())
    with pytest.raises(InvariantBroken, match="approved"):
        venue.apply(SubmitOrder(object()))  # type: ignore[arg-type]
    order = Approved(1, 0, 0, KEY, Side.BUY, EntryKind.AT_ONCE, 50, 10_000, 9_900, 10_100, 5, 3)
    venue.apply(SubmitOrder(order))
    venue.open_phase(venue.working[1], 0, 10_000)
    assert venue.working == {}


def test_the_limits_are_shared_by_all_patterns() -> None:
    desk = make_desk([pattern("A"), pattern("B")], risk=RiskSettings(max_open_positions=1))
    desk.on_bar(B0)
    desk.on_signal(signal(B0, 98, 103, name="A"))
    desk.on_signal(signal(B0, 98, 103, name="B"))
    assert desk.refusals["B"] == {Refusal.MAX_POSITIONS: 1}
