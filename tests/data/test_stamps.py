"""Stamps: times as files write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.calendar import Calendar, Segment
from sos.data import stamps
from sos.data.stamps import BadStamp, Stamps

NINE_FIFTEEN = int(datetime(2024, 1, 15, 9, 15, tzinfo=UTC).timestamp()) * 1_000_000_000
moments = st.integers(788_918_400, 3_944_678_400).map(lambda s: datetime.fromtimestamp(s, UTC))


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def read_or_refusal(texts: list[str]) -> Stamps | BadStamp:
    try:
        return stamps.from_text(texts)
    except BadStamp as exc:
        return exc


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-15 09:15:00",
        "2024-01-15T09:15",
        "2024/01/15 9:15",
        "15-01-2024 09:15",
        "15/01/2024 09:15:00",
        "15.01.2024 09:15:00.000",
        "01/15/2024 09:15 AM",
        "15-Jan-2024 09:15:00",
        "15 January 2024 09:15",
        "Jan 15, 2024 9:15 am",
        "20240115 09:15:00",
        "20240115 0915",
        "20240115 091500",
        "202401150915",
        "20240115091500",
    ],
)
def test_one_minute_in_many_spellings(text: str) -> None:
    found = stamps.from_text([text])
    assert (int(found.ns[0]), found.zone) == (NINE_FIFTEEN, None)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2024-01-15T09:15:00+05:30", "+05:30"),
        ("2024-01-15 09:15:00+0530", "+05:30"),
        ("2024-01-15 09:15:00 IST", "+05:30"),
        ("2024-01-15T03:45:00Z", "UTC"),
        ("2024-01-15 03:45:00 UTC", "UTC"),
        ("2024-01-14 22:45:00-05:00", "-05:00"),
    ],
)
def test_a_zone_in_the_text_is_kept(text: str, zone: str) -> None:
    found = stamps.from_text([text])
    assert found.zone == zone
    assert int(found.ns[0]) == NINE_FIFTEEN - 19_800 * 10**9


@given(st.lists(moments, min_size=1, max_size=20), st.sampled_from(["s", "ms", "us", "ns"]))
def test_epochs_of_every_unit_mean_the_same_instants(times: list[datetime], unit: str) -> None:
    factor = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    expected = np.array([ns(time) for time in times], np.int64)
    found = stamps.from_epoch(expected // factor)
    assert found.style == f"epoch {unit}"
    assert found.zone == "UTC"
    assert found.ns.tolist() == expected.tolist()


@given(
    moments, st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%Y%m%d %H%M%S", "%Y/%m/%dT%H:%M:%S"])
)
def test_a_time_that_is_written_is_read_back(moment: datetime, style: str) -> None:
    assert int(stamps.from_text([moment.strftime(style)]).ns[0]) == ns(moment)


@given(
    st.lists(moments, min_size=1, max_size=12, unique=True).map(sorted),
    st.sampled_from(["%d-%m-%Y", "%m-%d-%Y"]),
)
def test_numeric_dates_are_read_right_or_refused_but_never_wrong(times: list[datetime], style: str) -> None:
    calendar = Calendar.packaged()
    traded = [time for time in times if calendar.sessions(time.date(), Segment.CASH)]
    found = read_or_refusal([time.strftime(f"{style} %H:%M:%S") for time in traded])
    if isinstance(found, BadStamp):
        assert "day first or month first" in str(found)
    else:
        assert found.ns.tolist() == [ns(time) for time in traded]


def test_a_day_above_twelve_anywhere_settles_the_order_everywhere() -> None:
    day_first = stamps.from_text(["03-04-2025 09:15", "17-04-2025 09:15"])
    month_first = stamps.from_text(["04-03-2025 09:15", "04-17-2025 09:15"])
    assert day_first.ns.tolist() == month_first.ns.tolist()


def test_the_order_of_rows_and_week_ends_may_settle_it_too() -> None:
    found = stamps.from_text(["30-04-2025 09:15", "02-05-2025 09:15", "05-05-2025 09:15"])
    assert found.ns[1] - found.ns[0] == timedelta(days=2) / timedelta(microseconds=1) * 1000


def test_a_holiday_disproves_a_reading_and_a_saturday_session_does_not() -> None:
    budget_saturday = ["01-02-2025 09:15"]  # a full session; January 2 was open too
    with pytest.raises(BadStamp, match="day first or month first"):
        stamps.from_text(budget_saturday)
    only_day_first_was_open = ["08-12-2023 09:15"]  # 8 December is a Friday, August 12 a Saturday
    assert int(stamps.from_text(only_day_first_was_open).ns[0]) == ns(
        datetime(2023, 12, 8, 9, 15, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("texts", "row", "says"),
    [
        (["03-04-2025 09:15"], 0, "YYYY-MM-DD"),
        (["13-04-2025 09:15", "04-14-2025 09:15"], 1, "neither all day first"),
        (["2025-04-03 09:15", "soon"], 1, "not a date"),
        (["2025-02-30 09:15"], 0, "not a date"),
        (["2025-04-03 25:15"], 0, "not a time"),
        (["2025-04-03 13:15 PM"], 0, "not a time"),
        (["2025-04-03 09:15", None], 1, "empty"),
        (["2025-04-03 09:15", "  "], 1, "empty"),
        (["2025-04-03 09:15Z", "2025-04-03 09:16"], 1, "zone"),
        (["3-4-25 09:15"], 0, "not a date"),
    ],
)
def test_what_is_no_time_names_its_row(texts: list[str | None], row: int, says: str) -> None:
    with pytest.raises(BadStamp, match=says) as caught:
        stamps.from_text(texts)
    assert caught.value.row == row


def test_epochs_out_of_their_unit_name_the_row() -> None:
    with pytest.raises(BadStamp, match="epoch s") as caught:
        stamps.from_epoch(np.array([1_705_290_300, 1_705_290_360_000], np.int64))
    assert caught.value.row == 1
    with pytest.raises(BadStamp, match="no epoch"):
        stamps.from_epoch(np.array([42], np.int64))


def test_times_of_the_day_as_numbers() -> None:
    minute = 60 * 10**9
    assert stamps.clock_numbers(np.array([915, 1530])).tolist() == [555 * minute, 930 * minute]
    assert stamps.clock_numbers(np.array([91500, 152959])).tolist() == [555 * minute, 930 * minute - 10**9]
    with pytest.raises(BadStamp, match="time of the day"):
        stamps.clock_numbers(np.array([915, 1575]))


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read_or_refusal([text])
    assert found.row == 0 if isinstance(found, BadStamp) else len(found.ns) == 1
