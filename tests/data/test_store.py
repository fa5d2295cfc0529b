"""The store: what is merged, in whatever pieces and order, is there once; files are the truth."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.bars import BarRun
from sos.clock import ManualClock, ist_ns
from sos.data.store import MergeReport, Store
from sos.data.store.kinds import BARS, KINDS, TICKS, Frame, tidy
from sos.data.store.layout import decode_key, default_root, encode_key, parse_place
from sos.data.store.merge import merge
from sos.errors import ConfigError, DataError
from sos.types import NS_PER_DAY, NS_PER_MINUTE
from tests.data.files import week

NIFTY = "NSE_INDEX|Nifty 50"
NOON = ist_ns(date(2024, 1, 31), 12 * 60)


def store_at(root: Path) -> Store:
    return Store(root, ManualClock(NOON))


def contents(root: Path) -> dict[str, bytes]:
    """Every data file with its bytes."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.parquet")}


def bars(*minutes: int, price: float = 100.0) -> dict[str, npt.NDArray[Any]]:
    """Flat bars at minutes after noon of 31 January (the evening of the 31st is another month)."""
    ts = NOON + np.array(minutes, np.int64) * NS_PER_MINUTE
    prices = {name: np.full(len(ts), price) for name in ("open", "high", "low", "close")}
    return {"ts": ts, **prices, "volume": np.arange(len(ts)) * 50.0}


def test_bars_come_back_as_they_were_written(tmp_path: Path) -> None:
    run = week().run
    store = store_at(tmp_path)
    assert store.write_bars(run.keys[0], 1, run, "a.csv") == MergeReport(added=len(run))
    back = store.read_bars(run.keys[0], 1)
    assert back is not None
    assert back.keys == run.keys
    for name in BARS.columns:
        np.testing.assert_array_equal(getattr(back, name), getattr(run, name))


def test_only_the_range_is_read_and_only_its_months_are_opened(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.write_bars(NIFTY, 1, bars(0, 1, 2, 24 * 60, 24 * 60 + 1), "a")
    (tmp_path / "bars" / encode_key(NIFTY) / "1m" / "2024-01.parquet").write_bytes(b"damaged")
    back = store.read_bars(NIFTY, 1, NOON + NS_PER_DAY)
    assert back is not None
    assert len(back) == 2
    with pytest.raises(DataError, match="damaged"):
        store.read_bars(NIFTY, 1)


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    store = store_at(tmp_path / "absent")
    assert store.read_bars(NIFTY, 1) is None
    assert store.list() == []
    assert store.check() == []
    assert not (tmp_path / "absent").exists(), "a reader makes nothing"
    store.write_bars(NIFTY, 1, bars(0), "a")
    assert store.read_bars(NIFTY, 5) is None
    assert store.read_bars(NIFTY, 1, NOON + NS_PER_MINUTE) is None


def test_the_same_again_rewrites_nothing(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.write_bars(NIFTY, 1, bars(0, 1, 2), "a")
    assert store.write_bars(NIFTY, 1, bars(1, 2), "b") == MergeReport(changed=2)  # the volume differs
    assert store.write_bars(NIFTY, 1, bars(0, 1, 2), "a") == MergeReport(same=1, changed=2)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.parquet")}
    again = store.write_bars(NIFTY, 1, bars(0, 1, 2), "a")
    assert again == MergeReport(same=3)
    assert not again.rewrites
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*.parquet")} == before
    assert store.list()[0].sources == ("a", "b")


@pytest.mark.parametrize(("prefer", "price"), [("new", 200.0), ("old", 100.0)])
def test_who_wins_is_declared(tmp_path: Path, prefer: str, price: float) -> None:
    store = store_at(tmp_path)
    store.write_bars(NIFTY, 1, bars(0, 1), "a")
    report = store.write_bars(NIFTY, 1, bars(0, 5, price=200.0), "b", prefer=prefer)  # type: ignore[arg-type]
    assert report == (MergeReport(added=1, changed=1) if prefer == "new" else MergeReport(added=1, kept=1))
    back = store.read_bars(NIFTY, 1)
    assert back is not None
    assert back.close.tolist() == [price, 100.0, 200.0]


@st.composite
def cuts(draw: st.DrawFn, length: int = 240) -> list[tuple[int, int]]:
    """Pieces (first, after the last) that cover everything, overlap at will, and come in any order."""
    points = sorted(draw(st.sets(st.integers(1, length - 1), max_size=5)))
    edges = [0, *points, length]
    pieces = [
        (max(0, lo - draw(st.integers(0, 30))), min(length, hi + draw(st.integers(0, 30))))
        for lo, hi in pairwise(edges)
    ]
    return draw(st.permutations(pieces + draw(st.lists(st.sampled_from(pieces), max_size=2))))


MONTHS = 240  # bars around a month's end


def _run() -> BarRun:
    ts = NOON + NS_PER_DAY // 2 + (np.arange(MONTHS) - MONTHS // 2) * NS_PER_MINUTE
    price = 100.0 + np.arange(MONTHS) % 7
    volume = np.where(np.arange(MONTHS) % 5 == 0, np.nan, 50.0)
    none = np.full(MONTHS, np.nan)
    key = (NIFTY,)
    return BarRun(
        key, np.zeros(MONTHS, np.int16), ts, ts + NS_PER_MINUTE, price, price, price, price, volume, none  # type: ignore[arg-type]
    )  # fmt: skip


@given(cuts())
@settings(max_examples=25, deadline=None)
def test_any_pieces_in_any_order_give_the_same_bytes_and_a_true_catalogue(
    pieces: Sequence[tuple[int, int]],
) -> None:
    run = _run()
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = store_at(Path(folder) / "whole"), store_at(Path(folder) / "cut")
        whole.write_bars(NIFTY, 1, run, "file")
        for lo, hi in pieces:
            cut.write_bars(NIFTY, 1, run[lo:hi], "file")
        assert contents(cut.root) == contents(whole.root)
        assert cut.facts() == whole.facts()
        assert cut.list() == whole.list()
        assert cut.check() == []


ROWS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=14)


def _frame(kind: str, rows: list[tuple[int, int]]) -> Frame:
    if kind == "ticks":
        ordered = sorted(rows, key=lambda row: row[0])
        return tidy(TICKS, {"ts": [t for t, _ in ordered], "price": [float(p) for _, p in ordered]})
    unique = dict(rows)
    price = [float(unique[t]) if unique[t] else 0.5 for t in sorted(unique)]
    columns = dict.fromkeys(("open", "high", "low", "close"), price)
    return tidy(BARS, {"ts": sorted(unique), "end": [t + 1 for t in sorted(unique)], **columns})


def _model(rows: Frame) -> dict[int, list[tuple[float, ...]]]:
    found: dict[int, list[tuple[float, ...]]] = {}
    names = [name for name in rows if name not in ("ts",)]
    for i, ts in enumerate(rows["ts"].tolist()):
        found.setdefault(ts, []).append(tuple(np.nan_to_num(rows[name][i], nan=-1.0) for name in names))
    return found


@given(st.sampled_from(["bars", "ticks"]), ROWS, ROWS, st.sampled_from(["new", "old"]))
@settings(max_examples=200, deadline=None)
def test_merging_is_a_union_by_instant_where_the_preferred_side_wins(
    kind: str, old: list[tuple[int, int]], new: list[tuple[int, int]], prefer: str
) -> None:
    a, b = _frame(kind, old), _frame(kind, new)
    merged, report = merge(KINDS[kind], a, b, prefer)  # type: ignore[arg-type]
    theirs, ours = _model(a), _model(b)
    expected = theirs | ours if prefer == "new" else ours | theirs
    assert _model(merged) == expected
    assert merged["ts"].tolist() == sorted(merged["ts"].tolist())
    both = theirs.keys() & ours.keys()
    differ = sum(len(ours[t]) for t in both if ours[t] != theirs[t])
    assert (report.changed, report.kept) == ((differ, 0) if prefer == "new" else (0, differ))
    assert report.added == sum(len(ours[t]) for t in ours.keys() - theirs.keys())
    assert report.added + report.changed + report.same + report.kept == len(b["ts"])


def test_ticks_of_one_instant_keep_their_order(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    ts = [NOON, NOON, NOON, NOON + 1]
    store.write_ticks(NIFTY, {"ts": ts, "price": [3.0, 1.0, 1.0, 2.0], "qty": [1, 2, 2, 3]}, "a")
    back = store.read_ticks(NIFTY)
    assert back is not None
    assert back["price"].tolist() == [3.0, 1.0, 1.0, 2.0]
    assert np.isnan(back["oi"]).all()


def test_a_chain_is_read_by_the_time_at_which_it_was_known(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    late: dict[str, Any] = {
        "ts": [NOON, NOON],
        "known_ts": [NOON + 9, NOON + 9],
        "strike": [100.0, 200.0],
        "ce_oi": [1, 2],
    }
    early: dict[str, Any] = {"ts": [NOON + 5], "strike": [100.0], "ce_oi": [3.0]}
    store.write_snapshots("chain", NIFTY, date(2024, 2, 1), late, "a")
    store.write_snapshots("chain", NIFTY, "2024-02-08", early, "b")
    known = store.read_snapshots("chain", NIFTY, end_ns=NOON + 9)
    assert known is not None
    assert known["ce_oi"].tolist() == [3.0]
    both = store.read_snapshots("chain", NIFTY)
    assert both is not None
    assert both["known_ts"].tolist() == [NOON + 5, NOON + 9, NOON + 9]
    assert both["expiry"].astype(str).tolist() == ["2024-02-08", "2024-02-01", "2024-02-01"]
    assert np.isnan(both["pe_ltp"]).all()
    assert store.expiries(NIFTY) == [date(2024, 2, 1), date(2024, 2, 8)]
    store.write_snapshots("pcr", NIFTY, None, {"ts": [NOON], "pcr": [0.8]}, "c")
    series = store.read_snapshots("pcr", NIFTY)
    assert series is not None
    assert series["pcr"].tolist() == [0.8]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"ts": [2, 1]}, "row 2 does not come after"),
        ({"ts": [1, 1]}, "row 2 does not come after"),
        ({"ts": [1], "colour": [1]}, "colour are not known"),
        ({"ts": [1], "volume": [1, 2]}, "volume has"),
        ({"ts": [1]}, "open is missing in row 1"),
        ({"close": [1]}, "missing"),
    ],
)
def test_what_is_no_series_is_refused(tmp_path: Path, columns: dict[str, list[int]], said: str) -> None:
    store = store_at(tmp_path / "s")
    with pytest.raises(DataError, match=said):
        store.write_bars(NIFTY, 1, columns, "a")
    assert not (tmp_path / "s").exists()


def test_a_lost_or_foreign_catalogue_is_made_again_from_the_files(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.write_bars(NIFTY, 1, bars(0, 24 * 60), "a")
    facts = store.facts()
    for spoil in ("lost", "foreign", "damaged"):
        for path in tmp_path.glob("catalogue.sqlite*"):
            path.unlink()
        if spoil == "foreign":
            with sqlite3.connect(tmp_path / "catalogue.sqlite") as db:
                db.execute("CREATE TABLE other (x)")
            db.close()
        if spoil == "damaged":
            (tmp_path / "catalogue.sqlite").write_bytes(b"not a database" * 999)
        fresh = store_at(tmp_path)
        fresh.write_bars(NIFTY, 1, bars(0), "a")
        assert fresh.facts() == facts, spoil
        assert fresh.check() == [], spoil


def test_check_names_what_is_wrong_and_a_rebuild_believes_the_files(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.write_bars(NIFTY, 1, bars(0, 24 * 60), "a")
    store.write_bars(NIFTY, 5, bars(0), "a")
    folder = tmp_path / "bars" / encode_key(NIFTY)
    shutil.copy(folder / "1m" / "2024-01.parquet", folder / "1m" / "2023-12.parquet")
    shutil.copy(folder / "5m" / "2024-01.parquet", folder / "1m" / "2024-01.parquet")
    damaged = bytearray((folder / "1m" / "2024-02.parquet").read_bytes())
    damaged[30] ^= 255
    (folder / "1m" / "2024-02.parquet").write_bytes(damaged)
    (folder / "5m" / "2024-01.parquet").unlink()
    (folder / "1m" / ".2024-01.parquet.77.tmp").write_bytes(b"torn")
    found = {(Path(f.path).name, f.text.split(":")[0].split(" (")[0].split(", ")[0]) for f in store.check()}
    assert ("2023-12.parquet", "holds rows of another month than its name") in found
    assert ("2023-12.parquet", "is not in the catalogue") in found
    assert ("2024-02.parquet", "damaged") in found
    assert ("2024-01.parquet", "in the catalogue") in found
    assert (".2024-01.parquet.77.tmp", "left over from a writer that was killed") in found
    with pytest.raises(DataError, match="not what was written"):
        store.write_bars(NIFTY, 1, bars(24 * 60, 24 * 60 + 1), "b")
    (folder / "1m" / "2024-02.parquet").unlink()
    (folder / "1m" / "2023-12.parquet").unlink()
    (folder / "1m" / ".2024-01.parquet.77.tmp").unlink()
    assert store.rebuild() == 1
    assert store.check() == []


def test_a_series_can_be_removed(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.write_bars(NIFTY, 1, bars(0, 24 * 60), "a")
    store.write_bars(NIFTY, 5, bars(0), "a")
    assert store.remove_series("bars", NIFTY, "1m") == 2
    assert [entry.part for entry in store.list()] == ["5m"]
    assert store.check() == []
    with pytest.raises(DataError, match="nothing the store keeps"):
        store.remove_series("candles", NIFTY)


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    first, second = store_at(tmp_path), store_at(tmp_path)
    with first.writing():
        first.write_bars(NIFTY, 1, bars(0), "a")
        with pytest.raises(DataError, match=f"written by process {os.getpid()} on .* since 2024-01-31T12:00"):
            second.write_bars(NIFTY, 1, bars(1), "b")
        assert len(second.list()) == 1, "readers do not wait"
    second.write_bars(NIFTY, 1, bars(1), "b")
    assert second.list()[0].rows == 2


def test_what_a_dead_writer_left_is_swept_by_the_next_one(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.write_bars(NIFTY, 1, bars(0), "a")
    folder = tmp_path / "bars" / encode_key(NIFTY) / "1m"
    (folder / ".2024-01.parquet.99999.tmp").write_bytes(b"PAR1 torn")
    (tmp_path / "writer.lock").write_text("process 99999 on elsewhere since yesterday\n")
    back = store.read_bars(NIFTY, 1)
    assert back is not None
    assert len(back) == 1
    assert store.check() == []
    assert list(folder.iterdir()) == [folder / "2024-01.parquet"]


FULL = """
import resource, sys
from pathlib import Path
from sos.clock import ManualClock
from sos.data.store import Store
from sos.errors import DataError
from tests.data.files import week
run = week().run
store = Store(Path(sys.argv[1]), ManualClock(0))
store.write_bars(run.keys[0], 1, run[:50], "a")
before = {p: p.read_bytes() for p in store.root.rglob("*.parquet")}
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    store.write_bars(run.keys[0], 1, run, "b")
except DataError as exc:
    assert {p: p.read_bytes() for p in store.root.rglob("*.parquet")} == before, "something was lost"
    assert not list(store.root.rglob("*.tmp")), "a torn file was left"
    print(exc)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("limit", [0, 3000, 20_000])
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, limit: int) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "s"), str(limit)],
        capture_output=True, text=True, check=False, cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "space" in done.stdout
    assert done.stdout.count("\n") == 1
    store = store_at(tmp_path / "s")
    run = week().run
    store.write_bars(run.keys[0], 1, run, "b")
    assert store.check() == []
    assert store.list()[0].rows == len(run)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("at", range(8))
def test_whichever_write_fails_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, at: int
) -> None:
    run, whole = _run(), store_at(tmp_path / "whole")
    whole.write_bars(NIFTY, 1, run, "a")
    store, calls, real = store_at(tmp_path / "s"), [0], getattr(os, call)
    store.write_bars(NIFTY, 1, run[:30], "a")

    def full(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == at + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with contextlib.suppress(DataError):
            store.write_bars(NIFTY, 1, run, "a")
    assert store.check() == []
    known = store.read_bars(NIFTY, 1)
    assert known is not None
    np.testing.assert_array_equal(known.ts[:30], run.ts[:30])
    store.write_bars(NIFTY, 1, run, "a")
    assert contents(store.root) == contents(whole.root)
    assert store.facts() == whole.facts()


@contextlib.contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Nobody may write below ``root``, not even root: as someone else if need be."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(65534)
    try:
        yield
    finally:
        if privileged:
            os.seteuid(0)
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_folder_that_cannot_be_written_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store_at(root).write_bars(NIFTY, 1, bars(0), "a")
        with read_only(root):
            with pytest.raises(DataError, match="SOS_DATA_DIR"):
                store_at(root).write_bars(NIFTY, 1, bars(0, 1), "b")
            fresh = store_at(root)
            assert fresh.list()[0].rows == 1
            assert fresh.list()[0].sources == ("a",)
            assert fresh.check() == []


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_keys_are_read_back_from_the_names_of_folders(rest: str) -> None:
    key = f"NSE_FO|{rest}"
    if not rest.strip():
        with pytest.raises(DataError):
            encode_key(key)
        return
    name = encode_key(key)
    assert decode_key(name) == key
    assert not set(name) & set('<>:"/\\|?* ')
    place = parse_place(f"bars/{name}/1m/2024-01.parquet")
    assert place is not None
    assert place.key == key
    assert place.path == f"bars/{name}/1m/2024-01.parquet"


@pytest.mark.parametrize(
    ("env", "platform", "root"),
    [
        ({"SOS_DATA_DIR": "/d", "HOME": "/h"}, "linux", "/d"),
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "linux", "/x/sos"),
        ({"HOME": "/h"}, "linux", "/h/.local/share/sos"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Application Support/sos"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/sos"),
    ],
)
def test_the_data_directory_follows_the_platform(env: dict[str, str], platform: str, root: str) -> None:
    assert default_root(env, platform) == Path(root)


def test_without_a_home_the_data_directory_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="SOS_DATA_DIR"):
        default_root({}, "linux")
