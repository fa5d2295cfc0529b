"""Levels: rounding, kinds of entry, and what is refused; a table of cases and what must always hold."""

from __future__ import annotations

import json
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.trading.plan import REFUSED, Plan, Refused, make_plan
from sos.trading.spec import Instrument, SessionFacts
from sos.types import Refusal, Side
from tests.trading.market import Days, bar, signal, spec

CASES = json.loads((Path(__file__).parent / "level_cases.json").read_text())


def facts(tick: int = 5) -> SessionFacts:
    instrument = Instrument(spec(tick=tick), Days())
    instrument.enter(0)
    found = instrument.facts
    if found is None:
        raise AssertionError("no session was entered")
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_levels_of_the_table(case: dict[str, Any]) -> None:
    close = case["close"]
    entry, stop, target = (nan if case[name] is None else case[name] for name in ("entry", "stop", "target"))
    asked = signal(
        bar("10:00", close, close, close, close), stop, target, entry=entry, side=Side(case["side"])
    )
    plan = make_plan(asked, facts(case["tick"]))
    if isinstance(plan, Refused):
        assert plan.reason == case["plan"]
    else:
        assert [plan.kind, *(plan.sign * level for level in (plan.entry, plan.stop, plan.target))] == case[
            "plan"
        ]


@pytest.mark.parametrize("close", [nan, inf, -inf, 1e308])
def test_a_signal_of_a_bar_without_a_close_is_not_ready(close: float) -> None:
    asked = signal(bar("10:00", close, close, close, close), 99.0, 103.0, entry=100.0, side=Side.BUY)
    assert make_plan(asked, facts()) == REFUSED[Refusal.NOT_READY]


any_price = st.one_of(
    st.floats(0.01, 100_000),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([nan, inf, -inf, 0.0]),
)


@given(
    any_price,
    any_price,
    any_price,
    st.floats(0.05, 100_000),
    st.sampled_from(Side),
    st.sampled_from([1, 5, 10, 50, 500]),
)
def test_a_plan_is_always_a_trade_that_can_win_and_lose(
    entry: float, stop: float, target: float, close: float, side: Side, tick: int
) -> None:
    asked = signal(bar("10:00", close, close, close, close), stop, target, entry=entry, side=side)
    plan = make_plan(asked, facts(tick))
    if isinstance(plan, Plan):
        assert plan.stop < plan.entry < plan.target
        assert all(
            plan.sign * level > 0 and level % tick == 0 for level in (plan.stop, plan.entry, plan.target)
        )
        assert plan.stop <= side.sign * stop * 100 + 1e-3
        assert plan.target >= side.sign * target * 100 - 1e-3
        assert abs(plan.sign * plan.entry - entry * 100) <= tick / 2 + 1e-3
    else:
        assert plan.reason in (Refusal.NOT_READY, Refusal.BAD_LEVELS)
