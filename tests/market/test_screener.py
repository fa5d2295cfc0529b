"""Relative volume by time of day: by hand, by brute force, by block, and blind to the future."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.bars import BarRun
from sos.market.columns import SessionInputs
from sos.market.screener import RelativeVolume
from sos.sessions import SessionTable
from tests.market.walks import INDEX, sessions, walk

OPEN = 9 * 60 + 15.0


def day(of: RelativeVolume, session: int, volumes: list[float], first: float = OPEN) -> list[float]:
    """One session of one-minute bars."""
    return [of.push(session, first + i, float(i), volume) for i, volume in enumerate(volumes)]


def test_the_volume_so_far_is_compared_with_the_same_minute_of_the_sessions_before() -> None:
    rvol = RelativeVolume()
    for session, volumes in enumerate(([10.0, 10.0], [20.0, 10.0], [30.0, 10.0])):
        assert all(math.isnan(value) for value in day(rvol, session, volumes))
    assert day(rvol, 3, [40.0, 80.0]) == [2.0, 4.0]
    assert day(rvol, 4, [25.0, 0.0]) == [1.0, 25.0 / 52.5]


def test_only_the_last_ten_sessions_count() -> None:
    rvol = RelativeVolume()
    for session in range(12):
        day(rvol, session, [1000.0 if session < 2 else 10.0])
    assert day(rvol, 12, [10.0]) == [1.0]


def test_from_a_missing_volume_on_the_session_has_none_and_is_no_past() -> None:
    rvol = RelativeVolume()
    for session in range(3):
        day(rvol, session, [10.0, 10.0, 10.0])
    found = day(rvol, 3, [10.0, math.nan, 10.0])
    assert found[0] == 1.0
    assert np.isnan(found[1:]).all()
    assert day(rvol, 4, [10.0, 10.0]) == [1.0, 1.0]


def test_a_minute_without_a_bar_is_neither_looked_up_nor_remembered() -> None:
    rvol = RelativeVolume()
    for session in range(3):
        rvol.push(session, OPEN, 0.0, 10.0)
        rvol.push(session, OPEN + 2, 2.0, 10.0)
    rvol.push(3, OPEN, 0.0, 10.0)
    assert math.isnan(rvol.push(3, OPEN + 1, 1.0, 10.0))
    assert rvol.push(3, OPEN + 2, 2.0, 10.0) == 1.5


def test_an_evening_session_is_compared_with_evenings_only() -> None:
    rvol = RelativeVolume()
    for session in range(3):
        day(rvol, session, [10.0])
    assert math.isnan(day(rvol, 3, [500.0], first=18 * 60 + 15.0)[0])
    assert day(rvol, 4, [10.0]) == [1.0]


def test_days_without_a_trade_have_no_ratio() -> None:
    rvol = RelativeVolume()
    for session in range(3):
        day(rvol, session, [0.0])
    assert math.isnan(day(rvol, 3, [5.0])[0])


def test_a_longer_bar_whose_first_minute_is_absent_keeps_its_time_of_day() -> None:
    rvol = RelativeVolume(minutes=5)
    for session in range(3):
        rvol.push(session, OPEN + 5, 5.0, 10.0)
    assert rvol.push(3, OPEN + 7, 7.0, 20.0) == 2.0


def inputs_of(run: BarRun, table: SessionTable) -> list[np.ndarray]:
    columns = SessionInputs(table, lambda day: None).columns(run.ts, run.end)
    return [columns["session"], columns["minute"], columns["since_open"], run.volume]


def brute_force(columns: list[np.ndarray]) -> list[float]:
    """From scratch at every bar, out of the bars before it."""
    totals: dict[int, dict[float, float]] = defaultdict(dict)
    found = []
    running: dict[int, float] = defaultdict(float)
    for session, minute, _, volume in zip(*(column.tolist() for column in columns), strict=True):
        running[session] += volume
        total = running[session]
        past = [
            totals[s][minute]
            for s in sorted(totals)
            if s < session and totals[s].get(minute, math.nan) == totals[s].get(minute, math.nan)
        ][-10:]
        mean = math.fsum(past) / len(past) if past else 0.0
        found.append(total / mean if len(past) >= 3 and mean > 0 and total == total else math.nan)
        if total == total:
            totals[session][minute] = total
    return found


@pytest.mark.parametrize("drop", [0.0, 0.15])
def test_whole_sessions_equal_a_computation_from_scratch_and_do_not_depend_on_cuts(drop: float) -> None:
    table = sessions(14)
    run = walk(INDEX, table, 3, drop=drop)
    columns = inputs_of(run, table)
    columns[3][2000] = math.nan
    expected = brute_force(columns)
    np.testing.assert_array_equal(RelativeVolume().push_block(*columns), expected)
    cut = RelativeVolume()
    edges = [0, 1, 370, 371, 2000, 2001, len(run)]
    parts = [cut.push_block(*(column[a:b] for column in columns)) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), expected)
    assert 0.2 < np.nanmedian(expected) < 5.0


@given(n=st.integers(1, 5 * 375), factor=st.sampled_from([0.0, 7.0, math.nan]))
def test_later_volumes_change_no_earlier_value(n: int, factor: float) -> None:
    table = sessions(5)
    columns = inputs_of(walk(INDEX, table, 8), table)
    whole = RelativeVolume().push_block(*columns)
    columns[3][n:] *= factor
    np.testing.assert_array_equal(RelativeVolume().push_block(*columns)[:n], whole[:n])
