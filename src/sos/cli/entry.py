"""Builds the command tree and turns every failure into one line and an exit code.

Imports typer and the standard library only; the commands import the rest inside.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final, cast

import typer

from sos.cli import auth, backtest, config, data, explain, sim, strategy
from sos.cli.streams import prepare_streams
from sos.errors import SosError, StrategyError

__all__ = ["build", "run"]

# The base of usage errors is exported under different names by different versions; its subclass is not.
_UsageError: Final = typer.BadParameter.__mro__[1]
_ClickError: Final = cast("type[Exception]", _UsageError.__mro__[1])
_USAGE: Final = 2
_INTERRUPTED: Final = 130


def build() -> typer.Typer:
    """The command tree. Plain help: the rich one would import more than the rest together."""
    app = typer.Typer(
        name="sos",
        help="Scalping Orchestration System: JSON trading patterns on Indian indices.",
        epilog="Any command takes --debug, which shows the traceback of an error.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.command("backtest")(backtest.backtest)
    app.add_typer(strategy.commands(), name="strategy")
    app.add_typer(explain.commands(), name="explain")
    app.add_typer(data.commands(), name="data")
    app.add_typer(auth.commands(), name="auth")
    app.add_typer(sim.commands(), name="sim")
    app.add_typer(config.commands(), name="config")
    app.command("version")(version)
    app.callback()(_root)
    return app


def _root() -> None:
    """Scalping Orchestration System: JSON trading patterns on Indian indices."""


def version() -> None:
    """Print the version."""
    from sos import __version__

    print(f"sos {__version__}")


def run(argv: list[str]) -> int:
    """Run one command line; see `sos.cli.main`."""
    debug = "--debug" in argv
    arguments = [argument for argument in argv if argument != "--debug"]
    prepare_streams()
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return 0
    except KeyboardInterrupt:
        return _interrupted()
    except SosError as error:
        if debug:
            raise
        return _say(error)
    except OSError as error:  # a full disk, an output that is gone: the machine's fault
        if debug:
            raise
        return _unwritten(error)
    except Exception as error:  # the last line of defence: a bug, said as one
        if debug:
            raise
        return _bug(error)
    return code


def _dispatch(arguments: list[str]) -> int:
    try:
        outcome = build()(arguments, prog_name="sos", standalone_mode=False)
    except typer.Abort:
        return _interrupted()
    except _ClickError as error:
        return _usage(error)
    except SystemExit as stop:  # how the libraries below answer a reader that went away
        _silence_stdout()
        gone = isinstance(stop.__context__, BrokenPipeError)
        return stop.code if isinstance(stop.code, int) and not gone else 0
    if outcome == _INTERRUPTED:  # newer versions answer ctrl-c with an exit code of their own
        return _interrupted()
    return outcome if isinstance(outcome, int) else 0


def _usage(error: BaseException) -> int:
    """One line for a mistyped command; where nothing was typed, the help itself."""
    message = str(getattr(error, "format_message", error.__str__)()).strip()
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return _USAGE
    where = getattr(context, "command_path", "sos")
    print(f"sos: {' '.join(message.split())} (see {where} --help)", file=sys.stderr)
    return _USAGE


def _say(error: SosError) -> int:
    """A strategy's findings may take several lines; every other error is one."""
    text = str(error)
    if not isinstance(error, StrategyError):
        text = " ".join(text.split("\n"))
    print(f"sos: {text}", file=sys.stderr)
    return error.exit_code


def _bug(error: Exception) -> int:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    print(f"sos: a bug in SOS, not in your input: {text}; --debug shows where", file=sys.stderr)
    return 1


def _unwritten(error: OSError) -> int:
    _silence_stdout()
    what = error.filename or "the output"
    print(f"sos: {what}: {error.strerror or error}; make room or choose another place", file=sys.stderr)
    return _USAGE


def _interrupted() -> int:
    print("sos: interrupted, nothing was written", file=sys.stderr)
    return _INTERRUPTED


def _silence_stdout() -> None:
    """The reader went away: what is still buffered goes nowhere, and exit stays quiet."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
