"""The double-entry book: it always balances, and it agrees with the trades line by line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sos.clock import ist_date
from sos.errors import InvariantBroken
from sos.trading.charges import Charges
from sos.trading.ledger import Ledger, LedgerFill, fills_of
from sos.types import InstrumentKey, Side
from tests.trading.market import KEY, MONDAY, OTHER, make_desk, pattern, spec
from tests.trading.test_paths import SESSIONS, plainly, random_exits, walk, wanted

PAISA = 10**11
SPECS = {KEY: spec(KEY), OTHER: spec(OTHER, lot=1)}

fills = st.builds(
    lambda book, key, side, qty, price: LedgerFill(
        book,
        key,
        key.is_index,
        side,
        qty,
        price,
        SPECS[key].charge_schedule(MONDAY).fill(side, price, qty),
    ),
    st.sampled_from(["A", "B"]),
    st.sampled_from([KEY, OTHER]),
    st.sampled_from(Side),
    st.integers(1, 500),
    st.integers(1, 3_000_000),
)


@given(st.lists(fills, max_size=30), st.integers(0, 10**9))
def test_after_any_fills_cash_and_positions_at_cost_are_capital_and_result(
    done: list[LedgerFill], capital: int
) -> None:
    ledger = Ledger(capital)
    for fill in done:
        ledger.fill(fill)
    balance = ledger.balance()
    at_cost = sum(amount for account, amount in balance.items() if account.startswith("position:"))
    assert ledger.cash + at_cost == capital * PAISA + ledger.realised - ledger.charges
    assert ledger.charges == sum(fill.charges.total for fill in done)


@given(st.lists(fills, max_size=30))
def test_realised_and_open_results_together_are_the_value_of_all_fills(done: list[LedgerFill]) -> None:
    ledger = Ledger()
    marks = {KEY: 1_234_500, OTHER: 98_765}
    for fill in done:
        ledger.fill(fill)
    value = sum(fill.side.sign * fill.qty * (marks[fill.instrument] - fill.price) for fill in done)
    assert ledger.realised + ledger.open_pnl(marks) == value * PAISA


@pytest.mark.parametrize("key", [KEY, OTHER], ids=["future", "share"])
def test_the_ledgers_net_is_the_sum_of_the_trades_nets(key: InstrumentKey) -> None:
    rng = np.random.default_rng(11)
    bars = walk(rng, key, 100.0)
    patterns = [
        pattern(f"P{i}", side, **random_exits(rng)) for i, side in enumerate((Side.BUY, Side.SELL) * 2)
    ]
    desk = make_desk(patterns, keys=(key,), days=SESSIONS, specs={key: SPECS[key]})
    plainly(desk, bars, [wanted(rng, one, patterns) for one in bars])
    ledger = Ledger(10**8)
    for trade in desk.trades:
        for fill in fills_of(trade, SPECS[key]):
            ledger.fill(fill)
    ledger.balance()
    assert len(desk.trades) > 10
    assert any(trade.exits for trade in desk.trades)
    assert ledger.net == sum(trade.gross * PAISA - trade.charges.total for trade in desk.trades)
    assert ledger.cash == 10**8 * PAISA + ledger.net
    assert all(ledger.position(one.id, key) == 0 for one in patterns)
    assert ist_date(desk.trades[0].entry_ts) == MONDAY


def test_a_fill_that_cannot_be_is_refused() -> None:
    ledger = Ledger()
    with pytest.raises(InvariantBroken, match="0 units"):
        ledger.fill(LedgerFill("A", KEY, True, Side.BUY, 0, 100, Charges()))
    ledger.fill(LedgerFill("A", KEY, True, Side.BUY, 1, 100, Charges()))
    with pytest.raises(InvariantBroken, match="margined in one fill"):
        ledger.fill(LedgerFill("A", KEY, False, Side.SELL, 1, 100, Charges()))
