"""`sos sim`: the exchange in a box."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sos.sim import SimClock, World

__all__ = ["commands"]

_FROM_HELP = "sample, store, SYMBOL=FILE (Parquet or CSV), or a folder of recorded answers; repeatable."
_TOKEN_HELP = "A token to accept besides those of the login; worth nothing elsewhere."


def commands() -> typer.Typer:
    """The group `sos sim`."""
    group = typer.Typer(
        help="Rehearse against a simulated broker.", no_args_is_help=True, rich_markup_mode=None
    )
    group.callback()(_root)
    group.command("serve")(serve)
    return group


def _root() -> None:
    """Rehearse against a simulated broker."""


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free port.")] = 0,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    expose: Annotated[bool, typer.Option("--expose", help="Allow a host beyond this machine.")] = False,
    sources: Annotated[list[str] | None, typer.Option("--from", metavar="SOURCE", help=_FROM_HELP)] = None,
    now: Annotated[
        str | None, typer.Option("--now", metavar="ISO", help="Simulated start, IST unless it says else.")
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0.0, help="Seconds of simulated time in one second; 0 is frozen.")
    ] = 0.0,
    faults: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="Scenario of faults (TOML).")
    ] = None,
    token: Annotated[str | None, typer.Option("--token", metavar="T", help=_TOKEN_HELP)] = None,
    notifier: Annotated[
        str | None, typer.Option("--notifier", metavar="URL", help="Where requested tokens are sent.")
    ] = None,
    no_limits: Annotated[bool, typer.Option("--no-limits", help="No rate limits.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the synthetic sample.")] = 7,
    sessions: Annotated[int, typer.Option("--sessions", help="Sessions of the synthetic sample.")] = 20,
) -> None:
    """Serve the broker's REST reads on this machine until stopped; prints one line with the URL.

    Simulated time stands still at the end of the data unless --now and --speed say otherwise.
    """
    import contextlib

    from sos.cli.loop import run
    from sos.clock import SystemClock
    from sos.sim import Settings, SimClock, load_faults, open_world, parse_moment

    rules, fault_seed = load_faults(faults) if faults is not None else ((), None)
    start = None if now is None else parse_moment(now)
    settings = Settings(token=token, notifier_url=notifier, limits=not no_limits)
    machine = SystemClock()
    opened = open_world(
        sources or ["sample"], settings, seed=seed, sessions=sessions, store=(os.environ, machine)
    )
    opened.world.faults.set(rules, fault_seed)
    clock = SimClock(machine, opened.end_ns if start is None else start, speed)
    with contextlib.suppress(KeyboardInterrupt):
        run(_serve(opened.world, clock, host, port, expose, opened.label))


async def _serve(world: World, clock: SimClock, host: str, port: int, expose: bool, label: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    import asyncio
    import signal

    from sos.clock import ist_iso
    from sos.sim.server import serving

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with serving(world, clock, host, port, expose=expose) as url:
        print(f"serving {url}  ({label}; {ist_iso(clock.now_ns())}, speed {clock.speed:g})", flush=True)
        await stop.wait()
