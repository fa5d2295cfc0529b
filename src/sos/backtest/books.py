"""The books of a finished run: every fill in the ledger, and the proof that it agrees with the trade rows.

No rule of money is here: fills and charges come from `trading`, the sums from the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sos.backtest.metrics import net_units
from sos.errors import InvariantBroken
from sos.trading.ledger import Ledger, fills_of
from sos.trading.positions import Trade
from sos.trading.spec import InstrumentSpec
from sos.types import InstrumentKey

__all__ = ["keep_books"]


def keep_books(
    trades: Iterable[Trade], specs: Mapping[InstrumentKey, InstrumentSpec], capital_paise: int = 0
) -> Ledger:
    """The ledger after all trades, balanced, with nothing open and the net of the trade rows.

    Raises:
        InvariantBroken: the accounts do not balance, or differ from the rows by any amount.
    """
    ledger = Ledger(capital_paise)
    expected = 0
    for trade in trades:
        expected += net_units(trade)
        for fill in fills_of(trade, specs[trade.instrument]):
            ledger.fill(fill)
        if ledger.position(trade.pattern_id, trade.instrument):
            raise InvariantBroken(f"trade {trade.id} of {trade.pattern_id} does not close what it opened")
    ledger.balance()
    if ledger.net != expected:
        raise InvariantBroken(
            f"the ledger's net and the trade rows differ by {ledger.net - expected} units of 1e-13 rupee"
        )
    return ledger
