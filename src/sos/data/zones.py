"""What the clock of a file means: the time zone of its stamps. Found from the data, and said.

Pure apart from the system's zone table. The evidence is where bars fall in the exchange's day: an Indian
session cannot be mistaken for another one once the zone is right. Where two readings fit, nothing is
guessed: the error asks. A zone that a file states and that puts its bars outside Indian hours is refused
with the name of the one that fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from math import gcd
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from sos.bars import I64
from sos.calendar import Calendar, Segment
from sos.clock import IST, IST_OFFSET_NS, ist_iso
from sos.data.stamps import Stamps
from sos.errors import ConfigError, DataError
from sos.types import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

__all__ = ["Zoned", "parse_zone", "to_utc"]

_OPEN: Final = 9 * 60  # minutes of the day: pre-open bars count as inside
_CLOSE: Final = 15 * 60 + 46  # a bar labelled by the latest close of any era is inside
_MOST: Final = 0.8  # share of bars that must be inside for a reading to fit
_USUAL_OPEN: Final = (9 * 60 + 15, 9 * 60 + 16)
_SAMPLE: Final = 20_000  # bars looked at
_FEW_DAYS: Final = 10  # evenings and drills are single days: a longer file lives in usual hours
_GRACE_NS: Final = 15 * NS_PER_MINUTE
_ALIASES: Final = {"IST": "Asia/Kolkata", "ASIA/CALCUTTA": "Asia/Kolkata", "ASIA/KOLKATA": "Asia/Kolkata"}
_SUGGEST: Final = ("Asia/Kolkata", "UTC", "America/New_York", "Europe/London", "Asia/Singapore", "Asia/Dubai")
_HALF_HOUR_NS: Final = 30 * NS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Zoned:
    """UTC nanoseconds, and how the head says where they come from."""

    ns: I64
    said: str


def parse_zone(text: str) -> tzinfo:
    """A zone by name (``Asia/Kolkata``, ``IST``, ``UTC``) or offset (``+05:30``).

    Raises:
        ConfigError: no such zone, or this machine has no zone table for it.
    """
    name = text.strip()
    if name.upper() in _ALIASES:
        return IST
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC
    offset = re.fullmatch(r"(?:UTC)?([+-])(\d\d):?(\d\d)", name)
    if offset is not None:
        delta = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-delta if offset[1] == "-" else delta)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ConfigError(
            f"--tz: unknown zone {text!r}: write Asia/Kolkata, UTC or an offset such as +05:30"
        ) from exc


def to_utc(file: str, stamps: Stamps, tz: str | None, calendar: Calendar, hours: Segment) -> Zoned:
    """Settle the zone of ``stamps``; ``tz`` is the user's word for stamps that carry none.

    A zone in the file that fits Indian hours wins over ``tz``; one that does not fit may be overruled by it.

    Raises:
        DataError: bars outside Indian hours (names the zone that fits), or two readings fit.
        ConfigError: ``tz`` is no zone.
    """
    judge = _Judge(calendar, hours)
    given = None if tz is None else parse_zone(tz)
    if stamps.zone is not None:
        return _labelled(file, stamps, stamps.zone, given, tz, judge)
    if given is not None:
        ns = _utc_of_wall(stamps.ns, given)
        if judge.fits(ns):
            return Zoned(ns, f"time zone {tz} (given)")
        raise DataError(_outside(file, ns, f"read as {tz}", stamps.ns, judge))
    return _naive(file, stamps, judge)


class _Judge:
    """Whether bars fall into Indian trading hours."""

    def __init__(self, calendar: Calendar, hours: Segment) -> None:
        self._calendar = calendar
        self._hours = hours

    def fits(self, ns: I64) -> bool:
        """Most bars lie in usual hours, or in the day's own sessions (an evening)."""
        return _usual_share(ns) >= _MOST or self._session_share(ns) >= _MOST

    def _session_share(self, ns: I64) -> float:
        days = np.unique((ns + IST_OFFSET_NS) // NS_PER_DAY)
        if len(days) > _FEW_DAYS:
            return 0.0
        inside = np.zeros(len(ns), np.bool_)
        for day in days.tolist():
            for session in self._calendar.sessions(date(1970, 1, 1) + timedelta(days=day), self._hours):
                inside |= (ns >= session.open_ns - _GRACE_NS) & (ns <= session.close_ns)
        return float(inside.mean())


def _usual_share(ns: I64) -> float:
    """Share of bars in usual hours; of long files an even sample, at no step that returns to one minute."""
    step = 1 + len(ns) // _SAMPLE
    while gcd(step, 375) > 1:
        step += 1
    minute = (ns[::step] + IST_OFFSET_NS) % NS_PER_DAY // NS_PER_MINUTE
    return float(((minute >= _OPEN) & (minute < _CLOSE)).mean())


def _naive(file: str, stamps: Stamps, judge: _Judge) -> Zoned:
    readings = {"Asia/Kolkata": stamps.ns - IST_OFFSET_NS, "UTC": stamps.ns}
    fitting = {name: ns for name, ns in readings.items() if judge.fits(ns)}
    if len(fitting) > 1:
        fitting = {name: ns for name, ns in fitting.items() if _opens_on_time(ns)} or fitting
    if len(fitting) == 1:
        name, ns = next(iter(fitting.items()))
        return Zoned(ns, f"time zone {name} (detected from the hours)")
    if fitting:
        raise DataError(
            f"{file}: stamps carry no zone and fit Indian hours both as Asia/Kolkata and as UTC: say --tz"
        )
    raise DataError(_outside(file, readings["Asia/Kolkata"], "read as Asia/Kolkata", stamps.ns, judge))


def _labelled(
    file: str, stamps: Stamps, label: str, given: tzinfo | None, tz: str | None, judge: _Judge
) -> Zoned:
    if judge.fits(stamps.ns):
        return Zoned(stamps.ns, f"time zone {label} (in the file)")
    wall = _wall_of_utc(stamps.ns, parse_zone(label))
    if given is not None:
        ns = _utc_of_wall(wall, given)
        if judge.fits(ns):
            return Zoned(ns, f"time zone {tz} (given; the file's label {label} is wrong)")
        raise DataError(_outside(file, ns, f"read as {tz}", wall, judge))
    raise DataError(_outside(file, stamps.ns, f"labelled {label}", wall, judge))


def _opens_on_time(ns: I64) -> bool:
    """Most days begin with the usual open (or the end of its first minute)."""
    day = (ns + IST_OFFSET_NS) // NS_PER_DAY
    first = np.flatnonzero(np.diff(day, prepend=day[:1] - 1))
    minutes = (ns[first] + IST_OFFSET_NS) % NS_PER_DAY // NS_PER_MINUTE
    return float(np.isin(minutes, _USUAL_OPEN).mean()) > 0.5


def _outside(file: str, ns: I64, how: str, wall: I64, judge: _Judge) -> str:
    right = _find_zone(wall, judge)
    mend = f"they fit --tz {right}" if right else "no usual zone fits: check the file"
    return f"{file}: {how}, most bars are outside Indian hours (the first at {ist_iso(int(ns[0]))}): {mend}"


def _find_zone(wall: I64, judge: _Judge) -> str | None:
    """The zone in which the wall clock shows Indian sessions: a common name, else an offset."""
    for name in _SUGGEST:
        if _is_known(name):
            ns = _utc_of_wall(wall, parse_zone(name))
            if judge.fits(ns) and _opens_on_time(ns):
                return name
    for half_hours in range(-24, 29):
        if _usual_share(wall - half_hours * _HALF_HOUR_NS) >= 0.99:
            sign, (hours, half) = "-" if half_hours < 0 else "+", divmod(abs(half_hours), 2)
            return f"{sign}{hours:02d}:{half * 30:02d}"
    return None


def _is_known(name: str) -> bool:
    try:
        parse_zone(name)
    except ConfigError:
        return False
    return True


def _utc_of_wall(wall: I64, zone: tzinfo) -> I64:
    """UTC of wall-clock nanoseconds; one look-up per distinct half hour."""
    return wall - _offsets(wall, zone, of_utc=False)


def _wall_of_utc(ns: I64, zone: tzinfo) -> I64:
    return ns + _offsets(ns, zone, of_utc=True)


def _offsets(values: I64, zone: tzinfo, *, of_utc: bool) -> npt.NDArray[np.int64] | int:
    if isinstance(zone, timezone):
        return _offset_ns(zone.utcoffset(None))
    slots, inverse = np.unique(values // _HALF_HOUR_NS, return_inverse=True)
    base = datetime(1970, 1, 1, tzinfo=UTC)
    moments = [base + timedelta(minutes=30 * slot) for slot in slots.tolist()]
    if of_utc:
        found = [_offset_ns(moment.astimezone(zone).utcoffset()) for moment in moments]
    else:
        found = [_offset_ns(moment.replace(tzinfo=zone).utcoffset()) for moment in moments]
    return np.array(found, np.int64)[inverse]


def _offset_ns(offset: timedelta | None) -> int:
    return 0 if offset is None else int(offset.total_seconds()) * NS_PER_SECOND
