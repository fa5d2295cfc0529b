"""Double-entry book of fills: every posting has its counter-posting, and the sum over all accounts is 0.

Exact integers of 1e-13 rupee. A share's fill moves its full value between cash and the position account (at
cost, first in first out); a margined instrument moves no cash until a unit is closed, then its profit or
loss. Each charge has an account of its own by name. Accounts:

    capital            what was paid in (negative: the owner's claim)
    cash               what is there
    position:<book>    cost of open units of cash instruments (negative for a short)
    realised           profit and loss of closed units (negative: a gain)
    charges:<name>     what was paid for brokerage, stt, exchange, sebi, stamp, ipft, gst

A pure function of the fills; not on the hot path, reads no market data except the marks it is given.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from sos.clock import ist_date
from sos.errors import InvariantBroken
from sos.trading.charges import Charges
from sos.trading.positions import Trade
from sos.trading.spec import InstrumentSpec
from sos.types import InstrumentKey, Side

__all__ = ["Ledger", "LedgerFill", "fills_of"]

_PER_PAISA: Final = 10**11
_CHARGES: Final = ("brokerage", "stt", "exchange", "sebi", "stamp", "ipft", "gst")


class LedgerFill(msgspec.Struct, frozen=True, gc=False):
    """One executed order. ``book`` keeps positions of different patterns apart; ``price`` paise."""

    book: str
    instrument: InstrumentKey
    margined: bool
    side: Side
    qty: int
    price: int
    charges: Charges


class _Lots:
    """Open units of one book and instrument: (signed quantity, price) first in first out."""

    __slots__ = ("margined", "open")

    def __init__(self, margined: bool) -> None:
        self.margined = margined
        self.open: deque[tuple[int, int]] = deque()

    def trade(self, signed: int, price: int) -> tuple[int, int]:
        """Net ``signed`` units at ``price``; the change of cost and the realised result, paise."""
        cost = realised = 0
        while signed and self.open and self.open[0][0] * signed < 0:
            held, paid = self.open.popleft()
            closed = min(abs(held), abs(signed)) * (1 if held > 0 else -1)
            cost -= closed * paid
            realised += closed * (price - paid)
            if held != closed:
                self.open.appendleft((held - closed, paid))
            signed += closed
        if signed:
            self.open.append((signed, price))
            cost += signed * price
        return cost, realised


class Ledger:
    """Fills in, balances out. ``capital_paise`` is the opening cash."""

    def __init__(self, capital_paise: int = 0) -> None:
        self._accounts: defaultdict[str, int] = defaultdict(int)
        self._lots: dict[tuple[str, InstrumentKey], _Lots] = {}
        self._post("cash", "capital", capital_paise * _PER_PAISA)

    def fill(self, fill: LedgerFill) -> None:
        """Book one fill: its value or result, and each charge by name.

        Raises:
            InvariantBroken: quantity or price that cannot be, or an instrument that changed its nature.
        """
        if fill.qty <= 0 or fill.price < 0:
            raise InvariantBroken(f"a fill of {fill.qty} units at {fill.price} paise")
        lots = self._lots.setdefault((fill.book, fill.instrument), _Lots(fill.margined))
        if lots.margined is not fill.margined:
            raise InvariantBroken(f"{fill.instrument} is margined in one fill and not in another")
        cost, realised = lots.trade(fill.qty if fill.side is Side.BUY else -fill.qty, fill.price)
        if not fill.margined:
            self._post(f"position:{fill.book}", "cash", cost * _PER_PAISA)
        self._post("cash", "realised", realised * _PER_PAISA)
        for name in _CHARGES:
            self._post(f"charges:{name}", "cash", getattr(fill.charges, name))

    @property
    def cash(self) -> int:
        return self._accounts["cash"]

    @property
    def realised(self) -> int:
        """Profit of closed units before charges."""
        return -self._accounts["realised"]

    @property
    def charges(self) -> int:
        """All charges so far."""
        return sum(self._accounts[f"charges:{name}"] for name in _CHARGES)

    @property
    def net(self) -> int:
        """Realised profit after charges."""
        return self.realised - self.charges

    def position(self, book: str, instrument: InstrumentKey) -> int:
        """Signed open units."""
        lots = self._lots.get((book, instrument))
        return sum(qty for qty, _ in lots.open) if lots is not None else 0

    def open_pnl(self, marks: Mapping[InstrumentKey, int]) -> int:
        """Result of all open units at the given prices in paise; a missing mark is a KeyError."""
        return _PER_PAISA * sum(
            qty * (marks[instrument] - paid)
            for (_, instrument), lots in self._lots.items()
            for qty, paid in lots.open
        )

    def balance(self) -> dict[str, int]:
        """Every account that is not zero.

        Raises:
            InvariantBroken: the accounts do not add up to zero, or a position account is not the cost of
                its open units.
        """
        if sum(self._accounts.values()):
            raise InvariantBroken("the ledger does not balance")
        costs: defaultdict[str, int] = defaultdict(int)
        for (book, _), lots in self._lots.items():
            if not lots.margined:
                costs[f"position:{book}"] += _PER_PAISA * sum(qty * paid for qty, paid in lots.open)
        for account, cost in costs.items():
            if self._accounts[account] != cost:
                raise InvariantBroken(f"{account} is not the cost of its open units")
        return {account: amount for account, amount in self._accounts.items() if amount}

    def _post(self, debit: str, credit: str, amount: int) -> None:
        self._accounts[debit] += amount
        self._accounts[credit] -= amount


def fills_of(trade: Trade, spec: InstrumentSpec) -> Iterator[LedgerFill]:
    """The fills of a finished trade with the charges of each, entry first; ``book`` is the pattern."""

    def one(ts: int, side: Side, qty: int, price: int) -> LedgerFill:
        charges = spec.charge_schedule(ist_date(ts)).fill(side, price, qty)
        return LedgerFill(trade.pattern_id, trade.instrument, spec.margined, side, qty, price, charges)

    yield one(trade.entry_ts, trade.side, trade.qty, trade.entry_price)
    out = trade.side.opposite
    if not trade.exits:
        yield one(trade.exit_ts, out, trade.qty, trade.exit_price)
    for leg in trade.exits:
        yield one(leg.ts, out, leg.qty, leg.price)
