"""Warnings of files that load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sos.strategy.loader import load_patterns
from tests.strategy.files import VALID, changed, write


@pytest.mark.parametrize(
    ("path", "value", "warning"),
    [
        ("phases.0.conditions", [], "phase SETUP: no conditions: it passes on every bar"),
        (
            "phases.0.timeout",
            5,
            "phase SETUP: timeout has no effect on the first phase, there is nothing to give up",
        ),
        ("phases.0.invalidate", "close < 1", "phase SETUP: invalidate has no effect on the first phase"),
        ("phases.1.capture", {"x": "close"}, "phase TRIGGER: capture.x is never used"),
        ("params.spare", 3, "params: spare is never used"),
        ("phases.0.conditions.1", "close > 0", "phase SETUP: conditions[1]: 'close > 0' is always true"),
        ("phases.0.conditions.1", "true", "phase SETUP: conditions[1]: 'true' is always true"),
        (
            "phases.0.conditions.1",
            "close > high",
            "phase SETUP: conditions[1]: 'close > high' is never true: no bar can have such values",
        ),
        (
            "phases.0.conditions.1",
            "time_is_between(timestamp, '18:15', '19:15')",
            "phase SETUP: conditions[1]: 'time_is_between(timestamp, '18:15', '19:15')' is outside the "
            "regular session 09:15–15:30; only special sessions",
        ),
        (
            "phases.0.conditions",
            [
                "time_is_between(timestamp, '09:00', '09:30')",
                "not time_is_between(timestamp, '09:15', '09:30')",
            ],
            "phase SETUP: its time windows are outside the regular session 09:15–15:30; only special "
            "sessions",
        ),
        (
            "phases.1.invalidate",
            ["close > 0"],
            "phase TRIGGER: invalidate[0]: 'close > 0' is always true: nothing passes",
        ),
        (
            "phases.0.conditions",
            ["close > sma(close, params.n)", "close < sma(close, 20)"],
            "phase SETUP: its conditions can never hold together: 'close > sma(close, params.n)' and "
            "'close < sma(close, 20)' contradict each other",
        ),
        (
            "phases.0.conditions.1",
            "regime.name == 'BEARISH'",
            "phase SETUP: needs BEARISH, where regime_config forbids entries",
        ),
        (
            "phases.1.conditions",
            ["close > vars.top * params.k", "regime.name in ['BEARISH']"],
            "phase TRIGGER: needs BEARISH, where regime_config forbids entries",
        ),
        (
            "execution.option_selection",
            "ATM_PUT",
            "execution: option_selection: a BUY signal buys a call; _PUT is ignored",
        ),
        ("execution.sl", "high", "execution: sl is never below the entry of a BUY"),
        ("execution.sl", "entry", "execution: sl is never below the entry of a BUY"),
        ("execution.tp", "day_low()", "execution: tp is never above the entry of a BUY"),
    ],
)
def test_what_has_no_effect_or_never_happens_is_warned_about(
    tmp_path: Path, path: str, value: Any, warning: str
) -> None:
    file = write(tmp_path, changed(path, value))
    result = load_patterns([file])
    assert warning in result.patterns[0].warnings
    assert f"{file}: {warning}" in result.warnings


def test_a_regime_that_is_not_checked_again_may_be_asked_for_at_the_trigger(tmp_path: Path) -> None:
    content = changed(
        "phases.1.conditions", ["close > vars.top * params.k - vars.half", "regime.name == 'BEARISH'"]
    )
    assert load_patterns([write(tmp_path, {**content, "recheck": False})]).warnings == ()


def test_a_sound_file_has_no_warnings(tmp_path: Path) -> None:
    assert load_patterns([write(tmp_path, VALID)]).warnings == ()
