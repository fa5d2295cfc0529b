"""A file that loads cannot hang: the work on the worst texts, counted in calls and steps, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sos.expr import ExprError, Scope, check_condition
from sos.strategy.loader import read_pattern
from sos.strategy.prove import Prover
from tests.strategy.files import changed, write

_SHAPES: dict[str, Callable[[int], str]] = {
    "sums": lambda n: f"close{' - atr(14)' * n} < open{' + atr(14)' * n}",
    "short sums": lambda n: f"close{' - oi' * n} < low{' + oi' * n}",
    "sums of products": lambda n: f"close{' - oi * volume' * n} < low{' + oi * oi' * n}",
    "bracketed sums": lambda n: f"{'(close - (oi + ' * n}oi{'))' * n} < {'(low + (oi - ' * n}oi{'))' * n}",
    "differences": lambda n: f"{'(open - ' * n}close{')' * n} < {'(low - ' * n}high{')' * n}",
    "choices": lambda n: f"{'min(open, oi + ' * n}close{')' * n} < {'max(low - oi, ' * n}volume{')' * n}",
    "wide choices": lambda n: (
        f"{'min(max(oi, low), ' * n}close{')' * n} > {'max(min(low, oi), ' * n}high{')' * n}"
    ),
    "windows": lambda n: f"{'highest(' * n}low{', 5)' * n} < {'lowest(' * n}close{', 5)' * n}",
    "sums of windows": lambda n: f"close{' - lowest(low, 5)' * n} < open{' + highest(low, 5)' * n}",
    "selects": lambda n: f"({'close if open > 1 else ' * n}high) > low",
    "ands": lambda n: "close > open" + " and close > open - oi" * n,
    "ands of ors": lambda n: "(close > open or low < open and " * n + "close < 5" + ")" * n,
    "nots": lambda n: "not (close > open and " * n + "close < 5" + ")" * n,
    "two chains": lambda n: f"not (close > 5{' and oi > 5' * n}) or not (close > 6{' and oi > 6' * n})",
    "comparisons": lambda n: "close" + " < oi" * n,
    "time windows": lambda n: " and ".join(["time_is_between(timestamp, '09:20', '15:00')"] * n),
}


def longest(shape: Callable[[int], str]) -> str:
    """The shape at the largest size that an expression may have."""
    size = 1
    while True:
        try:
            check_condition(shape(size + 1), Scope())
        except ExprError:
            return shape(size)
        size += 1


WORST = {name: longest(shape) for name, shape in _SHAPES.items()}


def calls_of(work: Callable[[], Any]) -> int:
    """How many calls of Python functions ``work`` makes."""
    count = 0

    def counted(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_the_worst_texts_are_long() -> None:
    assert max(map(len, WORST.values())) > 1_900
    assert min(map(len, WORST.values())) > 300


@pytest.mark.parametrize("text", WORST.values(), ids=WORST)
def test_a_file_with_the_worst_text_everywhere_loads_in_few_calls(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, changed("phases.0.conditions", [text]))
    assert calls_of(lambda: read_pattern(file)) < 200_000
    assert read_pattern(file)[1] is not None


@pytest.mark.parametrize("text", WORST.values(), ids=WORST)
def test_proofs_about_the_worst_text_take_few_steps(text: str) -> None:
    prover, truth = Prover(), check_condition(text, Scope())
    prover.always_true(truth)
    prover.never_true(truth)
    prover.contradiction([(text, truth)])
    assert prover.steps < 20_000


def test_the_steps_of_a_whole_file_are_bounded() -> None:
    prover = Prover(limit=2_000)
    for text in WORST.values():
        prover.always_true(check_condition(text, Scope()))
    assert prover.steps > 2_000
    truth = check_condition(WORST["sums"], Scope())
    assert calls_of(lambda: prover.always_true(truth)) < 10
    assert prover.steps < 2_500
