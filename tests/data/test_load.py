"""Files of bars: what is understood, what is said, what is refused."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sos.bars import BarRun
from sos.data import SeriesData, load_file, resolve
from sos.errors import ConfigError, DataError
from tests.data.files import PRICES, columns_of, rows, week, write_csv, write_parquet

SHARE = resolve("RELIANCE")
MINUTE = timedelta(minutes=1)
EASTERN = timezone(-timedelta(hours=5))  # New York in January


def same_bars(one: BarRun, two: BarRun) -> None:
    for name in ("ts", "end", *PRICES, "volume", "oi"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


Stamp = Callable[[datetime], str]
STYLES: dict[str, tuple[str, Stamp, dict[str, str]]] = {
    "ISO with zone": ("ts", lambda t: t.isoformat(), {}),
    "naive IST": ("datetime", lambda t: f"{t:%Y-%m-%d %H:%M:%S}", {}),
    "naive UTC": ("timestamp", lambda t: f"{t.astimezone(UTC):%Y-%m-%d %H:%M:%S}", {}),
    "UTC with Z": ("ts", lambda t: f"{t.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}", {}),
    "bar ends": ("ts", lambda t: f"{t + MINUTE:%Y-%m-%d %H:%M}", {}),
    "last seconds": ("ts", lambda t: f"{t:%Y-%m-%d %H:%M}:59", {}),
    "date and time": ("Date,Time", lambda t: f"{t:%d-%m-%Y},{t:%H:%M:%S}", {}),
    "date and time as numbers": ("date,time", lambda t: f"{t:%Y%m%d},{t:%H%M}", {}),
    "day first": ("ts", lambda t: f"{t:%d/%m/%Y %H:%M}", {}),
    "month name": ("ts", lambda t: f"{t:%d-%b-%Y %I:%M %p}", {}),
    "epoch s": ("epoch", lambda t: str(int(t.timestamp())), {}),
    "epoch s with a point": ("epoch", lambda t: f"{t.timestamp():.1f}", {}),
    "epoch ms": ("ts", lambda t: str(int(t.timestamp()) * 1000), {}),
    "epoch us": ("ts", lambda t: str(int(t.timestamp()) * 10**6), {}),
    "epoch ns": ("ts", lambda t: str(int(t.timestamp()) * 10**9), {}),
    "New York, named": (
        "ts",
        lambda t: f"{t.astimezone(EASTERN):%Y-%m-%d %H:%M:%S}",
        {"tz": "America/New_York"},
    ),
    "bar ends, named": ("ts", lambda t: f"{t + MINUTE:%Y-%m-%d %H:%M}", {"stamps": "end"}),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_way_to_write_the_time_gives_the_same_bars(tmp_path: Path, style: str) -> None:
    header, stamp, options = STYLES[style]
    path = write_csv(tmp_path / "bars.csv", rows(week().run, stamp), f"{header},open,high,low,close,volume")
    loaded = load_file(path, SHARE, tz=options.get("tz"), stamps=options.get("stamps"))
    same_bars(loaded.run, week().run)
    assert (loaded.minutes, loaded.dropped, loaded.synthetic) == (1, 0, False)


@pytest.mark.parametrize(
    ("style", "says"),
    [
        ("ISO with zone", "in the file"),
        ("naive IST", "Asia/Kolkata (detected"),
        ("naive UTC", "UTC (detected"),
        ("New York, named", "America/New_York (given)"),
        ("bar ends", "bar end (detected)"),
        ("bar ends, named", "bar end (given)"),
        ("last seconds", "last second"),
        ("epoch ms", "bar start (detected)"),
    ],
)
def test_the_head_says_how_the_time_was_read(tmp_path: Path, style: str, says: str) -> None:
    header, stamp, options = STYLES[style]
    path = write_csv(tmp_path / "bars.csv", rows(week().run, stamp), f"{header},open,high,low,close,volume")
    loaded = load_file(path, SHARE, tz=options.get("tz"), stamps=options.get("stamps"))
    assert any(says in note for note in loaded.notes), loaded.notes


def test_parquet_and_gzipped_csv_give_the_same_bars(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "bars.csv", rows(week().run, lambda t: t.isoformat()))
    zipped = tmp_path / "bars.csv.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    parquet = write_parquet(tmp_path / "bars.parquet", columns_of(week().run))
    for path in (plain, zipped, parquet):
        same_bars(load_file(path, SHARE).run, week().run)


def test_separators_quotes_byte_order_marks_and_windows_lines_are_fine(tmp_path: Path) -> None:
    lines = [";".join(f'"{cell}"' for cell in row) for row in rows(week().run, lambda t: t.isoformat())]
    path = tmp_path / "excel.csv"
    text = "\r\n".join(["\ufeff" + '"Date Time";"Open";"High";"Low";"Close";"Vol"', *lines])
    path.write_bytes(text.encode())
    same_bars(load_file(path, SHARE).run, week().run)


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_may_end_as_on_any_machine(tmp_path: Path, end: str) -> None:
    path = write_csv(tmp_path / "bars.csv", rows(week().run, lambda t: t.isoformat()))
    path.write_bytes(path.read_bytes().replace(b"\n", end.encode()))
    same_bars(load_file(path, SHARE).run, week().run)


def test_quoted_numbers_may_have_commas_in_the_indian_or_western_way(tmp_path: Path) -> None:
    def comma(text: str) -> str:
        whole, point, part = text.partition(".")
        return f'"{int(whole):,}{point}{part}"'

    lines = rows(week().run, lambda t: t.isoformat())
    quoted = [[stamp, *map(comma, numbers)] for stamp, *numbers in lines]
    quoted[0][5], lines[0][5] = '"1,23,456"', "123456"
    loaded = load_file(write_csv(tmp_path / "bars.csv", quoted), SHARE)
    same_bars(loaded.run, load_file(write_csv(tmp_path / "plain.csv", lines), SHARE).run)


@pytest.mark.parametrize(
    ("name", "symbol", "says"),
    [
        ("ICICIBANK_1m.csv", "RELIANCE", "says ICICIBANK, it is taken as RELIANCE"),
        ("reliance-2024.csv", "RELIANCE", None),
        ("banknifty_1m.csv", "NIFTY", "says BANKNIFTY, it is taken as NIFTY"),
        ("NIFTY_BANK.csv", "BANKNIFTY", None),
        ("BANKNIFTY24011047200CE.csv", "NIFTY", "says BANKNIFTY"),
        ("nifty_fut.csv", "NIFTY.FUT", None),
        ("data.csv", "NIFTY", None),
    ],
)
def test_a_file_that_is_called_after_another_symbol_is_said(
    tmp_path: Path, name: str, symbol: str, says: str | None
) -> None:
    path = write_csv(tmp_path / name, rows(week().run, lambda t: t.isoformat()))
    notes = [note for note in load_file(path, resolve(symbol)).notes if "name says" in note]
    assert (says is not None and says in notes[0]) if notes else says is None


@pytest.mark.parametrize("kind", ["text", "date32+time", "ms naive", "dictionary", "float32", "epoch"])
def test_parquet_columns_of_other_types_are_understood(tmp_path: Path, kind: str) -> None:
    run = week().run
    columns = columns_of(run)
    wall = run.ts + 19_800 * 10**9
    if kind == "text":
        columns["ts"] = pa.array(
            [f"{datetime.fromtimestamp(t / 1e9, UTC):%Y-%m-%d %H:%M}" for t in wall.tolist()]
        )
    elif kind == "dictionary":
        columns["ts"] = pa.array(
            [f"{datetime.fromtimestamp(t / 1e9, UTC):%Y-%m-%d %H:%M}" for t in wall.tolist()]
        ).dictionary_encode()
    elif kind == "date32+time":
        del columns["ts"]
        stamps = pa.array(wall // 1000, pa.timestamp("us"))
        columns = {"date": stamps.cast(pa.date32()), "time": stamps.cast(pa.time64("us")), **columns}
    elif kind == "ms naive":
        columns["ts"] = pa.array(wall // 10**6, pa.timestamp("ms"))
    elif kind == "epoch":
        columns["ts"] = run.ts // 10**9
    else:
        columns["volume"] = columns["volume"].astype(np.float32)
    loaded = load_file(write_parquet(tmp_path / "bars.parquet", columns), SHARE)
    same_bars(loaded.run, run)


def test_an_index_and_a_volume_of_zeros_have_no_volume(tmp_path: Path) -> None:
    columns = columns_of(week().run) | {"volume": np.zeros(len(week().run), np.int64)}
    path = write_parquet(tmp_path / "bars.parquet", columns | {"oi": columns["volume"]})
    for symbol, note in (("NIFTY", False), ("RELIANCE", True)):
        loaded = load_file(path, resolve(symbol))
        assert (loaded.has_volume, loaded.has_oi) == (False, False)
        assert bool(np.isnan(loaded.run.volume).all() and np.isnan(loaded.run.oi).all())
        assert any("volume" in text for text in loaded.notes) is note


def test_an_empty_volume_is_missing_in_its_row_alone(tmp_path: Path) -> None:
    lines = rows(week().run, lambda t: t.isoformat())
    lines[7][-1] = ""
    loaded = load_file(write_csv(tmp_path / "bars.csv", lines), SHARE)
    assert np.flatnonzero(np.isnan(loaded.run.volume)).tolist() == [7]


def test_bars_outside_the_session_are_dropped_and_counted(tmp_path: Path) -> None:
    lines = rows(week().run, lambda t: f"{t:%Y-%m-%d %H:%M}")
    early = [f"{lines[0][0][:10]} 09:08", *lines[0][1:]]
    loaded = load_file(write_csv(tmp_path / "bars.csv", [early, *lines]), SHARE)
    same_bars(loaded.run, week().run)
    assert loaded.dropped == 1
    assert any("1 bar outside" in note for note in loaded.notes)


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_longer_bars_are_recorded_and_end_with_their_session(tmp_path: Path, minutes: int) -> None:
    run = week().run
    wide = run[::1].take(np.flatnonzero(np.arange(len(run)) % 375 % minutes == 0))
    loaded = load_file(write_parquet(tmp_path / "bars.parquet", columns_of(wide)), SHARE)
    assert loaded.minutes == minutes
    closes = loaded.sessions.closes[loaded.sessions.index_block(loaded.run.ts)]
    assert (loaded.run.end <= closes).all()
    assert (loaded.run.end > loaded.run.ts).all()


# ---- bad input: one line with the file, the place and the mend; exit code 3


def broken(change: Callable[[list[list[str]]], object]) -> list[list[str]]:
    lines = [list(line) for line in rows(week().run, lambda t: f"{t:%Y-%m-%d %H:%M}")]
    change(lines)
    return lines


def set_cell(row: int, column: int, value: str) -> Callable[[list[list[str]]], object]:
    return lambda lines: lines[row].__setitem__(column, value)


def swap(lines: list[list[str]]) -> None:
    lines[10], lines[11] = lines[11], lines[10]


def high_below_low(lines: list[list[str]]) -> None:
    lines[20][2], lines[20][3] = "100.0", "101.0"


BAD_ROWS: dict[str, tuple[Callable[[list[list[str]]], object], list[str]]] = {
    "unsorted": (swap, ["line 13", "earlier than the row before", "sort the file"]),
    "backwards": (lambda lines: lines.reverse(), ["line 3", "newest row is first"]),
    "duplicate": (
        lambda lines: lines.insert(5, lines[4]),
        ["line 7", "same stamp as line 6", "one row per bar"],
    ),
    "zero price": (set_cell(3, 4, "0"), ["line 5", "09:18", "close 0 is not above zero"]),
    "negative price": (set_cell(3, 3, "-5"), ["line 5", "low -5"]),
    "missing price": (set_cell(3, 1, ""), ["line 5", "open nan is not a number"]),
    "NaN price": (set_cell(3, 1, "NaN"), ["line 5", "open nan is not a number"]),
    "infinite price": (set_cell(3, 2, "inf"), ["line 5", "high inf"]),
    "high below low": (high_below_low, ["line 22", "high 100 is below low 101"]),
    "open outside": (set_cell(3, 1, "1"), ["line 5", "open 1 is outside low"]),
    "close outside": (set_cell(3, 4, "99999"), ["line 5", "close 99999 is outside"]),
    "negative volume": (set_cell(3, 5, "-1"), ["line 5", "volume -1 is no quantity"]),
    "price past all sense": (set_cell(3, 2, "1e300"), ["line 5", "high 1e+300 is no price in rupees"]),
    "decimal comma": (set_cell(3, 1, '"12,5"'), ["line 5", "'open'", "'12,5' is not a number", "1234.5"]),
    "text in a price": (set_cell(3, 1, "12,5x".replace(",", ".")), ["line 5", "'open'", "12.5x"]),
    "short row": (lambda lines: lines[3].pop(), ["line 5", "Expected 6 columns"]),
    "no time": (set_cell(3, 0, ""), ["line 5", "time is empty"]),
    "not a time": (set_cell(3, 0, "soon"), ["line 5", "soon"]),
    "several": (
        lambda lines: [set_cell(9, 4, "0")(lines), set_cell(3, 1, "1")(lines)],
        ["line 5", "open 1", "and 1 more finding"],
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_named_with_its_fault_and_the_mend(tmp_path: Path, case: str) -> None:
    change, says = BAD_ROWS[case]
    path = write_csv(tmp_path / "bars.csv", broken(change))
    with pytest.raises(DataError) as caught:
        load_file(path, SHARE)
    text = str(caught.value)
    assert text.startswith("bars.csv: ")
    assert "\n" not in text
    assert caught.value.exit_code == 3
    for part in says:
        assert part in text, text


def test_empty_lines_do_not_move_the_line_that_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", broken(set_cell(3, 4, "0")))
    path.write_text(path.read_text().replace("\n", "\n\n", 2))
    with pytest.raises(DataError, match=r"line 7, .* close 0 is not above zero"):
        load_file(path, SHARE)


def test_a_bad_row_of_a_parquet_file_is_named_by_row(tmp_path: Path) -> None:
    columns = columns_of(week().run)
    columns["low"][41] = columns["high"][41] + 1.0
    with pytest.raises(DataError, match=r"bars.parquet: row 42, 20\d\d-.*\+05:30: high .* is below low"):
        load_file(write_parquet(tmp_path / "bars.parquet", columns), SHARE)


def shifted(hours: float) -> Stamp:
    return lambda t: f"{(t + timedelta(hours=hours)).replace(tzinfo=UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("stamp", "tz", "says"),
    [
        (shifted(-10.5), None, "outside Indian hours.*--tz America/New_York"),
        (shifted(2.5), None, "outside Indian hours.*--tz Asia/Singapore"),
        (shifted(0), "UTC", "read as UTC, most bars are outside Indian hours.*--tz Asia/Kolkata"),
        (shifted(-5.5), "Asia/Kolkata", "read as Asia/Kolkata.*--tz UTC"),
        (shifted(9), None, "--tz -09:30"),
        (
            lambda t: f"{t:%Y-%m-%d %H:%M}Z",
            None,
            "labelled UTC, most bars are outside Indian hours.*--tz Asia/Kolkata",
        ),
        (
            lambda t: str(int(t.timestamp()) + 19_800),
            None,
            "labelled UTC, most bars are outside Indian hours.*--tz Asia/Kolkata",
        ),
    ],
)
def test_a_wrong_zone_is_refused_with_the_right_one(
    tmp_path: Path, stamp: Stamp, tz: str | None, says: str
) -> None:
    path = write_csv(tmp_path / "bars.csv", rows(week().run, stamp))
    with pytest.raises(DataError, match=says):
        load_file(path, SHARE, tz=tz)


def test_a_wrong_label_may_be_overruled_and_a_right_one_wins(tmp_path: Path) -> None:
    mislabelled = write_csv(tmp_path / "a.csv", rows(week().run, lambda t: f"{t:%Y-%m-%d %H:%M}Z"))
    same_bars(load_file(mislabelled, SHARE, tz="IST").run, week().run)
    right = write_csv(tmp_path / "b.csv", rows(week().run, lambda t: t.isoformat()))
    same_bars(load_file(right, SHARE, tz="UTC").run, week().run)


def test_hours_that_fit_two_zones_are_asked_about(tmp_path: Path) -> None:
    lines = rows(week().run[10:40], lambda t: f"{t:%Y-%m-%d %H:%M}")  # 09:25 to 09:54, or 14:55 to 15:24
    path = write_csv(tmp_path / "bars.csv", lines)
    with pytest.raises(DataError, match="both as Asia/Kolkata and as UTC: say --tz"):
        load_file(path, SHARE)
    assert load_file(path, SHARE, tz="Asia/Kolkata").run.ts[0] == week().run.ts[10]


def no_file(path: Path) -> Path:
    return path / "nowhere.parquet"


def directory(path: Path) -> Path:
    return path


def empty(path: Path) -> Path:
    (path / "empty.csv").touch()
    return path / "empty.csv"


def header_only(path: Path) -> Path:
    return write_csv(path / "header.csv", [])


def no_rows(path: Path) -> Path:
    return write_parquet(path / "norows.parquet", columns_of(week().run[:0]))


def truncated(path: Path) -> Path:
    whole = write_parquet(path / "whole.parquet", columns_of(week().run)).read_bytes()
    (path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    return path / "cut.parquet"


def damaged(path: Path) -> Path:
    whole = bytearray(write_parquet(path / "whole.parquet", columns_of(week().run)).read_bytes())
    whole[200:400] = bytes(200)
    (path / "damaged.parquet").write_bytes(whole)
    return path / "damaged.parquet"


def only_the_name(path: Path) -> Path:
    (path / "text.parquet").write_text("ts,open\n")
    return path / "text.parquet"


def binary(path: Path) -> Path:
    (path / "picture.csv").write_bytes(b"\x89PNG\xff\xfe\x00" * 9)
    return path / "picture.csv"


def cut_gzip(path: Path) -> Path:
    data = gzip.compress(write_csv(path / "w.csv", rows(week().run, lambda t: t.isoformat())).read_bytes())
    (path / "cut.csv.gz").write_bytes(data[: len(data) // 2])
    return path / "cut.csv.gz"


def headless(path: Path) -> Path:
    lines = rows(week().run, lambda t: str(int(t.timestamp())))
    return write_csv(path / "headless.csv", lines[1:], ",".join(lines[0]))


def no_close(path: Path) -> Path:
    columns = columns_of(week().run)
    columns["clos"] = columns.pop("close")
    return write_parquet(path / "noclose.parquet", columns)


def daily(path: Path) -> Path:
    lines = rows(week().run, lambda t: f"{t:%Y-%m-%d}")[::375]
    return write_csv(path / "daily.csv", lines, "date,open,high,low,close,volume")


def seconds(path: Path) -> Path:
    columns = columns_of(week().run[:300])
    base = week().run.ts[0] // 1000
    columns["ts"] = pa.array(base + np.arange(300) * 10**6, pa.timestamp("us", tz="UTC"))
    return write_parquet(path / "seconds.parquet", columns)


def mixed(path: Path) -> Path:
    keep = np.flatnonzero((np.arange(len(week().run)) < 1500) | (np.arange(len(week().run)) % 5 == 0))
    return write_parquet(path / "mixed.parquet", columns_of(week().run.take(keep)))


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path / "bars.zip", "w") as archive:
        archive.writestr("bars.csv", "ts,open,high,low,close\n")
    return path / "bars.zip"


def zipped_parquet(path: Path) -> Path:
    whole = write_parquet(path / "whole.parquet", columns_of(week().run)).read_bytes()
    (path / "bars.parquet.gz").write_bytes(gzip.compress(whole))
    return path / "bars.parquet.gz"


def wide_letters(path: Path) -> Path:
    (path / "excel.csv").write_text("ts,open\n", encoding="utf-16")
    return path / "excel.csv"


def all_early(path: Path) -> Path:
    def early(t: datetime) -> str:
        return f"{t.replace(year=2026, month=1, day=14, hour=9, minute=t.minute - 13):%Y-%m-%dT%H:%M}+05:30"

    return write_csv(path / "early.csv", rows(week().run[:10], early))


BAD_FILES: dict[Any, str] = {
    no_file: "no such file",
    directory: "is a directory",
    empty: "is empty",
    header_only: "has a header and no rows: copy",
    no_rows: "no rows: copy",
    zipped: "is a ZIP archive: unpack it",
    zipped_parquet: "is Parquet inside gzip: unpack it",
    wide_letters: "is UTF-16 text: save it as CSV in UTF-8",
    truncated: "truncated, damaged or not a Parquet file",
    damaged: "truncated, damaged or not a Parquet file",
    only_the_name: "truncated, damaged or not a Parquet file",
    binary: "neither Parquet nor UTF-8 text",
    cut_gzip: "truncated or damaged gzip",
    headless: "line 1 names no columns",
    no_close: "no column for close.*--columns close=clos",
    daily: "daily bars",
    seconds: "1 s apart",
    mixed: "row 1501.*bars of 5 and of 1 minutes are mixed",
    all_early: "none of its 10 bars is inside a session",
}


@pytest.mark.parametrize("make", BAD_FILES, ids=lambda make: make.__name__)
def test_a_bad_file_is_one_line_and_exit_3(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(DataError, match=BAD_FILES[make]) as caught:
        load_file(make(tmp_path), SHARE)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_wrong_options_are_usage_errors(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", rows(week().run, lambda t: f"{t:%Y-%m-%d %H:%M}"))
    with pytest.raises(ConfigError, match="neither start nor end"):
        load_file(path, SHARE, stamps="middle")
    with pytest.raises(ConfigError, match="unknown zone 'Asia/Bombay2'"):
        load_file(path, SHARE, tz="Asia/Bombay2")
    with pytest.raises(ConfigError, match="no column 'x'"):
        load_file(path, SHARE, columns={"open": "x"})


# ---- real bars


REAL = [  # file, symbol, bars kept, dropped, days, minutes, volume, oi
    ("nifty_1m.parquet", "NIFTY", 201_150, 0, 539, 1, False, False),
    ("banknifty_1m.parquet", "BANKNIFTY", 201_113, 1, 539, 1, False, False),  # 17:00 on the outage day
    ("nifty_fut_1m.parquet", "NIFTY.FUT", 375, 0, 1, 1, True, True),
    ("stocks/RELIANCE_1m.parquet", "RELIANCE", 41_625, 0, 111, 1, True, False),
    ("stocks/ICICIBANK_1m.parquet", "ICICIBANK", 41_625, 0, 111, 1, True, False),
    ("stocks/TCS_1m.parquet", "TCS", 41_625, 0, 111, 1, True, False),
    ("extra/nifty_1m_2009.parquet", "NIFTY", 76_897, 0, 230, 1, False, False),
    ("extra/banknifty_15m.parquet", "BANKNIFTY", 31_150, 0, 1246, 15, False, False),
    ("extra/nifty_1m_2025-09.parquet", "NIFTY", 1_874, 0, 5, 1, False, False),
    ("extra/nifty_fut2_1m.parquet", "NIFTY.FUT", 375, 0, 1, 1, True, True),
    ("extra/nifty_fut3_1m.parquet", "NIFTY.FUT", 354, 0, 1, 1, True, True),
]


@pytest.mark.parametrize(("file", "symbol", "bars", "dropped", "days", "minutes", "volume", "oi"), REAL)
def test_real_files_load_clean(
    shared_data: Path,
    file: str,
    symbol: str,
    bars: int,
    dropped: int,
    days: int,
    minutes: int,
    volume: bool,
    oi: bool,
) -> None:
    series = load_file(shared_data / file, resolve(symbol))
    assert (len(series.run), series.dropped, series.count_days()) == (bars, dropped, days)
    assert (series.minutes, series.has_volume, series.has_oi) == (minutes, volume, oi)
    assert any("bar start (detected)" in note for note in series.notes)
    check_sound(series)


def check_sound(series: SeriesData) -> None:
    run = series.run
    assert (np.diff(run.ts) > 0).all()
    assert (series.sessions.index_block(run.ts) >= 0).all()
    assert (run.end > run.ts).all()
    assert (run.low > 0).all()


def test_daily_bars_of_the_vix_are_refused(shared_data: Path) -> None:
    with pytest.raises(DataError, match="daily bars"):
        load_file(shared_data / "extra" / "india_vix_daily.parquet", resolve("INDIAVIX"))


def test_every_option_file_of_a_real_day_loads(shared_data: Path) -> None:
    files = sorted((shared_data / "options" / "nifty_2022-11-18_1m").glob("*.parquet"))
    assert len(files) > 50
    for path in files[::9]:
        series = load_file(path, resolve("NSE_FO|1"), tz="Asia/Kolkata")
        assert series.minutes == 1
        check_sound(series)


@pytest.mark.parametrize("style", ["naive IST", "bar ends", "day first", "epoch s"])
def test_real_bars_survive_the_round_trip_through_csv(shared_data: Path, tmp_path: Path, style: str) -> None:
    series = load_file(shared_data / "nifty_1m.parquet", resolve("NIFTY"))
    day = np.datetime64("2021-02-20").astype("datetime64[ns]").astype(np.int64)
    lo = int(np.searchsorted(series.run.ts, day))
    run = series.run[lo : lo + 3000]  # across the outage day with its evening session
    header, stamp, _ = STYLES[style]
    lines = [line[:-1] for line in rows_without_volume(run, stamp)]
    path = write_csv(tmp_path / "bars.csv", lines, f"{header},open,high,low,close")
    same_bars(load_file(path, resolve("NIFTY")).run, run)


def rows_without_volume(run: BarRun, stamp: Stamp) -> list[list[str]]:
    bare = BarRun(
        *(run.keys, run.which, run.ts, run.end, run.open, run.high, run.low, run.close),
        np.zeros(len(run)),
        run.oi,
    )
    return rows(bare, stamp)


def test_a_real_file_cut_short_is_refused(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "nifty.parquet"
    shutil.copyfile(shared_data / "nifty_fut_1m.parquet", path)
    path.chmod(0o600)
    data = path.read_bytes()
    for keep in (5, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:keep])
        with pytest.raises(DataError, match="copy or download it again"):
            load_file(path, resolve("NIFTY.FUT"))
    path.write_bytes(data)
    assert pq.read_metadata(path).num_rows == 375


def test_zeros_of_an_index_are_missing_even_where_other_days_have_numbers(tmp_path: Path) -> None:
    """What a day says must not depend on the days after it."""
    file = tmp_path / "nifty.csv"
    rows = ["ts,open,high,low,close,volume"]
    for day, volume in (("2024-01-01", 0), ("2024-01-02", 5)):
        rows += [f"{day}T09:{minute}:00+05:30,100,101,99,100,{volume}" for minute in range(15, 45)]
    file.write_text("\n".join(rows))
    series = load_file(file, resolve("NIFTY"))
    assert np.isnan(series.run.volume[:30]).all()
    assert (series.run.volume[30:] == 5.0).all()
    share = load_file(file, resolve("RELIANCE"))
    assert (share.run.volume[:30] == 0.0).all()
