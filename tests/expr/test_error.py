"""The picture under a message."""

from __future__ import annotations

import pytest

from sos.expr import ExprError, Scope, Span, check_condition


def picture(text: str) -> list[str]:
    with pytest.raises(ExprError) as caught:
        check_condition(text, Scope())
    return caught.value.render().split("\n")


def test_the_carets_stand_under_the_fault() -> None:
    assert picture("close > smma(20)") == [
        "unknown function 'smma'; did you mean sma?",
        "    close > smma(20)",
        "            ^^^^",
    ]


@pytest.mark.parametrize("before", [0, 3, 60, 99, 100, 150, 700])
@pytest.mark.parametrize("after", [0, 50, 400])
def test_a_long_line_is_cut_around_the_fault(before: int, after: int) -> None:
    text = "x" * before + "WRONG" + "y" * after
    _message, line, carets = Span(text, before, before + 5).error("no").render().split("\n")
    assert line[carets.index("^") : carets.rindex("^") + 1] == "WRONG"
    assert len(line) <= 4 + 100 + 6


def test_a_fault_longer_than_the_window_keeps_its_beginning() -> None:
    line, carets = Span("z" * 500, 20, 480).error("no").render().split("\n")[1:]
    assert carets.count("^") <= 100
    assert len(carets) <= len(line)


def test_line_ends_and_strange_characters_do_not_break_the_picture() -> None:
    assert picture("close >\n\tfoo")[1:] == ["    close >??foo", "             ^^^"]
    assert len(picture("\u202eclose > 1")) == 3


def test_an_error_is_one_line_with_the_column_for_people() -> None:
    error = Span("close > 1", 8, 9).error("no", "2")
    assert str(error) == "no; did you mean 2? (column 9)"
