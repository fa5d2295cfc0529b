"""Modelled option contracts: prices by Black-76, open interest and volume by written rules. Synthetic.

Pure and without look-ahead: a contract's value at a time depends on the underlying's price at that time, the
contract's terms and the level at which its strikes were laid out, nothing else. Premiums are on the tick.

* forward = spot · exp(r·T), r = 6 %; T in calendar days of 365, to the close of the expiry day.
* volatility = level · (1 − 0.04·m + 0.02·m²), m = ln(K/F) in standard deviations, cut at ±3.
* open interest: a bell around the listing level, calls above, puts below, round strikes heavier, growing with
  the contract's age; when spot has risen puts are written and calls bought back, and the other way round.
* volume: a contract near the money trades in every minute, in lots that rise with the bar's range; far ones
  never trade (last price 0, no candles), and the farthest have no open interest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.bars import F64
from sos.clock import ist_ns
from sos.options.black76 import GreekColumns, expiry_ns, greeks_block, price_block
from sos.options.normal import cdf_block
from sos.sim.tape import Bars
from sos.types import NS_PER_DAY, NS_PER_MINUTE

__all__ = ["OptionTerms", "Quotes", "forward_of", "option_bars", "quote_options"]

_RATE: Final = 0.06
_YEAR_NS: Final = 365 * NS_PER_DAY
_TICK: Final = 0.05
_LEVELS: Final = {"NIFTY": 0.12, "BANKNIFTY": 0.14, "MIDCPNIFTY": 0.17, "SENSEX": 0.12, "BANKEX": 0.14}
_BASE_LOTS: Final = 40_000.0
_TRADED_FROM: Final = 0.02  # of the heaviest strike's weight
_HELD_FROM: Final = 0.0004


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """Contracts of one underlying and expiry. ``strikes`` rupees; ``is_call`` and ``strikes`` align.

    ``level`` is the spot at which the strikes were laid out, ``step`` their distance, ``lot`` units.
    """

    symbol: str
    expiry: date
    first_day: date
    level: float
    step: float
    lot: int
    strikes: F64
    is_call: npt.NDArray[np.bool_]

    @property
    def volatility(self) -> float:
        return _LEVELS.get(self.symbol, 0.13)


@dataclass(frozen=True, slots=True)
class Quotes:
    """The contracts at one time, one entry each: last price (0 = never traded), OI and volume in units."""

    last: F64
    oi: F64
    volume: F64
    sigma: F64
    greeks: GreekColumns
    profit: F64  # probability of profit of a buyer, 0 to 1


def forward_of(spot: float, expiry: date, at_ns: int) -> float:
    """The forward that the model prices on, rupees."""
    return spot * float(np.exp(_RATE * max(expiry_ns(expiry) - at_ns, 0) / _YEAR_NS))


def quote_options(terms: OptionTerms, spot: float, at_ns: int, day: Bars) -> Quotes:
    """All contracts at ``spot`` and time ``at_ns``; ``day``: the underlying's bars of that date."""
    years = _years(terms, np.array([at_ns]))
    forward = spot * np.exp(_RATE * years)
    sigma = _sigma(terms, terms.strikes, forward, years)
    worth = greeks_block(terms.is_call, forward, terms.strikes, years, sigma)
    weight = _weight(terms)
    traded = weight >= _TRADED_FROM
    lots = _lots(weight[None, :], day.high, day.low, day.close)[: _whole(day)].sum(axis=0)
    return Quotes(
        last=np.where(traded, _on_tick(worth.price), 0.0),
        oi=_open_interest(terms, weight, np.array([spot]), np.array([at_ns]))[0],
        volume=np.where(traded, lots, 0.0) * terms.lot,
        sigma=sigma,
        greeks=worth,
        profit=_profit(terms, worth.price, forward, years, sigma),
    )


def _profit(terms: OptionTerms, worth: F64, forward: F64, years: F64, sigma: F64) -> F64:
    """The chance that the contract ends beyond its break-even."""
    sign = np.where(terms.is_call, 1.0, -1.0)
    breakeven = np.maximum(terms.strikes + sign * worth, _TICK)
    spread = np.maximum(sigma * np.sqrt(years), 1e-9)
    chance: F64 = cdf_block(sign * (np.log(forward / breakeven) / spread - 0.5 * spread))
    return chance


def option_bars(terms: OptionTerms, under: Bars) -> Bars:
    """Bars of one contract (``terms`` with one strike) over the underlying's; none if it never trades."""
    weight = _weight(terms)
    if weight[0] < _TRADED_FROM or not len(under):
        return under.cut(0, 0)
    opens, closes = _at(terms, under.open, under.ts), _at(terms, under.close, under.end)
    highs, lows = _at(terms, under.high, under.ts), _at(terms, under.low, under.ts)
    lots = _lots(weight[None, :], under.high, under.low, under.close)[:, 0]
    lots[_whole(under) :] = 0.0
    return Bars(
        under.ts,
        under.end,
        opens,
        np.maximum.reduce([opens, closes, highs, lows]),
        np.minimum.reduce([opens, closes, highs, lows]),
        closes,
        lots * terms.lot,
        _open_interest(terms, weight, under.close, under.end)[:, 0],
        under.anchor,
    )


def _at(terms: OptionTerms, spot: F64, at: npt.NDArray[np.int64]) -> F64:
    years = _years(terms, at)
    forward = spot * np.exp(_RATE * years)
    strikes = np.full(len(spot), terms.strikes[0])
    sigma = _sigma(terms, strikes, forward, years)
    return _on_tick(price_block(np.full(len(spot), terms.is_call[0]), forward, strikes, years, sigma))


def _whole(bars: Bars) -> int:
    """How many of the bars have ended: a forming one ends before its minute does and has no volume yet."""
    forming = len(bars) > 0 and bool(bars.end[-1] - bars.ts[-1] < NS_PER_MINUTE)
    return len(bars) - forming


def _years(terms: OptionTerms, at: npt.NDArray[np.int64]) -> F64:
    left: F64 = np.maximum(expiry_ns(terms.expiry) - at, 0) / _YEAR_NS
    return left


def _sigma(terms: OptionTerms, strikes: F64, forward: F64, years: F64) -> F64:
    deviation = terms.volatility * np.sqrt(np.maximum(years, 1 / 365))
    m = np.clip(np.log(strikes / forward) / deviation, -3.0, 3.0)
    sigma: F64 = terms.volatility * (1.0 - 0.04 * m + 0.02 * m * m)
    return sigma


def _weight(terms: OptionTerms) -> F64:
    """Share of the heaviest possible strike, 0 to 1.6, fixed for the contract's life."""
    away = (terms.strikes - terms.level) / terms.step * np.where(terms.is_call, 1.0, -1.0)
    bell = np.exp(-(((away - 4.0) / 24.0) ** 2) * np.where(away < 4.0, 1.3, 1.0))
    number = np.round(terms.strikes / terms.step)
    heavy = np.where(number % 10 == 0, 1.6, np.where(number % 5 == 0, 1.25, 1.0))
    weight: F64 = bell * heavy * _uneven(number, terms.is_call)
    return weight


def _uneven(number: F64, is_call: npt.NDArray[np.bool_]) -> F64:
    """0.8 to 1.2 by strike, so that no two neighbours are alike."""
    mixed = (number.astype(np.int64) * 7919 + is_call * 4177) % 101
    uneven: F64 = 0.8 + mixed * 0.004
    return uneven


def _open_interest(terms: OptionTerms, weight: F64, spot: F64, at: npt.NDArray[np.int64]) -> F64:
    """Units, one row per time and one column per contract; whole lots."""
    listed = ist_ns(terms.first_day)
    age = np.clip((at - listed) / (expiry_ns(terms.expiry) - listed), 0.0, 1.0)
    leaning = np.tanh((spot / terms.level - 1.0) * 40.0)[:, None] * np.where(terms.is_call, -0.4, 0.4)
    lots = _BASE_LOTS * weight * (0.25 + 0.75 * age[:, None]) * (1.0 + leaning)
    held: F64 = np.where(weight >= _HELD_FROM, np.floor(lots), 0.0) * terms.lot
    return held


def _lots(weight: F64, high: F64, low: F64, close: F64) -> F64:
    """Lots per minute and contract."""
    basis_points = (high - low) / close * 10_000.0
    lots: F64 = 1.0 + np.floor(weight * (40.0 + 60.0 * basis_points[:, None]))
    return lots


def _on_tick(premium: F64) -> F64:
    ticks: F64 = np.maximum(np.round(premium / _TICK), 1.0)
    rupees: F64 = np.round(ticks * _TICK, 2)
    return rupees
