"""Inputs of a run: which file is whose, what is merged, what the head says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from sos.data import FileOptions, RunInputs, resolve_inputs, sample
from sos.errors import ConfigError, DataError
from tests.data.files import columns_of, week, write_parquet

NIFTY = "NSE_INDEX|Nifty 50"
FUTURE = "NSE_FO|NIFTY.FUT"


@pytest.fixture
def share_file(tmp_path: Path) -> Path:
    return write_parquet(tmp_path / "share.parquet", columns_of(week().run))


@pytest.fixture
def index_file(tmp_path: Path) -> Path:
    columns = columns_of(sample("NIFTY", sessions=5)[1].run)
    columns["volume"][:] = 0
    return write_parquet(tmp_path / "index.parquet", columns)


@pytest.fixture
def future_file(tmp_path: Path) -> Path:
    return write_parquet(tmp_path / "future.parquet", columns_of(sample("NIFTY", sessions=5)[1].run))


def order(inputs: RunInputs) -> list[str]:
    """The instruments of the first instant, in order."""
    first = inputs.run.end == inputs.run.end[0]
    return [inputs.run.keys[which] for which in inputs.run.which[first].tolist()]


def test_without_files_the_run_gets_the_sample_and_says_so() -> None:
    inputs = resolve_inputs(["NIFTY"])
    assert inputs.synthetic
    assert inputs.source == "synthetic sample"
    assert inputs.notes[0].startswith("synthetic sample, seed 7")
    assert inputs.volume_source == {NIFTY: FUTURE}
    assert (inputs.first_day, inputs.last_day) == (date(2026, 1, 1), date(2026, 1, 30))
    assert len(inputs.run) == 15_000
    assert set(inputs.sessions) == {NIFTY, FUTURE}


def test_futures_come_before_underlyings_and_those_in_the_order_named() -> None:
    keys = {"NIFTY": NIFTY, "SENSEX": "BSE_INDEX|SENSEX", "TCS": "NSE_EQ|INE467B01029"}
    for symbols in (["NIFTY", "TCS", "SENSEX"], ["SENSEX", "TCS", "NIFTY"]):
        inputs = resolve_inputs(symbols, sample_sessions=2)
        assert order(inputs) == [FUTURE, "BSE_FO|SENSEX.FUT", *(keys[symbol] for symbol in symbols)]
        assert (np.diff(inputs.run.end) >= 0).all()
        assert [of.symbol for of in inputs.underlyings] == symbols


def test_the_order_of_files_changes_nothing(index_file: Path, future_file: Path, share_file: Path) -> None:
    given = [f"NIFTY={index_file}", f"NIFTY.FUT={future_file}", f"RELIANCE={share_file}"]
    runs = [
        resolve_inputs(["NIFTY", "RELIANCE"], data).run
        for data in (given, given[::-1], [str(index_file), given[1], str(share_file)])
    ]
    for run in runs[1:]:
        assert [run.keys[i] for i in run.which.tolist()] == [runs[0].keys[i] for i in runs[0].which.tolist()]
        for name in ("ts", "close", "volume"):
            np.testing.assert_array_equal(getattr(run, name), getattr(runs[0], name))


def test_the_next_bare_file_goes_to_the_next_symbol_without_one(index_file: Path, share_file: Path) -> None:
    inputs = resolve_inputs(["RELIANCE", "NIFTY"], [f"NIFTY={index_file}", str(share_file)])
    assert [(one.instrument.symbol, one.source) for one in inputs.series] == [
        ("RELIANCE", "share.parquet"),
        ("NIFTY", "index.parquet"),
    ]


def test_a_name_with_an_equals_sign_is_a_file_if_it_exists(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a=b.parquet", columns_of(week().run))
    assert resolve_inputs(["RELIANCE"], [str(path)]).source == "a=b.parquet"


def test_an_index_without_a_future_misses_volume_and_the_head_says_how_to_add_it(index_file: Path) -> None:
    inputs = resolve_inputs(["NIFTY"], [str(index_file)])
    assert inputs.volume_source == {NIFTY: None}
    assert not inputs.series_of(inputs.underlyings[0].key).has_volume
    assert any("--data NIFTY.FUT=FILE" in note for note in inputs.notes)
    assert not inputs.synthetic


@pytest.mark.parametrize(("choice", "source"), [("future", FUTURE), ("none", None), ("constituents", None)])
def test_volume_comes_from_where_the_configuration_says(choice: str, source: str | None) -> None:
    inputs = resolve_inputs(["NIFTY"], volume_from={"nifty50": choice}, sample_sessions=1)
    assert inputs.volume_source == {NIFTY: source}
    if choice != "future":
        assert any("volume is missing" in note for note in inputs.notes)


def test_a_future_that_covers_less_than_its_index_is_told(index_file: Path, tmp_path: Path) -> None:
    short = write_parquet(tmp_path / "f.parquet", columns_of(sample("NIFTY", sessions=2)[1].run))
    inputs = resolve_inputs(["NIFTY"], [str(index_file), f"NIFTY.FUT={short}"])
    assert any("2 of its 5 days" in note for note in inputs.notes)


def test_the_range_is_inclusive_and_keeps_the_sessions_of_the_whole(share_file: Path) -> None:
    days = [date(2026, 1, 28), date(2026, 1, 29)]
    inputs = resolve_inputs(["RELIANCE"], [str(share_file)], days[0], days[1])
    assert (inputs.first_day, inputs.last_day) == (days[0], days[1])
    assert len(inputs.run) == 750
    assert len(inputs.sessions[inputs.underlyings[0].key]) == 5


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (date(2030, 1, 1), None, "from 2030-01-01 on: it has 2026-01-23 to 2026-01-30"),
        (None, date(2020, 1, 1), "up to 2020-01-01: it has 2026-01-23 to"),
        (date(2026, 1, 24), date(2026, 1, 26), "from 2026-01-24 to 2026-01-26: it has"),
    ],
)
def test_an_empty_range_names_the_range_that_the_file_has(
    share_file: Path, start: date | None, end: date | None, says: str
) -> None:
    with pytest.raises(DataError, match=f"share.parquet: no bars of RELIANCE {says}"):
        resolve_inputs(["RELIANCE"], [str(share_file)], start, end)


def test_a_range_outside_the_sample_asks_for_a_file() -> None:
    with pytest.raises(DataError, match="it has 2026-01-01 to 2026-01-30: give --data FILE"):
        resolve_inputs(["NIFTY"], start=date(2024, 1, 1), end=date(2024, 2, 1))


@pytest.mark.parametrize(
    ("symbols", "data", "error", "says"),
    [
        ([], [], ConfigError, "no symbol"),
        (["NIFTI"], [], ConfigError, "did you mean NIFTY"),
        (["NIFTY", "nifty 50"], [], ConfigError, "named twice"),
        (["NIFTY"], ["a.csv", "b.csv"], ConfigError, "no symbol is left for this file"),
        (["NIFTY", "TCS"], ["a.csv"], DataError, "no data for TCS: add --data TCS=FILE"),
        (["NIFTY"], ["NIFTY=a.csv", "NIFTY=b.csv"], ConfigError, "two files for NIFTY"),
        (["NIFTY"], ["TCS=a.csv"], ConfigError, "TCS is not in this run"),
        (["NIFTY"], ["BANKNIFTY.FUT=a.csv"], ConfigError, "BANKNIFTY.FUT is not in this run"),
        (["NIFTY"], ["NIFTI=a.csv"], ConfigError, "did you mean NIFTY"),
        (["NIFTY"], ["gone.csv"], DataError, "no such file"),
        (["NSE_FO|1"], [], ConfigError, "no sample"),
    ],
)
def test_what_belongs_to_nothing_is_refused(
    symbols: list[str], data: list[str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        resolve_inputs(symbols, data)


def test_dates_the_wrong_way_round_and_wrong_choices_are_usage_errors() -> None:
    with pytest.raises(ConfigError, match="is after --to"):
        resolve_inputs(["NIFTY"], start=date(2026, 1, 9), end=date(2026, 1, 8))
    with pytest.raises(ConfigError, match="use future, constituents, none"):
        resolve_inputs(["NIFTY"], volume_from={"NIFTY": "spot"})


def test_the_options_reach_the_reader(share_file: Path) -> None:
    with pytest.raises(ConfigError, match="neither start nor end"):
        resolve_inputs(["RELIANCE"], [str(share_file)], files=FileOptions(stamps="x"))


def test_a_future_can_be_watched_itself() -> None:
    inputs = resolve_inputs(["NIFTY.FUT", "NIFTY"], sample_sessions=1)
    assert order(inputs) == [FUTURE, NIFTY]
    assert inputs.volume_source == {FUTURE: None, NIFTY: FUTURE}
    assert [one.instrument.symbol for one in inputs.series] == ["NIFTY.FUT", "NIFTY"]


def test_bars_of_another_length_cannot_lend_volume(index_file: Path, tmp_path: Path) -> None:
    wide = sample("NIFTY", sessions=5)[1].run
    wide = wide.take(np.flatnonzero(np.arange(len(wide)) % 5 == 0))
    path = write_parquet(tmp_path / "five.parquet", columns_of(wide))
    with pytest.raises(DataError, match="bars of 5 minutes cannot lend volume to bars of 1"):
        resolve_inputs(["NIFTY"], [str(index_file), f"NIFTY.FUT={path}"])


def test_a_year_of_real_bars_is_merged_with_the_day_that_has_a_future(shared_data: Path) -> None:
    data = [str(shared_data / "nifty_1m.parquet"), f"NIFTY.FUT={shared_data / 'nifty_fut_1m.parquet'}"]
    inputs = resolve_inputs(["NIFTY"], data)
    assert len(inputs.run) == 201_150 + 375
    both = inputs.run.ts >= inputs.series[1].run.ts[0]
    assert inputs.run.which[both][:4].tolist() == [0, 1, 0, 1]
