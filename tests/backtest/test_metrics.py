"""The summary against cases worked by hand, and against what must always hold."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.backtest.metrics import net_units, r_multiple, summarise
from sos.trading.charges import Charges
from sos.trading.positions import Trade
from sos.types import ExitReason
from tests.backtest.results import UNITS, trade

CASES = json.loads((Path(__file__).parent / "metrics_cases.json").read_text("utf-8"))["cases"]
MONDAY = date(2024, 1, 29)


def trades_of(rows: list[list[Any]]) -> list[Trade]:
    return [
        trade(
            number,
            day=date.fromisoformat(day),
            minute=minute,
            gross=float(gross),
            charges=Charges(brokerage=int(Decimal(charge) * UNITS)),
            qty=qty,
            risk=risk,
        )
        for number, (day, minute, gross, charge, qty, risk) in enumerate(rows, 1)
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_summary_equals_the_case_worked_by_hand(case: dict[str, Any]) -> None:
    summary = summarise(trades_of(case["trades"]), [date.fromisoformat(day) for day in case["days"]])
    total = summary.total
    got = {
        "trades": total.trades,
        "wins": total.wins,
        "losses": total.losses,
        "gross": total.gross / 100,
        "charges": total.charges.total / UNITS,
        "net": total.net / UNITS,
        "win_rate": total.win_rate,
        "profit_factor": total.profit_factor,
        "expectancy": None if total.expectancy is None else float(total.expectancy / UNITS),
        "average_r": total.average_r,
        "max_drawdown": summary.max_drawdown / UNITS,
        "daily_sharpe": summary.daily_sharpe,
    }
    assert got.keys() == case["expect"].keys()
    for name, wanted in case["expect"].items():
        assert got[name] == (None if wanted is None else pytest.approx(wanted, rel=1e-12)), name


def test_the_order_of_the_list_does_not_matter_but_the_order_of_exits_does() -> None:
    early, late = trade(1, gross=-300.0, minute=600), trade(2, gross=500.0, minute=700)
    days = [MONDAY]
    assert summarise([late, early], days) == summarise([early, late], days)
    assert summarise([early, late], days).max_drawdown == -net_units(early)
    swapped = [trade(1, gross=-300.0, minute=700), trade(2, gross=500.0, minute=600)]
    assert summarise(swapped, days).max_drawdown == -net_units(swapped[0])


def test_of_two_exits_in_one_instant_the_lower_id_comes_first() -> None:
    win, loss = trade(1, gross=400.0), trade(2, gross=-400.0)
    assert summarise([loss, win], [MONDAY]).max_drawdown == -net_units(loss)


def test_stt_and_stamp_are_rounded_once_a_day_over_all_trades() -> None:
    forty_paise = Charges(stt=4 * UNITS // 10, stamp=3 * UNITS // 10)
    same_day = summarise([trade(1, charges=forty_paise), trade(2, charges=forty_paise)], [MONDAY])
    assert same_day.rounding.stt == Decimal("0.2")  # 0.80 becomes 1
    assert same_day.rounding.stamp == Decimal("0.4")  # 0.60 becomes 1
    other_day = trade(2, charges=forty_paise, day=MONDAY + timedelta(days=1))
    two_days = summarise([trade(1, charges=forty_paise), other_day], [MONDAY])
    assert two_days.rounding.stt == Decimal("-0.8")  # 0.40 becomes 0, twice


def test_best_and_worst_are_by_net_and_ties_go_to_the_later_and_the_earlier_id() -> None:
    rows = [trade(1, gross=100.0), trade(2, gross=-50.0), trade(3, gross=100.0), trade(4, gross=-50.0)]
    summary = summarise(rows, [MONDAY])
    assert summary.best is not None
    assert summary.worst is not None
    assert (summary.best.id, summary.worst.id) == (3, 2)


def test_groups_are_by_name_and_add_up_to_the_total() -> None:
    rows = [
        trade(1, pattern="B", reason=ExitReason.STOP, gross=-20.0),
        trade(2, pattern="A", reason=ExitReason.TARGET, gross=70.0),
        trade(3, pattern="B", reason=ExitReason.TARGET, gross=90.0),
    ]
    summary = summarise(rows, [MONDAY])
    assert [(group.name, group.trades) for group in summary.by_pattern] == [("A", 1), ("B", 2)]
    assert [(group.name, group.trades) for group in summary.by_exit_reason] == [("STOP", 1), ("TARGET", 2)]
    for groups in (summary.by_pattern, summary.by_exit_reason):
        assert sum(group.net for group in groups) == summary.total.net
        assert Charges.sum(group.charges for group in groups) == summary.total.charges


@st.composite
def some_trades(draw: st.DrawFn) -> list[Trade]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 9),  # day
                st.integers(555, 900),  # minute
                st.integers(-10_000_000, 10_000_000),  # gross paise
                st.integers(0, 10**17),  # charge units
                st.integers(0, 5000),  # risk
            ),
            max_size=25,
        )
    )
    return [
        trade(
            number,
            day=MONDAY + timedelta(days=day),
            minute=minute,
            gross=gross / 100,
            charges=Charges(brokerage=charge),
            risk=risk,
        )
        for number, (day, minute, gross, charge, risk) in enumerate(rows, 1)
    ]


@given(some_trades())
def test_nothing_is_ever_nan_or_infinite_and_money_adds_up(trades: list[Trade]) -> None:
    summary = summarise(trades, [MONDAY + timedelta(days=n) for n in range(10)])
    total = summary.total
    for ratio in (total.win_rate, total.profit_factor, total.average_r, summary.daily_sharpe):
        assert ratio is None or math.isfinite(ratio)
    assert total.net == total.gross * (UNITS // 100) - total.charges.total
    assert total.net == sum(map(net_units, trades))
    assert 0 <= summary.max_drawdown <= sum(max(0, -net_units(each)) for each in trades)
    assert summary.max_drawdown >= max(0, -total.net)
    if trades:
        assert total.expectancy == Fraction(total.net, len(trades))


@given(some_trades())
def test_sharpe_has_the_sign_of_the_net_and_ignores_the_scale(trades: list[Trade]) -> None:
    days = [MONDAY + timedelta(days=n) for n in range(10)]
    sharpe = summarise(trades, days).daily_sharpe
    if sharpe is not None:
        net = sum(map(net_units, trades))
        assert (sharpe > 0) - (sharpe < 0) == (net > 0) - (net < 0)


def test_r_of_a_short_is_positive_when_it_gained() -> None:
    gained = trade(gross=1000.0, qty=50, risk=1000)
    assert r_multiple(gained) == pytest.approx(2.0)
    assert r_multiple(trade(risk=0)) is None
