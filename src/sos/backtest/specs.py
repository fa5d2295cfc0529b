"""What is traded in a run, from the dated tables: tick, lot and charges of each underlying.

An index trades as its near future would (lot of that future, futures charges, tick 0.05); a share is
held within the session. No rule of trading is here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sos.contracts import Contracts
from sos.errors import ConfigError
from sos.trading.charges import ChargeSegment, ChargeTable
from sos.trading.spec import FillCharges, InstrumentSpec
from sos.types import InstrumentKey, InstrumentKind

__all__ = ["expiry_days", "instrument_spec"]


def instrument_spec(key: InstrumentKey, symbol: str, kind: InstrumentKind) -> InstrumentSpec:
    """The facts of one underlying that trades itself.

    Raises:
        ConfigError: nothing is known that could be traded.
    """
    contracts = Contracts.packaged()
    exchange = key.exchange
    if kind in (InstrumentKind.DERIVATIVE, InstrumentKind.OPTION):
        raise ConfigError(
            f"{symbol}: what this contract is, and its lot, is not known here; name its underlying instead"
        )
    if kind is InstrumentKind.INDEX and symbol not in contracts.underlyings:
        raise ConfigError(f"{symbol} has no future to be traded as; it can be watched, not traded")
    if kind is InstrumentKind.EQUITY:
        return InstrumentSpec(
            key=key,
            symbol=symbol,
            exchange=exchange,
            margined=False,
            tick_paise=contracts.equity_tick_paise,
            lot=lambda day: 1,
            charge_schedule=_schedule(exchange, ChargeSegment.EQUITY_INTRADAY, symbol),
        )
    underlying = symbol.removesuffix(".FUT")
    return InstrumentSpec(
        key=key,
        symbol=symbol,
        exchange=exchange,
        margined=True,
        tick_paise=(
            (lambda day, price: contracts.index_tick_paise)
            if kind is InstrumentKind.INDEX
            else contracts.index_future_tick_paise
        ),
        lot=lambda day: contracts.near_future(underlying, day)[1],
        charge_schedule=_schedule(exchange, ChargeSegment.FUTURES, underlying),
    )


def _schedule(exchange: str, segment: ChargeSegment, symbol: str) -> Callable[[date], FillCharges]:
    table = ChargeTable.packaged()
    return lambda day: table.schedule(exchange, segment, day, symbol)


def expiry_days(symbol: str) -> Callable[[date], float | None]:
    """Calendar days to the nearest option expiry by IST date; None where the symbol has no options."""
    contracts = Contracts.packaged()
    underlying = symbol.removesuffix(".FUT")
    if underlying not in contracts.underlyings:
        return lambda day: None
    return lambda day: contracts.days_to_expiry(underlying, day)
