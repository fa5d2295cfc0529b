"""Where the generated inputs of the benchmarks lie, and which symbol they pretend to be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["DATA", "ROOT", "SYMBOL", "bars_file", "strategy_dir"]

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT / "benchmarks" / ".data"
SYMBOL: Final = "RELIANCE"  # any share: it has volume of its own, and a tick of 0.05 in those years


def bars_file(years: int) -> Path:
    """Parquet file of ``years`` years of one-minute bars."""
    return DATA / f"bars_{years}y.parquet"


def strategy_dir(workload: str) -> Path:
    """Folder with the strategy files of workload ``w1`` or ``w2``."""
    return DATA / workload
