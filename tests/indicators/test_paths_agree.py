"""One state, two paths: bars, blocks and any mixture of them give the same bits."""

from __future__ import annotations

import math
import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sos.bars import F64
from sos.indicators import REGISTRY, Indicator, make
from tests.indicators.columns import bars, in_blocks, one_by_one, params, series

EXAMPLES = 1_000 if os.environ.get("SOS_FULL") == "1" else 40
ODD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, -1e308, 1e-308, 5e-324, 1e15, -3.5]


def mixed(state: Indicator, args: tuple[F64, ...], cuts: list[int]) -> F64:
    """Stretches between ``cuts``, as a block and bar by bar in turn."""
    rows = len(args[0])
    edges = [0, *sorted(cut % (rows + 1) for cut in cuts), rows]
    out: list[float] = []
    for turn, (a, b) in enumerate(pairwise(edges)):
        part = tuple(column[a:b] for column in args)
        values = state.push_block(*part) if turn % 2 else one_by_one(state, part)
        assert len(values) == b - a
        out.extend(values.tolist())
    return np.array(out)


def same_bits(a: F64, b: F64) -> bool:
    """Equal to the last bit; all NaNs count as one."""
    gone = np.isnan(a)
    return bool((gone == np.isnan(b)).all()) and a[~gone].tobytes() == b[~gone].tobytes()


@st.composite
def columns(draw: st.DrawFn) -> dict[str, F64]:
    """Bars with sessions of any length and odd values anywhere."""
    rows = draw(st.integers(1, 120))
    seed = draw(st.integers(0, 2**20))
    made = bars(rows, seed, session_rows=draw(st.integers(1, 60)))
    if draw(st.booleans()):
        made = {k: v if k.startswith("s") else np.round(v / 8.0) * 8.0 for k, v in made.items()}  # ties
    names = sorted(made)
    for at, name, value in draw(
        st.lists(
            st.tuples(st.integers(0, rows - 1), st.sampled_from(names), st.sampled_from(ODD)), max_size=12
        )
    ):
        made[name][at] = value
    return made


@pytest.mark.parametrize("name", sorted(REGISTRY))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=columns(), n=st.integers(1, 40), cuts=st.lists(st.integers(0, 200), max_size=8))
def test_any_mixture_of_bars_and_blocks_gives_the_same_bits(
    name: str, data: dict[str, F64], n: int, cuts: list[int]
) -> None:
    spec = REGISTRY[name]
    args, numbers = series(spec, data), params(spec, n, 2.5)
    whole = in_blocks(make(name, numbers), args)
    assert same_bits(whole, one_by_one(make(name, numbers), args))
    assert same_bits(whole, mixed(make(name, numbers), args, cuts))
    if name != "lag":
        assert not np.isinf(whole).any()


@pytest.mark.parametrize("name", sorted(REGISTRY))
@pytest.mark.parametrize("size", [1, 7, 256, 5_000])
def test_the_size_of_the_blocks_changes_nothing(name: str, size: int) -> None:
    spec = REGISTRY[name]
    args = series(spec, bars(20_000 if size > 100 else 800))
    for n in (1, 3, 20) if size < 100 else (14, 100, 5_000):
        numbers = params(spec, n)
        want = in_blocks(make(name, numbers), args)
        assert same_bits(in_blocks(make(name, numbers), args, size), want), n


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_bars_after_blocks_continue_long_windows(name: str) -> None:
    spec = REGISTRY[name]
    args = series(spec, bars(3_000))
    numbers = params(spec, 700)
    want = in_blocks(make(name, numbers), args)
    assert same_bits(one_by_one(make(name, numbers), args), want)
    assert same_bits(mixed(make(name, numbers), args, [900, 1_600, 1_650, 2_400, 2_410]), want)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_inputs_are_never_written_to_nor_given_back(name: str) -> None:
    spec = REGISTRY[name]
    args = series(spec, bars(300))
    for column in args:
        column.setflags(write=False)
    state = make(name, params(spec, 1))
    first = state.push_block(*args)
    kept = first.copy()
    assert not any(np.shares_memory(first, column) for column in args)
    second = state.push_block(*args)
    assert not np.shares_memory(first, second)
    assert same_bits(first, kept)
    assert len(state.push_block(*(column[:0] for column in args))) == 0


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_a_value_depends_on_nothing_that_comes_later(name: str) -> None:
    spec = REGISTRY[name]
    data = bars(900, session_rows=100)
    numbers = params(spec, 20)
    want = in_blocks(make(name, numbers), series(spec, data))
    for known in (1, 19, 250, 517):
        cut = {key: np.where(np.arange(900) < known, column, np.nan) for key, column in data.items()}
        got = in_blocks(make(name, numbers), series(spec, cut))
        assert same_bits(got[:known], want[:known])
