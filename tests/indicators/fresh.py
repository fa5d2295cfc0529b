"""Every indicator written down a second time, as plainly as possible and without any state: one function
of everything known up to a bar. Slow on purpose; sums are exact (`math.fsum`).

The last row of ``rows`` is the present bar. None is "not ready".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

Row: TypeAlias = tuple[float, ...]
Rows: TypeAlias = Sequence[Row]


def _bad(values: Sequence[float]) -> bool:
    return not all(math.isfinite(v) for v in values)


def _last(rows: Rows, n: int) -> list[float] | None:
    """The last n values of a single series, if all are there."""
    values = [row[0] for row in rows[-n:]]
    return None if len(values) < n or _bad(values) else values


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def total(rows: Rows, n: int) -> float | None:
    values = _last(rows, n)
    return None if values is None else math.fsum(values)


def sma(rows: Rows, n: int) -> float | None:
    values = _last(rows, n)
    return None if values is None else _mean(values)


def wma(rows: Rows, n: int) -> float | None:
    values = _last(rows, n)
    if values is None:
        return None
    return math.fsum(v * (i + 1) for i, v in enumerate(values)) / (n * (n + 1) / 2)


def stdev(rows: Rows, n: int) -> float | None:
    values = _last(rows, n)
    if values is None:
        return None
    base = values[0]
    away = [v - base for v in values]
    mean = _mean(away)
    return math.sqrt(math.fsum((d - mean) ** 2 for d in away) / n)


def band(rows: Rows, n: int, k: float) -> float | None:
    mean, spread = sma(rows, n), stdev(rows, n)
    return None if mean is None or spread is None else mean + k * spread


def slope(rows: Rows, n: int) -> float | None:
    values = _last(rows, n)
    if values is None or n == 1:
        return None
    middle, base = (n - 1) / 2, values[0]
    top = math.fsum((i - middle) * (v - base) for i, v in enumerate(values))
    return top / math.fsum((i - middle) ** 2 for i in range(n))


def highest(rows: Rows, n: int) -> float | None:
    values = _last(rows, n)
    return None if values is None else max(values)


def lowest(rows: Rows, n: int) -> float | None:
    values = _last(rows, n)
    return None if values is None else min(values)


def lag(rows: Rows, n: int) -> float | None:
    return rows[-n - 1][0] if len(rows) > n else None


def roc(rows: Rows, n: int) -> float | None:
    before, now = lag(rows, n), rows[-1][0]
    if before is None or before == 0 or _bad([before, now]):
        return None
    return (now / before - 1) * 100


def percentrank(rows: Rows, n: int) -> float | None:
    values = _last(rows, n + 1)
    if values is None:
        return None
    return 100 * sum(v <= values[-1] for v in values[:-1]) / n


def _unbroken(rows: Rows) -> Rows:
    """The rows since the last one with a missing value."""
    start = max((i + 1 for i, row in enumerate(rows) if _bad(row)), default=0)
    return rows[start:]


def ema(rows: Rows, n: int) -> float | None:
    values = [row[0] for row in _unbroken(rows)]
    if len(values) < n:
        return None
    average = _mean(values[:n])
    for value in values[n:]:
        average += (value - average) * 2 / (n + 1)
    return average


def _wilder(values: Sequence[float], n: int) -> float:
    average = _mean(values[:n])
    for value in values[n:]:
        average = (average * (n - 1) + value) / n
    return average


def rsi(rows: Rows, n: int) -> float | None:
    values = [row[0] for row in _unbroken(rows)]
    if len(values) < n + 1:
        return None
    moves = [b - a for a, b in pairwise(values)]
    gain = _wilder([max(m, 0.0) for m in moves], n)
    loss = _wilder([max(-m, 0.0) for m in moves], n)
    return 100 * gain / (gain + loss) if gain + loss else 0.0


def atr(rows: Rows, n: int) -> float | None:
    bars = _unbroken(rows)
    if len(bars) < n + 1:
        return None
    reach = [
        max(high - low, abs(high - before), abs(low - before))
        for (high, low, _), (_, _, before) in zip(bars[1:], bars, strict=False)
    ]
    return _wilder(reach, n)


def _weighted(bars: Rows) -> float | None:
    if _bad([value for row in bars for value in row]):
        return None
    volume = math.fsum(row[3] for row in bars)
    return math.fsum(math.fsum(row[:3]) / 3 * row[3] for row in bars) / volume if volume else None


def vwap_rolling(rows: Rows, n: int) -> float | None:
    return None if len(rows) < n else _weighted(rows[-n:])


def _sessions(rows: Rows, at: int) -> list[list[Row]]:
    """Rows grouped by their session, which is column ``at``; the last group is the present one."""
    groups: list[list[Row]] = []
    for row in rows:
        if not groups or groups[-1][-1][at] != row[at]:
            groups.append([])
        groups[-1].append(row)
    return groups


def vwap(rows: Rows) -> float | None:
    return _weighted(_sessions(rows, 4)[-1])


def day(pick: Callable[[Sequence[float]], float]) -> Callable[[Rows], float | None]:
    def value(rows: Rows) -> float | None:
        values = [row[0] for row in _sessions(rows, 1)[-1]]
        return None if _bad(values) else pick(values)

    return value


def day_open(rows: Rows) -> float | None:
    first = _sessions(rows, 1)[-1][0][0]
    return first if math.isfinite(first) else None


def previous(pick: Callable[[Sequence[float]], float]) -> Callable[[Rows], float | None]:
    def value(rows: Rows) -> float | None:
        groups = _sessions(rows, 1)
        values = [row[0] for row in groups[-2]] if len(groups) > 1 else [math.nan]
        return None if _bad(values) else pick(values)

    return value


def previous_close(rows: Rows) -> float | None:
    groups = _sessions(rows, 1)
    close = groups[-2][-1][0] if len(groups) > 1 else math.nan
    return close if math.isfinite(close) else None


def opening_range(pick: Callable[[Sequence[float]], float]) -> Callable[[Rows, int], float | None]:
    def value(rows: Rows, minutes: int) -> float | None:
        values = [row[0] for row in _sessions(rows, 1)[-1] if row[2] < minutes]
        return pick(values) if values and not _bad(values) and rows[-1][3] >= minutes else None

    return value


def pivot(sign: int) -> Callable[[Rows, int], float | None]:
    def value(rows: Rows, w: int) -> float | None:
        x = [sign * row[0] for row in rows]
        for i in range(len(x) - 1 - w, w - 1, -1):
            near = x[i - w : i + w + 1]
            if not _bad(near) and max(near[:w]) < x[i] >= max(near[w + 1 :]):
                return sign * x[i]
        return None

    return value


FRESH: dict[str, Callable[..., float | None]] = {
    "sma": sma,
    "ema": ema,
    "wma": wma,
    "sum": total,
    "rsi": rsi,
    "atr": atr,
    "stdev": stdev,
    "bb_upper": band,
    "bb_lower": lambda rows, n, k: band(rows, n, -k),
    "slope": slope,
    "highest": highest,
    "lowest": lowest,
    "roc": roc,
    "lag": lag,
    "percentrank": percentrank,
    "vwap_rolling": vwap_rolling,
    "vwap": vwap,
    "day_open": day_open,
    "day_high": day(max),
    "day_low": day(min),
    "prev_day_close": previous_close,
    "prev_day_high": previous(max),
    "prev_day_low": previous(min),
    "opening_range_high": opening_range(max),
    "opening_range_low": opening_range(min),
    "pivot_high": pivot(1),
    "pivot_low": pivot(-1),
}
