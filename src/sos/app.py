"""Where the parts meet: settings and a request in, one run composed of them, its result out.

The only module besides the command line that sees the whole configuration. It reads no arguments, prints
nothing and has no rules of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sos
from sos.errors import ConfigError

if TYPE_CHECKING:
    from sos.backtest.regime_report import RegimeDay
    from sos.backtest.result import BacktestResult
    from sos.backtest.run import BacktestSettings
    from sos.clock import Clock
    from sos.config import Config
    from sos.data.chain_of_sources import Origins
    from sos.data.sources import RunInputs
    from sos.strategy.loader import LoadResult

__all__ = [
    "BacktestRequest",
    "Progress",
    "check_config",
    "explain_regime",
    "load_enabled",
    "run_backtest",
    "strategy_paths",
]

Progress = Callable[[int, int], None]
_LOCAL: Final = Path("strategies")


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What one run is asked for; None and empty mean "as the configuration says".

    ``data``: texts FILE or SYMBOL=FILE. ``start``/``end``: IST dates, both inclusive. ``columns``: name in
    the file by field.
    """

    symbols: Sequence[str]
    data: Sequence[str] = ()
    strategies: Sequence[Path] = ()
    start: date | None = None
    end: date | None = None
    seed: int | None = None
    tz: str | None = None
    stamps: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def strategy_paths(given: Sequence[Path], configured: Sequence[Path] = ()) -> list[Path]:
    """Where patterns come from: what is given, else configured, else ./strategies, else those of SOS.

    Raises:
        ConfigError: nothing is given and this copy of SOS has no patterns.
    """
    chosen = list(given or configured)
    if chosen:
        return chosen
    if _LOCAL.is_dir():
        return [_LOCAL]
    packaged = Path(str(files(sos))) / "patterns"
    in_source = Path(str(files(sos))).parent.parent / "strategies"
    for folder in (packaged, in_source):
        if folder.is_dir():
            return [folder]
    raise ConfigError("no patterns: make a folder ./strategies or name one with --strategies")


def load_enabled(paths: Sequence[Path], disabled: Sequence[str]) -> LoadResult:
    """The patterns at ``paths`` without the disabled ones.

    Raises:
        StrategyError: any file is wrong.
        ConfigError: a disabled id does not exist, or nothing is left.
    """
    from sos.strategy.loader import LoadResult, load_patterns

    loaded = load_patterns(paths)
    known = [pattern.id for pattern in loaded.patterns]
    for name in disabled:
        if name not in known:
            raise ConfigError(
                f"strategies.disabled: no pattern is called {name}; known are {', '.join(known)}"
            )
    kept = tuple(pattern for pattern in loaded.patterns if pattern.id not in disabled)
    if not kept:
        raise ConfigError("no pattern is left to run: all are in strategies.disabled, or the folder is empty")
    return LoadResult(kept, loaded.warnings)


def check_config(config: Config) -> LoadResult:
    """Load what the configuration names and resolve what only shows with the patterns at hand.

    Raises:
        SosError: the first thing that a run would refuse.
    """
    from sos.data.symbols import resolve
    from sos.trading.settings import resolve_exits

    for symbol in config.underlyings:
        resolve(symbol)
    loaded = load_enabled(strategy_paths((), config.strategies.paths), config.strategies.disabled)
    for pattern in loaded.patterns:
        resolve_exits(pattern.id, pattern.exits, config.execution)
    return loaded


def run_backtest(
    request: BacktestRequest,
    config: Config,
    clock: Clock,
    progress: Progress | None = None,
    origins: Origins | None = None,
    announce: Callable[[str], None] = lambda line: None,
) -> BacktestResult:
    """Load what ``request`` names, replay it, give the result.

    ``origins``: where bars come from when no file is named; None is the sample. ``announce`` is told, before
    the run, which patterns will stay silent for want of an input.
    Everything that can be refused without data (symbols, patterns, exits) is refused before a file is read.

    Raises:
        SosError: as the parts do; see the error tree.
    """
    from sos.backtest.run import run_backtest as replay
    from sos.data.symbols import resolve

    for symbol in (*request.symbols, *config.underlyings):
        resolve(symbol)
    loaded = load_enabled(
        strategy_paths(request.strategies, config.strategies.paths), config.strategies.disabled
    )
    return replay(
        _inputs(request, config, origins),
        loaded.patterns,
        _settings(config),
        clock,
        progress or _no_progress,
        announce,
    )


def explain_regime(request: BacktestRequest, config: Config, origins: Origins | None = None) -> RegimeDay:
    """The changes of the regime of ``request``'s one symbol on its last day.

    Raises:
        ConfigError: not one symbol, or no day.
        DataError: there are no bars of that day, or the data is bad.
    """
    from sos.backtest.regime_report import regime_day
    from sos.data.symbols import resolve

    if len(request.symbols) != 1 or request.end is None:
        raise ConfigError("name one symbol and one day, for example NIFTY 2026-01-30")
    for symbol in (*request.symbols, *config.underlyings):
        resolve(symbol)
    return regime_day(_inputs(request, config, origins), request.end, _settings(config))


def _settings(config: Config) -> BacktestSettings:
    from sos.backtest.run import BacktestSettings

    return BacktestSettings(
        execution=config.execution,
        risk=config.risk,
        regime=config.regime,
        sentiment=config.sentiment,
        gap_minutes=float(config.engine.gap_reset_minutes),
        neutral_sentiment=config.sentiment.when_missing == "neutral",
        default_selection=config.contracts.option_selection,
        batch=config.engine.batch,
    )


def _no_progress(done: int, total: int) -> None:
    """Nobody is watching."""


def _inputs(request: BacktestRequest, config: Config, origins: Origins | None) -> RunInputs:
    from sos.data.sources import FileOptions, resolve_inputs

    data = config.data
    files = request.data or data.files
    seed = data.seed if request.seed is None else request.seed
    volume_from = {symbol: settings.volume_from for symbol, settings in config.underlyings.items()}
    if origins is not None and not files:
        from sos.data.chain_of_sources import Asked, resolve_sources

        asked = Asked(
            request.symbols,
            request.start,
            request.end,
            {symbol.upper(): choice for symbol, choice in volume_from.items()},
            seed,
            data.sample_sessions,
            config.sentiment,
        )
        return resolve_sources(asked, origins)
    return resolve_inputs(
        request.symbols,
        files,
        request.start,
        request.end,
        volume_from=volume_from,
        seed=seed,
        files=FileOptions(
            columns=dict(request.columns or data.columns) or None,
            tz=request.tz or data.tz,
            stamps=request.stamps or data.stamps,
        ),
        sample_sessions=data.sample_sessions,
    )
