"""The JSON object and the CSV: their shape, their numbers, and files that are whole or untouched."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.backtest.result import BacktestResult
from sos.backtest.serialise import to_json, trade_object, write_csv
from sos.errors import ConfigError
from sos.trading.charges import Charges
from sos.trading.positions import ExitLeg
from sos.types import ExitReason, Side
from tests.backtest.results import NAMES, UNITS, result, trade
from tests.backtest.shape import faults

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "backtest-result.schema.json").read_text(encoding="utf-8")
)


def parsed(run: BacktestResult) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(to_json(run))
    return decoded


def test_the_object_has_the_documented_shape() -> None:
    leg = ExitLeg(ts=trade().entry_ts, price=2_161_000, qty=25, reason=ExitReason.TARGET)
    rows = [trade(1), trade(2, gross=-70.0, reason=ExitReason.STOP, exits=(leg, leg)), trade(3, risk=0)]
    assert list(faults(parsed(result(rows)), SCHEMA, SCHEMA)) == []


def test_a_run_without_trades_has_the_shape_too_and_nulls_instead_of_nan() -> None:
    shown = parsed(result())
    assert list(faults(shown, SCHEMA, SCHEMA)) == []
    undefined = ("win_rate", "profit_factor", "expectancy", "average_r", "daily_sharpe", "best_trade")
    assert {name: shown["summary"][name] for name in undefined} == dict.fromkeys(undefined)


def test_the_checker_of_the_shape_can_fail() -> None:
    shown = parsed(result([trade(1)]))
    shown["run"]["digest"] = "short"
    shown["trades"][0]["exit_reason"] = "BORED"
    shown["extra"] = 1
    del shown["data"]["bars"]
    assert len(list(faults(shown, SCHEMA, SCHEMA))) == 4


def test_it_is_one_line() -> None:
    assert to_json(result([trade(1)])).count(b"\n") == 1


def test_times_are_ist_and_money_is_rupees() -> None:
    row = trade_object(trade(1, gross=123.45, charges=Charges(stt=UNITS // 3)), NAMES)
    assert row["entry_ts"] == "2024-01-29T10:00:00+05:30"
    assert row["exit_ts"] == "2024-01-29T10:05:00+05:30"
    assert (row["entry_price"], row["stop"], row["gross"]) == (21600.0, 21590.0, 123.45)
    assert row["charges"]["stt"] == 0.3333
    assert row["net"] == 123.1167
    assert row["instrument"] == "NIFTY"


def test_r_is_signed_points_over_the_initial_risk_and_null_without_risk() -> None:
    assert trade_object(trade(gross=-250.0, qty=50, risk=1000, side=Side.SELL), NAMES)["r"] == -0.5
    assert trade_object(trade(risk=0), NAMES)["r"] is None


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**18))
def test_the_net_of_a_row_is_its_gross_minus_its_shown_charges(gross: int, units: int) -> None:
    row = trade_object(trade(gross=gross / 100, charges=Charges(gst=units)), NAMES)
    shown = {name: Decimal(str(row[name])) for name in ("gross", "net")}
    assert shown["net"] == shown["gross"] - Decimal(str(row["charges"]["total"]))


def test_the_summary_says_net_before_and_after_the_rounding_of_the_day() -> None:
    summary = parsed(result([trade(1, gross=100.0, charges=Charges(stt=12 * UNITS // 10))]))["summary"]
    assert summary["net"] == 98.8
    assert summary["day_rounding"] == {"stt": -0.2, "stamp": 0.0, "total": -0.2}
    assert summary["net_after_rounding"] == 99.0


def test_the_csv_has_one_row_per_trade_and_the_json_fields(tmp_path: Path) -> None:
    target = tmp_path / "trades.csv"
    rows = [trade(1), trade(2, risk=0)]
    write_csv(target, rows, NAMES)
    with target.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    shown = [trade_object(row, NAMES) for row in rows]
    assert [row["id"] for row in read] == ["1", "2"]
    assert read[1]["r"] == ""
    assert float(read[0]["charges_total"]) == shown[0]["charges"]["total"]
    assert {name for name in read[0] if not name.startswith("charges_")} == shown[0].keys() - {"charges"}


def test_the_csv_replaces_a_file_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "trades.csv"
    target.write_text("old " * 10_000, encoding="utf-8")
    write_csv(target, [trade(1)], NAMES)
    assert target.read_text(encoding="utf-8").startswith("id,pattern_id,")
    assert [path.name for path in tmp_path.iterdir()] == ["trades.csv"]


@pytest.mark.parametrize(("name", "says"), [("", "is a folder"), ("absent/trades.csv", "does not exist")])
def test_a_target_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        write_csv(tmp_path / name, [], NAMES)
    assert "\n" not in str(caught.value)


def test_a_link_stays_a_link_and_its_target_gets_the_trades(tmp_path: Path) -> None:
    link = tmp_path / "latest.csv"
    (tmp_path / "trades.csv").write_text("old", encoding="utf-8")
    link.symlink_to("trades.csv")
    write_csv(link, [], {})
    assert link.is_symlink()
    assert (tmp_path / "trades.csv").read_text(encoding="utf-8").startswith("id,pattern_id,")
