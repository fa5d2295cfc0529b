"""`sos explain`: why the market state was what it was."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sos.cli.options import ConfigFile, Json, Overrides, parse_date

__all__ = ["commands"]


def commands() -> typer.Typer:
    """The group `sos explain`."""
    group = typer.Typer(
        help="Say why: the changes of the regime on a day.", no_args_is_help=True, rich_markup_mode=None
    )
    group.callback()(_group)
    group.command("regime")(regime)
    return group


def _group() -> None:
    """Say why: the changes of the regime on a day."""


def regime(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="NIFTY, BANKNIFTY, RELIANCE, ...")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="YYYY-MM-DD (IST).")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="FILE", help="Bars, FILE or SYMBOL=FILE; repeatable."),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Print each change of a symbol's regime on one day, with the values and thresholds behind it."""
    when = parse_date("DATE", day)
    from sos.app import BacktestRequest, explain_regime
    from sos.cli.console import configure_logging, make_console
    from sos.cli.origins import origins
    from sos.config import load_config

    settings = load_config(config, os.environ, overrides or [])
    configure_logging(settings.log.level)
    request = BacktestRequest((symbol,), tuple(data or ()), end=when)
    found = explain_regime(request, settings, origins(settings, os.environ))
    from sos.backtest.regime_report import as_data, as_table

    if as_json:
        import orjson

        print(orjson.dumps(as_data(found)).decode())
        return
    console = make_console()
    console.print(as_table(found, console.width))
