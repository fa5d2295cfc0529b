"""Ranges of history cover what was asked, candles come out in order."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.brokers.upstox import endpoints
from sos.brokers.upstox.candles import Candles, Span, Unit, join, split_range
from sos.brokers.upstox.wire import Reply
from sos.clock import IST, ist_iso
from sos.errors import ConfigError
from tests.brokers.upstox.fakes import good

DAYS = st.dates(date(1999, 1, 1), date(2035, 12, 31))
SPANS = st.one_of(
    st.builds(Span, st.just(Unit.MINUTES), st.integers(1, 300)),
    st.builds(Span, st.just(Unit.HOURS), st.integers(1, 5)),
    st.builds(Span, st.sampled_from([Unit.DAYS, Unit.WEEKS, Unit.MONTHS])),
)
MONTH = Span(Unit.MINUTES)


def months_back(day: date, months: int) -> date:
    """As servers count: the same day of an earlier month, or its last."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    return date(year, month + 1, min(day.day, 28))


@given(SPANS, DAYS, st.integers(-3, 2_000))
def test_ranges_cover_exactly_what_was_asked(span: Span, first: date, length: int) -> None:
    last = first + timedelta(days=length)
    ranges = split_range(span, first, last)
    covered = [first + timedelta(days=i) for i in range(length + 1)]
    assert [a + timedelta(days=i) for a, b in ranges for i in range((b - a).days + 1)] == covered


@given(SPANS, DAYS, st.integers(0, 2_000))
def test_no_range_is_longer_than_the_broker_gives(span: Span, first: date, length: int) -> None:
    for start, end in split_range(span, first, first + timedelta(days=length)):
        if span.months_at_once is not None:
            assert start > months_back(end, span.months_at_once)


@pytest.mark.parametrize(
    ("span", "first", "last", "ranges"),
    [
        (
            MONTH,
            date(2024, 1, 31),
            date(2024, 3, 1),
            [("2024-01-31", "2024-02-28"), ("2024-02-29", "2024-03-01")],
        ),
        (MONTH, date(2024, 1, 1), date(2024, 1, 31), [("2024-01-01", "2024-01-31")]),
        (
            Span(Unit.MINUTES, 30),
            date(2024, 1, 1),
            date(2024, 4, 1),
            [("2024-01-01", "2024-03-31"), ("2024-04-01", "2024-04-01")],
        ),
        (Span(Unit.DAYS), date(2005, 1, 1), date(2014, 12, 31), [("2005-01-01", "2014-12-31")]),
        (Span(Unit.WEEKS), date(2000, 1, 1), date(2026, 1, 1), [("2000-01-01", "2026-01-01")]),
        (MONTH, date(9999, 12, 20), date.max, [("9999-12-20", "9999-12-31")]),
    ],
)
def test_ranges_end_where_the_calendar_says(
    span: Span, first: date, last: date, ranges: list[tuple[str, str]]
) -> None:
    assert [(str(a), str(b)) for a, b in split_range(span, first, last)] == ranges


@pytest.mark.parametrize(
    ("unit", "count"), [(Unit.MINUTES, 0), (Unit.MINUTES, 301), (Unit.HOURS, 6), (Unit.DAYS, 2)]
)
def test_a_length_that_the_broker_does_not_have_is_refused(unit: Unit, count: int) -> None:
    with pytest.raises(ConfigError, match="the broker has 1 to"):
        Span(unit, count)


def decoded(rows: list[object]) -> Candles:
    call = endpoints.history("NSE_FO|1", MONTH, date(2026, 4, 1), date(2026, 4, 1))
    return call.decode(Reply(200, good({"candles": rows})))


ROW = st.tuples(st.integers(0, 40), st.integers(1, 9)).map(
    lambda drawn: [
        (datetime(2026, 4, 1, 9, 15, tzinfo=IST) + timedelta(minutes=drawn[0])).isoformat(),
        *([float(drawn[1])] * 4),
        10,
        0,
    ]
)


@given(st.lists(ROW, max_size=60))
def test_candles_come_out_ascending_without_duplicates_whatever_the_order(rows: list[object]) -> None:
    candles = decoded(rows)
    first_of: dict[str, float] = {}
    for row in rows:
        assert isinstance(row, list)
        first_of.setdefault(row[0], row[4])
    assert [ist_iso(int(ts)) for ts in candles.ts] == sorted(first_of)
    assert candles.close.tolist() == [first_of[stamp] for stamp in sorted(first_of)]


def test_what_is_missing_in_a_candle_is_not_a_number() -> None:
    stamp = "2026-04-01T09:1{}:00+05:30"
    rows: list[object] = [
        [stamp.format(5), 1, None, 1, "1.5", "", "nan"],
        [stamp.format(6), 1, 2],
        None,
        [],
    ]
    candles = decoded(rows)
    table = np.column_stack(
        [candles.open, candles.high, candles.low, candles.close, candles.volume, candles.oi]
    )
    nan = np.nan
    np.testing.assert_array_equal(table, [[1, nan, 1, 1.5, nan, nan], [1, 2, nan, nan, nan, nan]])


def test_no_candles_are_an_empty_value() -> None:
    assert len(decoded([])) == 0
    assert len(join([])) == 0


def test_joined_parts_are_one_ascending_run() -> None:
    early, late = (
        decoded([[f"2026-04-0{day}T09:15:00+05:30", 1, 1, 1, day, 1, 0] for day in days])
        for days in ((1, 2), (2, 3))
    )
    assert join([late, early]).close.tolist() == [1.0, 2.0, 3.0]
