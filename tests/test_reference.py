"""The packaged tables: readable, dated, without holes."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from sos.errors import InvariantBroken
from sos.reference import TABLES, as_date, load

STATUSES = {"confirmed", "scheduled", "unverified"}


def rows(table: object) -> list[dict[str, Any]]:
    """Every inline row of a table, at any depth."""
    if isinstance(table, list):
        return [row for item in table for row in rows(item)]
    if not isinstance(table, dict):
        return []
    nested = [row for value in table.values() for row in rows(value)]
    return [table, *nested]


@pytest.mark.parametrize("name", TABLES)
def test_every_status_is_one_of_the_three_words(name: str) -> None:
    found = {row["status"] for row in rows(load(name)) if "status" in row}
    assert found
    assert found <= STATUSES


@pytest.mark.parametrize("name", TABLES)
def test_no_row_ends_before_it_begins(name: str) -> None:
    for row in rows(load(name)):
        if "from" in row and "to" in row:
            assert as_date(row["from"]) <= as_date(row["to"]), row


def test_rates_of_one_charge_follow_each_other_without_a_gap() -> None:
    table = load("charges")
    for name, keys in {
        "stt": ("segment", "side"),
        "ipft": ("exchange", "segment"),
        "stamp": ("segment",),
        "gst": (),
    }.items():
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in table[name]:
            groups.setdefault(tuple(row[key] for key in keys), []).append(row)
        for group in groups.values():
            ordered = sorted(group, key=lambda row: as_date(row["from"]))
            for earlier, later in pairwise(ordered):
                assert as_date(earlier["to"]) + timedelta(days=1) == as_date(later["from"]), (name, later)


def test_a_table_is_parsed_once() -> None:
    assert load("lots") is load("lots")


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(KeyError, match="'fees'"):
        load("fees")


def test_a_text_in_place_of_a_date_is_a_damaged_table() -> None:
    assert as_date(date(2024, 1, 1)) == date(2024, 1, 1)
    with pytest.raises(InvariantBroken, match="2024"):
        as_date("2024-01-01")
