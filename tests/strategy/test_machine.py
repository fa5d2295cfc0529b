"""The machine against a table of cases, bar by bar and in blocks cut anywhere."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.events import Signal
from sos.market.columns import FIELDS
from sos.market.frame import Frame, MarketSettings
from sos.strategy.loader import load_patterns
from sos.strategy.machine import Funnel
from sos.strategy.pattern import Pattern
from sos.types import NS_PER_MINUTE, InstrumentKey

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "machine_cases.json").read_text())
KEY = InstrumentKey("NSE_INDEX|Nifty 50")
OPENS = np.array([0, 10_000 * NS_PER_MINUTE], np.int64)


def pattern_of(case: dict[str, Any], folder: Path) -> Pattern:
    content = {
        "pattern_id": "CASE",
        "phases": case["phases"],
        "regime_config": case.get("regime_config", {}),
        "recheck": case.get("recheck", True),
        "carry": case.get("carry", False),
        "execution": {"side": "BUY", "entry": "close", "sl": "close - 1", "tp": "entry + risk * tp_mult"},
    }
    (folder / "case.json").write_text(json.dumps(content))
    return load_patterns([folder]).patterns[0]


def rows_of(case: dict[str, Any]) -> tuple[list[list[float]], list[int], list[int]]:
    """Rows in the order of FIELDS, with their open and end times."""
    closes: list[float] = case["closes"]
    sessions: list[int] = case.get("sessions", [0] * len(closes))
    minutes: list[int] = case.get("minutes", [i - sessions.index(s) for i, s in enumerate(sessions)])
    regimes: list[int] = case.get("regimes", [7] * len(closes))
    rows: list[list[float]] = []
    ts: list[int] = []
    for close, session, minute, regime in zip(closes, sessions, minutes, regimes, strict=True):
        same = bool(ts) and ts[-1] >= int(OPENS[session])
        hole = minute - (ts[-1] - int(OPENS[session])) / NS_PER_MINUTE - 1.0 if same else 0.0
        values = dict.fromkeys(FIELDS, float("nan"))
        values |= dict.fromkeys(("open", "high", "low", "close"), float(close))
        values |= {"session": session, "minute": 555.0 + minute, "regime": float(regime)}
        values |= {"since_open": float(minute), "since_open_end": minute + 1.0, "to_close": 375.0 - minute}
        values["hole"] = hole
        rows.append([float(values[name]) for name in FIELDS])
        ts.append(int(OPENS[session]) + minute * NS_PER_MINUTE)
    return rows, ts, [t + NS_PER_MINUTE for t in ts]


def by_event(pattern: Pattern, case: dict[str, Any]) -> tuple[list[tuple[int, Signal]], Funnel]:
    frame = Frame(1, [pattern], KEY, MarketSettings())
    found = []
    for i, (row, ts, end) in enumerate(zip(*rows_of(case), strict=True)):
        found += [(i, signal) for _, signal in frame.push(row, ts, end, lambda session: int(OPENS[session]))]
    return found, frame.machines["CASE"].funnel


def by_block(
    pattern: Pattern, case: dict[str, Any], cuts: list[int]
) -> tuple[list[tuple[int, Signal]], Funnel]:
    frame = Frame(1, [pattern], KEY, MarketSettings())
    rows, ts, end = rows_of(case)
    edges = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    found = []
    for start, stop in itertools.pairwise(edges):
        columns = [np.array(column) for column in np.array(rows[start:stop]).T]
        part = slice(start, stop)
        run = frame.push_block(columns, np.array(ts[part]), np.array(end[part]), OPENS)
        found += [(start + row, signal) for row, signal in run("CASE")]
    return found, frame.machines["CASE"].funnel


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]).replace(" ", "_"))
def test_the_machine_does_what_the_table_says(case: dict[str, Any], tmp_path: Path) -> None:
    found, funnel = by_event(pattern_of(case, tmp_path), case)
    assert [row for row, _ in found] == case["signals"]
    for name, value in case.get("funnel", {}).items():
        assert getattr(funnel, name) == value, name
    for (_, signal), expected in zip(found, case.get("captures", []), strict=False):
        assert dict(signal.captures) == expected
    for (_, signal), target in zip(found, case.get("targets", []), strict=False):
        assert signal.target == target


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]).replace(" ", "_"))
def test_blocks_cut_anywhere_give_the_same_signals_and_funnel(
    case: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pattern = pattern_of(case, tmp_path_factory.mktemp("case"))
    expected = repr(by_event(pattern, case))  # repr: a captured value may be NaN, which equals nothing

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.integers(0, 20), max_size=4))
    def check(cuts: list[int]) -> None:
        assert repr(by_block(pattern, case, cuts)) == expected

    check()
