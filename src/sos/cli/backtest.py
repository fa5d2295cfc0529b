"""`sos backtest`: replay bars through the patterns and print what they would have done."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sos.cli.options import ConfigFile, Json, Overrides, parse_count, parse_date, parse_mapping
from sos.errors import ConfigError

if TYPE_CHECKING:
    from sos.app import BacktestRequest
    from sos.backtest.result import BacktestResult

__all__ = ["backtest"]

_DATA_HELP = (
    "Bars, FILE or SYMBOL=FILE (Parquet or CSV); repeatable. Without: data.files of the configuration, "
    "else the store, the broker where there is a token, and a synthetic sample, whichever has bars first."
)


def backtest(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL", help="NIFTY, BANKNIFTY, RELIANCE, ...")],
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, inclusive.")] = None,
    data: Annotated[list[str] | None, typer.Option("--data", metavar="FILE", help=_DATA_HELP)] = None,
    strategies: Annotated[
        list[Path] | None, typer.Option("--strategies", metavar="PATH", help="Files or folders; repeatable.")
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    as_json: Json = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write the trades.")] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, max=2**63 - 1, help="Seed of the synthetic sample."),
    ] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="No progress bar.")] = False,
    trades: Annotated[str, typer.Option("--trades", metavar="N|all", help="Trades to print.")] = "20",
    tz: Annotated[
        str | None, typer.Option("--tz", metavar="ZONE", help="Zone of stamps without one.")
    ] = None,
    stamps: Annotated[
        str | None, typer.Option("--stamps", metavar="start|end", help="What a bar's stamp means.")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--columns", metavar="FIELD=NAME", help="Column names of the files.")
    ] = None,
) -> None:
    """Replay bars through patterns and print the trades.

    Also their charges, the funnel of each pattern and a digest of the run.
    """
    shown = parse_count("--trades", trades)
    if stamps not in (None, "start", "end"):
        raise ConfigError(f"--stamps {stamps}: give start or end")
    from sos.app import BacktestRequest

    request = BacktestRequest(
        symbols=tuple(symbols),
        data=tuple(data or ()),
        strategies=tuple(strategies or ()),
        start=parse_date("--from", start),
        end=parse_date("--to", end),
        seed=seed,
        tz=tz,
        stamps=stamps,
        columns=parse_mapping("--columns", columns),
    )
    _check_reading(request)
    result = _run(request, config, overrides or [], csv, progress=not no_progress)
    if csv is not None:
        from sos.backtest.serialise import write_csv

        write_csv(csv, result.trades, result.data.names)
    _show(result, as_json, shown)


def _check_reading(request: BacktestRequest) -> None:
    """A misspelt zone or field is refused also where no file needs it."""
    from sos.data.columns import check_fields
    from sos.data.zones import parse_zone

    if request.tz is not None:
        parse_zone(request.tz)
    check_fields(request.columns)


def _run(
    request: BacktestRequest, config: Path | None, overrides: list[str], csv: Path | None, progress: bool
) -> BacktestResult:
    """Everything that can be refused is refused before the first bar is read."""
    from sos.app import run_backtest
    from sos.backtest.books import keep_books
    from sos.cli.console import configure_logging, progress_bar
    from sos.cli.origins import origins
    from sos.clock import SystemClock
    from sos.config import load_config

    settings = load_config(config, os.environ, overrides)
    if csv is not None:
        from sos.backtest.serialise import check_csv_target

        check_csv_target(csv)
        _keep_inputs(csv, request.data or settings.data.files)
    configure_logging(settings.log.level)
    with progress_bar(progress, " ".join(request.symbols)) as report:
        result = run_backtest(
            request, settings, SystemClock(), report, origins(settings, os.environ), _announce
        )
    keep_books(result.trades, result.specs)  # a result whose books disagree is not shown
    return result


def _announce(line: str) -> None:
    """What a run will lack is said before it starts; the head of the result repeats it."""
    print(f"sos: {line}", file=sys.stderr)


def _keep_inputs(csv: Path, data: Sequence[str]) -> None:
    """The trades must not replace the bars they come from."""
    for text in data:
        file = Path(text) if Path(text).exists() else Path(text.partition("=")[2])
        if csv.exists() and file.is_file() and csv.samefile(file):
            raise ConfigError(f"--csv {csv}: is a file that --data reads, name another")


def _show(result: BacktestResult, as_json: bool, shown: int | None) -> None:
    if as_json:
        from sos.backtest.serialise import to_json

        sys.stdout.write(to_json(result).decode())
        return
    from sos.backtest.tables import print_result
    from sos.cli.console import make_console

    print_result(make_console(), result, shown)
