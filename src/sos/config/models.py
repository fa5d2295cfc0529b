"""The sections of the configuration as frozen models; unknown keys are refused.

A key is here only once something reads it. What the design keeps for later versions is listed in
`LATER_SECTIONS` and `LATER_VALUES`, so that it is refused with its own words instead of a guess.
Components that own their settings (regime, sentiment, execution, risk) define them; this module joins them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sos.market.regime import RegimeSettings
from sos.market.sentiment import SentimentSettings
from sos.trading.settings import ExecutionSettings, RiskSettings

__all__ = [
    "LATER_SECTIONS",
    "LATER_VALUES",
    "Config",
    "ContractSettings",
    "DataSettings",
    "EngineSettings",
    "LogSettings",
    "SentimentSettings",
    "StrategySettings",
    "UnderlyingSettings",
]

LATER_SECTIONS: Final = ("broker", "costs", "feed", "notify", "web")
LATER_VALUES: Final[Mapping[str, tuple[str, ...]]] = {}
_SELECTION: Final = re.compile(r"NONE|(ATM|(OTM|ITM)_[1-9][0-9]?)(_(CALL|PUT|CE|PE))?")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineSettings(_Section):
    """``batch``: events per batch of a replay, 0 is as many as there are; results never depend on it."""

    gap_reset_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    batch: Annotated[int, Field(ge=0, le=100_000_000)] = 0


class UnderlyingSettings(_Section):
    """``volume_from``: where the bars of an index get volume and open interest."""

    volume_from: Literal["future", "constituents", "none"] = "future"


class StrategySettings(_Section):
    """``paths``: files and folders; none is ``./strategies``, else the patterns that come with SOS."""

    paths: tuple[Path, ...] = ()
    disabled: tuple[str, ...] = ()


class ContractSettings(_Section):
    """``option_selection``: what a pattern trades that does not say it itself."""

    option_selection: str = "ATM"

    @field_validator("option_selection")
    @classmethod
    def _known(cls, text: str) -> str:
        if not _SELECTION.fullmatch(text):
            raise ValueError("must be NONE, ATM, OTM_n or ITM_n, with _CALL or _PUT if you like")
        return text


class DataSettings(_Section):
    """Where bars come from when the command line does not say. ``files``: FILE or SYMBOL=FILE.

    ``sources``: where else bars are looked for, in this order, each at most once.
    """

    dir: Path | None = None
    sources: tuple[Literal["store", "upstox", "sample"], ...] = ("store", "upstox", "sample")
    files: tuple[str, ...] = ()
    tz: str | None = None
    stamps: Literal["start", "end"] | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 7
    sample_sessions: Annotated[int, Field(ge=1, le=250)] = 20


class LogSettings(_Section):
    """``level`` of what is written to stderr."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"


class Config(_Section):
    """All sections. Every component is given its own, never the whole."""

    engine: EngineSettings = EngineSettings()
    underlyings: dict[str, UnderlyingSettings] = Field(default_factory=dict)
    strategies: StrategySettings = StrategySettings()
    sentiment: SentimentSettings = SentimentSettings()
    regime: RegimeSettings = RegimeSettings()
    contracts: ContractSettings = ContractSettings()
    execution: ExecutionSettings = ExecutionSettings()
    risk: RiskSettings = RiskSettings()
    data: DataSettings = DataSettings()
    log: LogSettings = LogSettings()

    @field_validator("underlyings", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return {name.upper(): entry for name, entry in value.items()} if isinstance(value, dict) else value
