"""Loading strategy files: what loads, and what every mistake is told."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sos.errors import StrategyError
from sos.strategy.jsonfile import MAX_BYTES, canonical_digest
from sos.strategy.loader import StrategyProblems, load_patterns, read_pattern
from sos.strategy.pattern import NO_TRAIL, ExitRules, Partial, Pattern, Selection, Trail
from sos.strategy.schema import json_schema
from sos.types import Regime, Right, Side
from tests.strategy.files import VALID, changed, mutated, write
from tests.strategy.fuzz import EXAMPLES, MUTATIONS
from tests.strategy.minischema import failures

ERRORS: list[tuple[str, Any, str]] = [
    tuple(row) for row in json.loads((Path(__file__).parent / "loader_errors.json").read_text())
]


def load_one(folder: Path, content: Any, name: str = "example.json") -> Pattern:
    return load_patterns([write(folder, content, name)]).patterns[0]


def problems_of(folder: Path, content: Any, name: str = "example.json") -> tuple[str, ...]:
    with pytest.raises(StrategyProblems) as caught:
        load_one(folder, content, name)
    return caught.value.problems


def test_a_valid_file_becomes_the_pattern_that_it_says(tmp_path: Path) -> None:
    pattern = load_one(tmp_path, VALID)
    assert (pattern.id, pattern.side, pattern.interval) == ("EXAMPLE", Side.BUY, 1)
    assert pattern.params == {"n": 20.0, "k": 1.5}
    assert [phase.id for phase in pattern.phases] == ["SETUP", "TRIGGER"]
    assert [capture.name for capture in pattern.phases[0].captures] == ["top", "half"]
    assert pattern.phases[1].timeout == 10
    assert pattern.regimes[Regime.BULLISH].tp_mult == 2.0
    assert not pattern.regimes[Regime.BEARISH].allow_entry
    assert pattern.rules[3].quantity_mod == 1.0
    assert pattern.selection == Selection(steps=0)
    assert pattern.texts["sl"] == "entry - atr * 2"
    assert pattern.exits == ExitRules(trail=Trail("atr", 2.0), partials=(Partial(1.0, 0.5),))
    assert pattern.warmup == 20
    assert pattern.needs == frozenset()
    assert pattern.source == "example.json"
    assert pattern.warnings == ()


def test_what_is_left_out_has_the_documented_default(tmp_path: Path) -> None:
    bare = {
        "pattern_id": "BARE",
        "phases": [{"id": "A", "conditions": ["volume > 0 and close > open"]}],
        "execution": {"side": "SHORT", "entry": "close", "sl": "high + 1", "tp": "entry - risk"},
    }
    pattern = load_one(tmp_path, bare)
    assert pattern.side is Side.SELL
    assert pattern.phases[0].timeout == 0
    assert pattern.phases[0].captures == ()
    assert pattern.selection is None
    assert pattern.exits == ExitRules()
    assert not pattern.carry
    assert pattern.recheck
    assert set(pattern.rules) == {pattern.rules[0]}
    assert (pattern.rules[0].allow_entry, pattern.rules[0].buffer_atr) == (True, 0.5)
    assert pattern.needs == {"volume"}


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("NONE", Selection(none=True)),
        ("ATM_CE", Selection(right=Right.CALL)),
        ("OTM_2", Selection(steps=2)),
        ("OTM_12_CALL", Selection(steps=12, right=Right.CALL)),
        ("ITM_1_PE", Selection(steps=-1, right=Right.PUT)),
    ],
)
def test_option_selection_is_read(tmp_path: Path, text: str, selection: Selection) -> None:
    assert load_one(tmp_path, changed("execution.option_selection", text)).selection == selection


@pytest.mark.parametrize("text", ["NONE_CALL", "OTM_0", "OTM_51", "ATM_1", "atm", "ATM_CALL_1", "OTM_1\n"])
def test_an_unknown_option_selection_is_refused(tmp_path: Path, text: str) -> None:
    assert "option_selection is NONE" in problems_of(tmp_path, changed("execution.option_selection", text))[0]


def test_settings_of_the_file_reach_the_exit_rules(tmp_path: Path) -> None:
    content = changed("execution.breakeven_at", None)
    content["execution"] |= {
        "time_stop_minutes": None,
        "square_off": "15:10",
        "last_entry": "14:45",
        "quantity": 50,
        "trail": None,
    }
    content["execution"] |= {"exit_basis": "underlying", "exit_price": "close", "entry_valid_bars": 2}
    exits = load_one(tmp_path, content).exits
    assert (exits.breakeven_at, exits.time_stop_minutes, exits.trail) == (0.0, 0, NO_TRAIL)
    assert (exits.square_off, exits.last_entry) == (910, 885)
    assert (exits.quantity, exits.entry_valid_bars, exits.exit_price) == (50, 2, "close")


@pytest.mark.parametrize(("text", "minutes"), [("1m", 1), ("15m", 15), ("1h", 60), ("375m", 375)])
def test_intervals_are_minutes(tmp_path: Path, text: str, minutes: int) -> None:
    assert load_one(tmp_path, changed("interval", text)).interval == minutes


@pytest.mark.parametrize(("path", "value", "message"), ERRORS)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, path: str, value: Any, message: str) -> None:
    found = problems_of(tmp_path, changed(path, ... if value == "..." else value))
    assert any(line.startswith(f"{tmp_path / 'example.json'}: {message}") for line in found), found


def test_all_mistakes_of_all_files_come_at_once(tmp_path: Path) -> None:
    content = changed("phases.1.timeout", -1)
    content["phases"][0]["conditions"] = ["close > smaa(close, 3)", "hgh > 1"]
    content["execution"]["tp"] = "entry + riks"
    write(tmp_path, content, "a.json")
    write(tmp_path, "{not json", "b.json")
    with pytest.raises(StrategyProblems) as caught:
        load_patterns([tmp_path])
    text = str(caught.value)
    for part in (
        "a.json: phase TRIGGER: timeout",
        "conditions[0]: unknown function 'smaa'",
        "conditions[1]: ",
    ):
        assert part in text
    assert "execution: tp: unknown name 'riks'; did you mean risk?" in text
    assert "b.json: line 1, column 2: invalid JSON" in text
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b": }', "line 2, column 7: invalid JSON"),
        ('{"pattern_id": "A", "pattern_id": "B"}', "key 'pattern_id' is given twice in one object"),
        ('{"pattern_id": NaN}', "NaN is not a JSON number"),
        ('{"pattern_id": -Infinity}', "-Infinity is not a JSON number"),
        ('{"pattern_id": 1e999}', "number 1e999 is out of range"),
        ('{"pattern_id": ' + "9" * 5000 + "}", "number 99999999999999999999... is out of range"),
        ('{"pattern_id": "\\ud800"}', "half of a surrogate pair"),
        ("[1]", "a strategy file is one JSON object in braces"),
        ("", "line 1, column 1: invalid JSON"),
        ("[" * 100_000, "line 1: nested too deeply: more than 64 lists and objects inside each other"),
        ('{"a":\n' * 70 + "1" + "}" * 70, "line 65: nested too deeply"),
        ('{"[[[[\\"[[[[": "' + "{" * 100 + '"}', "'pattern_id' is missing"),
        (" " * (MAX_BYTES + 1), "is larger than 1,000,000 bytes"),
    ],
)
def test_json_that_is_not_plain_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in problems_of(tmp_path, text)[0]


def test_text_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes(b'{\n"description": "caf\xe9"}')
    assert read_pattern(path)[2] == ["line 2: is not UTF-8 text; save it as UTF-8"]


def test_marks_line_ends_layout_and_names_do_not_change_the_digest(tmp_path: Path) -> None:
    plain = load_one(tmp_path, VALID, "plain.json")
    windows = tmp_path / "windows.json"
    text = json.dumps(dict(reversed(VALID.items())), indent=4).replace("\n", "\r\n").replace("1.5", "1.50")
    windows.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_patterns([windows]).patterns[0].digest == plain.digest
    assert canonical_digest({**VALID, "$schema": "somewhere"}) == plain.digest


def test_content_and_the_order_of_captures_change_the_digest() -> None:
    reordered = changed("phases.0.capture", dict(reversed(VALID["phases"][0]["capture"].items())))
    digests = {canonical_digest(c) for c in (VALID, changed("phases.1.timeout", 11), reordered)}
    assert len(digests) == 3


def test_patterns_are_sorted_by_id_whatever_the_files_are_called(tmp_path: Path) -> None:
    names = [f"P{i:02d}" for i in range(12)]
    shuffled = random.Random(7).sample(names, len(names))
    files = [write(tmp_path, changed("pattern_id", n), f"{i}.json") for i, n in enumerate(shuffled)]
    by_folder = load_patterns([tmp_path]).patterns
    by_file = load_patterns([files[3], *reversed(files), tmp_path]).patterns
    assert [pattern.id for pattern in by_folder] == names
    assert by_file == by_folder


def test_an_id_used_by_two_files_names_both(tmp_path: Path) -> None:
    first, second = write(tmp_path, VALID, "a.json"), write(tmp_path, VALID, "b.json")
    with pytest.raises(StrategyError, match="is already used by") as caught:
        load_patterns([tmp_path])
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_paths_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    with pytest.raises(StrategyProblems) as caught:
        load_patterns([tmp_path, tmp_path / "none.json"])
    assert [problem.rpartition(": ")[2] for problem in caught.value.problems] == [
        "the folder holds no *.json strategy file",
        "no such file or folder",
    ]


def test_parameters_of_a_run_replace_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, VALID)
    pattern = load_patterns([path], {"EXAMPLE": {"n": 40}}).patterns[0]
    assert pattern.params["n"] == 40.0
    assert pattern.warmup == 40
    assert pattern.digest == load_patterns([path]).patterns[0].digest


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"EXAMPLE": {"m": 1}}, "the file has no parameter 'm'"),
        ({"EXAMPLE": {"n": 400}}, "params: n: value 400 is above max 60"),
        ({"EXAMPEL": {}}, "which is not loaded; did you mean 'EXAMPLE'?"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(tmp_path: Path, params: Any, message: str) -> None:
    with pytest.raises(StrategyError) as caught:
        load_patterns([write(tmp_path, VALID)], params)
    assert message in str(caught.value)


def test_a_later_capture_is_told_where_it_comes_from(tmp_path: Path) -> None:
    content = changed("phases.1.capture", {"late": "close"})
    content["phases"][0]["conditions"] = ["close > vars.late"]
    assert (
        "vars.late is not captured yet: phase 'TRIGGER' captures it later"
        in problems_of(tmp_path, content)[0]
    )


def test_older_files_are_sent_to_the_import(tmp_path: Path) -> None:
    getters = changed("phases.0.conditions", ["candle.getClose() > 1 && close > open"])
    assert "sos strategy import" in problems_of(tmp_path, getters)[0]
    assert "getters, && and ||" in problems_of(tmp_path, getters)[0]
    text = write(tmp_path, "# old\n[PATTERN]\nID: X\n", "old.txt")
    assert f"convert it: sos strategy import {text} --out strategies/" in read_pattern(text)[2][0]


# ---------------------------------------------------------------------- whatever a file holds


@given(MUTATIONS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_file_loads_or_is_refused_and_what_loads_fits_the_schema(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[tuple[Any, ...], Any]]
) -> None:
    content = mutated(mutations)
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    path.write_text(json.dumps(content))
    _, pattern, problems = read_pattern(path)
    assert (pattern is None) == bool(problems)
    assert all(problems)
    if pattern is not None:
        schema = json_schema()
        assert failures(content, schema, schema) == []


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_finding_and_never_an_exception(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.json"
    path.write_bytes(raw)
    _, pattern, problems = read_pattern(path)
    assert pattern is None
    assert problems


@pytest.mark.parametrize("depth", [60, 62, 63, 64, 65, 200, 960, 990, 5_000])
@pytest.mark.parametrize(
    "path", ["phases.0.conditions", "phases.0.id", "params", "pattern_id", "execution.trail"]
)
@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}")])
def test_what_is_nested_deeply_is_a_finding_wherever_it_stands(
    tmp_path: Path, depth: int, path: str, opening: str, closing: str
) -> None:
    deep = opening * depth + "1" + closing * depth
    file = write(tmp_path, json.dumps(changed(path, "@")).replace('"@"', deep))
    assert read_pattern(file)[1] is None
    if depth > 64:
        assert read_pattern(file)[2][0].startswith("line 1: nested too deeply")


@pytest.mark.parametrize(
    ("interval", "condition", "bars"),
    [
        ("1m", "close > sma(m5.close, 20)", 100),
        ("5m", "close > sma(close, 20)", 20),
        ("5m", "close > sma(m15.close, 20)", 60),
        ("5m", "close > prev_day_close()", 76),
    ],
)
def test_the_warm_up_is_counted_in_bars_of_the_patterns_own_interval(
    tmp_path: Path, interval: str, condition: str, bars: int
) -> None:
    content = {
        "pattern_id": "WARM",
        "interval": interval,
        "phases": [{"id": "A", "conditions": [condition]}],
        "execution": {"side": "BUY", "entry": "close", "sl": "close - 1", "tp": "close + 1"},
    }
    assert load_one(tmp_path, content).warmup == bars
