"""How many units: fixed lots or risk per trade, times the regime's modifier, floored to whole lots.

A file's own size (`fixed_lots` or `quantity`) comes before the configured sizing.

Pure integers at the end; money in paise. The capital limit is not here but in `risk`, which may only
make a size smaller.
"""

from __future__ import annotations

from math import floor, isfinite
from typing import Final

from sos.trading.settings import ExecutionSettings, ExitPlan, RiskSettings

__all__ = ["Sizer"]

_EPS: Final = 1e-9  # a modifier of 0.1 x 30 lots is 3 lots, whatever binary floats say


class Sizer:
    """Sizing of one pattern. ``units`` is the only question it answers."""

    __slots__ = ("_lots", "_quantity", "_risk_paise")

    def __init__(self, plan: ExitPlan, execution: ExecutionSettings, risk: RiskSettings) -> None:
        self._lots = plan.fixed_lots
        self._quantity = plan.quantity
        self._risk_paise = 0.0
        if execution.sizing == "risk_per_trade" and not plan.quantity and not plan.own_lots:
            rupees = execution.risk_rupees or execution.risk_pct / 100.0 * risk.capital
            self._risk_paise = rupees * 100.0

    def units(self, lot: int, quantity_mod: float, risk_per_unit: int) -> int:
        """Units to trade, a multiple of ``lot``; 0 when nothing is left after flooring.

        Args:
            lot: units per lot on the day.
            quantity_mod: the regime's modifier; not finite or negative counts as 0.
            risk_per_unit: entry to stop in paise, > 0.
        """
        if quantity_mod == 1.0 and not self._quantity and not self._risk_paise:
            return self._lots * lot
        if not isfinite(quantity_mod) or quantity_mod <= 0:
            return 0
        if self._quantity:
            wanted = self._quantity * quantity_mod
        elif self._risk_paise:
            wanted = self._risk_paise * quantity_mod / risk_per_unit
        else:
            wanted = self._lots * lot * quantity_mod
        return floor(wanted / lot + _EPS) * lot
