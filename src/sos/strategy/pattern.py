"""A checked pattern: what the loader makes and the matcher, the sizing and the reports use.

No text is left to interpret here except the originals, kept for `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sos.expr.tree import Num, Truth
from sos.types import REGIMES, Regime, Right, Side

__all__ = [
    "NO_TRAIL",
    "Capture",
    "Condition",
    "ExitRules",
    "Partial",
    "Pattern",
    "Phase",
    "RegimeRule",
    "Selection",
    "Trail",
]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its text as written and its tree."""

    text: str
    tree: Truth


@dataclass(frozen=True, slots=True)
class Capture:
    """One captured variable. ``is_truth``: its value is 1.0 or 0.0 and it may be used as a condition."""

    name: str
    text: str
    tree: Num
    is_truth: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase. ``timeout`` is the number of failing bars after which it gives up; 0 is never."""

    id: str
    conditions: tuple[Condition, ...]
    captures: tuple[Capture, ...]
    timeout: int
    invalidate: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class RegimeRule:
    allow_entry: bool = True
    quantity_mod: float = 1.0
    tp_mult: float = 1.0
    buffer_atr: float = 0.5


@dataclass(frozen=True, slots=True)
class Selection:
    """Which instrument is traded. ``none``: the underlying itself. ``steps``: 0 ATM, +n OTM, -n ITM."""

    none: bool = False
    steps: int = 0
    right: Right | None = None  # as written; direction decides anyway


@dataclass(frozen=True, slots=True)
class Trail:
    """Trailing stop. ``by``: "step" (``distance`` points behind the best price, moved in ``step`` points),
    "atr" (``distance`` x ATR(``length``) behind the best price) or "structure" (behind the last pivot of
    window ``length``). ``start_r``: active once the best price is that many R in favour."""

    by: str
    distance: float = 0.0
    step: float = 0.0
    length: int = 14
    start_r: float = 0.0


NO_TRAIL: Final = Trail("off")  # what a file says to turn a configured trail off


@dataclass(frozen=True, slots=True)
class Partial:
    """Leave ``fraction`` of the initial quantity (floored to lots) at ``at_r`` R in favour."""

    at_r: float
    fraction: float


@dataclass(frozen=True, slots=True)
class ExitRules:
    """Per-file settings of `execution`; None is "as the config says". Times: minutes since IST midnight.

    Off is said explicitly: 0, no partials, `NO_TRAIL`.
    """

    entry_valid_bars: int | None = None
    breakeven_at: float | None = None
    time_stop_minutes: int | None = None
    square_off: int | None = None
    last_entry: int | None = None
    trail: Trail | None = None
    partials: tuple[Partial, ...] | None = None
    exit_basis: str | None = None
    exit_price: str | None = None
    fixed_lots: int | None = None
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One strategy file, checked.

    ``entry``, ``stop`` and ``target`` are evaluated at the trigger; ``stop`` may use Local("entry"),
    ``target`` also sl and risk. ``needs``: inputs beyond prices ("volume", "oi", "sentiment.pcr", ...).
    ``warmup``: bars of ``interval`` until every expression can be ready. ``digest``: SHA-256 of the
    canonical file content.
    """

    id: str
    description: str
    interval: int  # minutes
    params: Mapping[str, float]
    regimes: Mapping[Regime, RegimeRule]
    phases: tuple[Phase, ...]
    side: Side
    entry: Num
    stop: Num
    target: Num
    texts: Mapping[str, str]  # "entry", "sl", "tp" as written
    selection: Selection | None  # None: as the config says
    exits: ExitRules
    carry: bool
    recheck: bool
    needs: frozenset[str]
    warmup: int
    digest: str
    source: str  # file name it came from
    warnings: tuple[str, ...] = ()
    rules: tuple[RegimeRule, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        default = RegimeRule()
        object.__setattr__(self, "rules", tuple(self.regimes.get(regime, default) for regime in REGIMES))
