"""What is wrong with market data, found without changing it: `sos data check`.

Pure: columns in, findings out. A finding is ``wrong`` where the data contradicts itself or the calendar, and
a ``note`` where it may be so by nature (an option without a trade has no bar). Robust z means distance from
the median in units of 1.4826 times the median absolute deviation of the series' own returns; a spike is one
return beyond it that the next return takes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from sos.bars import F64, I64
from sos.calendar import Calendar
from sos.clock import ist_date, ist_day
from sos.data.symbols import Instrument, resolve
from sos.errors import ConfigError
from sos.sessions import SessionTable
from sos.types import NS_PER_MINUTE, NS_PER_SECOND, InstrumentKind

__all__ = ["Finding", "Severity", "judge_bars", "judge_chain", "judge_pcr", "judge_series", "judge_ticks"]

Severity = Literal["wrong", "note"]
_Columns = dict[str, npt.NDArray[Any]]

_SPIKE_Z: Final = 20.0
_SPIKE_LEAST: Final = 0.002  # a return below 0.2 % is no spike, however calm the series
_STALE_BARS: Final = 10  # equal flat bars in a row
_NEAR_DAYS: Final = 60  # contracts that expire later may rest for minutes
_HOLE_NS: Final = 10 * NS_PER_MINUTE  # without a snapshot
_TICK_HOLE_NS: Final = 120 * NS_PER_SECOND
_ZERO_SHARE: Final = 0.01
_FOREIGN_SHARE: Final = 0.2  # bars outside the sessions: more is another zone
_PCR: Final = (0.02, 50.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """``count`` rows (or what ``text`` says) of which the first is at ``first_ns``, ns UTC."""

    check: str
    severity: Severity
    count: int
    first_ns: int
    text: str


def judge_series(kind: str, key: str, part: str, frame: _Columns, calendar: Calendar) -> list[Finding]:
    """Findings on one series of the store; ``part`` as in `sos.data.store.layout`."""
    if not len(frame["ts"]):
        return []
    instrument = _instrument(key)
    if kind == "bars":
        return list(judge_bars(instrument, int(part.removesuffix("m")), frame, calendar))
    if kind == "ticks":
        return list(judge_ticks(instrument, frame, calendar))
    if kind == "chain":
        return list(judge_chain(frame, date.fromisoformat(part), calendar))
    return list(judge_pcr(frame))


def judge_bars(
    instrument: Instrument, minutes: int, frame: _Columns, calendar: Calendar
) -> Iterator[Finding]:
    """Gaps, foreign hours, shapes, zero volume, spikes and stale repeats of ascending bars."""
    sparse = instrument.kind is InstrumentKind.DERIVATIVE
    yield from _shapes(frame)
    yield from _gaps(instrument, minutes, frame["ts"], calendar, sparse)
    if instrument.has_own_volume:
        yield from _zero_volume(frame, sparse)
    if not sparse:
        yield from _spikes(frame["ts"], frame["close"])
        yield from _stale_bars(frame)


def judge_ticks(instrument: Instrument, frame: _Columns, calendar: Calendar) -> Iterator[Finding]:
    """Order, foreign hours, spikes and holes of ticks; a hole is 2 minutes of a session without one."""
    ts = frame["ts"]
    sessions, _ = _sessions(instrument, ts, calendar)
    inside = sessions.index_block(ts)
    yield from _foreign(ts, inside, 60 * NS_PER_SECOND, sessions)
    if instrument.kind is InstrumentKind.DERIVATIVE:
        return
    yield from _spikes(ts, frame["price"])
    hole = (np.diff(ts) > _TICK_HOLE_NS) & (inside[1:] == inside[:-1]) & (inside[1:] >= 0)
    rows = np.flatnonzero(hole)
    if len(rows):
        longest = int(np.diff(ts)[rows].max()) // NS_PER_SECOND
        yield Finding(
            "holes", "wrong", len(rows), int(ts[rows[0]]), f"without a tick, the longest {longest} s"
        )


def judge_chain(frame: _Columns, expiry: date, calendar: Calendar) -> Iterator[Finding]:
    """Crossed quotes, snapshots without open interest, stale repeats, holes, rows after the expiry."""
    known = frame["known_ts"]
    starts = np.flatnonzero(np.concatenate([[True], known[1:] != known[:-1]]))
    times = known[starts]
    for side in ("ce", "pe"):
        bid, ask = frame[f"{side}_bid"], frame[f"{side}_ask"]
        yield from _some("crossed", "wrong", known, bid > ask, f"{side} bid above ask")
        oi = frame[f"{side}_oi"]
        empty = np.add.reduceat(np.nan_to_num(oi), starts) == 0
        yield from _some("zero OI", "wrong", times, empty, f"snapshots without any {side} open interest")
        for name in ("oi", "volume", "ltp", "bid", "ask", "iv"):
            negative = frame[f"{side}_{name}"] < 0
            yield from _some("negative", "wrong", known, negative, f"{side}_{name} below zero")
    if np.isnan(frame["spot"]).all():
        yield Finding("no spot", "note", len(known), int(known[0]), "the spot price is missing throughout")
    yield from _stale_snapshots(frame, starts, expiry)
    days = np.array([ist_day(int(t)) for t in times])
    late = days > (expiry - date(1970, 1, 1)).days
    yield from _some("expired", "wrong", times, late, f"snapshots after the expiry {expiry}")
    yield from _snapshot_holes(times, days)


def judge_pcr(frame: _Columns) -> Iterator[Finding]:
    """Ratios that cannot be, and holes."""
    values, times = frame["pcr"], frame["known_ts"]
    odd = ~((values >= _PCR[0]) & (values <= _PCR[1]))
    yield from _some("range", "wrong", times, odd, f"outside {_PCR[0]:g} to {_PCR[1]:g}, or missing")
    yield from _snapshot_holes(times, np.array([ist_day(int(t)) for t in times]))


# ---- parts of them


def _instrument(key: str) -> Instrument:
    try:
        return resolve(key)
    except ConfigError:  # a key of a segment that is not known by name still has ticks and bars
        return resolve("NSE_FO|" + key.partition("|")[2])


def _some(
    check: str, severity: Severity, times: I64, bad: npt.NDArray[np.bool_], text: str
) -> Iterator[Finding]:
    rows = np.flatnonzero(bad)
    if len(rows):
        yield Finding(check, severity, len(rows), int(times[rows[0]]), text)


def _shapes(frame: _Columns) -> Iterator[Finding]:
    low, high = np.minimum(frame["open"], frame["close"]), np.maximum(frame["open"], frame["close"])
    bad = ~((frame["low"] <= low) & (frame["high"] >= high))
    yield from _some("OHLC order", "wrong", frame["ts"], bad, "open or close outside low to high")
    price = np.minimum(frame["low"], frame["open"])
    yield from _some("price", "wrong", frame["ts"], ~(price > 0), "not above zero")
    yield from _some(
        "duplicates", "wrong", frame["ts"][1:], np.diff(frame["ts"]) <= 0, "not later than before"
    )


def _sessions(instrument: Instrument, ts: I64, calendar: Calendar) -> tuple[SessionTable, int]:
    """The calendar's sessions of those days, and how many days it does not know (they are not judged)."""
    first, last = ist_date(int(ts[0])), ist_date(int(ts[-1]))
    table = SessionTable.from_calendar(calendar, instrument.hours, first, last)
    days = {ist_date(int(t)) for t in ts[np.flatnonzero(np.diff(ts, prepend=ts[0] - 10**15) > 10**13)]}
    return table, sum(not calendar.covers(day) for day in days)


def _gaps(
    instrument: Instrument, minutes: int, ts: I64, calendar: Calendar, sparse: bool
) -> Iterator[Finding]:
    sessions, unknown = _sessions(instrument, ts, calendar)
    inside = sessions.index_block(ts)
    covered = np.array([calendar.covers(day) for day in sessions.days], np.bool_)
    if unknown:
        text = "days outside the calendar, not judged for gaps"
        yield Finding("calendar", "note", unknown, int(ts[0]), text)
    foreign_days = np.array([calendar.covers(ist_date(int(t))) for t in ts[inside < 0]], np.bool_)
    outside = np.flatnonzero(inside < 0)[foreign_days]
    if len(outside):
        share = len(outside) / len(ts)
        name = "wrong zone" if share > _FOREIGN_SHARE else "outside"
        yield Finding(
            name, "wrong", len(outside), int(ts[outside[0]]), f"bars outside the sessions ({share:.1%})"
        )
    step = minutes * NS_PER_MINUTE
    expected = -((sessions.opens - sessions.closes) // step)
    found = np.bincount(inside[inside >= 0], minlength=len(sessions))
    severity: Severity = "note" if sparse else "wrong"
    empty = (found == 0) & covered
    yield from _some("missing days", severity, sessions.opens, empty, _days_text(sessions, empty))
    short = (found < expected) & (found > 0) & covered
    if short.any():
        missing = int((expected - found)[short].sum())
        worst = int(np.argmax(np.where(short, expected - found, 0)))
        text = f"bars in {int(short.sum())} days, most on {sessions.days[worst]}"
        yield Finding("missing bars", severity, missing, int(sessions.opens[np.argmax(short)]), text)


def _days_text(sessions: SessionTable, which: npt.NDArray[np.bool_]) -> str:
    rows = np.flatnonzero(which).tolist()
    return f"sessions without a bar, {sessions.days[rows[0]]} to {sessions.days[rows[-1]]}" if rows else ""


def _foreign(ts: I64, inside: I64, grace_ns: int, sessions: SessionTable) -> Iterator[Finding]:
    """Rows outside the sessions; ``grace_ns`` after a close is still inside."""
    if not len(sessions):
        return
    rows = np.flatnonzero(inside < 0)
    before = np.searchsorted(sessions.closes, ts[rows], "right") - 1
    late = (before >= 0) & (ts[rows] - sessions.closes[np.maximum(before, 0)] < grace_ns)
    rows = rows[~late]
    if len(rows):
        share = len(rows) / len(ts)
        name = "wrong zone" if share > _FOREIGN_SHARE else "outside"
        yield Finding(name, "wrong", len(rows), int(ts[rows[0]]), f"rows outside the sessions ({share:.1%})")


def _zero_volume(frame: _Columns, sparse: bool) -> Iterator[Finding]:
    volume = frame["volume"]
    if np.isnan(volume).all():
        yield Finding("no volume", "note", len(volume), int(frame["ts"][0]), "volume is missing throughout")
        return
    zero = volume == 0
    severity: Severity = "wrong" if float(zero.mean()) > _ZERO_SHARE and not sparse else "note"
    yield from _some("zero volume", severity, frame["ts"], zero, f"bars ({zero.mean():.1%}) without a trade")
    missing = np.isnan(volume)
    yield from _some("no volume", "wrong", frame["ts"], missing, "bars whose volume is missing")


def _spikes(ts: I64, price: F64) -> Iterator[Finding]:
    if len(price) < 30:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.diff(np.log(price))
    same_day = np.diff((ts + 19_800 * NS_PER_SECOND) // (86_400 * NS_PER_SECOND)) == 0
    usable = returns[same_day & np.isfinite(returns)]
    if len(usable) < 30:
        return
    middle = float(np.median(usable))
    spread = 1.4826 * float(np.median(np.abs(usable - middle)))
    limit = max(_SPIKE_Z * spread, _SPIKE_LEAST)
    out, back = returns[:-1] - middle, returns[1:] - middle
    spike = (
        (np.abs(out) > limit) & (np.abs(back) > limit / 2) & (out * back < 0) & same_day[:-1] & same_day[1:]
    )
    spike &= np.abs(out + back) < limit / 2
    yield from _some(
        "outliers", "wrong", ts[1:-1], spike, f"spikes beyond {limit:.2%} that are taken back at once"
    )


def _stale_bars(frame: _Columns) -> Iterator[Finding]:
    close = frame["close"]
    flat = (frame["open"] == close) & (frame["high"] == close) & (frame["low"] == close)
    repeat = np.concatenate([[False], flat[1:] & (close[1:] == close[:-1])])
    yield from _runs(frame["ts"], repeat, _STALE_BARS, "runs of {least} to {most} equal flat bars")


def _runs(ts: I64, repeat: npt.NDArray[np.bool_], least: int, text: str) -> Iterator[Finding]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], repeat, [False]]).astype(np.int8)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    long = lengths >= least
    if long.any():
        said = text.format(most=int(lengths.max()), least=least)
        first = int(ts[starts[np.argmax(long)]])
        yield Finding("stale", "wrong", int(long.sum()), first, said)


def _stale_snapshots(frame: _Columns, starts: npt.NDArray[np.intp], expiry: date) -> Iterator[Finding]:
    """Snapshots equal to the one before in every strike; of a far expiry that may be so by nature."""
    names = [f"{side}_{name}" for side in ("ce", "pe") for name in ("ltp", "oi", "volume")]
    ends = np.append(starts[1:], len(frame["ts"]))
    times, same = frame["known_ts"][starts], np.zeros(len(starts), np.bool_)
    sizes = ends - starts
    for i in np.flatnonzero(sizes[1:] == sizes[:-1]).tolist():
        a, b = slice(starts[i], ends[i]), slice(starts[i + 1], ends[i + 1])
        same[i + 1] = all(
            np.array_equal(frame[name][a], frame[name][b], equal_nan=True) for name in ("strike", *names)
        )
    severity: Severity = "wrong" if (expiry - ist_date(int(times[0]))).days <= _NEAR_DAYS else "note"
    yield from _some("stale", severity, times, same, "snapshots equal to the one before")


def _snapshot_holes(times: I64, days: npt.NDArray[Any]) -> Iterator[Finding]:
    step = np.diff(times)
    hole = (step > _HOLE_NS) & (days[1:] == days[:-1])
    if hole.any():
        longest = int(step[hole].max()) // NS_PER_MINUTE
        first = int(times[:-1][hole][0])
        yield Finding(
            "holes", "note", int(hole.sum()), first, f"of more than 10 min, the longest {longest} min"
        )
