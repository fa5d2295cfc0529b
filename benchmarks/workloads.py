"""What W1 and W2 trade: parameters for the floor, the same as strategy files for SOS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from benchmarks.paths import strategy_dir

__all__ = ["WORKLOADS", "Breakout", "write"]


@dataclass(frozen=True, slots=True)
class Breakout:
    """Buy a close above the highest high of the ``top`` bars before it, on a volume above ``times`` its
    average of ``calm`` bars; stop one and target two times ATR(``swing``) from the close."""

    id: str
    top: int = 20
    calm: int = 20
    times: float = 1.5
    swing: int = 14


_W1: Final = (Breakout("BREAKOUT"),)
_W2: Final = tuple(
    Breakout(f"BREAKOUT_{top:02}_{calm:02}", top, calm, times, swing)
    for top in (10, 15, 20, 30, 40, 55)
    for calm, times, swing in ((10, 1.25, 10), (20, 1.5, 14), (30, 2.0, 20))
)
WORKLOADS: Final = {"w1": _W1, "w2": _W2}


def _document(rule: Breakout) -> dict[str, object]:
    conditions = [
        f"close > highest(prev(high, 1), {rule.top})",
        f"volume > sma(volume, {rule.calm}) * {rule.times}",
    ]
    return {
        "pattern_id": rule.id,
        "description": "a close above the recent highs on a volume above its average",
        "interval": "1m",
        "phases": [{"id": "BREAK", "conditions": conditions}],
        "execution": {
            "side": "BUY",
            "entry": "close",
            "sl": f"close - atr({rule.swing})",
            "tp": f"close + 2 * atr({rule.swing})",
            "option_selection": "NONE",
        },
    }


def write() -> None:
    """Write the strategy files of all workloads."""
    for name, rules in WORKLOADS.items():
        folder = strategy_dir(name)
        folder.mkdir(parents=True, exist_ok=True)
        for rule in rules:
            file = folder / f"{rule.id.lower()}.json"
            file.write_text(json.dumps(_document(rule), indent=2) + "\n", encoding="utf-8")
