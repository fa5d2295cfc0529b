"""Columns: names in files and the fields they are."""

from __future__ import annotations

import pytest

from sos.data.columns import match_columns, parse_mapping
from sos.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("header", "stamps"),
    [
        ("ts,open,high,low,close,volume,oi", ("ts",)),
        ("timestamp,o,h,l,c,v", ("timestamp",)),
        ("Date,Time,Open,High,Low,Close,Volume", ("Date", "Time")),
        ("datetime,date,time,open,high,low,close", ("datetime",)),
        ("<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", ("<DATE>", "<TIME>")),
        ("date,open,high,low,close", ("date",)),
        ("time,open,high,low,close", ("time",)),
        ("__index_level_0__,Open,High,Low,Close,Open Interest", ("__index_level_0__",)),
        ("epoch,Open Price,High Price,Low Price,Close Price", ("epoch",)),
    ],
)
def test_usual_headers_are_understood(header: str, stamps: tuple[str, ...]) -> None:
    found = match_columns("f", header.split(","))
    assert found.stamps == stamps
    assert found.names[: len(stamps)] == list(stamps)


def test_volume_and_open_interest_are_optional() -> None:
    found = match_columns("f", ["ts", "open", "high", "low", "close", "Open Interest"])
    assert (found.volume, found.oi) == (None, "Open Interest")


def test_an_explicit_mapping_wins_over_a_guess() -> None:
    names = ["ts", "open", "high", "low", "close", "adj close", "when"]
    found = match_columns("f", names, parse_mapping("ts=when, close=adj close"))
    assert (found.ts, found.close) == ("when", "adj close")


def test_naming_date_and_time_overrules_a_stamp_column() -> None:
    names = ["ts", "d", "t", "open", "high", "low", "close"]
    assert match_columns("f", names, {"date": "d", "time": "t"}).stamps == ("d", "t")


@pytest.mark.parametrize(
    ("header", "mapping", "error", "says"),
    [
        ("ts,open,high,low", "", DataError, "no column for close"),
        ("open,high,low,close", "", DataError, "no column for ts"),
        ("ts,opne,high,low,close", "", DataError, "--columns open=opne"),
        ("ts,o,O,high,low,close", "", DataError, "could both be open"),
        ("ts,open,high,low,close", "clsoe=close", ConfigError, "did you mean close"),
        ("ts,open,high,low,close", "close=Clos", ConfigError, "did you mean 'close'"),
        ("ts,open,high,low,close", "close", ConfigError, "FIELD=COLUMN"),
        ("ts,open,high,low,close", "close=a,close=b", ConfigError, "given twice"),
    ],
)
def test_what_cannot_be_matched_says_how_to_match_it(
    header: str, mapping: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        match_columns("f", header.split(","), parse_mapping(mapping))
