"""Generated code: the event path and the block path are one meaning, and neither ever raises."""

from __future__ import annotations

import itertools
import os
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.expr.compile import ProgramBuilder, as_column
from sos.expr.emit import SCALAR, Emitter
from sos.expr.tree import Arith, Compare, Const, Indicator, Input, Lag, Node, Num, Select, Truth
from sos.market.columns import FIELDS
from sos.market.timeline import Timeline
from tests.expr import trees

N = 24
EXAMPLES = 2000 if os.environ.get("SOS_FULL") else 60


def bits(x: float) -> int:
    """The float's bits, with one NaN and one zero: neither sign nor payload can be seen by a rule."""
    return int.from_bytes(struct.pack("<d", float("nan") if x != x else x + 0.0), "little")


def rows_of(prices: list[float]) -> list[list[float]]:
    """Rows in the order of FIELDS: odd prices, orderly sessions of 10 bars."""
    rows = []
    for i in range(N):
        row = dict(zip(FIELDS[:6], (prices[(6 * i + k) % len(prices)] for k in range(6)), strict=True))
        minute = float(i % 10)
        row |= {
            "session": float(i // 10),
            "minute": 555.0 + minute,
            "since_open": minute,
            "regime": float(i % 8),
        }
        row |= {"since_open_end": minute + 1.0, "to_close": 10.0 - minute, "days_to_expiry": 2.0, "hole": 0.0}
        rows.append([row[name] for name in FIELDS])
    return rows


def event_path(root: Node, rows: list[list[float]]) -> list[Any]:
    builder = ProgramBuilder()
    builder.add(root)
    truth, num = _functions(builder, root)
    timeline = Timeline(builder)
    return [truth(values, ()) if truth else bits(num(values, ())) for values in map(timeline.push, rows)]


def _functions(builder: ProgramBuilder, root: Any) -> tuple[Any, Any]:
    if isinstance(root, Truth):
        return builder.event_function([root], {}), None
    return None, builder.value_function(root, {}, rows=False)


def block_path(root: Node, rows: list[list[float]], cuts: list[int]) -> list[Any]:
    builder = ProgramBuilder()
    builder.add(root)
    is_truth = isinstance(root, Truth)
    column = builder.column_function(root) if isinstance(root, Truth) else builder.number_column(root)
    timeline = Timeline(builder)
    edges = sorted({0, N, *cuts})
    found: list[Any] = []
    for start, stop in itertools.pairwise(edges):
        table = np.array(rows[start:stop], np.float64)
        block = timeline.push_block([np.ascontiguousarray(c) for c in table.T], stop - start)
        if is_truth:
            found += block.mask(column).tolist()
        else:
            with np.errstate(all="ignore"):
                found += [bits(x) for x in as_column(column(block.columns), stop - start).tolist()]
    return found


cuts = st.lists(st.integers(0, N), max_size=4)
prices = st.lists(trees.values, min_size=6, max_size=40)


@settings(max_examples=EXAMPLES, deadline=None)
@given(trees.truths, prices, cuts)
def test_a_condition_is_the_same_by_bar_and_by_block(
    root: Truth, prices: list[float], cuts: list[int]
) -> None:
    rows = rows_of(prices)
    assert block_path(root, rows, cuts) == event_path(root, rows)


@settings(max_examples=EXAMPLES, deadline=None)
@given(trees.numbers(), prices, cuts)
def test_a_number_is_the_same_by_bar_and_by_block(root: Num, prices: list[float], cuts: list[int]) -> None:
    rows = rows_of(prices)
    assert block_path(root, rows, cuts) == event_path(root, rows)


def test_equal_expressions_share_one_slot() -> None:
    builder = ProgramBuilder()
    sma = Indicator("sma", (Arith("-", Input("high"), Input("low")),), (10,))
    again = Indicator("sma", (Arith("-", Input("high"), Input("low")),), (10,))
    builder.add(Compare(">", sma, Const(1.0)), Compare("<", Arith("*", again, Const(2.0)), Lag(again, 3)))
    assert len(builder.slots) == 4  # high, low, one sma, one lag


@pytest.mark.parametrize("levels", [2, 5, 9])
def test_code_grows_with_the_different_parts_not_with_their_uses(levels: int) -> None:
    """Each level uses the one below twice: 2 ** levels uses, but one line for each part."""
    node: Num = Input("close")
    for level in range(levels):
        node = Select(Compare(">", node, Const(float(level))), node, Const(1.0))
    emitter = Emitter(SCALAR, lambda slot: "V[0]")
    emitter.num(node)
    assert len(emitter.lines) == 1 + 3 * levels  # the input; true, false and the choice of each level
    builder = ProgramBuilder()
    builder.add(node)
    number = builder.value_function(node, {}, rows=False)
    assert number([50.0], ()) == 50.0


def test_captured_values_and_levels_are_read_by_index() -> None:
    from sos.expr.tree import Local, Var

    builder = ProgramBuilder()
    roots = (
        Input("close"),
        Var("floor"),
        Arith("+", Local("entry"), Arith("*", Local("risk"), Local("tp_mult"))),
    )
    builder.add(*roots)
    levels = builder.levels_function(*roots, {"floor": 1}, rows=False)
    assert levels([100.0], [0.0, 98.0], 2.0, 1.0) == (100.0, 98.0, 104.0)
    by_row = builder.levels_function(*roots, {"floor": 1}, rows=True)
    assert by_row([[99.0, 100.0]], 1, [0.0, 98.0], 2.0, 1.0) == (100.0, 98.0, 104.0)
