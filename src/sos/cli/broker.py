"""What commands that talk to the broker share: where its token is, and where it is reached.

``SOS_UPSTOX_API_URL`` and ``SOS_UPSTOX_FILES_URL`` point a command at a simulator on this machine, whose time
is its own: whether a token has expired is then for the simulator to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sos.brokers.upstox.client import ClientSettings
    from sos.brokers.upstox.token import TokenStore
    from sos.clock import Clock

__all__ = ["client_settings", "is_simulated", "token_store"]


def token_store(env: Mapping[str, str], clock: Clock) -> TokenStore:
    """The store of the token in the platform's configuration folder."""
    from sos.brokers.upstox.token import TokenStore
    from sos.config import config_files

    return TokenStore(config_files(env)[-1].parent, env, clock)


def client_settings(env: Mapping[str, str]) -> ClientSettings:
    """Settings of a client for a command that ends soon.

    Raises:
        ConfigError: a base URL that is neither https nor on this machine.
    """
    from sos.brokers.upstox.client import ClientSettings
    from sos.brokers.upstox.transport import Hosts

    usual = Hosts()
    api = env.get("SOS_UPSTOX_API_URL", "").rstrip("/") or usual.api
    files = env.get("SOS_UPSTOX_FILES_URL", "").rstrip("/") or (usual.files if api == usual.api else api)
    orders = usual.orders if api == usual.api else api
    return ClientSettings(Hosts(api, files, orders), own_clock=not is_simulated(env))


def is_simulated(env: Mapping[str, str]) -> bool:
    """Whether commands are pointed at a simulator."""
    return bool(env.get("SOS_UPSTOX_API_URL"))
