"""What `--from` takes: files, the store, recorded answers; and what it refuses."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sos.clock import ManualClock, SystemClock, ist_ns
from sos.data.store import Store, default_root
from sos.errors import ConfigError, DataError
from sos.sim import Fixtures, Settings, open_world
from tests.sim.ask import NIFTY, TOKEN, ask, data, history, intraday, make_world, nifty

OPEN = Settings(token=TOKEN, limits=False)
NIGHT = ist_ns(date(2026, 2, 2), 8 * 60)


def write_csv(path: Path) -> None:
    """The sample's index as a file."""
    rows = (f"{bar.ts // 10**9},{bar.open},{bar.high},{bar.low},{bar.close}" for bar in nifty()[0].run)
    path.write_text("ts,open,high,low,close\n" + "\n".join(rows) + "\n", "utf-8")


def test_files_are_served_as_they_are_and_their_end_is_the_default_now(tmp_path: Path) -> None:
    write_csv(tmp_path / "index.csv")
    opened = open_world([f"NIFTY={tmp_path / 'index.csv'}"], OPEN)
    assert opened.label == "index.csv"
    assert opened.end_ns == int(nifty()[0].run.end[-1])
    rows = data(opened.world, intraday(NIFTY, "minutes", 1), opened.end_ns)["candles"]
    assert [row[4] for row in reversed(rows)] == nifty()[0].run.close[-375:].tolist()
    assert data(opened.world, "/v2/option/contract", opened.end_ns, instrument_key=NIFTY)
    assert data(opened.world, "/v2/instruments/search", opened.end_ns, {"query": "RELIANCE"}) == []


def test_the_store_is_served(tmp_path: Path) -> None:
    env = {"SOS_DATA_DIR": str(tmp_path)}
    index, future = nifty()
    store = Store(default_root(env), ManualClock(0))
    for series in (index, future):
        store.write_bars(series.instrument.key, 1, series.run, "a test")
    opened = open_world(["store"], OPEN, store=(env, SystemClock()))
    assert opened.label == "the store"
    sample = make_world(limits=False)
    for path in (
        history(NIFTY, "minutes", 5, "2026-01-30", "2026-01-12"),
        history(NIFTY, "days", 1, "2026-01-30"),
    ):
        assert ask(opened.world, path, NIGHT).body == ask(sample, path, NIGHT).body
    query = {"instrument_key": NIFTY, "expiry_date": "2026-02-03"}
    assert data(opened.world, "/v2/option/chain", NIGHT, query) == data(
        sample, "/v2/option/chain", NIGHT, query
    )


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="sos data import"):
        open_world(["store"], OPEN, store=({"SOS_DATA_DIR": str(tmp_path)}, SystemClock()))


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (["market"], "give sample, store"),
        (["sample", "store"], "at most one"),
        (["NIFTY=a.csv", "sample"], "at most one"),
        (["NIFTY=a.csv", "NIFTY=b.csv"], "twice"),
        (["store"], "where the store is"),
        (["NITFY=a.csv"], "did you mean NIFTY"),
    ],
)
def test_sources_that_make_no_sense_are_refused(sources: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_world(sources, OPEN)


def test_longer_bars_and_a_future_alone_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "five.csv"
    run = nifty()[0].run
    rows = [f"{int(ts) // 10**9},1,1,1,1" for ts in run.ts[::5]]
    file.write_text("ts,open,high,low,close\n" + "\n".join(rows) + "\n", "utf-8")
    with pytest.raises(DataError, match="needs one-minute bars"):
        open_world([f"NIFTY={file}"], OPEN)
    write_csv(tmp_path / "future.csv")
    with pytest.raises(ConfigError, match="index or a share"):
        open_world([f"NIFTY.FUT={tmp_path / 'future.csv'}"], OPEN)


def capture(folder: Path, name: str, **content: Any) -> None:
    (folder / name).write_text(json.dumps(content), "utf-8")


def test_recorded_answers_are_given_back_from_when_they_were_recorded(tmp_path: Path) -> None:
    capture(
        tmp_path,
        "ltp.json",
        recorded_at="2026-02-02T06:00:00+00:00",
        endpoint="/v3/market-quote/ltp",
        request_params={"instrument_key": NIFTY},
        response={"status": "success", "data": {"recorded": 1}},
    )
    capture(
        tmp_path,
        "error.json",
        recorded_at="2026-02-02T06:00:00+00:00",
        endpoint="/v2/user/profile",
        request_params={},
        response={"status": "error", "http_status": 500, "body": "broken"},
    )
    capture(tmp_path, "order.json", request={}, response={})  # no read: left out
    opened = open_world([str(tmp_path)], OPEN)
    recorded = ist_ns(date(2026, 2, 2), 11 * 60 + 30)
    assert opened.end_ns == recorded
    assert data(opened.world, "/v3/market-quote/ltp", recorded, instrument_key=NIFTY) == {"recorded": 1}
    assert "NSE_INDEX:Nifty 50" in data(
        opened.world, "/v3/market-quote/ltp", recorded - 1, instrument_key=NIFTY
    )
    broken = ask(opened.world, "/v2/user/profile", recorded)
    assert (broken.status, broken.body) == (500, b"broken")
    refused = ask(opened.world, "/v2/user/profile", recorded, headers={"user-agent": "t"})
    assert refused.status == 401


@pytest.mark.parametrize("text", ["", "[]", '{"endpoint": "/v2/x"}', '{"endpoint": 1, "response": {}}'])
def test_a_broken_capture_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match="recorded answers"):
        Fixtures.load(tmp_path)


def test_a_folder_without_captures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no recorded answers"):
        Fixtures.load(tmp_path)


def test_real_recorded_answers_are_given_back_to_the_byte_of_their_json(shared_data: Path) -> None:
    folder = shared_data / "rest_fixtures" / "upstox"
    opened = open_world([str(folder)], OPEN)
    for path in folder.glob("*.json"):
        recorded = json.loads(path.read_text("utf-8"))
        if "endpoint" not in recorded or "http_status" in recorded["response"]:
            continue
        where = recorded["endpoint"]
        params = {} if "historical-candle" in where else recorded["request_params"]
        assert ask(opened.world, where, opened.end_ns, params=params).json() == recorded["response"]


def test_real_bars_are_served_day_by_day(shared_data: Path) -> None:
    opened = open_world([f"NIFTY={shared_data / 'nifty_1m.parquet'}"], OPEN)
    now = ist_ns(date(2022, 11, 18), 12 * 60)
    rows = data(opened.world, intraday(NIFTY, "minutes", 1), now)["candles"]
    assert len(rows) == 166
    month = data(opened.world, history(NIFTY, "minutes", 1, "2022-11-17", "2022-10-17"), now)["candles"]
    assert np.diff([float(row[0][8:10]) for row in month]).max() < 31
    assert data(opened.world, "/v2/option/contract", now, instrument_key=NIFTY)
