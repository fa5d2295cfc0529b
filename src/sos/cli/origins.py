"""Where a run of this user finds its bars: the data directory, the broker's token, the switches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sos.config import Config
    from sos.data.chain_of_sources import Origins
    from sos.data.fetch import Fetched
    from sos.data.store import Store
    from sos.data.symbols import Instrument

__all__ = ["origins"]


def origins(config: Config, env: Mapping[str, str]) -> Origins:
    """The sources that a configuration and an environment name. Nothing is opened or asked yet."""
    from sos.clock import SystemClock
    from sos.data.chain_of_sources import Origins
    from sos.data.home import default_root

    folder = config.data.dir

    def root() -> Path:
        return default_root(env) if folder is None else folder.expanduser()

    def fetch(store: Store, symbols: tuple[Instrument, ...], first: date, last: date) -> list[Fetched]:
        from sos.cli.fetch import fetch_into
        from sos.data.fetch_all import FetchRequest

        return fetch_into(store, FetchRequest(symbols, first, last), env, progress=False)[0]

    named = folder is not None or bool(env.get("SOS_DATA_DIR"))
    return Origins(root, SystemClock(), named, config.data.sources, lambda: _why_not(env), fetch)


def _why_not(env: Mapping[str, str]) -> str | None:
    """Why the broker cannot be asked; None where it can."""
    from sos.cli.broker import is_simulated, token_store
    from sos.clock import SystemClock
    from sos.errors import SosError

    clock = SystemClock()
    try:
        token = token_store(env, clock).load()
    except SosError as error:
        return str(error)
    if token is None:
        return "no token (sos auth login)"
    if token.is_expired(clock.now_ns()) and not is_simulated(env):
        return f"the token expired on {token.expires_text} (sos auth login)"
    return None
