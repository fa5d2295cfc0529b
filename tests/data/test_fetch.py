"""Fetching: what is missing is asked for once, and the store is the same however often it was interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.brokers.upstox.errors import NotAllowed, Unreachable
from sos.calendar import Calendar, Segment
from sos.clock import ManualClock, ist_ns
from sos.data.fetch import Fetched, Fetcher, Job, Leg
from sos.data.fetch_plan import asked_days, asks, bars_by_day, full_count, unsettled
from sos.data.fetched import Answers
from sos.data.store import SYNTHETIC, Store
from sos.errors import ConfigError, DataError
from sos.types import NS_PER_MINUTE
from tests.data.fetching import NIFTY, RELIANCE, Market, end_of, index_job, quiet, share_job

FIRST, LAST = date(2025, 12, 22), date(2026, 1, 9)
DAYS = asked_days(Calendar.packaged(), Segment.CASH, FIRST, LAST)
NOON = ist_ns(date(2026, 1, 9), 12 * 60)
EXAMPLES = 1_000 if os.environ.get("SOS_FULL") == "1" else 60
day_counts = st.dictionaries(st.sampled_from(DAYS), st.integers(0, 375))


def fill(
    store: Store, market: Market, *jobs: Job, now: int | None = None, source: str = "upstox"
) -> list[Fetched]:
    clock = ManualClock(market.now_ns if now is None else now)
    return asyncio.run(Fetcher(market, store, clock, source).fill(jobs))


def new_store(folder: Path) -> Store:
    return Store(folder, ManualClock(NOON))


def content(store: Store) -> dict[str, bytes]:
    """Every file of bars, and what has been answered."""
    found = [*store.root.glob("bars/**/*.parquet"), *store.root.glob("fetched/**/*.json")]
    return {path.relative_to(store.root).as_posix(): path.read_bytes() for path in sorted(found)}


class Killed(Exception):
    """The fetch ends here."""


# ---- the plan


@settings(max_examples=EXAMPLES, deadline=None)
@given(stored=day_counts, answered=day_counts, today=st.sampled_from([*DAYS, LAST + timedelta(days=5)]))
def test_what_is_planned_and_what_is_settled_are_the_days_asked_for_and_never_overlap(
    stored: dict[date, int], answered: dict[date, int], today: date
) -> None:
    days = [day for day in DAYS if day <= today]
    wanted = unsettled(days, stored, answered, dict.fromkeys(days, 375))
    planned = asks(wanted, days, today)
    covered = [day for ask in planned for day in days if ask.first <= day <= ask.last]
    assert sorted(covered) == wanted  # none twice, none too many
    settled = [day for day in days if day not in covered]
    assert all(stored.get(day, 0) == 375 or stored.get(day, 0) >= answered.get(day, 376) for day in settled)
    assert all((ask.first.year, ask.first.month) == (ask.last.year, ask.last.month) for ask in planned)
    assert [ask.today for ask in planned] == [ask.first == today for ask in planned]
    neighbours = {(ask.last, after.first) for ask, after in pairwise(planned)}
    assert all(
        days.index(after) - days.index(last) > 1 or last.month != after.month or after == today
        for last, after in neighbours
    )


def test_a_day_counts_the_bars_of_all_its_sessions_and_of_today_those_that_are_over() -> None:
    calendar = Calendar.packaged()
    assert full_count(calendar, Segment.CASH, date(2026, 1, 9), 1) == 375
    assert full_count(calendar, Segment.CASH, date(2026, 1, 9), 60) == 7  # the last one is short
    assert full_count(calendar, Segment.CASH, date(2026, 1, 9), 1, NOON) == 165
    assert full_count(calendar, Segment.CASH, date(2026, 1, 10), 1) == 0


# ---- the shell


def test_what_the_broker_has_is_in_the_store_month_by_month(tmp_path: Path) -> None:
    store, market = new_store(tmp_path), Market(end_of(LAST + timedelta(days=1)))
    (result,) = fill(store, market, index_job(FIRST, LAST))
    assert (result.there, result.asked, result.added, result.without) == (0, len(DAYS), 375 * len(DAYS), ())
    assert [(first, last) for _, first, last in market.asked] == [
        (FIRST, date(2025, 12, 31)),
        (date(2026, 1, 1), LAST),
    ]
    run = store.read_bars(NIFTY, 1)
    assert run is not None
    assert bars_by_day(run.ts) == dict.fromkeys(DAYS, 375)
    assert np.isnan(run.volume).all()  # nothing of an index is traded


def test_the_second_time_nothing_is_asked_for(tmp_path: Path) -> None:
    store, market = new_store(tmp_path), Market(end_of(LAST))
    fill(store, market, index_job(FIRST, LAST), share_job(FIRST, LAST))
    before, asked = content(store), len(market.asked)
    results = fill(store, market, index_job(FIRST, LAST), share_job(FIRST, LAST))
    assert len(market.asked) == asked
    assert [(one.asked, one.there) for one in results] == [(0, len(DAYS))] * 2
    assert content(store) == before


def test_today_is_asked_for_as_today_and_without_the_minute_that_is_forming(tmp_path: Path) -> None:
    store, market = new_store(tmp_path), Market(NOON + 10 * 1_000_000_000)
    fill(store, market, index_job(date(2026, 1, 8), LAST))
    run = store.read_bars(NIFTY, 1)
    assert run is not None
    assert bars_by_day(run.ts) == {date(2026, 1, 8): 375, LAST: 165}
    assert int(run.ts[-1]) == NOON - NS_PER_MINUTE
    asked = len(market.asked)
    assert fill(store, market, index_job(LAST, LAST))[0].asked == 0  # nothing can have come since
    assert len(market.asked) == asked
    market.now_ns = end_of(LAST + timedelta(days=3))
    fill(store, market, index_job(LAST, LAST))
    later = store.read_bars(NIFTY, 1)
    assert later is not None
    assert bars_by_day(later.ts)[LAST] == 375


def test_days_after_today_are_not_asked_for(tmp_path: Path) -> None:
    market = Market(NOON)
    (result,) = fill(new_store(tmp_path), market, index_job(LAST, LAST + timedelta(days=60)))
    assert [(first, last) for _, first, last in market.asked] == [(LAST, LAST)]
    assert result.without == ()


def test_a_day_that_the_broker_has_not_got_is_told_and_after_a_week_taken_as_final(tmp_path: Path) -> None:
    hole = date(2026, 1, 6)
    store, market = new_store(tmp_path), Market(end_of(LAST), empty=frozenset({hole}))
    for _ in range(2):
        (result,) = fill(store, market, index_job(FIRST, LAST))
        assert result.without == (hole,)
    assert [one[1] for one in market.asked].count(hole) == 1  # asked again: it may still come
    market.now_ns = end_of(hole + timedelta(days=8))
    fill(store, market, index_job(FIRST, LAST))
    asked = len(market.asked)
    assert fill(store, market, index_job(FIRST, LAST))[0].without == (hole,)
    assert len(market.asked) == asked


def test_bars_that_were_removed_are_fetched_again(tmp_path: Path) -> None:
    store, market = new_store(tmp_path), Market(end_of(LAST))
    fill(store, market, share_job(FIRST, LAST))
    before = content(store)
    store.remove_series("bars", RELIANCE)
    fill(store, market, share_job(FIRST, LAST))
    assert content(store) == before


def test_a_damaged_memory_costs_requests_and_nothing_else(tmp_path: Path) -> None:
    store, market = new_store(tmp_path), Market(end_of(LAST), empty=frozenset({FIRST}))
    fill(store, market, share_job(FIRST, LAST))
    before = content(store)
    (memory,) = store.root.glob("fetched/**/*.json")
    for damage in (b"", b"[1]", b'{"2026-01-01"', b'{"x": 1}', b'{"2026-01-01": "many"}'):
        memory.write_bytes(damage)
        (result,) = fill(store, market, share_job(FIRST, LAST))
        assert (result.asked, result.added) == (1, 0)  # the day without bars
        assert {name: content(store)[name] for name in before if name.startswith("bars")} == {
            name: data for name, data in before.items() if name.startswith("bars")
        }


def test_what_the_store_has_is_never_changed(tmp_path: Path) -> None:
    store, market = new_store(tmp_path), Market(end_of(LAST))
    fill(store, market, index_job(LAST, LAST))
    mine = store.read_bars(NIFTY, 1)
    assert mine is not None
    kept = {name: getattr(mine, name)[:100].copy() for name in ("ts", "open", "high", "low", "close")}
    kept = {name: column + 5.0 if name != "ts" else column for name, column in kept.items()}
    other = new_store(tmp_path / "other")
    other.write_bars(NIFTY, 1, kept, "my file")
    (result,) = fill(other, market, index_job(LAST, LAST))
    assert (result.asked, result.added) == (1, 275)
    run = other.read_bars(NIFTY, 1)
    assert run is not None
    assert np.array_equal(run.close[:100], kept["close"])


def test_what_one_series_is_refused_does_not_stop_the_others(tmp_path: Path) -> None:
    def trouble(key: str, first: date, last: date) -> None:
        if key == RELIANCE and first.month == 1:
            raise NotAllowed("not with this account")

    store = new_store(tmp_path)
    index, share = fill(
        store,
        Market(end_of(LAST + timedelta(days=1)), trouble),
        index_job(FIRST, LAST),
        share_job(FIRST, LAST),
    )
    assert index.is_complete
    assert [str(error) for error in share.errors] == ["not with this account"]
    assert share.added == 375 * sum(day.month == 12 for day in DAYS)
    assert share.without == tuple(day for day in DAYS if day.month == 1)


def test_days_that_cannot_be_had_say_why_unless_they_are_there(tmp_path: Path) -> None:
    store, market = new_store(tmp_path), Market(end_of(LAST))
    gone = tuple(day for day in DAYS if day.month == 12)
    legs = (Leg(RELIANCE, date(2026, 1, 1), LAST),)
    job = Job("X", RELIANCE, Segment.CASH, 1, legs, gone=gone, why=NotAllowed("needs Upstox Plus"))
    (result,) = fill(store, market, job)
    assert (result.without, [str(error) for error in result.errors]) == (gone, ["needs Upstox Plus"])
    fill(store, market, share_job(FIRST, LAST))
    assert fill(store, market, job)[0].is_complete


@pytest.mark.parametrize(("first", "second"), [("upstox", SYNTHETIC), (SYNTHETIC, "upstox")])
def test_generated_bars_and_real_ones_are_never_mixed(tmp_path: Path, first: str, second: str) -> None:
    store, market = new_store(tmp_path), Market(end_of(LAST))
    fill(store, market, index_job(FIRST, FIRST), source=first)
    before = content(store)
    with pytest.raises(DataError, match="not mixed"):
        fill(store, market, index_job(FIRST, LAST), source=second)
    assert content(store) == before


def test_expired_contracts_have_few_lengths(tmp_path: Path) -> None:
    job = Job("X", RELIANCE, Segment.CASH, 7, (Leg("k", LAST, LAST, expired=True),))
    with pytest.raises(ConfigError, match="1, 3, 5, 15, 30"):
        fill(new_store(tmp_path), Market(end_of(LAST + timedelta(days=1))), job)


def test_an_answer_without_prices_is_no_bar(tmp_path: Path) -> None:
    class Holes(Market):
        async def history(self, *asked: object) -> object:  # type: ignore[override]
            candles = await super().history(*asked)  # type: ignore[arg-type]
            candles.high[:5] = np.nan
            candles.low[5:7] = 0.0
            return candles

    (result,) = fill(new_store(tmp_path), Holes(end_of(LAST + timedelta(days=1))), share_job(LAST, LAST))
    assert result.added == 375 - 7


@settings(max_examples=max(8, EXAMPLES // 10), deadline=None)
@given(stops=st.lists(st.integers(0, 7), max_size=3), hours=st.integers(0, 30))
def test_after_any_interruption_the_store_is_the_same(stops: list[int], hours: int) -> None:
    now = end_of(LAST) + hours * 60 * NS_PER_MINUTE
    first = date(2025, 11, 24)
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = new_store(Path(folder, "whole")), new_store(Path(folder, "broken"))
        fill(whole, Market(now), index_job(first, LAST), share_job(first, LAST))
        for stop in stops:
            left = [stop]

            def die(key: str, begin: date, end: date, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed

            with contextlib.suppress(Killed):
                fill(broken, Market(now, die), index_job(first, LAST), share_job(first, LAST))
        fill(broken, Market(now, quiet), index_job(first, LAST), share_job(first, LAST))
        assert content(broken) == content(whole)
        assert broken.check() == []


def test_no_network_is_told_once_for_a_series(tmp_path: Path) -> None:
    def offline(key: str, first: date, last: date) -> None:
        raise Unreachable("no connection to the broker")

    (result,) = fill(new_store(tmp_path), Market(end_of(LAST), offline), index_job(FIRST, LAST))
    assert [type(error) for error in result.errors] == [Unreachable]
    assert Answers(tmp_path, NIFTY, 1).days() == {}
