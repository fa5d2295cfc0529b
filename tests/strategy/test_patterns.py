"""The patterns that come with SOS, the schema, the descriptions and the document of the language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sos.expr import reference
from sos.strategy.describe import describe, summary
from sos.strategy.loader import LoadResult, load_patterns
from sos.strategy.model import ExecutionModel, PhaseModel, RegimeModel, StrategyModel
from sos.strategy.pattern import Pattern
from sos.strategy.reference import function_table
from sos.strategy.schema import json_schema
from sos.types import Side
from tests.conftest import ROOT
from tests.strategy.files import VALID, changed, write
from tests.strategy.minischema import failures

FILES = sorted((ROOT / "strategies").glob("*.json"))
DOCUMENT = (ROOT / "docs" / "strategy-language.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bundled() -> LoadResult:
    return load_patterns([ROOT / "strategies"])


def test_twelve_patterns_load_without_a_warning(bundled: LoadResult) -> None:
    assert len(bundled.patterns) == 12
    assert bundled.warnings == ()


def test_half_of_them_are_long_and_most_need_no_volume(bundled: LoadResult) -> None:
    sides = [pattern.side for pattern in bundled.patterns]
    assert sides.count(Side.BUY) == 6
    needing = [pattern.id for pattern in bundled.patterns if "volume" in pattern.needs]
    assert 3 <= len(needing) <= 5
    assert all(pattern.needs <= {"volume"} for pattern in bundled.patterns)


def test_each_has_a_description_parameters_regimes_and_a_selection(bundled: LoadResult) -> None:
    for pattern in bundled.patterns:
        assert len(pattern.description) > 20
        assert pattern.params
        assert pattern.regimes
        assert pattern.selection is not None
        assert len(pattern.phases) >= 2
        assert pattern.source == f"{pattern.id.lower()}.json"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_parameter_has_a_range_that_holds_its_default(file: Path) -> None:
    for param in json.loads(file.read_text())["params"].values():
        assert param["min"] <= param["default"] <= param["max"]
        steps = (param["default"] - param["min"]) / param["step"]
        assert steps == pytest.approx(round(steps))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_value_of_a_parameter_s_range_loads(file: Path) -> None:
    content = json.loads(file.read_text())
    for name, param in content["params"].items():
        for value in (param["min"], param["max"]):
            load_patterns([file], {content["pattern_id"]: {name: value}})


# ---------------------------------------------------------------------- schema


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_bundled_file_satisfies_the_schema(file: Path) -> None:
    schema = json_schema()
    assert failures(json.loads(file.read_text()), schema, schema) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("phasess", []),
        ("phases", []),
        ("phases.0.id", "two words"),
        ("phases.1.timeout", -1),
        ("phases.1.timeout", 1.5),
        ("regime_config.MOON", {}),
        ("execution.side", "HOLD"),
        ("execution.option_selection", "OTM"),
        ("execution.square_off", "25:00"),
        ("execution.entry_valid_bars", 0),
        ("params.n.default", "5"),
        ("execution.tp", ...),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(path: str, value: object) -> None:
    schema = json_schema()
    assert failures(changed(path, value), schema, schema)


def test_the_schema_describes_every_key() -> None:
    schema = json_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    for part in (schema, *schema["$defs"].values()):
        for name, rule in part.get("properties", {}).items():
            assert rule.get("description"), name


# ---------------------------------------------------------------------- words


def described(tmp_path: Path, content: object) -> str:
    return "\n".join(describe(load_patterns([write(tmp_path, content)]).patterns[0]))


def test_a_description_says_everything_that_the_file_does(tmp_path: Path) -> None:
    content = changed("execution.time_stop_minutes", 30)
    content["execution"] |= {"breakeven_at": 0, "square_off": "15:05", "fixed_lots": 2}
    text = described(tmp_path, {**content, "carry": True, "recheck": False})
    for phase in VALID["phases"]:
        assert all(condition in text for condition in phase["conditions"])
    for part in (
        "EXAMPLE: an example",
        "bars of 1m; every value is ready after 20",
        "Parameters: n = 20, k = 1.5.",
        "vars.top = highest(high, params.n)",
        "starts again as soon as:",
        "starts again after 10 bars without success.",
        "then: TRIGGER, from the next bar on.",
        "then: the signal.",
        "Trade: BUY, a call, ATM",
        "tp    = entry + risk * tp_mult",
        "time stop: 30 minutes after the fill",
        "breakeven: off",
        "square-off: 15:05",
        "trailing stop: 2 x atr(14) behind the best price",
        "partial exits: 50% at 1 R",
        "size: 2 lots",
        "BULLISH           size x 1.5, tp_mult 2",
        "BEARISH           no entries",
        "others            size x 1, tp_mult 1",
        "a half-finished pattern goes on",
        "the regime is not checked again",
    ):
        assert part in text, part


def test_a_description_says_that_a_trail_is_off(tmp_path: Path) -> None:
    assert "trailing stop: off" in described(tmp_path, changed("execution.trail", None))


def test_a_description_carries_needs_and_warnings(tmp_path: Path) -> None:
    content = changed("phases.0.conditions", ["volume > 0", "sentiment.pcr > 1"])
    text = described(tmp_path, {**content, "regime_config": {}})
    assert "Inputs beside prices: sentiment.pcr, volume (an index has none" in text
    assert "Warning: " not in text
    assert "Regimes: all allowed" in text


def test_a_summary_holds_the_facts_of_one_row(bundled: LoadResult) -> None:
    row = summary(by_id(bundled, "OPENING_RANGE_RETEST_LONG"))
    assert (row.side, row.interval, row.option_selection) == ("BUY", "1m", "OTM_1")
    assert row.phases == ("BREAK", "RETEST", "TURN")
    assert row.needs == ()


def by_id(result: LoadResult, pattern_id: str) -> Pattern:
    return next(pattern for pattern in result.patterns if pattern.id == pattern_id)


# ---------------------------------------------------------------------- the document


def test_the_document_has_the_table_of_the_functions_that_exist() -> None:
    generated = (
        DOCUMENT.partition("<!-- functions: begin")[2]
        .partition("-->\n")[2]
        .partition("<!-- functions: end")[0]
    )
    assert generated.strip() == function_table().strip()
    assert all(f"`{row.forms[0]}`" in generated for row in reference())


@pytest.mark.parametrize("model", [StrategyModel, PhaseModel, RegimeModel, ExecutionModel])
def test_the_document_names_every_key(model: type[StrategyModel]) -> None:
    for name, field in model.model_fields.items():
        assert f"`{field.alias or name}`" in DOCUMENT, name


def test_the_document_s_example_loads(tmp_path: Path) -> None:
    example = DOCUMENT.partition("```json\n")[2].partition("```")[0]
    assert load_patterns([write(tmp_path, example)]).warnings == ()
