"""The configuration: read once at the top, handed down in sections; see `models` and `layers`."""

from __future__ import annotations

from sos.config.layers import config_files, load_config, load_with_origins
from sos.config.models import (
    Config,
    ContractSettings,
    DataSettings,
    EngineSettings,
    LogSettings,
    SentimentSettings,
    StrategySettings,
    UnderlyingSettings,
)

__all__ = [
    "Config",
    "ContractSettings",
    "DataSettings",
    "EngineSettings",
    "LogSettings",
    "SentimentSettings",
    "StrategySettings",
    "UnderlyingSettings",
    "config_files",
    "load_config",
    "load_with_origins",
]
