"""Files of others into the store: what is in them is seen, what is dishonest is refused, nothing is lost."""

from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sos.clock import ManualClock, ist_datetime, ist_ns
from sos.data.audit import check_store
from sos.data.imports import FileOutcome, ImportOptions, read_file, run_import
from sos.data.instruments.names import ContractName, parse_contract
from sos.data.sample import sample
from sos.data.store import Store
from sos.data.store.kinds import BARS, CHAIN, TICKS
from sos.errors import DataError, SosError
from sos.types import NS_PER_MINUTE
from tests.data.files import PRICES, rows, week, write_csv, write_parquet
from tests.data.test_store import contents, store_at

ROOT = Path(__file__).parents[2]
ODD = ("", "x", "-1", "0", "nan", "1e300", "2026-02-30", "27-01-2026", "10:00", "ts", "é", '"', "inf", "[]")
CHAIN_FIELDS = ("ts", "expiry", "strike", "spot", "ce_ltp", "ce_oi", "pe_ltp", "pe_oi", "ce_bid", "ce_ask")


def run_all(root: Path, *paths: Path, **options: object) -> list[FileOutcome]:
    return list(run_import(paths, store_at(root), ImportOptions(**options)))  # type: ignore[arg-type]


def option_file(path: Path, first: date = date(2024, 1, 8), days: int = 2, lot: int = 50) -> Path:
    """Bars of an option: half an hour on each of some days, volume in units of ``lot``."""
    stamps = [
        ist_ns(first + timedelta(days=day), 9 * 60 + 15 + minute)
        for day in range(days)
        for minute in range(30)
    ]
    lines = [
        [ist_datetime(ns).isoformat(), "100", "102", "99", "101", str(lot * (i % 7 + 1)), str(lot * 1000)]
        for i, ns in enumerate(stamps)
    ]
    return write_csv(path, lines, "ts,open,high,low,close,volume,oi")


def test_bars_are_imported_by_the_name_of_the_file(tmp_path: Path) -> None:
    lines = rows(week().run, lambda moment: moment.isoformat())
    (outcome,) = run_all(tmp_path / "s", write_csv(tmp_path / "RELIANCE_1m.csv", lines))
    assert outcome.error is None
    assert outcome.series == (("bars", week().instrument.key, "1m"),)
    back = store_at(tmp_path / "s").read_bars(week().instrument.key, 1)
    assert back is not None
    for name in ("ts", *PRICES, "volume"):
        np.testing.assert_array_equal(getattr(back, name), getattr(week().run, name))


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        ("NIFTY22112418000PE", ContractName("NIFTY", date(2022, 11, 24), 18000.0, "PE")),
        ("nifty 18000 pe 24 nov 22", ContractName("NIFTY", date(2022, 11, 24), 18000.0, "PE")),
        ("NSE_FO|NIFTY 18000 PE 24 NOV 22", ContractName("NIFTY", date(2022, 11, 24), 18000.0, "PE")),
        ("NIFTY22NOV18000CE", ContractName("NIFTY", date(2022, 11, 24), 18000.0, "CE")),
        ("BANKNIFTY2411047200CE", ContractName("BANKNIFTY", date(2024, 1, 10), 47200.0, "CE")),
        ("NIFTY22N1718000CE", ContractName("NIFTY", date(2022, 11, 17), 18000.0, "CE")),
        ("NIFTY221229FUT", ContractName("NIFTY", date(2022, 12, 29))),
        ("RELIANCE 1400 CE 27 JAN 26", ContractName("RELIANCE", date(2026, 1, 27), 1400.0, "CE")),
        ("IDEA 7.5 CE 27 JAN 26", ContractName("IDEA", date(2026, 1, 27), 7.5, "CE")),
        ("NIFTY", None),
        ("nifty_1m", None),
        ("NIFTY22133218000PE", None),
    ],
)
def test_contracts_are_read_from_the_names_in_use(text: str, contract: ContractName | None) -> None:
    found = parse_contract(text)
    assert found == contract
    if found is not None:
        assert parse_contract(found.key) == found


def test_a_contract_is_kept_under_a_name_that_outlives_its_token(tmp_path: Path) -> None:
    (outcome,) = run_all(tmp_path / "s", option_file(tmp_path / "NIFTY24011121500CE.csv"))
    assert outcome.error is None
    assert outcome.series == (("bars", "NSE_FO|NIFTY 21500 CE 11 JAN 24", "1m"),)


def test_a_table_of_contracts_beside_the_files_names_them(tmp_path: Path) -> None:
    option_file(tmp_path / "a1.csv")
    (tmp_path / "contracts.csv").write_text(
        "file,underlying,expiry,strike,right\na1,NIFTY,2024-01-11,21500,call\n"
    )
    (outcome,) = run_all(tmp_path / "s", tmp_path / "a1.csv")
    assert outcome.series == (("bars", "NSE_FO|NIFTY 21500 CE 11 JAN 24", "1m"),)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("NIFTY24011021500CE.csv", {}, "no NIFTY contract expired on 2024-01-10, the nearest is 2024-01-11"),
        ("NIFTY24010421500CE.csv", {}, "has bars of 2024-01-09, but NIFTY 21500 CE 04 JAN 24 expired on"),
        ("mystery.csv", {}, "does not say whose data it holds: add --symbol"),
        ("NIFTY24011121500CE.csv", {"lot": 1}, "say --lots 50"),
    ],
)
def test_contracts_that_cannot_be_are_refused(
    tmp_path: Path, name: str, options: dict[str, int], said: str
) -> None:
    (outcome,) = run_all(tmp_path / "s", option_file(tmp_path / name, **options))  # type: ignore[arg-type]
    assert outcome.error is not None
    assert said in str(outcome.error)
    assert contents(tmp_path / "s") == {}


def test_lots_become_units_when_it_is_said(tmp_path: Path) -> None:
    path = option_file(tmp_path / "NIFTY24011121500CE.csv", lot=1)
    (outcome,) = run_all(tmp_path / "s", path, lots=50)
    assert outcome.error is None
    back = store_at(tmp_path / "s").read_bars("NSE_FO|NIFTY 21500 CE 11 JAN 24", 1)
    assert back is not None
    assert back.volume[:3].tolist() == [50.0, 100.0, 150.0]
    assert back.oi[0] == 50_000.0


def test_ticks_of_many_contracts_in_one_file_are_told_apart(tmp_path: Path) -> None:
    ts = [ist_ns(date(2024, 1, 8), 600) + second * 10**9 for second in (0, 0, 1, 1, 2)]
    table = {
        "ts": pa.array([t // 1000 for t in ts], pa.timestamp("us", tz="Asia/Kolkata")),
        "expiry": pa.array([date(2024, 1, 11)] * 5),
        "strike": pa.array([21500, 21600, 21500, 21500, 21600]),
        "right": ["CE", "PE", "CE", "CE", "PE"],
        "price": [100.0, 50.0, 101.0, 102.0, 51.0],
        "qty": [50, 50, 100, 50, 50],
        "oi": [1000, 2000, 1000, 1050, 2000],
    }
    pieces = read_file(write_parquet(tmp_path / "NIFTY_options.parquet", table), ImportOptions())
    assert [(piece.kind, piece.key) for piece in pieces] == [
        (TICKS, "NSE_FO|NIFTY 21500 CE 11 JAN 24"),
        (TICKS, "NSE_FO|NIFTY 21600 PE 11 JAN 24"),
    ]
    assert pieces[0].frame["price"].tolist() == [100.0, 101.0, 102.0]
    assert pieces[1].frame["ts"].tolist() == [ts[1], ts[4]]


def chain_file(path: Path, **changes: object) -> Path:
    """Two snapshots of two strikes and two expiries, as CSV."""
    lines = []
    for minute in (600, 601):
        for expiry in ("2026-01-27", "2026-02-03"):
            for strike in (25000, 25100):
                base = {
                    "ts": ist_datetime(ist_ns(date(2026, 1, 22), minute)).isoformat(),
                    "expiry": expiry, "strike": strike, "spot": 25050.5, "ce_ltp": 120.5, "ce_oi": 6500,
                    "pe_ltp": 0, "pe_oi": 650, "ce_bid": 120, "ce_ask": 121,
                }  # fmt: skip
                lines.append([str({**base, **changes}[name]) for name in CHAIN_FIELDS])
    return write_csv(path, lines, ",".join(CHAIN_FIELDS))


def test_a_chain_becomes_a_series_per_expiry_and_a_price_of_zero_is_none(tmp_path: Path) -> None:
    pieces = read_file(chain_file(tmp_path / "nifty_chain.csv"), ImportOptions())
    assert [(piece.kind, piece.key, piece.part) for piece in pieces] == [
        (CHAIN, "NSE_INDEX|Nifty 50", "2026-01-27"),
        (CHAIN, "NSE_INDEX|Nifty 50", "2026-02-03"),
    ]
    frame = pieces[0].frame
    assert frame["strike"].tolist() == [25000.0, 25100.0] * 2
    assert frame["ce_ltp"].tolist() == [120.5] * 4
    assert np.isnan(frame["pe_ltp"]).all(), "no trade is no price"
    assert frame["pe_oi"].tolist() == [650.0] * 4, "no open interest would be a zero"


def test_a_strike_that_stands_twice_with_other_values_is_refused(tmp_path: Path) -> None:
    path = chain_file(tmp_path / "nifty_chain.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[-1]]) + "\n")
    assert len(read_file(path, ImportOptions())) == 2, "twice the same is once"
    path.write_text("\n".join([*lines, lines[-1].replace("6500", "7150")]) + "\n")
    with pytest.raises(DataError, match=r"strike 25100 stands twice .* ce_oi differs"):
        read_file(path, ImportOptions())


@given(
    st.sampled_from(["nifty_chain.csv", "NIFTY_options.csv", "NIFTY_pcr.csv"]),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 9), st.sampled_from(ODD)), min_size=1, max_size=4),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_file_it_is_read_or_refused_in_one_line(
    tmp_path: Path, name: str, odd: list[tuple[int, int, str]]
) -> None:
    ts = "2026-01-22T10:00:00+05:30"
    plain = {
        "nifty_chain.csv": [list(CHAIN_FIELDS), [ts, "2026-01-27", *["25000"] * (len(CHAIN_FIELDS) - 2)]],
        "NIFTY_options.csv": [
            ["ts", "expiry", "strike", "right", "price", "qty", "oi"],
            [ts, "2026-01-27", "25000", "CE", "1.5", "65", "65"],
        ],
        "NIFTY_pcr.csv": [["ts", "pcr", "spot"], [ts, "0.8", "25000"]],
    }[name]
    table = [plain[0], *([*plain[1]] for _ in range(8))]
    for row, column, text in odd:
        table[row][column % len(table[0])] = text
    path = tmp_path / name
    path.write_text("\n".join(",".join(row) for row in table) + "\n", encoding="utf-8")
    said = ""
    try:
        read_file(path, ImportOptions())
    except SosError as exc:
        said = str(exc)
    assert "\n" not in said


def test_an_sqlite_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as db:
        db.execute("CREATE TABLE candles (x)")
    db.close()
    (outcome,) = run_all(tmp_path / "s", tmp_path / "old.db", symbol="NIFTY")
    assert "is an SQLite database" in str(outcome.error)
    assert "export" in str(outcome.error)


def test_a_bad_file_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    good = option_file(tmp_path / "NIFTY24011121500CE.csv")
    bad = tmp_path / "NIFTY24011121600CE.csv"
    bad.write_bytes(gzip.compress(b"ts,open")[:-3])
    outcomes = run_all(tmp_path / "s", bad, tmp_path / "absent.csv", good)
    assert [outcome.error is None for outcome in outcomes] == [False, False, True]
    assert "absent.csv: No such file" in str(outcomes[1].error)


def test_real_bars_take_the_place_of_the_synthetic_sample(tmp_path: Path) -> None:
    store = store_at(tmp_path / "s")
    other = sample("RELIANCE", seed=9, sessions=9)[0]
    store.write_bars(other.instrument.key, 1, other.run, "synthetic sample, seed 9")
    assert store.list()[0].synthetic
    path = write_csv(tmp_path / "RELIANCE.csv", rows(week().run, lambda moment: moment.isoformat()))
    (outcome,) = list(run_import([path], store, ImportOptions()))
    assert "replaces the synthetic sample" in outcome.notes[-1]
    assert not store.list()[0].synthetic
    assert store.list()[0].rows == len(week().run)


def test_the_order_of_the_files_decides_and_not_the_speed_of_workers(tmp_path: Path) -> None:
    run = week().run
    paths = []
    for i in range(6):
        lines = [[*row[:5], str(int(row[5]) + i)] for row in rows(run, lambda moment: moment.isoformat())]
        paths.append(write_csv(tmp_path / f"RELIANCE_{i:02d}m.csv", lines if i % 2 else lines[:100]))
    run_all(tmp_path / "a", *paths)
    back = store_at(tmp_path / "a").read_bars(run.keys[0], 1)
    assert back is not None
    np.testing.assert_array_equal(back.volume, run.volume + 5)


# ---- kill -9


KILLED = """
import sys
from pathlib import Path
from sos.clock import ManualClock
from sos.data.imports import ImportOptions, run_import
from sos.data.store import Store
paths = sorted(Path(sys.argv[1]).glob("*.csv"))
print("ready", flush=True)
for outcome in run_import(paths, Store(Path(sys.argv[2]), ManualClock(0)), ImportOptions()):
    assert outcome.error is None, outcome.error
    print(outcome.path.name, flush=True)
"""


def make_files(folder: Path, contracts: int = 4) -> list[Path]:
    """Options over two months, so that one file is several of the store."""
    folder.mkdir()
    return [
        option_file(folder / f"NIFTY240229{21000 + 100 * i}CE.csv", first=date(2024, 1, 29), days=5)
        for i in range(contracts)
    ]


def kill_import(folder: Path, root: Path, pause: float) -> bool:
    """Start an import and kill it ``pause`` seconds after it is ready; True if it was still at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(pause)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode != 0


def import_all(folder: Path, store: Store) -> None:
    outcomes = list(run_import(sorted(folder.glob("*.csv")), store, ImportOptions()))
    assert all(outcome.error is None for outcome in outcomes)


def prove_after_kill(folder: Path, root: Path, whole: Store) -> None:
    """The catalogue is true at once; the same import again gives the very bytes of one never killed."""
    store = Store(root, ManualClock(0))
    assert store.check() == []
    assert {fact.place.path for fact in store.facts()} == set(contents(root))
    import_all(folder, store)
    assert contents(root) == contents(whole.root)
    assert store.facts() == whole.facts()
    assert store.list() == whole.list()
    assert not store.leftovers()


def whole_store(folder: Path, root: Path) -> Store:
    store = Store(root, ManualClock(0))
    import_all(folder, store)
    return store


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_import_that_is_killed_leaves_a_true_store_and_can_be_finished(tmp_path: Path) -> None:
    make_files(tmp_path / "files")
    whole = whole_store(tmp_path / "files", tmp_path / "whole")
    points = 50 if os.environ.get("SOS_FULL") else 6
    hits = 0
    for i in range(points):
        root = tmp_path / f"killed{i}"
        hits += kill_import(tmp_path / "files", root, 0.005 + 0.25 * i / points)
        prove_after_kill(tmp_path / "files", root, whole)
    assert hits, "no import was hit: the pauses are too long"


# ---- real files


def test_the_real_tick_day_is_imported_whole(shared_data: Path, tmp_path: Path) -> None:
    day = shared_data / "options" / "nifty_2022-11-18_1m"
    paths = [shared_data / "nifty_fut_1m.parquet", *sorted(day.glob("*.parquet"))]
    paths += sorted((shared_data / "ticks" / "fo_2022-11-18").glob("*.parquet"))
    store = store_at(tmp_path)
    outcomes = list(run_import(paths, store, ImportOptions()))
    assert [str(outcome.error) for outcome in outcomes if outcome.error is not None] == []
    entries = store.list()
    assert sum(entry.kind == "bars" for entry in entries) == 1 + 93
    assert sum(entry.rows for entry in entries if entry.kind == "bars" and "E " in entry.key) == 31_304
    ticks = {entry.key: entry.rows for entry in entries if entry.kind == "ticks"}
    assert ticks["NSE_FO|NIFTY.FUT"] == 16_685
    assert ticks["NSE_FO|NIFTY FUT 29 DEC 22"] == 7_443
    assert ticks["NSE_FO|NIFTY FUT 25 JAN 23"] == 1_743
    assert sum(rows for key, rows in ticks.items() if "E " in key) == 449_969
    before = contents(tmp_path)
    checked = list(check_store(store, []))
    assert len(checked) == len(entries)
    assert [(one.name, one.broken, one.findings) for one in checked if one.wrong] == []
    assert not any(outcome.report.rewrites for outcome in run_import(paths, store, ImportOptions()))
    assert contents(tmp_path) == before


def test_one_second_ticks_agree_with_the_minute_bars(shared_data: Path) -> None:
    """Closes agree within 0.02 points in the median day; highs and lows are inside the bars' but for 1 %."""
    (ticks,) = read_file(shared_data / "ticks" / "nifty_index_1s.parquet", ImportOptions())
    (bars,) = read_file(shared_data / "nifty_1m.parquet", ImportOptions())
    assert (ticks.kind, bars.kind) == (TICKS, BARS)
    minute = ticks.frame["ts"] // NS_PER_MINUTE * NS_PER_MINUTE
    last = np.flatnonzero(np.append(np.diff(minute) > 0, True))
    _, ours, theirs = np.intersect1d(minute[last], bars.frame["ts"], return_indices=True)
    assert len(ours) > 15_000
    close = ticks.frame["price"][last][ours]
    off = np.abs(close - bars.frame["close"][theirs])
    days = bars.frame["ts"][theirs] // (1440 * NS_PER_MINUTE)
    by_day = [float(off[days == day].mean()) for day in np.unique(days)]
    assert np.median(by_day) < 0.02
    assert np.quantile(off, 0.99) < 1.0
    first = np.concatenate([[0], last[:-1] + 1])
    high = np.maximum.reduceat(ticks.frame["price"], first)[ours]
    low = np.minimum.reduceat(ticks.frame["price"], first)[ours]
    assert np.mean(high - bars.frame["high"][theirs] > 1.0) < 0.01
    assert np.mean(bars.frame["low"][theirs] - low > 1.0) < 0.01


def test_the_real_chains_are_imported_in_units(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "chain" / "nifty_chain_2025-08.parquet"
    with pytest.raises(DataError, match="--lots 75"):
        read_file(path, ImportOptions())
    pieces = read_file(path, ImportOptions(lots=75))
    assert len(pieces) == 18 + 1, "and the one that expired between the two days"
    raw = pq.read_table(path, columns=["ce_oi", "ce_oi_chg", "ce_iv"])
    total = sum(float(np.nansum(piece.frame["ce_oi"])) for piece in pieces)
    assert total == pytest.approx(75 * float(np.asarray(raw["ce_oi"]).sum()))
    ivs = np.concatenate([piece.frame["ce_iv"] for piece in pieces])
    assert 0.05 < float(np.nanmedian(ivs)) < 0.4
    for name in ("nifty", "banknifty", "midcpnifty"):
        found = read_file(shared_data / "chain" / f"{name}_chain_2026-01.parquet", ImportOptions())
        assert len(found) == 2
    (pcr,) = read_file(shared_data / "chain" / "nifty_pcr_2026-01-12.parquet", ImportOptions())
    assert len(pcr.frame["pcr"]) == 125
