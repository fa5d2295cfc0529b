"""The floor: W1 and W2 written by hand for exactly these rules, plain Python over lists.

Usage: python -m benchmarks.floor w1|w2 YEARS. Prints the digest of its trades. Not a library: no option,
no generality; only the semantics are SOS's (the design's fine print): a signal at a bar's end enters at the
next open unless that open is at or beyond stop or target, no signals from 15:00 on,
stop down and target up to a tick, stop before target, target only when traded through by a tick, out at the
first open from 15:15, one position per pattern, an exit in bar n frees the pattern for bar n's signal.
ATR by Wilder, first value after n + 1 bars, as TA-Lib.
"""

from __future__ import annotations

import sys
from math import ceil, floor
from typing import Any, Final

import pyarrow.parquet as pq

from benchmarks.digest import Row, report
from benchmarks.paths import bars_file
from benchmarks.workloads import WORKLOADS, Breakout

_TICK: Final = 5  # paise
_DAY: Final = 86_400_000_000  # microseconds
_IST: Final = 19_800_000_000
_LAST_SIGNAL: Final = 15 * 3_600_000_000 - 60_000_000  # open time; its end is the last entry, 15:00
_SQUARE_OFF: Final = _LAST_SIGNAL + 960_000_000
_FIELDS: Final = ("open", "high", "low", "close", "volume")
_NEVER: Final = -1e18


def load(years: int) -> list[list[Any]]:
    """Stamps in microseconds UTC, then open, high, low, close, volume, as lists."""
    table = pq.read_table(bars_file(years), columns=["ts", *_FIELDS], use_threads=False)
    ts = table.column("ts").cast("int64").to_numpy().tolist()
    return [ts, *(table.column(name).to_numpy().tolist() for name in _FIELDS)]


def _paise(price: float) -> int:
    return round(price * 100)


def run_w1(columns: list[list[Any]], rule: Breakout) -> list[Row]:
    """One pattern: everything in local variables."""
    top, calm, times, swing, name = rule.top, rule.calm, rule.times, rule.swing, rule.id
    ts, opens, highs, lows, closes, volumes = columns
    rows: list[Row] = []
    highest, highest_at = _NEVER, -1
    total = atr = before = 0.0
    held = waiting = False
    stop = target = through = 0.0
    leave = entry_ts = entry = stop_paise = target_paise = 0
    reason = ""
    i = -1
    for t, o, h, low, c, v in zip(ts, opens, highs, lows, closes, volumes, strict=True):
        i += 1
        if held or waiting:
            clock = (t + _IST) % _DAY
            if waiting:
                waiting = False
                if stop < o < target:
                    held, entry_ts, entry = True, t, _paise(o)
            elif clock >= _SQUARE_OFF:
                held, leave, reason = False, _paise(o), "SQUARE_OFF"
            elif o <= stop:
                held, leave, reason = False, _paise(o), "STOP"
            elif o >= target:
                held, leave, reason = False, _paise(o), "TARGET"
            if held:
                if low <= stop:
                    held, leave, reason = False, stop_paise, "STOP"
                elif h >= through:
                    held, leave, reason = False, target_paise, "TARGET"
            if reason:
                rows.append((name, entry_ts * 1000, entry, t * 1000, leave, reason))
                reason = ""
        total += v
        if i >= calm:
            total -= volumes[i - calm]
        if i:
            span = max(h, before) - min(low, before)
            if i > swing:
                atr = (atr * (swing - 1) + span) / swing
            else:
                atr += span
                if i == swing:
                    atr /= swing
        before = c
        if c > highest and not held and i >= top and v > total / calm * times:
            waiting = (t + _IST) % _DAY < _LAST_SIGNAL
            stop_paise = floor((c - atr) * 20 + 1e-6) * _TICK
            target_paise = ceil((c + 2 * atr) * 20 - 1e-6) * _TICK
            stop, target, through = stop_paise / 100, target_paise / 100, (target_paise + _TICK) / 100
        if h >= highest:
            highest, highest_at = h, i
        elif i - highest_at >= top:
            start = i - top + 1
            highest = max(highs[start : i + 1])
            highest_at = highs.index(highest, start)
    if held:
        rows.append((name, entry_ts * 1000, entry, ts[-1] * 1000, _paise(closes[-1]), "END_OF_DATA"))
    return rows


class _Highest:
    """Highest high of the last ``n`` bars, looked up again only when the old one leaves the window."""

    __slots__ = ("at", "highs", "n", "value")

    def __init__(self, n: int, highs: list[float]) -> None:
        self.n, self.highs, self.value, self.at = n, highs, _NEVER, -1

    def push(self, i: int, h: float) -> None:
        if h >= self.value:
            self.value, self.at = h, i
        elif i - self.at >= self.n:
            start = i - self.n + 1
            self.value = max(self.highs[start : i + 1])
            self.at = self.highs.index(self.value, start)


class _Trade:
    """One pattern of W2 and its position."""

    __slots__ = (
        "busy",
        "calm",
        "entry",
        "entry_ts",
        "id",
        "stop",
        "swing",
        "target",
        "times",
        "top",
        "waiting",
    )

    def __init__(self, rule: Breakout, top: _Highest) -> None:
        self.id, self.times, self.top, self.calm, self.swing = rule.id, rule.times, top, rule.calm, rule.swing
        self.busy = self.waiting = False
        self.stop = self.target = self.entry = self.entry_ts = 0

    def step(self, rows: list[Row], t: int, o: float, h: float, low: float) -> None:
        """One bar for a position or a pending entry."""
        clock = (t + _IST) % _DAY
        stop, target = self.stop / 100, self.target / 100
        if self.waiting:
            self.waiting = False
            if not stop < o < target:
                self.busy = False
                return
            self.entry_ts, self.entry = t, _paise(o)
        elif clock >= _SQUARE_OFF:
            self.leave(rows, t, _paise(o), "SQUARE_OFF")
        elif o <= stop:
            self.leave(rows, t, _paise(o), "STOP")
        elif o >= target:
            self.leave(rows, t, _paise(o), "TARGET")
        if not self.busy:
            return
        if low <= stop:
            self.leave(rows, t, self.stop, "STOP")
        elif h >= (self.target + _TICK) / 100:
            self.leave(rows, t, self.target, "TARGET")

    def leave(self, rows: list[Row], t: int, paise: int, reason: str) -> None:
        self.busy = False
        rows.append((self.id, self.entry_ts * 1000, self.entry, t * 1000, paise, reason))


def run_many(columns: list[list[Any]], rules: tuple[Breakout, ...]) -> list[Row]:
    """Several patterns bar by bar; indicators with equal parameters are kept once."""
    ts, opens, highs, lows, closes, volumes = columns
    rows: list[Row] = []
    tops = {n: _Highest(n, highs) for n in {rule.top for rule in rules}}
    totals = dict.fromkeys({rule.calm for rule in rules}, 0.0)
    atrs = dict.fromkeys({rule.swing for rule in rules}, 0.0)
    means = dict.fromkeys(totals, 0.0)
    trades = [_Trade(rule, tops[rule.top]) for rule in rules]
    highests = list(tops.values())
    before = closes[0]
    i = -1
    for t, o, h, low, c, v in zip(ts, opens, highs, lows, closes, volumes, strict=True):
        i += 1
        for n in totals:
            total = totals[n] = totals[n] + v - (volumes[i - n] if i >= n else 0)
            means[n] = total / n
        if i:
            span = max(h, before) - min(low, before)
            for n, atr in atrs.items():
                if i > n:
                    atrs[n] = (atr * (n - 1) + span) / n
                else:
                    atrs[n] = (atr + span) / n if i == n else atr + span
        before = c
        for trade in trades:
            if trade.busy:
                trade.step(rows, t, o, h, low)
                if trade.busy:
                    continue
            top = trade.top
            if c > top.value and v > means[trade.calm] * trade.times and i >= top.n and i >= trade.calm - 1:
                atr = atrs[trade.swing]
                if i >= trade.swing and (t + _IST) % _DAY < _LAST_SIGNAL:
                    trade.busy = trade.waiting = True
                    trade.stop = floor((c - atr) * 20 + 1e-6) * _TICK
                    trade.target = ceil((c + 2 * atr) * 20 - 1e-6) * _TICK
        for highest in highests:
            highest.push(i, h)
    for trade in trades:
        if trade.busy and not trade.waiting:
            trade.leave(rows, ts[-1], _paise(closes[-1]), "END_OF_DATA")
    return rows


def main(workload: str, years: str) -> None:
    """Run one workload and print its digest."""
    columns, rules = load(int(years)), WORKLOADS[workload]
    print(report(run_w1(columns, rules[0]) if len(rules) == 1 else run_many(columns, rules)))


if __name__ == "__main__":
    main(*sys.argv[1:])
