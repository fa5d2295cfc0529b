"""Layers, types and refusals of the configuration."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sos.config import Config, config_files, load_config, load_with_origins
from sos.errors import ConfigError

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "c.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text: str | None = None, env: dict[str, str] | None = None, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(
            written(text) if text is not None else None, {"HOME": "nowhere", **(env or {})}, overrides
        )
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_without_anything_the_defaults_are_in_force() -> None:
    assert load_config(None, {}) == Config()


def test_later_layers_win_and_the_rest_of_a_section_stays() -> None:
    file = written("[execution]\nslippage_ticks = 2\nfixed_lots = 3\nentry_valid_bars = 9\n")
    env = {"SOS_EXECUTION__FIXED_LOTS": "4", "SOS_EXECUTION__ENTRY_VALID_BARS": "8"}
    config, origins = load_with_origins(file, env, ["execution.entry_valid_bars=7"])
    execution = config.execution
    assert (execution.slippage_ticks, execution.fixed_lots, execution.entry_valid_bars) == (2, 4, 7)
    assert origins["execution.slippage_ticks"] == "c.toml"
    assert origins["execution.fixed_lots"] == "SOS_EXECUTION__FIXED_LOTS"
    assert origins["execution.entry_valid_bars"] == "--set"


def test_the_file_in_the_folder_comes_before_the_one_of_the_platform(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}
    platform = config_files(env)[1]
    platform.parent.mkdir(parents=True)
    platform.write_text("[engine]\nbatch = 1\n", encoding="utf-8")
    assert load_config(None, env).engine.batch == 1
    written("[engine]\nbatch = 2\n", "config.toml")
    assert load_config(None, env).engine.batch == 2
    assert load_config(written("[engine]\nbatch = 3\n"), env).engine.batch == 3


def test_the_data_folder_has_a_variable_of_its_own() -> None:
    assert load_config(None, {"SOS_DATA_DIR": "/srv/bars"}).data.dir == Path("/srv/bars")


def test_variables_without_two_underscores_are_not_ours() -> None:
    assert load_config(None, {"SOS_FULL": "1", "SOSX__Y": "1"}) == Config()


def test_values_on_the_command_line_are_toml_or_bare_words() -> None:
    texts = [
        "execution.square_off=15:10",
        'strategies.disabled=["A", "B"]',
        "execution.fill_on_touch=true",
        "underlyings.nifty.volume_from=none",
        "execution.trail={by='atr', distance=2}",
    ]
    config = load_config(None, {}, texts)
    assert config.execution.square_off == "15:10"
    assert config.strategies.disabled == ("A", "B")
    assert config.execution.fill_on_touch is True
    assert config.underlyings["NIFTY"].volume_from == "none"
    assert config.execution.trail is not None
    assert config.execution.trail.distance == 2.0


def test_names_of_underlyings_are_one_in_every_case_and_layer() -> None:
    file = written("[underlyings.nifty]\nvolume_from = 'none'\n")
    config = load_config(file, {"SOS_UNDERLYINGS__NIFTY__VOLUME_FROM": "future"})
    assert {name: one.volume_from for name, one in config.underlyings.items()} == {"NIFTY": "future"}


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake() -> None:
    path = Path("c.toml")
    path.write_bytes(b"\xef\xbb\xbf[engine]\r\nbatch = 5\r\n")
    assert load_config(path, {}).engine.batch == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[engine]\nbatchh = 3", "c.toml: unknown key engine.batchh, did you mean engine.batch?"),
        ("[engin]\nbatch = 3", "c.toml: unknown key engin, did you mean engine?"),
        ("[log]\nzzz = 3", "c.toml: unknown key log.zzz; known here: level"),
        (
            "[underlyings.NIFTY]\nvolume = 'x'",
            "c.toml: unknown key underlyings.NIFTY.volume, did you mean underlyings.NIFTY.volume_from?",
        ),
        (
            "[execution.trail]\nby = 'atr'\ndistanc = 1",
            "unknown key execution.trail.distanc, did you mean execution.trail.distance?",
        ),
        ("[engine]\nbatch = '3'", 'c.toml: engine.batch = "3": must be a whole number'),
        ("[engine]\nbatch = 2.5", "c.toml: engine.batch = 2.5: must be a whole number"),
        ("[engine]\nbatch = true", "c.toml: engine.batch = true: must be a whole number"),
        ("[engine]\nbatch = -1", "c.toml: engine.batch = -1: must be greater than or equal to 0"),
        ("[risk]\ncapital = inf", "c.toml: risk.capital = inf: must be a finite number"),
        ("[strategies]\npaths = 'x'", 'c.toml: strategies.paths = "x": must be a list, as in ["x"]'),
        ("[underlyings.NIFTI]\nvolume_from = 'none'", "c.toml: [underlyings.NIFTI]: unknown symbol 'NIFTI'"),
        (
            "[execution]\nsquare_off = '14:00'",
            "c.toml: execution: last_entry 15:00 is after square_off 14:00",
        ),
        ("[execution]\ntrail = {by = 'atr'}", "c.toml: execution: trail by 'atr' needs a distance above 0"),
        ("[execution]\nexit_basis = 'premium'", "c.toml: execution: exit_basis = 'premium' needs option"),
        ("engine = 3", "c.toml: engine = 3: must be a table"),
        ("[[engine]]\nbatch = 3", 'c.toml: engine = [{"batch": 3}]: must be a table'),
        ("[log]\nlevel = 'LOUD'", "must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("[contracts]\noption_selection = 'OTM'", "must be NONE, ATM, OTM_n or ITM_n"),
        ("[execution]\nsquare_off = '25:00'", "is not a time of day"),
        ("[regime]\ncomplete = 0.1", "c.toml: regime: thresholds must fall"),
        ("[regime]\nhigh_pcr_edges = [0.6, 0.8, 0.85, 0.95, 1.0, 1.2]", "must fall, most bullish first"),
        ("[regime]\nlow_pcr_edges = [1.3, 1.0, 1.0, 1.0, 1.0, 0.7]", "must rise, most bullish first"),
        ("[feed]\nx = 1", "c.toml: [feed] is not available yet in this version"),
        ("broker = 'paper'", "c.toml: [broker] is not available yet in this version"),
        ("[engine\nbatch = 3", "c.toml: not valid TOML: "),
        ("[engine]\nbatch =\n", "line 2"),
        ("[engine]\nbatch = 99999999999999999999999", "c.toml: engine.batch"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_line(text: str, says: str) -> None:
    assert says in refusal(text)


def test_a_variable_with_one_underscore_too_few_is_not_passed_over() -> None:
    said = refusal(None, {"SOS_EXECUTION_SLIPPAGE_TICKS": "5"})
    assert said == (
        "SOS_EXECUTION_SLIPPAGE_TICKS: write SOS_EXECUTION__SLIPPAGE_TICKS, "
        "with two underscores after the section"
    )


def test_several_findings_are_counted() -> None:
    assert refusal("[engine]\nbatch = 'a'\ngap_reset_minutes = 'b'").endswith("(and 1 more)")


def test_a_wrong_variable_and_a_wrong_override_are_named() -> None:
    assert refusal(None, {"SOS_ENGINE__BATCH": "x"}).startswith("SOS_ENGINE__BATCH: engine.batch = ")
    assert refusal(None, {"SOS_NOWHERE__X": "1"}).startswith("SOS_NOWHERE__X: unknown key nowhere")
    assert refusal(None, {}, "engine.batch=x").startswith("--set: engine.batch = ")


@pytest.mark.parametrize("text", ["engine", "engine.batch", "batch=1", ".batch=1", "engine.=1", "=1", ""])
def test_an_override_that_is_no_assignment_shows_how_to_write_one(text: str) -> None:
    assert "section.key=value" in refusal(None, {}, text)


def test_a_file_that_is_named_must_be_readable() -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read"):
        load_config(Path("absent.toml"), {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(Path("."), {})
    Path("c.toml").write_bytes(b"[engine]\n# \xff\n")
    with pytest.raises(ConfigError, match="byte 11 is not UTF-8"):
        load_config(Path("c.toml"), {})
    Path("c.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        load_config(Path("c.toml"), {})


def test_the_configuration_is_frozen_all_the_way_down() -> None:
    config = load_config(None, {})
    with pytest.raises(ValidationError):
        config.engine.batch = 3
    with pytest.raises(ValidationError):
        config.engine = None  # type: ignore[assignment]


SECTIONS = st.sampled_from(sorted(Config.model_fields))
KEYS = st.sampled_from(["batch", "seed", "level", "paths", "trail", "NIFTY"]) | st.text(max_size=12)
VALUES = st.sampled_from(["[1, 2]", "{a = 1}", "1e400", "nan", "true", "1979-01-01"]) | st.text(max_size=20)


@given(SECTIONS, KEYS, VALUES)
def test_any_override_is_taken_or_refused_in_one_line(section: str, key: str, value: str) -> None:
    text = f"{section}.{key}={value}"
    said = "" if _loads(text) else refusal(None, {}, text)
    assert said.count("\n") == 0


def _loads(override: str) -> bool:
    try:
        load_config(None, {}, [override])
    except ConfigError:
        return False
    return True


def example_file() -> str:
    """The example with every key switched on, but for those that have no default."""
    lines = (ROOT / "config.toml").read_text(encoding="utf-8").splitlines()
    on = [re.sub(r"^# (?=(\[|[a-z_]+ = ))", "", line) for line in lines]
    return "\n".join(on)


def test_the_example_file_changes_nothing_as_it_is() -> None:
    assert load_config(ROOT / "config.toml", {}) == Config()


def test_the_example_file_names_every_key_and_gives_every_default() -> None:
    shown = tomllib.loads(example_file())
    without_default = {"data.dir", "data.files", "data.tz", "data.stamps", "data.columns", "execution.trail"}
    without_default |= {"execution.partials", "underlyings"}
    for section, field in Config.model_fields.items():
        model = field.annotation
        if section in without_default or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        defaults = model().model_dump(mode="json")
        assert shown[section].keys() == defaults.keys(), section
        for key, value in defaults.items():
            if f"{section}.{key}" not in without_default:
                assert shown[section][key] == value, f"{section}.{key}"


def test_the_example_file_loads_with_every_key_switched_on() -> None:
    config = load_config(written(example_file()), {})
    assert config.execution.trail is not None
    assert config.underlyings["NIFTY"].volume_from == "future"
