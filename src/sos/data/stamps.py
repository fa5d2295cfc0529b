"""Times as files write them, turned into nanoseconds with what is known of their zone.

Pure: values in, `Stamps` out. Wall-clock values stay wall-clock here; `zones` decides what they mean.
Nothing is guessed from a single value: epoch units come from the magnitude, and whether 03-04-2025 is April
or March only from dates that leave no choice (a day above 12, a holiday, the order of the rows).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np

from sos.bars import I64
from sos.calendar import Calendar, Segment
from sos.errors import DataError
from sos.types import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

__all__ = [
    "BadStamp",
    "Stamps",
    "clock_numbers",
    "clock_texts",
    "day_numbers",
    "from_dates",
    "from_epoch",
    "from_text",
    "join",
]

_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST, _LAST = 631_152_000, 4_102_444_800  # seconds: 1990 and 2100, where stamps of bars can lie
_UNITS: Final = (("s", NS_PER_SECOND), ("ms", 1_000_000), ("us", 1_000), ("ns", 1))
_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES, start=1)}

_YMD: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_COMPACT: Final = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_XXY: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_DAY_NAME: Final = re.compile(r"(\d{1,2})[-/ .]([A-Za-z]{3})[a-z]*[-/ .,]+(\d{4})")
_NAME_DAY: Final = re.compile(r"([A-Za-z]{3})[a-z]*[-/ .](\d{1,2})[-/ .,]+(\d{4})")
_CLOCK: Final = re.compile(
    r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*([AaPp])?(?:\.?[Mm]\.?)?"
    r"\s*(Z|UTC|GMT|IST|[+-]\d\d:?\d\d)?"
)
_COMPACT_CLOCK: Final = re.compile(r"(\d\d)(\d\d)(\d\d)?")
_NAMED_OFFSETS: Final = {"Z": 0, "UTC": 0, "GMT": 0, "IST": 330}


@dataclass(frozen=True, slots=True)
class Stamps:
    """Times of all rows. ``zone`` None: ``ns`` is the wall clock as written. Else ``ns`` is UTC and ``zone``
    the label it came under (``UTC``, ``+05:30``, ``Asia/Kolkata``). ``style`` says how they are written."""

    ns: I64
    zone: str | None
    style: str


class BadStamp(DataError):
    """A value that is no time. ``row`` is its index; the reader adds the file and the place."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row


def from_epoch(values: I64) -> Stamps:
    """Seconds to nanoseconds since 1970 by magnitude, or the digits of YYYYMMDDHHMM[SS].

    Raises:
        BadStamp: a value is in no range of its column's unit.
    """
    first = int(values[0]) if len(values) else _FIRST
    for unit, factor in _UNITS:
        scale = NS_PER_SECOND // factor
        if _FIRST * scale <= first < _LAST * scale:
            bad = np.flatnonzero((values < _FIRST * scale) | (values >= _LAST * scale))
            if len(bad):
                raise BadStamp(int(bad[0]), f"{int(values[bad[0]])} is not epoch {unit} like the first row")
            return Stamps(values * factor if factor != 1 else values, "UTC", f"epoch {unit}")
    if len(str(first)) in (12, 14) and _COMPACT.match(str(first)):
        return from_text([str(value) for value in values.tolist()])
    raise BadStamp(0, f"{first} is no epoch time in s, ms, us or ns between 1990 and 2100")


def from_text(texts: Sequence[str | None]) -> Stamps:
    """Date and time in one text: ISO 8601, 02-01-2024 09:15, 02-Jan-2024 09:15:00, 20240102 091500, ...

    Raises:
        BadStamp: a row is empty or unreadable, mixes zones, or day and month cannot be told apart.
    """
    pairs = [_cut(text, row) for row, text in enumerate(texts)]
    days = from_dates([day for day, _ in pairs])
    clocks, offsets = _clocks([clock for _, clock in pairs])
    if offsets is None:
        return Stamps(days + clocks, None, "text")
    label = _label(offsets)
    return Stamps(days + clocks - offsets * NS_PER_MINUTE, label, "text with its zone")


def join(days: I64, clock: I64) -> Stamps:
    """Midnights (ns) and times of the day (ns) as wall-clock stamps."""
    return Stamps(days + clock, None, "date and time")


def from_dates(texts: Sequence[str]) -> I64:
    """Midnight of each date text, ns, wall clock. Each distinct text is read once.

    Raises:
        BadStamp: as `from_text`.
    """
    distinct = dict.fromkeys(texts)
    if any(_XXY.fullmatch(text) for text in distinct):
        day_first = _is_day_first(list(distinct), texts)
    else:
        day_first = True
    known = {text: _ordinal(text, day_first) for text in distinct}
    days = [known[text] for text in texts]
    if None in known.values():
        row = days.index(None)
        raise BadStamp(row, f"{texts[row]!r} is not a date (write YYYY-MM-DD)")
    return np.array(days, np.int64) * NS_PER_DAY


def day_numbers(values: I64) -> I64:
    """Midnights (ns) of whole numbers like 20240102."""
    return from_dates([str(value) for value in values.tolist()])


def clock_numbers(values: I64) -> I64:
    """Times of the day (ns) of whole numbers: 915 or 1530 (HHMM), 91500 or 153000 (HHMMSS)."""
    with_seconds = bool(len(values)) and int(values.max()) > 2400
    seconds = values % 100 if with_seconds else 0
    hhmm = values // 100 if with_seconds else values
    hours, minutes = hhmm // 100, hhmm % 100
    bad = np.flatnonzero((values < 0) | (hours > 23) | (minutes > 59) | (np.asarray(seconds) > 59))
    if len(bad):
        raise BadStamp(int(bad[0]), f"{int(values[bad[0]])} is not a time of the day (HHMM or HHMMSS)")
    result: I64 = ((hours * 60 + minutes) * 60 + seconds) * NS_PER_SECOND
    return result


def clock_texts(texts: Sequence[str | None]) -> tuple[I64, I64 | None]:
    """Times of the day (ns) of texts such as 09:15, and their zone offsets in minutes if written."""
    for row, text in enumerate(texts):
        if text is None:
            raise BadStamp(row, "the time is empty")
    return _clocks([text.strip() for text in texts if text is not None])


def _cut(text: str | None, row: int) -> tuple[str, str]:
    """The date part and the time part of one text; the time part may be empty."""
    if text is None or not text.strip():
        raise BadStamp(row, "the time is empty")
    text = text.strip()
    colon = text.find(":")
    if colon > 0:
        start = colon - 2 if text[colon - 2 : colon].isdigit() else colon - 1
        return text[:start].rstrip(" T,"), text[start:]
    if text.isdigit() and len(text) in (12, 14):
        return text[:8], text[8:]
    head, _, tail = text.partition(" ")
    if tail.isdigit() and len(tail) in (4, 6):
        return head, tail
    return text, ""


def _clocks(texts: Sequence[str]) -> tuple[I64, I64 | None]:
    known = {text: _clock(text) for text in dict.fromkeys(texts)}
    rows = [known[text] for text in texts]
    for row, parsed in enumerate(rows if None in known.values() else ()):
        if parsed is None:
            raise BadStamp(row, f"{texts[row]!r} is not a time of the day (write HH:MM:SS)")
    found = [parsed for parsed in rows if parsed is not None]
    clocks = np.array([parsed[0] for parsed in found], np.int64)
    zones = {parsed[1] for parsed in known.values() if parsed is not None}
    if zones == {None} or not zones:
        return clocks, None
    if None in zones:
        row = next(row for row, parsed in enumerate(found) if parsed[1] != found[0][1])
        raise BadStamp(row, "some rows carry a time zone and others do not")
    return clocks, np.array([parsed[1] for parsed in found], np.int64)


def _clock(text: str) -> tuple[int, int | None] | None:
    """Nanoseconds since midnight and the zone's offset in minutes (None: no zone); None: not a time."""
    if not text:
        return 0, None
    match = _CLOCK.fullmatch(text)
    if match is None:
        compact = _COMPACT_CLOCK.fullmatch(text)
        return None if compact is None else _clock_of(compact[1], compact[2], compact[3])
    return _clock_of(*match.groups())


def _clock_of(
    hh: str,
    mm: str,
    ss: str | None,
    fraction: str | None = None,
    half: str | None = None,
    zone: str | None = None,
) -> tuple[int, int | None] | None:
    hour, minute, second = int(hh), int(mm), int(ss or 0)
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    nanos = int((fraction or "").ljust(9, "0"))
    return ((hour * 60 + minute) * 60 + second) * NS_PER_SECOND + nanos, _offset(zone)


def _offset(zone: str | None) -> int | None:
    if zone is None or zone in _NAMED_OFFSETS:
        return None if zone is None else _NAMED_OFFSETS[zone]
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes


def _label(offsets: I64) -> str:
    first = int(offsets[0]) if len(offsets) else 0
    if first == 0:
        return "UTC"
    hours, minutes = divmod(abs(first), 60)
    return f"{'-' if first < 0 else '+'}{hours:02d}:{minutes:02d}"


def _ordinal(text: str, day_first: bool) -> int | None:
    """Days since 1970 of a date text, or None."""
    if match := _YMD.fullmatch(text) or _COMPACT.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
    elif match := _XXY.fullmatch(text):
        one, two, year = (int(part) for part in match.groups())
        day, month = (one, two) if day_first else (two, one)
    elif match := _DAY_NAME.fullmatch(text):
        day, month, year = int(match[1]), _MONTHS.get(match[2].lower(), 0), int(match[3])
    elif match := _NAME_DAY.fullmatch(text):
        day, month, year = int(match[2]), _MONTHS.get(match[1].lower(), 0), int(match[3])
    else:
        return None
    try:
        return date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None


def _is_day_first(distinct: list[str], texts: Sequence[str]) -> bool:
    """Whether numeric dates like 03-04-2025 have the day first, from evidence only."""
    possible = [order for order in (True, False) if _possible(distinct, order)]
    if len(possible) == 2:
        possible = [order for order in possible if _plausible(distinct, order)] or possible
    if len(possible) == 1:
        return possible[0]
    row = texts.index(next(text for text in distinct if _XXY.fullmatch(text)))
    if not possible:
        odd = _first_odd(texts)
        if not _possible([texts[odd]], True) and not _possible([texts[odd]], False):
            raise BadStamp(odd, f"{texts[odd]!r} is not a date (write YYYY-MM-DD)")
        raise BadStamp(odd, f"{texts[odd]!r}: dates are neither all day first nor all month first")
    raise BadStamp(row, f"{texts[row]!r} may be day first or month first: write dates as YYYY-MM-DD")


def _possible(distinct: Iterable[str], day_first: bool) -> bool:
    return all(_ordinal(text, day_first) is not None for text in distinct)


def _plausible(distinct: Iterable[str], day_first: bool) -> bool:
    """In this order the dates rise, and the exchange was open on each that the calendar knows."""
    days = [_ordinal(text, day_first) or 0 for text in distinct]
    rising = all(one < two for one, two in pairwise(days))
    return rising and all(_was_open(date.fromordinal(day + _EPOCH)) for day in days)


def _was_open(day: date) -> bool:
    """False only where the calendar says so: a closed day disproves a reading, an unknown one does not."""
    calendar = Calendar.packaged()
    return not calendar.covers(day) or bool(calendar.sessions(day, Segment.CASH))


def _first_odd(texts: Sequence[str]) -> int:
    """The first row whose order differs from the row before it, or that is no date at all."""
    orders: list[Callable[[str], bool]] = [
        lambda text: _ordinal(text, True) is not None,
        lambda text: _ordinal(text, False) is not None,
    ]
    for row, text in enumerate(texts):
        orders = [order for order in orders if order(text)]
        if not orders:
            return row
    return 0
