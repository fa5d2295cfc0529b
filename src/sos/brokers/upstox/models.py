"""The answers of the read half as typed values, named as on the wire.

Any field may be None: the broker left it out or sent null; missing is not zero. Unknown fields are ignored,
numbers may come as texts. Prices are float rupees, quantities and open interest units (never lots),
``tick_size`` is paise, times called ``ts``, ``*_time``, ``last_updated`` or ``time_stamp`` are epoch
milliseconds. Implied volatility is a fraction in greeks quotes and percent in the option chain. Source:
docs/upstox.md.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypeAlias

import msgspec

__all__ = [
    "ChainRow",
    "ChainSide",
    "Contract",
    "Depth",
    "DepthRow",
    "ExchangeStatus",
    "ExchangeTiming",
    "FlowRow",
    "FundsLine",
    "Greeks",
    "GreeksQuote",
    "Holiday",
    "LtpQuote",
    "MaxPain",
    "MaxPainPoint",
    "Number",
    "Ohlc",
    "OhlcQuote",
    "OiByStrike",
    "OiTable",
    "PcrPoint",
    "PcrSeries",
    "Profile",
    "Quote",
    "SideMarket",
    "Units",
]

# The bounds are beyond anything real; they keep out what is not finite and what does not fit into 64 bits.
Number: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Units: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]


class _Model(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    pass


class LtpQuote(_Model, frozen=True):
    """Last price. ``ltq``: units of the last trade; ``cp``: previous close."""

    instrument_token: str | None = None
    last_price: Number | None = None
    ltq: Units | None = None
    volume: Units | None = None
    cp: Number | None = None


class Ohlc(_Model, frozen=True):
    """One bar. ``ts``: its open, epoch ms; not sent by the older quotes."""

    open: Number | None = None
    high: Number | None = None
    low: Number | None = None
    close: Number | None = None
    volume: Units | None = None
    ts: Units | None = None


class OhlcQuote(_Model, frozen=True):
    """``live_ohlc``: the forming bar; ``prev_ohlc``: the one before it (None with ``1d``)."""

    instrument_token: str | None = None
    last_price: Number | None = None
    prev_ohlc: Ohlc | None = None
    live_ohlc: Ohlc | None = None


class GreeksQuote(_Model, frozen=True):
    """Last price and greeks. ``iv`` is a fraction (0.131)."""

    instrument_token: str | None = None
    last_price: Number | None = None
    ltq: Units | None = None
    volume: Units | None = None
    cp: Number | None = None
    iv: Number | None = None
    delta: Number | None = None
    gamma: Number | None = None
    theta: Number | None = None
    vega: Number | None = None
    oi: Number | None = None


class DepthRow(_Model, frozen=True):
    quantity: Units | None = None
    price: Number | None = None
    orders: Units | None = None


class Depth(_Model, frozen=True):
    """Five rows a side, best first, padded with zeros."""

    buy: tuple[DepthRow | None, ...] | None = None
    sell: tuple[DepthRow | None, ...] | None = None


class Quote(_Model, frozen=True):
    """The full quote. ``net_change`` is against the previous close; ``timestamp`` is ISO with +05:30."""

    instrument_token: str | None = None
    symbol: str | None = None
    timestamp: str | None = None
    last_price: Number | None = None
    last_trade_time: Units | None = None
    volume: Units | None = None
    average_price: Number | None = None
    net_change: Number | None = None
    oi: Number | None = None
    oi_day_high: Number | None = None
    oi_day_low: Number | None = None
    previous_oi: Number | None = None
    prev_close_price: Number | None = None
    total_buy_quantity: Number | None = None
    total_sell_quantity: Number | None = None
    lower_circuit_limit: Number | None = None
    upper_circuit_limit: Number | None = None
    year_high: Number | None = None
    year_low: Number | None = None
    ohlc: Ohlc | None = None
    depth: Depth | None = None


class SideMarket(_Model, frozen=True):
    """The market of one contract. ``close_price``: previous close; ``prev_oi``: of the day before."""

    ltp: Number | None = None
    volume: Units | None = None
    oi: Number | None = None
    prev_oi: Number | None = None
    close_price: Number | None = None
    bid_price: Number | None = None
    bid_qty: Units | None = None
    ask_price: Number | None = None
    ask_qty: Units | None = None


class Greeks(_Model, frozen=True):
    """``iv`` and ``pop`` (probability of profit) in percent; zeros where the strike does not trade."""

    delta: Number | None = None
    gamma: Number | None = None
    theta: Number | None = None
    vega: Number | None = None
    iv: Number | None = None
    pop: Number | None = None


class ChainSide(_Model, frozen=True):
    instrument_key: str | None = None
    market_data: SideMarket | None = None
    option_greeks: Greeks | None = None


class ChainRow(_Model, frozen=True):
    """One strike. ``pcr`` is the strike's put OI ÷ call OI, None without calls; it is not the chain's."""

    expiry: date | None = None
    strike_price: Number | None = None
    pcr: Number | None = None
    underlying_key: str | None = None
    underlying_spot_price: Number | None = None
    call_options: ChainSide | None = None
    put_options: ChainSide | None = None


class Contract(_Model, frozen=True):
    """An option or future, listed or expired. ``tick_size`` in paise; lot, minimum and freeze in units.

    ``instrument_key`` of an expired one is ``SEGMENT|token|DD-MM-YYYY``.
    """

    name: str | None = None
    segment: str | None = None
    exchange: str | None = None
    expiry: date | None = None
    weekly: bool | None = None
    instrument_key: str | None = None
    exchange_token: str | None = None
    trading_symbol: str | None = None
    tick_size: Number | None = None
    lot_size: Units | None = None
    minimum_lot: Units | None = None
    freeze_quantity: Number | None = None
    instrument_type: str | None = None
    strike_price: Number | None = None
    underlying_key: str | None = None
    underlying_type: str | None = None
    underlying_symbol: str | None = None


class ExchangeTiming(_Model, frozen=True):
    """Hours of one exchange code on one day, epoch ms."""

    exchange: str | None = None
    start_time: Units | None = None
    end_time: Units | None = None


_Date: TypeAlias = date


class Holiday(_Model, frozen=True):
    """``holiday_type``: TRADING_HOLIDAY, SETTLEMENT_HOLIDAY or SPECIAL_TIMING.

    A trading holiday may list open exchanges (special sessions): decide per exchange from the two lists.
    """

    date: _Date | None = None
    description: str | None = None
    holiday_type: str | None = None
    closed_exchanges: tuple[str | None, ...] | None = None
    open_exchanges: tuple[ExchangeTiming | None, ...] | None = None


class ExchangeStatus(_Model, frozen=True):
    """``status``: NORMAL_OPEN, NORMAL_CLOSE, PRE_OPEN_START, PRE_OPEN_END, CLOSING_START, CLOSING_END."""

    exchange: str | None = None
    status: str | None = None
    last_updated: Units | None = None


class OiByStrike(_Model, frozen=True):
    """Open interest of a strike, or its change, in units."""

    strike_price: Number | None = None
    call_oi: Number | None = None
    put_oi: Number | None = None


class OiTable(_Model, frozen=True):
    """Open interest by strike, or its change over days (then every number is a change)."""

    expiry: str | None = None
    spot_closing_price: Number | None = None
    total_calls: Number | None = None
    total_puts: Number | None = None
    strikes: tuple[OiByStrike, ...] = ()


class PcrPoint(_Model, frozen=True):
    """``time`` is HH:MM in IST."""

    time: str | None = None
    pcr: Number | None = None
    spot_price: Number | None = None


class PcrSeries(_Model, frozen=True):
    """The put/call ratio of an expiry over a day. ``expiry_date`` is DD-MM-YYYY, as the broker writes it."""

    instrument_key: str | None = None
    expiry_date: str | None = None
    pcr: Number | None = None
    spot_closing_price: Number | None = None
    insights: tuple[PcrPoint | None, ...] | None = None


class MaxPainPoint(_Model, frozen=True):
    """``time`` is HH:MM in IST."""

    time: str | None = None
    max_pain: Number | None = None
    spot_price: Number | None = None


class MaxPain(_Model, frozen=True):
    """The strike of least pay-out, now and over a day."""

    max_pain: Number | None = None
    spot_closing_price: Number | None = None
    insights: tuple[MaxPainPoint | None, ...] | None = None


class FlowRow(_Model, frozen=True):
    """Buying and selling of institutions on a day or in a month. Derivative fields are None for cash."""

    time_stamp: Units | None = None
    buy_amount: Number | None = None
    sell_amount: Number | None = None
    buy_contracts: Number | None = None
    sell_contracts: Number | None = None
    oi_contracts: Number | None = None
    oi_amount: Number | None = None
    total_long_contracts: Number | None = None
    total_short_contracts: Number | None = None
    total_call_long_contracts: Number | None = None
    total_put_long_contracts: Number | None = None
    total_call_short_contracts: Number | None = None
    total_put_short_contracts: Number | None = None


class Profile(_Model, frozen=True):
    user_id: str | None = None
    user_name: str | None = None
    email: str | None = None
    broker: str | None = None
    user_type: str | None = None
    is_active: bool | None = None
    poa: bool | None = None
    ddpi: bool | None = None
    exchanges: tuple[str | None, ...] | None = None
    products: tuple[str | None, ...] | None = None
    order_types: tuple[str | None, ...] | None = None


class FundsLine(_Model, frozen=True):
    """Money of one segment, rupees."""

    available_margin: Number | None = None
    used_margin: Number | None = None
    payin_amount: Number | None = None
    span_margin: Number | None = None
    adhoc_margin: Number | None = None
    notional_cash: Number | None = None
    exposure_margin: Number | None = None
