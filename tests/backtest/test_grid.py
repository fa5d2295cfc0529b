"""The table that fits: what shrinks, what is left out, what is folded."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sos.backtest.grid import Column, fitted

NAMES = ("OPENING_RANGE_BREAK_SHORT", "OPENING_RANGE_RETEST_LONG", "VWAP")


def lines(width: int, *columns: Column) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(fitted("title", columns, width))
    return [line.rstrip() for line in text.getvalue().splitlines()][4:]


@pytest.mark.parametrize("width", [24, 28, 32, 40])
def test_names_are_not_cut_until_they_look_alike(width: int) -> None:
    rows = lines(width, Column("", NAMES, least=6), Column("Bars", ["7,500"] * 3, right=True, drop=1))
    assert len({row.split()[0] for row in rows}) == 3, rows


def test_names_that_no_terminal_could_tell_apart_are_cut_to_fit() -> None:
    names = [f"{'A' * 40}{number}" for number in range(3)]
    rows = lines(30, Column("", names, least=6), Column("Net", ["1.00"] * 3, right=True))
    assert max(map(len, rows)) <= 30
    assert all(row.endswith("1.00") for row in rows)


@pytest.mark.parametrize("width", range(15, 45))
def test_a_list_is_folded_between_its_items(width: int) -> None:
    refused = ("REGIME 1, BUSY 3, LAST_ENTRY 1", "BUSY 11")
    rows = lines(width, Column("Refused", refused, least=14, folds=True))
    assert ", ".join(row.rstrip(",") for row in rows) == ", ".join(refused)
