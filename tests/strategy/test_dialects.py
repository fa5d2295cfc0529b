"""Import of older files: what they become, what is reported, what is never written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sos.errors import StrategyError
from sos.expr import ExprError, Scope, check_number, render
from sos.expr.limits import MAX_TEXT
from sos.strategy.dialects import ImportReport, import_file, write_import
from sos.strategy.java_dialect import assignment, older_traits, translate
from sos.strategy.loader import load_patterns, read_pattern
from sos.strategy.text_dialect import is_text_form, parse_text_form
from sos.types import Regime, Side
from tests.strategy.files import VALID, changed, mutated, write
from tests.strategy.fuzz import EXAMPLES, MUTATIONS
from tests.strategy.test_never_raises import patterns

OLD = Path(__file__).parent / "old"
CASES: list[list[str]] = json.loads((Path(__file__).parent / "dialect_cases.json").read_text())


def imported(folder: Path, content: Any) -> ImportReport:
    return import_file(write(folder, content, "old_one.json"))


@pytest.mark.parametrize(("old", "new"), CASES)
def test_an_older_expression_gets_its_present_spelling(old: str, new: str) -> None:
    assert translate(old) == new


@pytest.mark.parametrize(("_old", "new"), CASES)
def test_translating_twice_changes_nothing(_old: str, new: str) -> None:
    assert translate(new) == new


TEXTS = st.recursive(
    st.sampled_from(["close", "high", "prev_candle.low", "1.5", "atr", "sma(close, 20)", "params.k"]),
    lambda x: (
        st.tuples(x, st.sampled_from(["+", " - ", "*", " / ", " ** "]), x).map("".join)
        | x.map(lambda t: f"-({t})")
        | x.map(lambda t: f"abs({t})")
    ),
    max_leaves=5,
)


@given(TEXTS)
@settings(deadline=None)
def test_translating_a_present_expression_keeps_its_meaning(text: str) -> None:
    scope = Scope(params={"k": 2.0})
    try:
        before = render(check_number(text, scope))
    except ExprError:
        return  # e.g. a constant power that is too large: not a present expression
    assert render(check_number(translate(text), scope)) == before


@given(st.text(alphabet="abc.()!&|?:=<>'\" 019getClose;candle", max_size=40))
def test_translating_any_text_gives_a_text(text: str) -> None:
    assert isinstance(translate(text), str)
    assert older_traits({"phases": [{"conditions": [text]}]}) is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ema20 = moving_avg(history, 20, 'close')", ("ema20", "moving_avg(history, 20, 'close')")),
        ("var x=1;", ("x", "1")),
        ("double y = close", ("y", "close")),
        ("vars.z = close", ("z", "close")),
        ("close = candle.getClose()", ("close", "candle.getClose()")),
        ("close = 5", None),
        ("close => open", None),
        ("x =< 1", None),
        ("x == 1", None),
        ("x <= 1", None),
        ("x >= 1", None),
        ("x != 1", None),
        ("close > 1", None),
    ],
)
def test_an_assignment_is_told_from_a_comparison(text: str, found: tuple[str, str] | None) -> None:
    assert assignment(text) == found


def test_a_java_file_becomes_a_file_that_loads(tmp_path: Path) -> None:
    report = import_file(OLD / "java_break.json")
    assert report.problems == ()
    path = write_import(report, tmp_path)
    assert path.name == "old_break.json"
    pattern = load_patterns([path]).patterns[0]
    assert pattern.id == "OLD_BREAK"
    assert pattern.side is Side.BUY
    assert [phase.id for phase in pattern.phases] == ["SETUP", "SETUP_2"]
    assert [condition.text for condition in pattern.phases[0].conditions] == [
        "close > (moving_avg(history, 20, 'close')) and not (volume <= 1000)",
        "high > (moving_avg(history, 20, 'close')) * 1.001",
    ]
    assert pattern.phases[0].captures[0].name == "mean20"
    assert pattern.phases[1].conditions[0].text == "close > vars.mean20 or abs(open - vars.mean20) < atr"
    assert pattern.texts["sl"] == "(prev_candle.low) if (prev_candle.low < vars.mean20) else (vars.mean20)"
    assert pattern.texts["tp"] == "entry + (risk * regime.tp_mult)"
    assert pattern.selection is not None
    assert pattern.selection.steps == 2
    assert pattern.regimes[Regime.SIDEWAYS].tp_mult == 1.2


def test_a_java_file_s_report_names_every_change(tmp_path: Path) -> None:
    changes = "\n".join(import_file(OLD / "java_break.json").changes)
    for part in (
        "pattern_id 'OLD BREAK' became 'OLD_BREAK'",
        "key 'enabled' is dropped",
        "regime 'MOON' is dropped",
        "phase id 'SETUP' became 'SETUP_2'",
        "conditions[1] 'mean20 = ...' became the capture vars.mean20",
        "phase SETUP_2: key 'note' is dropped",
        "side was missing; BUY",
        "option_selection OTM_CALL_2 became OTM_2_CALL",
        "meaning: prev_candle is not ready on the first bar",
        "meaning: atr is Wilder's",
        "meaning: functions of history are not ready until their window is full",
    ):
        assert part in changes


def test_the_text_form_becomes_a_file_that_loads(tmp_path: Path) -> None:
    report = import_file(OLD / "text_reversal.txt")
    pattern = load_patterns([write_import(report, tmp_path)]).patterns[0]
    assert (pattern.id, pattern.side, pattern.description) == (
        "TEXT_REVERSAL",
        Side.SELL,
        "a stretched rise turns",
    )
    assert not pattern.regimes[Regime.BULLISH].allow_entry
    assert pattern.regimes[Regime.SIDEWAYS].quantity_mod == 0.5
    assert pattern.phases[0].conditions[1].text == "sentiment.smart_trend == 'Short Buildup'"
    assert pattern.phases[1].conditions[1].text == "vars.peak > close"
    assert pattern.phases[1].timeout == 15
    assert "a SELL signal buys a put" in "\n".join(report.changes)
    assert report.dead == ()


def test_the_present_dialect_with_bare_names_loads_unchanged() -> None:
    pattern = load_patterns([OLD / "bare_names.json"]).patterns[0]
    assert pattern.warnings == ()
    assert {"volume", "sentiment.smart_trend", "screener.rvol"} <= pattern.needs
    report = import_file(OLD / "bare_names.json")
    assert report.pattern["phases"][1]["conditions"] == [c.text for c in pattern.phases[1].conditions]


def test_a_name_assigned_and_used_in_one_phase_is_written_out(tmp_path: Path) -> None:
    old = changed("phases.0.conditions", ["a = high - low", "b = a * 2", "close > vars.b"])
    phase = imported(tmp_path, old).pattern["phases"][0]
    assert phase["conditions"] == ["close > ((high - low) * 2)"]
    assert list(phase["capture"])[:2] == ["a", "b"]


def test_assignments_that_double_stop_at_the_longest_expression(tmp_path: Path) -> None:
    doubling = ["a0 = close + close", *(f"a{i} = a{i - 1} + a{i - 1}" for i in range(1, 40)), "close > a39"]
    report = imported(tmp_path, changed("phases.0.conditions", doubling))
    assert report.problems == (
        "phase SETUP: conditions[7]: with the assignments of its phase written out it has more than 2,000 "
        "characters; make the assigned values captures of an earlier phase",
    )
    texts = [*report.pattern["phases"][0]["capture"].values(), *report.pattern["phases"][0]["conditions"]]
    assert max(map(len, texts)) <= MAX_TEXT
    with pytest.raises(StrategyError, match="not written, 1 finding"):
        write_import(report, tmp_path / "out")


def test_a_file_does_not_grow_without_end_by_what_is_written_out(tmp_path: Path) -> None:
    long = ["a = " + " + ".join(["close"] * 200), *["close > a"] * 63]
    old = changed("phases", [{"id": f"P{i}", "conditions": long} for i in range(64)])
    report = imported(tmp_path, old)
    assert "written out" in report.problems[0]
    assert len(json.dumps(report.pattern)) < 500_000


def test_nested_choices_of_any_depth_are_translated_or_left(tmp_path: Path) -> None:
    for text in ("a?" * 900 + "b", "a?b:" * 400 + "c", "a?" * 400 + "b" + ":c" * 400):
        assert imported(tmp_path, changed("phases.0.conditions", [text])).problems


def test_captures_that_share_a_name_with_a_field_or_a_function_leave_those_alone(tmp_path: Path) -> None:
    old = changed("phases.0.capture", {"low": "low", "atr": "atr(14)", "mean": "sma(close, 5)", "risk": "1"})
    old["phases"][1]["conditions"] = [
        "candle.getClose() < low && close > vars.low - atr(20) - atr",
        "mean < high and mean > sma(close, 9) and risk > 0",
    ]
    old["phases"][1]["invalidate"] = []
    old["execution"] |= {"sl": "entry - mean - risk", "tp": "entry + risk"}
    report = imported(tmp_path, old)
    assert report.problems == ()
    assert report.pattern["phases"][1]["conditions"] == [
        "close < low and close > vars.low - atr(20) - atr",
        "vars.mean < high and vars.mean > sma(close, 9) and vars.risk > 0",
    ]
    assert (report.pattern["execution"]["sl"], report.pattern["execution"]["tp"]) == (
        "entry - vars.mean - vars.risk",
        "entry + risk",
    )
    assert "meaning: low alone keeps its usual meaning; the captured value is vars.low" in report.changes


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        (["m = sma(close, 5)", "close > 1"], "'m = ...' counted as a condition"),
        (["candle.getClose() > candle.getHigh()"], "is never true: no bar can have such values"),
        (["candle.getClose() > open && close < open"], "contradict each other"),
        (["close > highest(history, 20, 'high')"], "the window includes the current bar"),
        (
            ["time_is_between(timestamp, '10:00', '10:05')", "time_is_between(timestamp, '11:00', '12:00')"],
            "its time windows leave no minute of the day",
        ),
        (["close > vars.nowhere"], "the old engine found no value there"),
    ],
)
def test_a_pattern_that_could_never_fire_is_told_why(
    tmp_path: Path, conditions: list[str], reason: str
) -> None:
    assert reason in "\n".join(imported(tmp_path, changed("phases.0.conditions", conditions)).dead)


def test_a_window_that_only_special_sessions_reach_is_no_reason_but_a_warning(tmp_path: Path) -> None:
    report = imported(
        tmp_path, changed("phases.0.conditions", ["time_is_between(timestamp, '18:15', '19:15')"])
    )
    assert report.dead == ()
    assert "only special sessions" in "\n".join(report.warnings)


def test_a_pattern_that_every_regime_forbids_is_dead(tmp_path: Path) -> None:
    old = changed("regime_config", {str(regime): {"allow": False} for regime in Regime})
    assert "regime_config: every regime forbids entries" in imported(tmp_path, old).dead


def test_nothing_proved_is_nothing_said(tmp_path: Path) -> None:
    report = imported(tmp_path, VALID)
    assert (report.dead, report.problems, report.warnings) == ((), (), ())
    assert report.changes == ("meaning: atr is Wilder's over 14 bars, ready after 15",)
    assert report.pattern == VALID


@pytest.mark.parametrize(
    ("name", "levels", "side"),
    [
        ("X_SHORT", {"tp": "entry - 10"}, "SELL"),
        ("X", {"tp": "entry + 10"}, "BUY"),
        ("X", {"tp": "vars.top", "option_selection": "ATM_PUT"}, "SELL"),
        ("X_LONG", {"tp": "entry - 10"}, None),
    ],
)
def test_a_missing_side_is_taken_only_from_signs_that_agree(
    tmp_path: Path, name: str, levels: dict[str, str], side: str | None
) -> None:
    old = changed("pattern_id", name)
    old["execution"] = {"entry": "close", "sl": "vars.half", **levels}
    report = imported(tmp_path, old)
    assert report.pattern["execution"].get("side") == side
    assert any("'side' is missing" in problem for problem in report.problems) == (side is None)


def test_a_result_that_would_not_load_is_not_written(tmp_path: Path) -> None:
    report = imported(tmp_path, changed("phases.0.conditions", ["candle.getFoo() > 1"]))
    with pytest.raises(StrategyError, match="not written, 1 finding"):
        write_import(report, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    report = imported(tmp_path, VALID)
    (tmp_path / "out").mkdir()
    target = write(tmp_path / "out", "mine", "example.json")
    with pytest.raises(StrategyError, match="exists already; use --force"):
        write_import(report, tmp_path / "out")
    assert target.read_text() == "mine"
    assert write_import(report, tmp_path / "out", force=True) == target
    assert json.loads(target.read_text()) == VALID
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["example.json"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    blocked = write(tmp_path, "a file", "blocked")
    with pytest.raises(StrategyError, match="cannot be written"):
        write_import(imported(tmp_path, VALID), blocked / "inside")
    with pytest.raises(StrategyError, match="is a file; name a folder with --out"):
        write_import(imported(tmp_path, VALID), blocked, force=True)


def test_what_is_no_strategy_at_all_is_not_called_bad_json(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match=r"neither a JSON object nor the text form, .* \[PATTERN\]"):
        import_file(write(tmp_path, "buy low, sell high", "notes.txt"))


def test_a_mistyped_comparison_does_not_make_a_file_old() -> None:
    for text in ("close => open", "close = 5"):
        assert not older_traits({"phases": [{"conditions": [text]}]})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[PATTERN]\nIDD: X", "line 2: unknown line in PATTERN"),
        ("[REGIME]\nBULLISH: size=2", "line 2: unknown regime setting 'size=2'"),
        ("[REGIME]\nBULLISH: tp=lots", "line 2: 'tp=lots' needs true, false or a number"),
        ("[PHASES]\nclose > 1", "line 2: a phase begins with NAME"),
        ("[PHASES]\nNAME: A\nclose > 1", "line 3: unknown line in a phase"),
        ("[PHASES]\nNAME: A\nCAPTURE:\nclose > 1", "line 4: a capture is name = expression"),
        ("[PHASES]\nNAME: A\nTIMEOUT: soon", "line 3: TIMEOUT is a number of bars"),
        ("[PHASES]\nNAME: A\nTIMEOUT: " + "9" * 5_000, "line 3: TIMEOUT is a number of bars"),
        ("[REGIME]\nBULLISH: tp=" + "9" * 5_000, "line 2: 'tp=9999"),
        ("[REGIME]\nBULLISH: tp=nan", "line 2: 'tp=nan' needs true, false or a number"),
        ("[PATTERN]\nA" + " " * 300_000 + "b", "line 2: unknown line in PATTERN"),
        ("[EXECUTION]\nSTOP: 1", "line 2: unknown line: 'STOP: 1'"),
    ],
)
def test_a_line_of_the_text_form_that_is_not_understood_is_named(
    tmp_path: Path, lines: str, message: str
) -> None:
    with pytest.raises(StrategyError) as caught:
        import_file(write(tmp_path, lines, "old.txt"))
    assert str(caught.value).startswith(f"{tmp_path / 'old.txt'}: {message}")


def test_section_headers_come_with_or_without_brackets() -> None:
    text = (OLD / "text_reversal.txt").read_text()
    plain = text.replace("[", "").replace("]", ":")
    assert is_text_form(plain)
    assert parse_text_form(plain) == parse_text_form(text)


@given(
    st.lists(
        st.sampled_from([*(OLD / "text_reversal.txt").read_text().splitlines(), "x", "A: b", "[PHASES]"])
    )
)
@settings(max_examples=100, deadline=None)
def test_any_lines_are_a_dict_or_a_strategy_error(lines: list[str]) -> None:
    try:
        content = parse_text_form("\n".join(lines))
    except StrategyError:
        return
    assert set(content) >= {"regime_config", "phases", "execution"}


@given(MUTATIONS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_importing_any_file_is_a_report_and_what_it_has_no_problem_with_loads(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[tuple[Any, ...], Any]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    report = import_file(write(folder, mutated(mutations), "any.json"))
    if not report.problems:
        assert load_patterns([write_import(report, folder / "imported", force=True)]).patterns


CAPTURED = st.dictionaries(
    st.sampled_from(
        ["low", "atr", "close", "volume", "entry", "risk", "sl", "tp_mult", "sma", "x", "m5", "n"]
    ),
    st.sampled_from(["low", "atr(20)", "sma(close, 5)", "close - low", "1"]),
    max_size=4,
)
BARE = st.lists(
    st.sampled_from(
        ["close < low", "atr(20) > atr", "volume > 0", "low > 1 and  close>2", "sma(m5.close, 3) > params.n"]
    ),
    max_size=3,
)


@given(MUTATIONS, CAPTURED, BARE, st.sampled_from(["entry + risk", "entry + risk*tp_mult", "high + 1"]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_every_file_that_loads_is_imported_unchanged(
    tmp_path_factory: pytest.TempPathFactory,
    mutations: list[tuple[tuple[Any, ...], Any]],
    captured: dict[str, str],
    bare: list[str],
    target: str,
) -> None:
    content = mutated(mutations)
    try:
        content["phases"][0]["capture"] |= captured
        content["phases"][1]["conditions"] += bare
        content["execution"]["tp"] = target
    except (KeyError, IndexError, TypeError):
        pass  # one of the mutations took the place away
    file = write(tmp_path_factory.getbasetemp(), content, "present.json")
    if read_pattern(file)[1] is not None:
        report = import_file(file)
        assert report.pattern == content
        assert all(change.startswith("meaning: ") for change in report.changes)
        assert report.problems == ()


@given(patterns)
@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_generated_pattern_that_loads_is_imported_unchanged(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    file = write(tmp_path_factory.getbasetemp(), content, "present.json")
    if read_pattern(file)[1] is not None:
        assert import_file(file).pattern == content


def test_older_files_in_a_folder_are_named_by_the_loader() -> None:
    problems = read_pattern(OLD / "java_break.json")[2]
    assert len(problems) == 1
    assert "an assignment among conditions" in problems[0]
