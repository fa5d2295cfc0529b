"""A result as JSON and as CSV.

JSON: one object (keys in `as_object`), times ISO 8601 with +05:30, money in rupees: prices and gross to two
decimals, charges and net to four, undefined numbers null. The net of a row is its gross minus its *shown*
charges, so that a reader who subtracts gets the same. CSV: one trade per row, the same fields, written to a
temporary file beside the target and renamed. Formats only; every number comes from `metrics`.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from sos.backtest.metrics import GroupSummary, Summary, r_multiple, summarise
from sos.backtest.result import BacktestResult, DataHead, PatternOutcome
from sos.clock import ist_iso
from sos.errors import ConfigError
from sos.trading.charges import UNITS_PER_RUPEE, Charges
from sos.trading.positions import Trade
from sos.types import InstrumentKey

__all__ = ["as_object", "check_csv_target", "to_json", "trade_object", "write_csv"]

_PER_TEN_THOUSANDTH: Final = UNITS_PER_RUPEE // 10_000
_CHARGE_NAMES: Final = (*Charges.__struct_fields__, "total")


def to_json(result: BacktestResult) -> bytes:
    """The result as one line of JSON with a newline at its end."""
    return orjson.dumps(
        as_object(result, summarise(result.trades, result.data.days)), option=orjson.OPT_APPEND_NEWLINE
    )


def as_object(result: BacktestResult, summary: Summary) -> dict[str, Any]:
    """The object that `--json` prints."""
    counts = {group.name: group.trades for group in summary.by_pattern}
    names = result.data.names
    return {
        "run": {"id": result.run_id, "digest": result.digest, "elapsed_s": round(result.elapsed_s, 3)},
        "data": _data(result.data),
        "patterns": [_pattern(outcome, counts.get(outcome.pattern_id, 0)) for outcome in result.patterns],
        "trades": [trade_object(trade, names) for trade in result.trades],
        "summary": _summary(summary),
    }


def _data(head: DataHead) -> dict[str, Any]:
    return {
        "source": "; ".join(dict.fromkeys(series.source for series in head.series)),
        "symbols": list(head.symbols),
        "bars": head.bars,
        "sessions": head.sessions,
        "from": _time(head.first),
        "to": _time(head.last),
        "synthetic": head.synthetic,
        "series": [
            {
                "symbol": series.symbol,
                "source": series.source,
                "bars": series.bars,
                "from": _time(series.first),
                "to": _time(series.last),
                "minutes": series.minutes,
                "synthetic": series.synthetic,
            }
            for series in head.series
        ],
        "notes": list(head.notes),
    }


def _pattern(outcome: PatternOutcome, trades: int) -> dict[str, Any]:
    funnel = outcome.funnel
    return {
        "pattern_id": outcome.pattern_id,
        "funnel": {
            "bars": funnel.bars,
            "phases": [
                {"id": phase, "passed": passed}
                for phase, passed in zip(funnel.phases, funnel.passed, strict=True)
            ],
            "closed_by_regime": funnel.closed,
            "invalidated": funnel.invalidated,
            "timed_out": funnel.timed_out,
            "session_reset": funnel.reset,
            "vetoed_by_regime": funnel.vetoed,
            "refused": {reason.value: count for reason, count in outcome.refusals.items()},
        },
        "signals": funnel.signals,
        "trades": trades,
        "missing_inputs": list(outcome.missing_inputs),
    }


def trade_object(trade: Trade, names: Mapping[InstrumentKey, str]) -> dict[str, Any]:
    """One row of ``trades``; an instrument without a known symbol keeps its key."""
    charges = trade.charges.as_json()
    r = r_multiple(trade)
    row = {
        "id": trade.id,
        "pattern_id": trade.pattern_id,
        "underlying": names.get(trade.underlying, trade.underlying),
        "instrument": names.get(trade.instrument, trade.instrument),
        "side": trade.side.value,
        "qty": trade.qty,
        "signal_ts": _time(trade.signal_ts),
        "entry_ts": _time(trade.entry_ts),
        "entry_price": trade.entry_price / 100,
        "stop": trade.stop / 100,
        "target": trade.target / 100,
        "exit_ts": _time(trade.exit_ts),
        "exit_price": trade.exit_price / 100,
        "exit_reason": trade.exit_reason.value,
        "gross": trade.gross / 100,
        "charges": charges,
        "net": (trade.gross * 100 - round(charges["total"] * 10_000)) / 10_000,
        "r": None if r is None else round(r, 6),
        "regime": trade.regime.value,
    }
    if trade.exits:
        row["exits"] = [
            {"ts": _time(leg.ts), "price": leg.price / 100, "qty": leg.qty, "reason": leg.reason.value}
            for leg in trade.exits
        ]
    return row


def _summary(summary: Summary) -> dict[str, Any]:
    rounding = summary.rounding
    after = summary.total.net - int(rounding.total * UNITS_PER_RUPEE)
    return {
        **_group(summary.total),
        "day_rounding": {
            "stt": _four(int(rounding.stt * UNITS_PER_RUPEE)),
            "stamp": _four(int(rounding.stamp * UNITS_PER_RUPEE)),
            "total": _four(int(rounding.total * UNITS_PER_RUPEE)),
        },
        "net_after_rounding": _four(after),
        "max_drawdown": _four(summary.max_drawdown),
        "daily_sharpe": _ratio(summary.daily_sharpe),
        "days": summary.days,
        "best_trade": summary.best.id if summary.best else None,
        "worst_trade": summary.worst.id if summary.worst else None,
        "by_pattern": {group.name: _group(group) for group in summary.by_pattern},
        "by_exit_reason": {group.name: _group(group) for group in summary.by_exit_reason},
    }


def _group(group: GroupSummary) -> dict[str, Any]:
    charges = group.charges.as_json()
    return {
        "trades": group.trades,
        "wins": group.wins,
        "losses": group.losses,
        "win_rate": _ratio(group.win_rate),
        "gross": group.gross / 100,
        "charges": charges,
        "net": (group.gross * 100 - round(charges["total"] * 10_000)) / 10_000,
        "profit_factor": _ratio(group.profit_factor),
        "expectancy": _rupees(group.expectancy),
        "average_r": _ratio(group.average_r),
    }


def _ratio(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _four(units: int) -> float:
    """Units of 1e-13 rupee as rupees to four decimals, half away from zero."""
    sign = -1 if units < 0 else 1
    return sign * ((abs(units) + _PER_TEN_THOUSANDTH // 2) // _PER_TEN_THOUSANDTH) / 10_000


def _rupees(units: Fraction | None) -> float | None:
    return None if units is None else _four(round(units))


@lru_cache(maxsize=4096)
def _time(ts_ns: int) -> str:
    return ist_iso(ts_ns)


def write_csv(path: Path, trades: Sequence[Trade], names: Mapping[InstrumentKey, str]) -> None:
    """Write the trades, a header first; the file is replaced whole or not touched.

    Raises:
        ConfigError: the path is a folder, or its folder is missing or cannot be written.
    """
    check_csv_target(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for trade in trades:
        row = trade_object(trade, names)
        charges = row.pop("charges")
        writer.writerow(
            [*(_cell(row[name]) for name in _CSV_PLAIN), *(charges[name] for name in _CHARGE_NAMES)]
        )
    _replace(path, text.getvalue().encode())


_CSV_PLAIN: Final = (
    "id", "pattern_id", "underlying", "instrument", "side", "qty", "signal_ts", "entry_ts", "entry_price",
    "stop", "target", "exit_ts", "exit_price", "exit_reason", "gross", "net", "r", "regime",
)  # fmt: skip
_CSV_COLUMNS: Final = (*_CSV_PLAIN, *(f"charges_{name}" for name in _CHARGE_NAMES))


def _cell(value: Any) -> Any:
    return "" if value is None else value


def check_csv_target(path: Path) -> None:
    """Refuse a target that could not be written, before the run is started.

    Raises:
        ConfigError: with one line that says what to change.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except OSError as exc:  # a name that is too long, a file where a folder should be
        raise ConfigError(f"--csv {path}: cannot be written ({exc.strerror or exc}), name another") from exc
    if path.is_dir():
        raise ConfigError(f"--csv {path}: is a folder, name a file in it, e.g. {path / 'trades.csv'}")
    if path.exists() and not path.is_file():
        raise ConfigError(f"--csv {path}: is not a file that can be replaced, name another")
    if not path.parent.is_dir():
        raise ConfigError(f"--csv {path}: the folder {path.parent} does not exist, create it first")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"--csv {path}: the folder {path.parent} cannot be written, choose another")


def _replace(path: Path, content: bytes) -> None:
    path = path.resolve()  # a link stays a link
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise ConfigError(f"--csv {path}: cannot be written ({exc.strerror or 'output error'})") from exc
