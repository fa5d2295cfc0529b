"""The report on terminals of several widths: no line is ever longer, no number is ever cut."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from sos.backtest.money import grouped, price, rupees
from sos.backtest.tables import print_result
from sos.types import ExitReason
from tests.backtest.results import UNITS, result, trade

LONG = "A_VERY_LONG_PATTERN_NAME_THAT_MUST_BE_SHORTENED"


def report(width: int, count: int = 40, shown: int | None = 6, large: float = 1.0, **head: object) -> str:
    rows = [
        trade(
            number,
            pattern=LONG if number % 2 else "SHORT_NAME",
            gross=large * number * (1 if number % 3 else -1),
            reason=list(ExitReason)[number % 7],
            minute=560 + number,
        )
        for number in range(1, count + 1)
    ]
    text = io.StringIO()
    console = Console(file=text, width=width, markup=False, highlight=False, emoji=False)
    print_result(console, result(rows, **head), shown)  # type: ignore[arg-type]
    return text.getvalue()


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120, 200])
@pytest.mark.parametrize("large", [1.0, 9_999_999.99])
def test_no_line_is_longer_than_the_terminal(width: int, large: float) -> None:
    notes = ("a note that goes on " * 12, "synthetic sample, seed 7")
    text = report(width, large=large, notes=notes, synthetic=True)
    assert max(map(cell_len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_net_of_every_shown_trade_is_printed_in_full(width: int) -> None:
    text = report(width, large=9_999_999.99)
    for number in (1, 2, 39, 40):
        net = round(9_999_999.99 * number * (1 if number % 3 else -1) * 100) * (UNITS // 100)
        assert rupees(net - 125 * UNITS // 10) in text


def test_a_wide_terminal_shows_more_columns_than_a_narrow_one() -> None:
    assert "Charges" in report(160)
    trades_only = report(60).split("Summary")[0]
    assert "Charges" not in trades_only
    assert "Net ₹" in trades_only


def test_a_long_run_shows_both_ends_and_says_how_many_are_between() -> None:
    text = report(100, count=418, shown=6)
    assert "… 412 more between them, --csv FILE for all" in text
    assert "\n  1  " in text
    assert "\n418  " in text


def test_all_trades_are_shown_when_asked() -> None:
    text = report(100, count=45, shown=None)
    assert "more between" not in text
    assert all(f"\n{number:>2}  " in text for number in range(1, 46))


def test_zero_trades_shown_prints_only_the_count() -> None:
    assert "… 40 more between them" in report(100, shown=0)


def test_the_head_says_that_data_are_synthetic_even_if_no_note_does() -> None:
    assert "synthetic sample" in report(120, synthetic=True)
    assert "synthetic" not in report(120)
    assert report(120, synthetic=True, notes=("synthetic sample, seed 7",)).count("synthetic") == 1


def test_the_notes_of_the_run_come_before_the_trades() -> None:
    text = report(100, notes=("NIFTY trades itself: no option data",))
    assert text.index("trades itself") < text.index("Trades")


def test_a_run_without_trades_points_at_the_funnel() -> None:
    text = io.StringIO()
    print_result(Console(file=text, width=80), result(), None)
    assert "no trades" in text.getvalue()
    assert "Funnel" in text.getvalue()
    assert "nan" not in text.getvalue().lower()


def test_the_funnel_counts_in_the_indian_way_and_names_the_reasons() -> None:
    text = report(160)
    assert "REGIME 3, BUSY 12,34,567, GAPPED 3" in text
    assert "310" in text
    assert "120" in text


def test_the_digest_is_whole_on_a_usual_terminal() -> None:
    assert "0123abcd" * 8 in report(80)


def test_there_is_no_colour_without_a_terminal() -> None:
    assert "\x1b" not in report(100)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (-99999, "-99,999"),
        (123456, "1,23,456"),
        (10**9, "1,00,00,00,000"),
    ],
)
def test_whole_numbers_are_grouped_in_threes_then_twos(number: int, text: str) -> None:
    assert grouped(number) == text


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0.00"),
        (12345678 * UNITS // 100, "1,23,456.78"),
        (-(UNITS // 200), "-0.01"),
        (UNITS // 200 - 1, "0.00"),
        (-(UNITS // 201), "0.00"),
        (999_995 * UNITS // 1000, "1,000.00"),
    ],
)
def test_rupees_round_half_away_from_zero_and_never_show_minus_zero(units: int, text: str) -> None:
    assert rupees(units) == text


def test_a_price_keeps_its_paise() -> None:
    assert (price(2_160_005), price(-5)) == ("21600.05", "-0.05")


def test_one_session_is_not_called_sessions() -> None:
    whole = result()
    text = io.StringIO()
    print_result(Console(file=text, width=100), replace(whole, data=replace(whole.data, sessions=1, bars=1)))
    assert "1 session, 1 bar\n" in text.getvalue()


def test_of_one_symbol_the_stop_is_worth_more_room_than_its_name() -> None:
    headings = report(144).split("Trades\n")[1].splitlines()[0]
    assert "Stop" in headings
    assert "Symbol" not in headings
