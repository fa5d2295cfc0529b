"""`sos data fetch`: bars, futures, options and chains of the broker into the store."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sos.cli.options import ConfigFile, Json, parse_date
from sos.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from datetime import date

    from sos.clock import Clock
    from sos.data.fetch import Fetched, Progress
    from sos.data.fetch_all import ChainTaken, FetchRequest
    from sos.data.store import Store
    from sos.data.symbols import Instrument

__all__ = ["fetch", "fetch_into"]

_FEW: Final = 3
_INTERVAL: Final = re.compile(r"([1-9][0-9]{0,2})m")
_LONGEST: Final = 300


def fetch(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="NIFTY, RELIANCE, ...")],
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD.")],
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day, inclusive; without: today.")
    ] = None,
    interval: Annotated[
        str, typer.Option("--interval", metavar="Nm", help="Length of a bar, 1m to 300m.")
    ] = "1m",
    options: Annotated[
        bool, typer.Option("--options", help="Also options around the money and the chain of now.")
    ] = False,
    strikes: Annotated[
        int, typer.Option("--strikes", metavar="N", min=0, max=60, help="So many on each side of the money.")
    ] = 5,
    config: ConfigFile = None,
    as_json: Json = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="No progress bar.")] = False,
) -> int:
    """Fetch what the store does not have yet from the broker; safe to stop and to repeat.

    Exit 1 when something is missing in the end, 4 when the broker or the network refused.
    """
    first, last = parse_date("--from", start), parse_date("--to", end)
    minutes = _minutes(interval)
    from sos.cli.console import configure_logging
    from sos.cli.data import open_store
    from sos.config import load_config
    from sos.data.fetch_all import FetchRequest

    assert first is not None
    configure_logging(load_config(config, os.environ).log.level)
    request = FetchRequest(
        _instruments(symbols), first, last or first.max, minutes, strikes if options else None
    )
    results, chains = fetch_into(open_store(config), request, os.environ, not no_progress)
    if as_json:
        _print_json(results, chains)
    else:
        for line in (*map(_said, results), *map(_said_chain, chains)):
            print(line)
    return _code(results, chains)


def fetch_into(
    store: Store, request: FetchRequest, env: Mapping[str, str], progress: bool
) -> tuple[list[Fetched], list[ChainTaken]]:
    """Run one fetch from the broker, or the simulator, that ``env`` names.

    Raises:
        BrokerError: nothing at all could be had (no network, no token); the first reason.
    """
    from sos.cli.loop import run
    from sos.clock import SystemClock

    results, chains = run(_fetch(store, request, env, SystemClock(), progress))
    _raise_if_hopeless(results)
    return results, chains


async def _fetch(
    store: Store, request: FetchRequest, env: Mapping[str, str], clock: Clock, progress: bool
) -> tuple[list[Fetched], list[ChainTaken]]:
    from sos.brokers.upstox.client import UpstoxClient
    from sos.cli.broker import client_settings, is_simulated, token_store
    from sos.clock import ist_date
    from sos.data.fetch_all import fetch_all
    from sos.data.fetch_lists import Lists
    from sos.data.store import SYNTHETIC

    settings = client_settings(env)
    async with UpstoxClient(token_store(env, clock).load, clock, settings) as client:
        if not is_simulated(env):
            with _bars(progress) as report:
                return await fetch_all(request, client, store, clock, progress=report)
        theirs = await _simulated_clock(settings.hosts.api, clock)
        lists = Lists(client, store.root / "simulated", ist_date(theirs.now_ns()))
        source = f"{SYNTHETIC}, from a simulated broker"
        with _bars(progress) as report:
            return await fetch_all(
                request, client, store, theirs, source=source, lists=lists, progress=report
            )


async def _simulated_clock(api: str, clock: Clock) -> Clock:
    """The simulator's time; ours where it does not say."""
    from aiohttp import ClientError, ClientSession, ClientTimeout

    from sos.sim import SimClock

    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=5.0)) as session,
            session.get(f"{api}/sim/v1/clock") as reply,
        ):
            found = await reply.json()
            return SimClock(clock, int(found["now_ns"]), float(found["speed"]))
    except (ClientError, TimeoutError, KeyError, TypeError, ValueError):
        return clock  # not our simulator: its time is taken to be ours


@contextlib.contextmanager
def _bars(wanted: bool) -> Iterator[Callable[[str], Progress | None]]:
    """A progress bar for each stage, on a terminal."""
    from sos.cli.console import progress_bar

    with contextlib.ExitStack() as stack:
        yield lambda label: stack.enter_context(progress_bar(wanted, label))


def _instruments(symbols: Sequence[str]) -> tuple[Instrument, ...]:
    from sos.data.symbols import resolve
    from sos.types import InstrumentKind

    found = {one.key: one for one in map(resolve, symbols)}
    for one in found.values():
        if one.kind is InstrumentKind.FUTURE:
            name = one.symbol.removesuffix(".FUT")
            raise ConfigError(f"{one.symbol}: the future of an index comes with it: sos data fetch {name}")
    return tuple(found.values())


def _minutes(interval: str) -> int:
    match = _INTERVAL.fullmatch(interval)
    if match is None or int(match[1]) > _LONGEST:
        raise ConfigError(f"--interval {interval}: give minutes, 1m to {_LONGEST}m")
    return int(match[1])


def _raise_if_hopeless(results: Sequence[Fetched]) -> None:
    """Where every series failed and nothing was added, the reason is one line and not one for each."""
    from sos.brokers.upstox.errors import LoginNeeded, Unreachable

    asked = [one for one in results if one.asked or one.errors]
    first = next((error for one in asked for error in one.errors), None)
    if isinstance(first, (LoginNeeded, Unreachable)) and all(one.errors and not one.added for one in asked):
        raise first


def _code(results: Sequence[Fetched], chains: Sequence[ChainTaken]) -> int:
    """4 where the broker failed us, 1 where it has not got something or does not allow it, else 0."""
    from sos.brokers.upstox.errors import NotAllowed
    from sos.errors import Rejected

    errors = [error for one in results for error in one.errors]
    errors += [one.error for one in chains if one.error is not None]
    if any(not isinstance(error, NotAllowed) and type(error) is not Rejected for error in errors):
        return BrokerError.exit_code
    return int(bool(errors) or any(one.without for one in results))


def _said(one: Fetched) -> str:
    parts = []
    if one.asked:
        parts.append(f"{one.asked} {_days(one.asked)} asked for, {one.added:,} bars added")
    if one.there:
        parts.append(f"{one.there} {_days(one.there)} there already")
    if one.without:
        parts.append(f"no bars of {len(one.without)} {_days(len(one.without))} ({_named(one.without)})")
    parts += [f"missing: {error}" for error in one.errors]
    return f"{one.job.label}: {'; '.join(parts) or 'no trading day in the range'}"


def _days(count: int) -> str:
    return "day" if count == 1 else "days"


def _named(days: Sequence[date]) -> str:
    more = f" and {len(days) - _FEW} more" if len(days) > _FEW else ""
    return ", ".join(map(str, days[:_FEW])) + more


def _said_chain(one: ChainTaken) -> str:
    if one.error is not None:
        return f"{one.label}: missing: {one.error}"
    return f"{one.label}: {one.strikes} strikes" if one.strikes else f"{one.label}: there already"


def _print_json(results: Sequence[Fetched], chains: Sequence[ChainTaken]) -> None:
    import orjson

    series: list[dict[str, Any]] = [
        {
            "label": one.job.label,
            "key": str(one.job.key),
            "days_there": one.there,
            "days_asked": one.asked,
            "bars_added": one.added,
            "days_without": [day.isoformat() for day in one.without],
            "errors": [str(error) for error in one.errors],
        }
        for one in results
    ]
    taken = [
        {"label": one.label, "strikes": one.strikes, "error": None if one.error is None else str(one.error)}
        for one in chains
    ]
    print(orjson.dumps({"series": series, "chains": taken}).decode())
