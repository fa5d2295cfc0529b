"""How long a file's bars are, and whether its stamps label their start or their end.

Pure. The length is the most common step between neighbours of one day; a file that changes it is refused.
Start or end is read off the first and last bars of the days: nothing starts at the close and nothing ends
at the open. Where the days do not say, start is assumed and the head says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sos.bars import I64
from sos.calendar import Calendar, Segment
from sos.clock import IST_OFFSET_NS, ist_date, ist_day
from sos.errors import DataError
from sos.types import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

__all__ = ["Labelled", "MixedSteps", "find_minutes", "to_starts"]

_RUN: Final = 12  # so many equal steps of another length in a row are no gaps
_CLEAR: Final = 2  # votes on one side must be this many times the other's
_LAST_SECOND: Final = 59
_SAMPLE: Final = 200  # days that are asked, spread evenly


class MixedSteps(DataError):
    """The step between rows is not one bar length. ``row`` is where the other length begins."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row


@dataclass(frozen=True, slots=True)
class Labelled:
    """Open times of the bars, ns UTC, and how the head says it."""

    ts: I64
    said: str


def find_minutes(ns: I64) -> int:
    """Length of the bars in minutes, of ascending stamps; 1 for a single bar.

    Raises:
        MixedSteps: seconds, daily bars, or two lengths in one file.
    """
    if len(ns) < 2:
        return 1
    step = np.diff(ns)
    common = _most_common(step)
    odd = np.flatnonzero(step != common)
    odd = odd[_day_of(ns[odd]) == _day_of(ns[odd + 1])]  # a night between two rows is no step
    if common >= NS_PER_DAY // 2:
        if len(ns) > 2:
            raise MixedSteps(1, "one row a day: SOS needs bars of minutes, not daily bars")
        return 1
    if common % NS_PER_MINUTE:
        seconds = common / NS_PER_SECOND
        raise MixedSteps(1, f"rows are {seconds:g} s apart: SOS reads bars of whole minutes, make them first")
    _check_even(step, odd, common)
    return int(common // NS_PER_MINUTE)


def to_starts(ns: I64, minutes: int, stamps: str | None, calendar: Calendar, hours: Segment) -> Labelled:
    """Open times of bars of ``minutes``; ``stamps`` is "start", "end" or None (find out).

    Raises:
        MixedSteps: stamps are neither on whole minutes nor all in the last second of one.
    """
    if _in_last_second(ns):
        floor = ns - ns % NS_PER_MINUTE - (minutes - 1) * NS_PER_MINUTE
        return Labelled(floor, "stamps: last second of each bar (detected), moved to its start")
    if stamps is not None:
        shift = minutes * NS_PER_MINUTE if stamps == "end" else 0
        return Labelled(ns - shift if shift else ns, f"stamps: bar {stamps} (given)")
    start, end = _votes(ns, minutes, calendar, hours)
    if end > start * _CLEAR:
        return Labelled(ns - minutes * NS_PER_MINUTE, "stamps: bar end (detected), moved to the start")
    if start > end * _CLEAR:
        return Labelled(ns, "stamps: bar start (detected)")
    return Labelled(ns, "stamps: taken as bar start, the data does not say (--stamps end if they are ends)")


def _most_common(steps: I64) -> int:
    """The most frequent value; the smaller of equals. Steps of a bar file are few."""
    smallest = int(steps.min())
    if int(np.count_nonzero(steps == smallest)) * 2 > len(steps):
        return smallest
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def _check_even(step: I64, odd: npt.NDArray[np.intp], common: int) -> None:
    """Refuse steps shorter than a bar, and long runs of another length. ``odd``: where the steps differ."""
    if not len(odd):
        return
    short = odd[step[odd] < common]
    if len(short):
        raise MixedSteps(int(short[0]) + 1, _mixed(int(step[short[0]]), common))
    breaks = np.flatnonzero((np.diff(odd) != 1) | (np.diff(step[odd]) != 0)) + 1
    edges = np.concatenate([[0], breaks, [len(odd)]])
    longest = int(np.argmax(np.diff(edges)))
    if int(edges[longest + 1] - edges[longest]) >= _RUN:
        row = int(odd[edges[longest]])
        raise MixedSteps(row, _mixed(int(step[row]), common))


def _mixed(step: int, common: int) -> str:
    return (
        f"bars of {step / NS_PER_MINUTE:g} and of {common / NS_PER_MINUTE:g} minutes are mixed: "
        "keep one length in a file"
    )


def _in_last_second(ns: I64) -> bool:
    """False: stamps on whole minutes. True: all in a bar's last second, like 09:15:59."""
    rest = ns % NS_PER_MINUTE
    if not rest.any():
        return False
    if bool((rest >= _LAST_SECOND * NS_PER_SECOND).all()):
        return True
    row = int(np.flatnonzero(rest)[0])
    raise MixedSteps(row, "the stamp is not on a whole minute: SOS reads bars of whole minutes")


def _day_of(ns: I64) -> I64:
    return (ns + IST_OFFSET_NS) // NS_PER_DAY


def _votes(ns: I64, minutes: int, calendar: Calendar, hours: Segment) -> tuple[int, int]:
    """Days that speak for starts and for ends. An edge that only one reading allows counts thrice."""
    start = end = 0
    length = minutes * NS_PER_MINUTE
    for first, last, opens, closes in _edges(ns, calendar, hours):
        start += 3 * (first == opens) + (last == closes - length)
        end += 3 * (last == closes) + (first == opens + length)
    return start, end


def _edges(ns: I64, calendar: Calendar, hours: Segment) -> Iterator[tuple[int, int, int, int]]:
    """First and last stamp of some days beside the usual open and close, ns UTC."""
    days = np.arange(ist_day(int(ns[0])), ist_day(int(ns[-1])) + 2)
    edges = np.searchsorted(ns, days * NS_PER_DAY - IST_OFFSET_NS)
    busy = np.flatnonzero(np.diff(edges))
    busy = busy[:: 1 + len(busy) // _SAMPLE]
    for lo, hi in zip(edges[busy].tolist(), edges[busy + 1].tolist(), strict=True):
        sessions = calendar.sessions(ist_date(int(ns[lo])), hours)
        if sessions:
            yield int(ns[lo]), int(ns[hi - 1]), sessions[0].open_ns, sessions[-1].close_ns
