"""Sizes, limits and the gate between a plan and an order."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.errors import ConfigError, InvariantBroken
from sos.strategy.pattern import NO_TRAIL, ExitRules, Partial, Trail
from sos.trading.desk import Desk
from sos.trading.orders import TRANSITIONS, OrderEvent, OrderState, advance
from sos.trading.settings import ExecutionSettings, RiskSettings, TrailSettings, resolve_exits
from sos.trading.size import Sizer
from sos.types import Refusal
from tests.trading.market import KEY, OTHER, bar, feed, make_desk, pattern, signal

SOURCE = Path(__file__).resolve().parents[2] / "src" / "sos"
B0 = bar("10:00", 100, 100.5, 99.5, 100)


def sizer(risk: RiskSettings | None = None, *, quantity: int | None = None, **execution: Any) -> Sizer:
    given_execution = ExecutionSettings(**execution)
    plan = resolve_exits("P", ExitRules(quantity=quantity), given_execution)
    return Sizer(plan, given_execution, risk or RiskSettings())


def test_lots_of_a_file_win_over_risk_per_trade() -> None:
    settings = ExecutionSettings(sizing="risk_per_trade", risk_rupees=10_000, fixed_lots=7)
    own = resolve_exits("P", ExitRules(fixed_lots=2), settings)
    assert Sizer(own, settings, RiskSettings()).units(50, 1.0, 100) == 100
    assert Sizer(own, settings, RiskSettings()).units(50, 1.5, 100) == 150
    none = resolve_exits("P", ExitRules(), settings)
    assert Sizer(none, settings, RiskSettings()).units(50, 1.0, 100) == 10_000


def test_a_file_turns_the_configured_trail_off() -> None:
    settings = ExecutionSettings(trail=TrailSettings(by="atr", distance=2))
    assert resolve_exits("P", ExitRules(), settings).trail == Trail("atr", 2.0)
    assert resolve_exits("P", ExitRules(trail=NO_TRAIL), settings).trail is None


def test_fixed_lots_are_multiplied_by_the_regime_and_floored_to_lots() -> None:
    assert sizer(fixed_lots=3).units(50, 1.0, 100) == 150
    assert sizer(fixed_lots=3).units(50, 1.5, 100) == 200
    assert sizer(fixed_lots=1).units(50, 0.5, 100) == 0
    assert sizer(fixed_lots=30).units(10, 0.1, 100) == 30


def test_a_quantity_in_units_wins_over_lots() -> None:
    assert sizer(quantity=37).units(1, 1.0, 100) == 37
    assert sizer(quantity=37).units(10, 1.0, 100) == 30


def test_risk_per_trade_divides_the_money_by_the_risk_of_a_unit() -> None:
    assert sizer(sizing="risk_per_trade", risk_rupees=5_000).units(50, 1.0, 1_500) == 300
    by_percent = sizer(RiskSettings(capital=1_000_000), sizing="risk_per_trade", risk_pct=0.5)
    assert by_percent.units(50, 2.0, 1_500) == 650


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(1, 2_000), st.integers(1, 10**7))
def test_a_size_is_whole_lots_whatever_the_modifier(mod: float, lot: int, risk: int) -> None:
    for one in (sizer(fixed_lots=2), sizer(sizing="risk_per_trade", risk_rupees=10_000)):
        units = one.units(lot, min(mod, 1e6), risk)
        assert units >= 0
        assert units % lot == 0


def losing_day(risk: RiskSettings, losses: int = 3) -> Desk:
    """Trades that lose two points on 50 units each, and one more signal."""
    desk = make_desk(risk=risk)
    for i in range(losses):
        first = bar(f"10:{2 * i:02d}", 100, 100.5, 99.5, 100)
        feed(desk, [first, signal(first, 98, 103), bar(f"10:{2 * i + 1:02d}", 100, 100, 97, 97)])
    last = bar("10:59", 100, 100.5, 99.5, 100)
    return feed(desk, [last, signal(last, 98, 103)])


@pytest.mark.parametrize(
    ("risk", "reason", "trades"),
    [
        (RiskSettings(), None, 3),
        (RiskSettings(consecutive_losses=2), Refusal.CONSECUTIVE_LOSSES, 2),
        (RiskSettings(day_loss=150), Refusal.DAY_LOSS, 2),
        (RiskSettings(day_loss=100), Refusal.DAY_LOSS, 1),
        (RiskSettings(max_trades_per_day=1), Refusal.MAX_TRADES, 1),
        (RiskSettings(max_trades_per_day=4), None, 3),
    ],
)
def test_limits_of_the_day_stop_entries_until_the_next_one(
    risk: RiskSettings, reason: Refusal | None, trades: int
) -> None:
    desk = losing_day(risk)
    assert len(desk.trades) == trades
    assert set(desk.refusals["P"]) == ({reason} if reason else set())
    tomorrow = bar("10:00", 100, 100.5, 99.5, 100, day=1)
    feed(desk, [tomorrow, signal(tomorrow, 98, 103), bar("10:01", 100, 100, 97, 97, day=1)])
    assert len(desk.trades) == trades + 1 or reason is None


def test_a_withdrawn_entry_is_no_trade_of_the_day() -> None:
    desk = make_desk(risk=RiskSettings(max_trades_per_day=1))
    gapped = bar("10:01", 90, 91, 89, 90)
    feed(desk, [B0, signal(B0, 98, 103), gapped, signal(gapped, 88, 99)])
    assert desk.refusals["P"] == {Refusal.GAPPED: 1}


def test_an_entry_far_from_the_price_fails_the_sanity_check() -> None:
    desk = make_desk(risk=RiskSettings(price_sanity_pct=2))
    feed(desk, [B0, signal(B0, 98, 110, entry=103)])
    assert desk.refusals["P"] == {Refusal.PRICE_SANITY: 1}


def test_capital_shrinks_the_size_to_what_its_margin_allows_and_refuses_when_no_lot_fits() -> None:
    risk = RiskSettings(capital=2_000, max_capital_use=1.0, margin_pct=15)
    desk = make_desk([pattern("A", fixed_lots=4), pattern("B")], risk=risk)
    feed(desk, [B0, signal(B0, 98, 103, name="A"), signal(B0, 98, 103, name="B")])
    assert desk.refusals["B"] == {Refusal.CAPITAL: 1}
    feed(desk, [bar("10:01", 100, 100, 97, 97)])
    assert [trade.qty for trade in desk.trades] == [100]
    again = bar("10:02", 100, 100.5, 99.5, 100)
    feed(desk, [again, signal(again, 98, 103, name="B")])
    assert desk.refusals["B"] == {Refusal.CAPITAL: 1}


def test_risk_per_trade_is_never_more_than_the_capital_carries() -> None:
    execution = ExecutionSettings(sizing="risk_per_trade", risk_rupees=100_000, slippage_ticks=0)
    desk = make_desk(execution=execution, risk=RiskSettings(capital=15_000, margin_pct=15))
    feed(desk, [B0, signal(B0, 99.95, 103), bar("10:01", 100, 100, 97, 97)])
    assert [trade.qty for trade in desk.trades] == [1_000]


def test_the_limits_count_over_underlyings() -> None:
    desk = make_desk(keys=(KEY, OTHER), risk=RiskSettings(max_open_positions=1))
    other = bar("10:00", 50, 51, 49, 50, key=OTHER)
    feed(desk, [B0, signal(B0, 98, 103), other, signal(other, 48, 53)])
    assert desk.refusals["P"] == {Refusal.MAX_POSITIONS: 1}


def test_only_the_risk_check_makes_an_approved_order() -> None:
    makers = [
        path.relative_to(SOURCE).as_posix()
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Approved"
    ]
    assert makers == ["trading/risk.py"]


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("event", OrderEvent)
def test_an_order_goes_only_where_the_table_says(state: OrderState, event: OrderEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert advance(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(InvariantBroken, match=f"{state.name} by {event.name}"):
            advance(state, event)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (ExitRules(exit_basis="premium"), "exit_basis = 'premium' needs option contracts"),
        (ExitRules(exit_price="close"), "exit_price = 'close' needs option contracts"),
        (ExitRules(last_entry=920), "last_entry 15:20 is after square_off 15:15"),
        (ExitRules(trail=Trail("magic")), "trail by 'magic' is not known"),
        (ExitRules(trail=Trail("atr")), "needs a distance above 0"),
        (ExitRules(partials=(Partial(1, 0.6), Partial(2, 0.6))), "add up to more than 1"),
    ],
)
def test_what_cannot_be_executed_is_refused_with_a_line_that_says_so(rules: ExitRules, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        resolve_exits("MY_PATTERN", rules, ExecutionSettings())
    assert str(caught.value).startswith("MY_PATTERN: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"entry_valid_bar": 3},
        {"square_off": "25:00"},
        {"last_entry": "3pm"},
        {"slippage_ticks": -1},
        {"sizing": "risk_per_trade"},
        {"fixed_lots": 0},
        {"breakeven_at": 1.5},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        ExecutionSettings(**wrong)
