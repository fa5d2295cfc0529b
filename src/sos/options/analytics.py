"""What is read off one option chain: ratios, walls, max pain, changes, volatilities.

Pure: a chain in, numbers out. Ratios have no unit and are None when a side is zero or missing; strikes are
rupees; changes are units. One expiry at a time: the caller says which (`market.sentiment` takes the nearest).

- PCR: sum of put open interest over sum of call open interest; by volume the same with the day's volume.
- Walls: the strike with the largest call open interest is resistance, the one with the largest put open
  interest support (`walls`). `walls_around` asks for the same among the strikes at or above (calls) and at or
  below (puts) a price, which is what "wall above" must mean when the market has run through the largest one.
- Max pain: the listed strike x at which sum OIc max(0, x - K) + sum OIp max(0, K - x) is least.
- Breadth: advances and declines against the previous close; the ratio is advances over declines.

Of strikes that tie, the one nearer to the price wins, then the lower. Source: market reference, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sos.bars import F64
from sos.options.black76 import GreekColumns, greeks_block
from sos.options.chain import ChainSide, OptionChain, parity_forward
from sos.options.implied import implied_vol_block

__all__ = [
    "Breadth",
    "ChainVols",
    "breadth",
    "chain_vols",
    "max_pain",
    "oi_change",
    "pcr",
    "pcr_volume",
    "reference_price",
    "total_oi",
    "walls",
    "walls_around",
]


@dataclass(frozen=True, slots=True)
class Breadth:
    """Members above and below their previous close; unchanged and missing ones are in neither."""

    advances: int
    declines: int

    @property
    def ratio(self) -> float | None:
        """Advances over declines; None when nothing declines."""
        return self.advances / self.declines if self.declines else None


def breadth(prices: F64, previous_closes: F64) -> Breadth | None:
    """Of an index's members, arrays of one length, NaN where missing; None when nothing can be compared."""
    known = ~np.isnan(prices) & ~np.isnan(previous_closes)
    if not known.any():
        return None
    up, down = prices[known] > previous_closes[known], prices[known] < previous_closes[known]
    return Breadth(int(up.sum()), int(down.sum()))


def total(values: F64) -> float | None:
    """The sum of what is known; None when nothing is. Whole units add exactly in any order."""
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else None


def _ratio(puts: F64, calls: F64) -> float | None:
    above, below = total(puts), total(calls)
    return above / below if above and below else None


def pcr(chain: OptionChain) -> float | None:
    """Put-call ratio by open interest."""
    return _ratio(chain.puts.oi, chain.calls.oi)


def pcr_volume(chain: OptionChain) -> float | None:
    """Put-call ratio by the day's volume."""
    return _ratio(chain.puts.volume, chain.calls.volume)


def oi_change(chain: OptionChain) -> tuple[float | None, float | None]:
    """Units of open interest added since the previous close: (calls, puts)."""
    return total(chain.calls.oi_change), total(chain.puts.oi_change)


def total_oi(chain: OptionChain) -> float | None:
    """Open interest of calls and puts together, units; None unless both sides are known."""
    calls, puts = total(chain.calls.oi), total(chain.puts.oi)
    return None if calls is None or puts is None else calls + puts


def reference_price(chain: OptionChain, rate: float = 0.0) -> float | None:
    """The spot, or where the source has none the forward that parity implies."""
    return chain.spot if chain.spot == chain.spot else parity_forward(chain, rate)


def walls(chain: OptionChain) -> tuple[float | None, float | None]:
    """(resistance, support): the strikes with the largest call and put open interest."""
    near = reference_price(chain)
    return _largest(chain, chain.calls, None, near), _largest(chain, chain.puts, None, near)


def walls_around(chain: OptionChain, price: float) -> tuple[float | None, float | None]:
    """(above, below): the same among strikes at or above ``price`` for calls, at or below it for puts."""
    above = _largest(chain, chain.calls, chain.strikes >= price, price)
    return above, _largest(chain, chain.puts, chain.strikes <= price, price)


def _largest(
    chain: OptionChain, side: ChainSide, among: npt.NDArray[np.bool_] | None, near: float | None
) -> float | None:
    known = side.oi > 0.0 if among is None else (side.oi > 0.0) & among
    if not known.any():
        return None
    strikes = chain.strikes[known & (side.oi == side.oi[known].max())]
    if near is None or near != near:
        return float(strikes[0])
    return float(strikes[np.argmin(np.abs(strikes - near))])


def max_pain(chain: OptionChain) -> float | None:
    """The strike at which the writers pay least; None without open interest on both sides."""
    calls = np.nan_to_num(chain.calls.oi, nan=0.0)
    puts = np.nan_to_num(chain.puts.oi, nan=0.0)
    if not (calls.any() and puts.any()):
        return None
    above = np.maximum(0.0, chain.strikes[:, None] - chain.strikes[None, :])
    pain = (above * calls).sum(axis=1) + (above.T * puts).sum(axis=1)
    strikes = chain.strikes[pain == pain.min()]
    near = reference_price(chain)
    return float(strikes[0] if near is None else strikes[np.argmin(np.abs(strikes - near))])


@dataclass(frozen=True, slots=True)
class ChainVols:
    """Implied volatilities and greeks of one chain, one entry per strike, NaN where there is none."""

    forward: float
    years: float
    call_iv: F64
    put_iv: F64
    calls: GreekColumns
    puts: GreekColumns


def chain_vols(chain: OptionChain, rate: float = 0.0, forward: float | None = None) -> ChainVols | None:
    """Black-76 volatilities of the marks and the greeks at them; None without a forward.

    ``forward``: of the same expiry; None takes the one that parity implies.
    """
    level = parity_forward(chain, rate) if forward is None else forward
    if level is None:
        return None
    years = chain.years
    vols, values = [], []
    for call, side in ((True, chain.calls), (False, chain.puts)):
        right = np.full(len(chain), call)
        vol = implied_vol_block(right, side.mark, level, chain.strikes, years, rate)
        vols.append(vol)
        values.append(
            greeks_block(
                right, np.full(len(chain), level), chain.strikes, np.full(len(chain), years), vol, rate
            )
        )
    return ChainVols(level, years, vols[0], vols[1], values[0], values[1])
