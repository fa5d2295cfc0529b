"""Sessions of a run: from the calendar where it is sure, from the bars elsewhere, never looking ahead."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sos.bars import I64
from sos.calendar import Calendar, Segment
from sos.clock import ist_iso, ist_ns
from sos.sessions import SessionTable
from sos.types import NS_PER_MINUTE

CALENDAR = Calendar.packaged()
KNOWN = date(2024, 6, 3)  # a Monday the table knows
OLD = date(2020, 6, 1)  # a Monday outside the coverage


def minutes(day: date, start: str, stop: str, step: int = 1) -> I64:
    """Opens of the bars from ``start`` (inside) to ``stop`` (outside), IST."""
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, stop))
    return ist_ns(day, 0) + np.arange(first, last, step, dtype=np.int64) * NS_PER_MINUTE


def table_of(
    ts: I64, segment: Segment = Segment.CASH, step: int = 1
) -> tuple[SessionTable, npt.NDArray[np.bool_], tuple[str, ...]]:
    return SessionTable.for_bars(CALENDAR, segment, ts, ts + step * NS_PER_MINUTE)


def hours(table: SessionTable) -> list[str]:
    """``["2024-06-03 09:15-15:30"]``"""
    return [
        f"{day} {ist_iso(opens)[11:16]}-{ist_iso(closes)[11:16]}"
        for day, opens, closes in zip(table.days, table.opens.tolist(), table.closes.tolist(), strict=True)
    ]


# ------------------------------------------------------------------ the calendar decides


def test_a_known_day_takes_the_table_and_drops_what_is_outside() -> None:
    ts = np.concatenate([minutes(KNOWN, "09:07", "09:09"), minutes(KNOWN, "09:15", "15:32")])
    table, keep, notes = table_of(ts)
    assert hours(table) == ["2024-06-03 09:15-15:30"]
    assert ts[~keep].tolist() == [*minutes(KNOWN, "09:07", "09:09"), *minutes(KNOWN, "15:30", "15:32")]
    assert notes == ("4 bars outside the sessions dropped (first on 2024-06-03)",)
    assert not table.from_data.any()


def test_a_known_day_with_holes_keeps_the_hours_of_the_table() -> None:
    ts = np.concatenate([minutes(KNOWN, "09:40", "10:00"), minutes(KNOWN, "13:00", "13:05")])
    table, keep, notes = table_of(ts)
    assert hours(table) == ["2024-06-03 09:15-15:30"]
    assert keep.all()
    assert notes == ()


def test_the_segment_decides_the_close() -> None:
    day = date(2026, 8, 4)
    ts = minutes(day, "09:15", "15:40")
    assert hours(table_of(ts, Segment.FNO)[0]) == ["2026-08-04 09:15-15:40"]
    table, keep, _ = table_of(ts, Segment.CASH)
    assert hours(table) == ["2026-08-04 09:15-15:15"]
    assert int(keep.sum()) == 360


def test_a_session_without_a_bar_is_not_in_the_run() -> None:
    drill = date(2024, 3, 2)
    table, _, _ = table_of(
        np.concatenate([minutes(drill, "11:30", "12:30"), minutes(KNOWN, "09:15", "09:20")])
    )
    assert hours(table) == ["2024-03-02 11:30-12:30", "2024-06-03 09:15-15:30"]


def test_no_bars_give_no_sessions() -> None:
    empty = np.empty(0, np.int64)
    table, keep, notes = table_of(empty)
    assert (len(table), len(keep), notes) == (0, 0, ())
    assert table.index(ist_ns(KNOWN, 600)) == -1
    assert table.index_block(minutes(KNOWN, "09:15", "09:17")).tolist() == [-1, -1]


# ------------------------------------------------------------------ the bars decide


def test_a_day_outside_the_coverage_opens_with_its_first_bar_and_closes_at_the_usual_close() -> None:
    table, keep, notes = table_of(minutes(OLD, "09:16", "15:00"))
    assert hours(table) == ["2020-06-01 09:16-15:30"]
    assert keep.all()
    assert table.from_data.all()
    assert notes == ("sessions of 1 day (2020-06-01) outside the calendar come from the data",)


def test_the_old_session_of_2009_ends_after_its_last_label() -> None:
    day = date(2009, 6, 1)
    assert hours(table_of(minutes(day, "09:55", "15:31"))[0]) == ["2009-06-01 09:55-15:31"]


def test_pre_open_bars_do_not_become_the_open() -> None:
    ts = np.concatenate([minutes(OLD, "09:07", "09:09"), minutes(OLD, "09:15", "15:30")])
    table, keep, notes = table_of(ts)
    assert hours(table) == ["2020-06-01 09:15-15:30"]
    assert keep.tolist() == [False, False] + [True] * 375
    assert "2 bars outside" in notes[1]
    only_auction, kept, _ = table_of(minutes(OLD, "09:07", "09:09"))
    assert len(only_auction) == 0
    assert not kept.any()


def test_from_january_2010_until_the_auction_came_nine_was_the_open() -> None:
    day = date(2010, 6, 1)
    assert hours(table_of(minutes(day, "09:00", "15:30"))[0]) == ["2010-06-01 09:00-15:30"]


def test_a_pause_of_more_than_ninety_minutes_splits_the_day() -> None:
    ts = np.concatenate([minutes(OLD, "09:15", "10:00"), minutes(OLD, "11:30", "12:30")])
    table, keep, _ = table_of(ts)
    assert hours(table) == ["2020-06-01 09:15-15:30", "2020-06-01 11:30-15:30"]
    assert keep.all()
    assert table.index_block(ts).tolist() == [0] * 45 + [1] * 60
    shorter = np.concatenate([minutes(OLD, "09:15", "10:00"), minutes(OLD, "11:29", "12:30")])
    assert hours(table_of(shorter)[0]) == ["2020-06-01 09:15-15:30"]


def test_an_evening_session_is_an_hour_and_bars_that_run_on_belong_to_it() -> None:
    muhurat = date(2020, 11, 14)
    assert hours(table_of(minutes(muhurat, "18:15", "19:15"))[0]) == ["2020-11-14 18:15-19:15"]
    ts = minutes(muhurat, "18:15", "19:40")
    table, keep, _ = table_of(ts)
    assert hours(table) == ["2020-11-14 18:15-19:15"]
    assert keep.all()
    assert table.index(int(ts[-1])) == 0
    assert table.index(int(ts[-1]) + NS_PER_MINUTE) == -1


def test_bars_on_a_closed_date_are_believed_from_the_first_one_on() -> None:
    sunday = date(2024, 6, 2)
    table, _, notes = table_of(minutes(sunday, "09:15", "15:30"))
    assert hours(table) == ["2024-06-02 09:15-15:30"]
    assert notes == ("sessions of 1 day (2024-06-02) that the calendar calls closed come from the data",)
    for until in ("09:16", "09:29", "09:40"):
        cut, kept, _ = table_of(minutes(sunday, "09:15", until))
        assert hours(cut) == hours(table)
        assert kept.all()


def test_a_session_after_those_of_the_table_is_believed_when_they_had_no_bar() -> None:
    muhurat = date(2025, 10, 21)  # the table: 13:45-14:45
    table, keep, notes = table_of(minutes(muhurat, "18:15", "19:15"))
    assert hours(table) == ["2025-10-21 18:15-19:15"]
    assert keep.all()
    assert "at other hours" in notes[0]
    both = np.concatenate([minutes(muhurat, "13:45", "14:45"), minutes(muhurat, "18:15", "19:15")])
    table, keep, _ = table_of(both)
    assert hours(table) == ["2025-10-21 13:45-14:45"]
    assert int(keep.sum()) == 60


def test_bars_before_the_sessions_of_the_table_are_dropped_wherever_the_data_ends() -> None:
    early = minutes(KNOWN, "08:00", "08:30")
    _, keep, _ = table_of(np.concatenate([early, minutes(KNOWN, "09:15", "09:20")]))
    assert keep.tolist() == [False] * 30 + [True] * 5
    _, keep, _ = table_of(early)
    assert not keep.any()


def test_bars_longer_than_the_pause_are_no_pause() -> None:
    day = date(2020, 6, 1)
    two_hours = 120 * NS_PER_MINUTE
    ts = minutes(day, "09:15", "15:15")[::120]
    table, keep, _ = SessionTable.for_bars(Calendar.packaged(), Segment.CASH, ts, ts + two_hours)
    assert hours(table) == ["2020-06-01 09:15-15:30"]
    assert keep.all()


def test_an_unverified_day_is_settled_by_its_bars() -> None:
    muhurat = date(2026, 11, 8)
    table, _, notes = table_of(minutes(muhurat, "18:00", "19:00"), Segment.FNO)
    assert hours(table) == ["2026-11-08 18:00-19:00"]
    assert "unsure" in notes[0]


# ------------------------------------------------------------------ look-ups


def test_a_calendar_table_has_every_session_of_its_days() -> None:
    table = SessionTable.from_calendar(CALENDAR, Segment.FNO, date(2024, 3, 1), date(2024, 3, 4))
    assert hours(table) == [
        "2024-03-01 09:15-15:30",
        "2024-03-02 09:15-10:00",
        "2024-03-02 11:30-12:30",
        "2024-03-04 09:15-15:30",
    ]


WEEK = SessionTable.from_calendar(CALENDAR, Segment.FNO, date(2024, 2, 26), date(2024, 3, 8))


@given(st.lists(st.integers(-200, 14 * 1440).map(lambda m: ist_ns(date(2024, 2, 26)) + m * NS_PER_MINUTE)))
def test_one_by_one_and_as_a_block_give_the_same_ordinals(stamps: list[int]) -> None:
    plain = [next((i for i in range(len(WEEK)) if WEEK.opens[i] <= ts < WEEK.closes[i]), -1) for ts in stamps]
    assert [WEEK.index(ts) for ts in stamps] == plain
    assert WEEK.index_block(np.array(stamps, np.int64)).tolist() == plain


# ------------------------------------------------------------------ never looking ahead


@st.composite
def odd_days(draw: st.DrawFn) -> I64:
    """Bars of some days outside the coverage, in one to three stretches each, with holes."""
    parts: list[I64] = []
    for n in range(draw(st.integers(1, 3))):
        at = draw(st.integers(8 * 60 + 50, 11 * 60))
        for _ in range(draw(st.integers(1, 3))):
            length = draw(st.integers(1, 200))
            step = draw(st.sampled_from([1, 3]))
            stop = min(at + length, 23 * 60)
            parts.append(
                ist_ns(OLD + timedelta(days=n)) + np.arange(at, stop, step, dtype=np.int64) * NS_PER_MINUTE
            )
            at = stop + draw(st.integers(1, 200))
    return np.concatenate(parts)


def told(ts: I64) -> list[tuple[int, int, int]]:
    """What each bar inside a session is told: its ordinal, its session's open and its close."""
    table, keep, _ = table_of(ts)
    at = table.index_block(ts)
    assert ((at >= 0) == keep).all()
    return [(int(i), int(table.opens[i]), int(table.closes[i])) if i >= 0 else (-1, 0, 0) for i in at]


@given(odd_days(), st.data())
@example(np.concatenate([minutes(OLD, "09:07", "09:09"), minutes(OLD, "09:15", "15:30")]), None)
def test_truncating_the_data_changes_nothing_that_an_earlier_bar_was_told(
    ts: I64, data: st.DataObject | None
) -> None:
    whole = told(ts)
    cuts = range(1, len(ts)) if data is None else [data.draw(st.integers(1, len(ts)))]
    for cut in cuts:
        assert told(ts[:cut]) == whole[:cut]


# ------------------------------------------------------------------ real data


def read(path: Path) -> I64:
    stamps = pq.read_table(path, columns=["ts"])["ts"].cast("int64").to_numpy()
    return np.asarray(stamps * 1000, np.int64)


FILES = {
    "nifty_1m.parquet": 1,
    "banknifty_1m.parquet": 1,
    "extra/nifty_1m_2009.parquet": 1,
    "extra/nifty_1m_2025-09.parquet": 1,
    "extra/banknifty_15m.parquet": 15,
    "stocks/RELIANCE_1m.parquet": 1,
    "stocks/TCS_1m.parquet": 1,
    "stocks/ICICIBANK_1m.parquet": 1,
}
# days on which the file itself stops early: the outage (both halves of it are in the table) and, in 2009,
# the day the market was halted at its upper limit twice, and two days without the last label
SHORT = {date(2021, 2, 24), date(2009, 5, 18), date(2009, 8, 25), date(2009, 8, 26)}
STRAYS = {"banknifty_1m.parquet": 1}  # 15:21 on the day of the outage


@pytest.mark.parametrize("name", FILES)
def test_sessions_of_real_days_reach_from_the_first_bar_to_the_end_of_the_last(
    shared_data: Path, name: str
) -> None:
    ts, step = read(shared_data / name), FILES[name] * NS_PER_MINUTE
    table, keep, _ = SessionTable.for_bars(CALENDAR, Segment.CASH, ts, ts + step)
    assert int((~keep).sum()) == STRAYS.get(name, 0)
    at, inside = table.index_block(ts)[keep], ts[keep]
    assert np.unique(at).tolist() == list(range(len(table)))
    first = np.searchsorted(at, np.arange(len(table)))
    last = np.searchsorted(at, np.arange(len(table)), "right") - 1
    for i, day in enumerate(table.days):
        if day not in SHORT:
            assert (table.opens[i], table.closes[i]) == (inside[first[i]], inside[last[i]] + step), day


def test_the_days_of_the_outage_and_of_muhurat_are_as_the_table_has_them(shared_data: Path) -> None:
    ts = read(shared_data / "nifty_1m.parquet")
    table, _, notes = SessionTable.for_bars(CALENDAR, Segment.CASH, ts, ts + NS_PER_MINUTE)
    shown = hours(table)
    assert [text for text in shown if text.startswith("2021-02-24")] == [
        "2021-02-24 09:15-11:40",
        "2021-02-24 15:45-17:00",
    ]
    assert "2021-11-04 18:15-19:15" in shown
    assert "2022-10-24 18:15-19:15" in shown
    assert len(table) == 540
    assert notes == (
        "sessions of 246 days (2021-01-01 to 2021-12-31) outside the calendar come from the data",
    )


def test_truncating_real_days_changes_nothing_before_the_cut(shared_data: Path) -> None:
    ts = read(shared_data / "extra/nifty_1m_2009.parquet")[30_000:36_000]
    whole = told(ts)
    for cut in range(1, len(ts), 137):
        assert told(ts[:cut]) == whole[:cut]
