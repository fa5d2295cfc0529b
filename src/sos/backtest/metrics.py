"""What the trades add up to. Sums are exact integers; ratios become floats only at the very end.

Conventions:

- ``net`` of a trade is gross minus its charges, charges unrounded. A win has net > 0, a loss net < 0.
- profit factor: sum of winning nets / |sum of losing nets|; expectancy: mean net per trade, rupees.
- R of a trade: points made (over all its exits) / |fill - initial stop|; average R over trades that have
  one. R is before charges.
- max drawdown: the deepest fall of the running net from its highest point so far, counted from zero, trade
  by trade in the order of exit time (then id); rupees, >= 0. Nothing inside a trade is seen.
- daily Sharpe: mean / sample standard deviation of the net per IST date over *all* days with a session in
  the data (days without a trade count 0), times sqrt(252), no risk-free rate.
- day rounding: STT and stamp duty are charged in whole rupees per day; the difference is a line of its own
  and is in ``net_after_rounding`` only.

What is undefined (no trades, no losses, fewer than two days, no spread) is None, never NaN or infinity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Final, NamedTuple

from sos.clock import ist_day
from sos.trading.charges import UNITS_PER_RUPEE, Charges, DayRounding, day_rounding
from sos.trading.positions import Trade

__all__ = ["GroupSummary", "Summary", "net_units", "r_multiple", "summarise"]

_UNITS_PER_PAISA: Final = UNITS_PER_RUPEE // 100
_TRADING_DAYS: Final = 252
_EPOCH: Final = date(1970, 1, 1)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """One group of trades. Money in units of 1e-13 rupee except ``gross`` (paise)."""

    name: str
    trades: int
    wins: int
    losses: int
    gross: int
    charges: Charges
    net: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: Fraction | None  # units of 1e-13 rupee per trade
    average_r: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything of a run. Units as in `GroupSummary`."""

    total: GroupSummary
    rounding: DayRounding  # rupees, exact; what the day's whole rupees add to the charges
    max_drawdown: int
    daily_sharpe: float | None
    days: int
    best: Trade | None
    worst: Trade | None
    by_pattern: tuple[GroupSummary, ...]
    by_exit_reason: tuple[GroupSummary, ...]


def net_units(trade: Trade) -> int:
    """Gross minus charges, in units of 1e-13 rupee."""
    return trade.gross * _UNITS_PER_PAISA - trade.charges.total


def r_multiple(trade: Trade) -> float | None:
    """Points made per point risked, None when nothing was at risk."""
    return trade.gross / (trade.qty * trade.risk_paise) if trade.risk_paise else None


def summarise(trades: Sequence[Trade], days: Sequence[date]) -> Summary:
    """The summary of ``trades``; ``days`` are the IST dates with a session in the data."""
    rows = [_Row(trade, net_units(trade)) for trade in trades]
    ranked = sorted(rows, key=lambda row: (row.net, row.trade.id))
    by_day = dict.fromkeys(((day - _EPOCH).days for day in days), 0)
    for row in rows:
        day = ist_day(row.trade.exit_ts)
        by_day[day] = by_day.get(day, 0) + row.net
    return Summary(
        total=_group("all", rows),
        rounding=_rounding(trades),
        max_drawdown=_drawdown(rows),
        daily_sharpe=_sharpe(list(by_day.values())),
        days=len(by_day),
        best=ranked[-1].trade if ranked else None,
        worst=ranked[0].trade if ranked else None,
        by_pattern=_groups(rows, lambda trade: trade.pattern_id),
        by_exit_reason=_groups(rows, lambda trade: trade.exit_reason.value),
    )


class _Row(NamedTuple):
    """A trade and its net, which everything asks for."""

    trade: Trade
    net: int


def _groups(rows: Iterable[_Row], key: Callable[[Trade], str]) -> tuple[GroupSummary, ...]:
    members: dict[str, list[_Row]] = {}
    for row in rows:
        members.setdefault(key(row.trade), []).append(row)
    return tuple(_group(name, members[name]) for name in sorted(members))


def _group(name: str, rows: Sequence[_Row]) -> GroupSummary:
    nets = [row.net for row in rows]
    won = sum(net for net in nets if net > 0)
    lost = -sum(net for net in nets if net < 0)
    rs = [r for row in rows if (r := r_multiple(row.trade)) is not None]
    wins = sum(net > 0 for net in nets)
    return GroupSummary(
        name=name,
        trades=len(rows),
        wins=wins,
        losses=sum(net < 0 for net in nets),
        gross=sum(row.trade.gross for row in rows),
        charges=_charges([row.trade.charges for row in rows]),
        net=won - lost,
        win_rate=wins / len(rows) if rows else None,
        profit_factor=won / lost if lost else None,
        expectancy=Fraction(won - lost, len(rows)) if rows else None,
        average_r=math.fsum(rs) / len(rs) if rs else None,
    )


def _charges(parts: Sequence[Charges]) -> Charges:
    """Their sum, one name after the other: no value is made for every trade."""
    return Charges(*(sum(map(attrgetter(name), parts)) for name in Charges.__struct_fields__))


def _drawdown(rows: Iterable[_Row]) -> int:
    equity = peak = deepest = 0
    for row in sorted(rows, key=lambda row: (row.trade.exit_ts, row.trade.id)):
        equity += row.net
        peak = max(peak, equity)
        deepest = max(deepest, peak - equity)
    return deepest


def _sharpe(daily: Sequence[int]) -> float | None:
    n, total = len(daily), sum(daily)
    spread = n * sum(value * value for value in daily) - total * total
    if n < 2 or spread <= 0:
        return None
    mean_per_sd_squared = Fraction(total * total * (n - 1), n * spread)
    return math.copysign(math.sqrt(mean_per_sd_squared * _TRADING_DAYS), total)


def _rounding(trades: Iterable[Trade]) -> DayRounding:
    by_day: dict[int, list[Charges]] = {}
    for trade in trades:
        by_day.setdefault(ist_day(trade.exit_ts), []).append(trade.charges)
    adjustments = [day_rounding([_charges(charges)]) for charges in by_day.values()]
    return DayRounding(
        sum((each.stt for each in adjustments), _ZERO), sum((each.stamp for each in adjustments), _ZERO)
    )
