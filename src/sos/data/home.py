"""Where a user's data lies.

Apart from the store, so that a run without one need not load Parquet to find that out. Nothing is opened.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from sos.errors import ConfigError

__all__ = ["default_root"]


def default_root(env: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The data directory: ``SOS_DATA_DIR``, else where this platform keeps a user's data.

    Raises:
        ConfigError: the environment does not say where that is.
    """
    if env.get("SOS_DATA_DIR"):
        return Path(env["SOS_DATA_DIR"]).expanduser()
    if platform == "win32":
        if env.get("LOCALAPPDATA"):
            return Path(env["LOCALAPPDATA"]) / "sos"
    elif platform == "darwin":
        if env.get("HOME"):
            return Path(env["HOME"]) / "Library" / "Application Support" / "sos"
    elif env.get("XDG_DATA_HOME"):
        return Path(env["XDG_DATA_HOME"]) / "sos"
    elif env.get("HOME"):
        return Path(env["HOME"]) / ".local" / "share" / "sos"
    raise ConfigError("no place for data is known (no home directory): set SOS_DATA_DIR=FOLDER")
