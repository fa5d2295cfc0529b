"""`sos data`: what it prints, how it ends, and that nothing is lost on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cli.conftest import Sos
from tests.data.files import rows, week, write_csv
from tests.data.test_store import read_only

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test keeps its data."""
    monkeypatch.setenv("SOS_DATA_DIR", str(tmp_path / "store"))
    return tmp_path / "store"


def bars_file(path: Path, first: int = 0, last: int | None = None) -> Path:
    """Some of the sample week's bars."""
    return write_csv(path, rows(week().run, lambda moment: moment.isoformat())[first:last])


def test_what_is_imported_is_listed_and_a_second_time_is_no_change(
    sos: Sos, store: Path, tmp_path: Path
) -> None:
    path = bars_file(tmp_path / "RELIANCE_1m.csv")
    first = sos("data", "import", str(path))
    assert (first.code, first.err) == (0, "")
    assert "RELIANCE_1m.csv → bars NSE_EQ|INE002A01018 1m: 1,875 added" in first.out
    assert "1,875 there already" in sos("data", "import", str(path)).out
    listed = sos("data", "list").out
    assert "NSE_EQ|INE002A01018" in listed
    assert "1,875" in listed
    (series,) = json.loads(sos("data", "list", "RELIANCE", "--json").out)["series"]
    assert (series["rows"], series["sources"]) == (1875, ["RELIANCE_1m.csv"])


def test_an_import_says_in_json_what_became_of_each_file(sos: Sos, store: Path, tmp_path: Path) -> None:
    good, bad = bars_file(tmp_path / "RELIANCE.csv"), tmp_path / "TCS.csv"
    bad.write_text("colour,taste\nred,sweet\n")
    outcome = sos("data", "import", str(bad), str(good), "--json")
    assert outcome.code == 3
    assert outcome.err.count("\n") == 1
    first, second = json.loads(outcome.out)
    assert first["error"] is not None
    assert (second["error"], second["added"]) == (None, 1875)


def test_check_is_good_or_says_what_is_wrong_with_exit_1(sos: Sos, store: Path, tmp_path: Path) -> None:
    sos("data", "import", str(bars_file(tmp_path / "RELIANCE.csv")))
    good = sos("data", "check")
    assert (good.code, good.out) == (0, "1 checked, good\n")
    holed = tmp_path / "TCS_1m.csv"
    lines = rows(week().run, lambda moment: moment.isoformat())
    write_csv(holed, lines[:100] + lines[150:])
    of_file = sos("data", "check", str(holed))
    assert of_file.code == 1
    assert "missing bars" in of_file.out
    sos("data", "import", str(holed))
    assert sos("data", "check", "RELIANCE").code == 0
    found = json.loads(sos("data", "check", "--json").out)
    assert found["good"] is False
    (wrong,) = [series for series in found["series"] if series["wrong"]]
    assert wrong["findings"][0]["check"] == "missing bars"
    assert wrong["findings"][0]["count"] == 50


def test_a_damaged_file_of_the_store_is_wrong_whatever_is_asked(
    sos: Sos, store: Path, tmp_path: Path
) -> None:
    sos("data", "import", str(bars_file(tmp_path / "RELIANCE.csv")))
    (file,) = store.rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-100])
    outcome = sos("data", "check")
    assert outcome.code == 1
    assert "damaged" in outcome.out


def test_the_sample_goes_into_the_store_but_never_among_real_bars(
    sos: Sos, store: Path, tmp_path: Path
) -> None:
    assert "synthetic sample, seed 7" in sos("data", "sample", "RELIANCE").out
    assert sos("data", "check").code == 0
    replaced = sos("data", "import", str(bars_file(tmp_path / "RELIANCE.csv")))
    assert "replaces the synthetic sample" in replaced.out
    refused = sos("data", "sample", "RELIANCE")
    assert refused.code == 3
    assert "--out DIR" in refused.err
    assert sos("data", "sample", "--out", str(tmp_path / "out")).code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["NIFTY.FUT_1m.csv", "NIFTY_1m.csv"]
    again = sos("data", "import", str(tmp_path / "out" / "NIFTY.FUT_1m.csv"), "--json")
    assert json.loads(again.out)[0]["series"][0]["key"] == "NSE_FO|NIFTY.FUT"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list", "NIFTI"], 2, "did you mean NIFTY"),
        (["check", "NIFTY"], 3, "the store has nothing of NIFTY"),
        (["check", "absent.csv"], 1, ""),
        (["import", "absent.csv"], 3, "absent.csv: No such file"),
        (["import", "a.csv", "--stamps", "middle"], 2, "--stamps middle: give start or end"),
        (["import", "a.csv", "--prefer", "best"], 2, "--prefer best: give new or old"),
        (["import", "a.csv", "--lots", "0"], 2, "--lots 0"),
        (["instruments", "NIFTY"], 3, "no instrument master is kept"),
        (["instruments", " "], 2, "name what to look for"),
        (["instruments", "NIFTY", "--expiry", "soon"], 2, "--expiry soon"),
    ],
)
def test_mistakes_are_one_line(sos: Sos, store: Path, arguments: list[str], code: int, said: str) -> None:
    if arguments[0] == "list":
        sos("data", "sample", "RELIANCE", "--sessions", "1")
    outcome = sos("data", *arguments)
    assert outcome.code == code
    assert said in outcome.err
    assert outcome.err.count("\n") <= 1


def test_an_empty_store_says_how_to_fill_it(sos: Sos, store: Path) -> None:
    outcome = sos("data", "list")
    assert outcome.code == 0
    assert "is empty: sos data import" in outcome.out
    assert not store.exists()


def test_instruments_are_looked_up_in_a_file(sos: Sos, store: Path, tmp_path: Path) -> None:
    record = {
        "segment": "NSE_FO", "instrument_type": "CE", "underlying_symbol": "NIFTY", "strike_price": 25650.0,
        "expiry": 1_769_538_599_000, "instrument_key": "NSE_FO|58729", "lot_size": 65, "tick_size": 5.0,
        "trading_symbol": "NIFTY 25650 CE 27 JAN 26", "name": "NIFTY",
    }  # fmt: skip
    (tmp_path / "NSE.json").write_text(json.dumps([record]))
    given = ("--master", str(tmp_path / "NSE.json"))
    found = sos("data", "instruments", "nifty 25650 ce", *given)
    assert found.code == 0
    assert "NSE_FO|58729" in found.out
    as_json = sos("data", "instruments", "NIFTY", "--type", "CE", *given, "--json")
    (hit,) = json.loads(as_json.out)["instruments"]
    assert (hit["lot"], hit["expiry"]) == (65, "2026-01-27")
    nothing = sos("data", "instruments", "SENSEKS", *given)
    assert nothing.code == 1
    assert "did you mean SENSEX" in nothing.out


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_read_only_directory_is_one_line_and_exit_3(
    sos: Sos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        root.mkdir()
        Path(folder).chmod(0o755)
        monkeypatch.setenv("SOS_DATA_DIR", str(root))
        path = bars_file(Path(folder) / "RELIANCE.csv", 0, 100)
        monkeypatch.chdir("/")
        monkeypatch.setenv("XDG_CONFIG_HOME", folder)
        sos("data", "import", str(path))
        with read_only(root):
            refused = sos("data", "import", str(path))
            assert sos("data", "list").code == 0
    assert refused.code == 3
    assert refused.err.count("\n") == 1
    assert "SOS_DATA_DIR" in refused.err


FULL = """
import resource, sys
from sos.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_one_line_and_exit_3(tmp_path: Path) -> None:
    path = bars_file(tmp_path / "RELIANCE.csv")
    environment = {
        **os.environ,
        "SOS_DATA_DIR": str(tmp_path / "store"),
        "PYTHONPATH": str(ROOT / "src"),
    }
    done = subprocess.run(
        [sys.executable, "-c", FULL, "8000", "data", "import", str(path)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert "space" in done.stderr


def test_help_of_the_group_stays_light() -> None:
    code = (
        "import sys; from sos.cli import main; main(['data', '--help']);"
        "sys.exit([m for m in ('numpy', 'pyarrow', 'sqlite3', 'orjson') if m in sys.modules] or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT / "src"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "instruments" in done.stdout
