"""Black's model of an option on a forward: price and greeks, and the clock of an expiry.

    call = D (F N(d1) - K N(d2)),   put = D (K N(-d2) - F N(-d1)),   D = exp(-r T)
    d1 = (ln(F / K) + s^2 T / 2) / (s sqrt T),   d2 = d1 - s sqrt T

The forward is the future of the same expiry or the one that put-call parity implies, so neither a dividend
nor a carry is guessed; the rate only discounts. Units: prices in rupees, ``years`` calendar time over 365
days, volatility and rate as fractions a year. Greeks as a trader's screen shows them: theta is per calendar
day, vega and rho per percentage point, all with the forward held still.

At or after expiry (``years`` <= 0) or without volatility the price is the discounted intrinsic value, delta
its step and the rest zero. In the last half hour of an expiry day settlement averages the index, and this
model overstates gamma there.

Source: F. Black, "The pricing of commodity contracts" (1976); E. G. Haug, "The Complete Guide to Option
Pricing Formulas", 2nd ed., 1.1.6 and chapter 2; expiry clock: NSE/SURV/75524, SEBI 2026-10-15.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sos.bars import F64
from sos.clock import ist_ns
from sos.options.normal import cdf, cdf_block, pdf, pdf_block
from sos.types import NS_PER_DAY, Right

__all__ = [
    "GreekColumns",
    "Greeks",
    "expiry_ns",
    "greeks",
    "greeks_block",
    "price",
    "price_block",
    "year_fraction",
]

_YEAR_NS: Final = 365 * NS_PER_DAY
_DAYS: Final = 365.0
_PERCENT: Final = 100.0
_USUAL: Final = 15 * 60 + 30
_EXPIRY_CLOCKS: Final = ((date(2026, 12, 7), _USUAL), (date(2026, 8, 3), 15 * 60 + 40))


class Greeks(NamedTuple):
    """Of one option, a long position of one unit. Units: module docstring."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class GreekColumns(NamedTuple):
    """The same for many options, one entry each; NaN where an input is missing."""

    price: F64
    delta: F64
    gamma: F64
    vega: F64
    theta: F64
    rho: F64


def expiry_ns(expiry: date) -> int:
    """When the contracts of that date stop, ns UTC: 15:30, but 15:40 from 2026-08-03 to 2026-12-04."""
    minute = next((minute for first, minute in _EXPIRY_CLOCKS if expiry >= first), _USUAL)
    return ist_ns(expiry, minute)


def year_fraction(now_ns: int, expiry: date) -> float:
    """Calendar time from ``now_ns`` to the expiry's clock, in years of 365 days; negative afterwards."""
    return (expiry_ns(expiry) - now_ns) / _YEAR_NS


def price(right: Right, forward: float, strike: float, years: float, vol: float, rate: float = 0.0) -> float:
    """The model's price in rupees.

    Raises:
        ValueError: a forward or strike that is not positive, or a negative volatility.
    """
    sign = _checked(right, forward, strike, vol)
    if years <= 0.0 or vol == 0.0:
        return _discount(years, rate) * max(0.0, sign * (forward - strike))
    spread = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / spread + 0.5 * spread
    return _discount(years, rate) * _undiscounted(sign, forward, strike, d1, d1 - spread)


def _undiscounted(sign: float, forward: float, strike: float, d1: float, d2: float) -> float:
    """The out-of-the-money side by the formula, the other one by parity, so that neither loses digits."""
    out = -1.0 if forward > strike else 1.0
    value = out * (forward * cdf(out * d1) - strike * cdf(out * d2))
    return max(0.0, value) + (0.0 if out == sign else sign * (forward - strike))


def greeks(
    right: Right, forward: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> Greeks:
    """Price and greeks; units in the module docstring.

    Raises:
        ValueError: as `price`.
    """
    sign = _checked(right, forward, strike, vol)
    discount = _discount(years, rate)
    if years <= 0.0 or vol == 0.0:
        inside = sign * (forward - strike)
        delta = discount * sign * (1.0 if inside > 0.0 else 0.5 if inside == 0.0 else 0.0)
        worth = discount * max(0.0, inside)
        return Greeks(worth, delta, 0.0, 0.0, rate * worth / _DAYS, -max(years, 0.0) * worth / _PERCENT)
    root = math.sqrt(years)
    spread = vol * root
    d1 = math.log(forward / strike) / spread + 0.5 * spread
    worth = discount * _undiscounted(sign, forward, strike, d1, d1 - spread)
    density = discount * pdf(d1)
    return Greeks(
        price=worth,
        delta=sign * discount * cdf(sign * d1),
        gamma=density / (forward * spread),
        vega=forward * density * root / _PERCENT,
        theta=(rate * worth - forward * density * vol / (2.0 * root)) / _DAYS,
        rho=-years * worth / _PERCENT,
    )


def price_block(
    calls: npt.NDArray[np.bool_], forward: F64, strike: F64, years: F64, vol: F64, rate: float = 0.0
) -> F64:
    """`price` of every entry; ``calls`` is True for a call. Arrays broadcast. Missing in, missing out."""
    return greeks_block(calls, forward, strike, years, vol, rate).price


def greeks_block(
    calls: npt.NDArray[np.bool_], forward: F64, strike: F64, years: F64, vol: F64, rate: float = 0.0
) -> GreekColumns:
    """`greeks` of every entry; what the scalar form refuses is NaN here."""
    calls, forward, strike, years, vol = np.broadcast_arrays(calls, forward, strike, years, vol)
    sign = np.where(calls, 1.0, -1.0)
    with np.errstate(all="ignore"):
        bad = ~((forward > 0.0) & (strike > 0.0) & (vol >= 0.0) & (years == years))
        plain = (years <= 0.0) | (vol == 0.0)
        left = np.maximum(years, 0.0)
        discount = np.exp(-rate * left)
        root = np.sqrt(left)
        spread = vol * root
        d1 = np.log(forward / strike) / spread + 0.5 * spread
        out = np.where(forward > strike, -1.0, 1.0)
        value = out * (forward * cdf_block(out * d1) - strike * cdf_block(out * (d1 - spread)))
        inside = sign * (forward - strike)
        value = np.maximum(value, 0.0) + np.where(out == sign, 0.0, inside)
        worth = discount * np.where(plain, np.maximum(inside, 0.0), value)
        density = np.where(plain, 0.0, discount * pdf_block(d1))
        chance = np.where(plain, np.where(inside > 0.0, 1.0, np.where(inside < 0.0, 0.0, 0.5)), 0.0)
        delta = sign * discount * np.where(plain, chance, cdf_block(sign * d1))
        decay = np.where(plain, 0.0, forward * density * vol / (2.0 * root))
        found = (
            worth,
            delta,
            np.where(plain, 0.0, density / (forward * spread)),
            forward * density * root / _PERCENT,
            (rate * worth - decay) / _DAYS,
            -left * worth / _PERCENT,
        )
    return GreekColumns(*(np.where(bad, np.nan, column) for column in found))


def _checked(right: Right, forward: float, strike: float, vol: float) -> float:
    """The sign of the right: +1 for a call, -1 for a put."""
    if not (forward > 0.0 and strike > 0.0 and vol >= 0.0):
        raise ValueError(f"no price for forward {forward}, strike {strike}, volatility {vol}")
    return 1.0 if right is Right.CALL else -1.0


def _discount(years: float, rate: float) -> float:
    return math.exp(-rate * max(years, 0.0))
