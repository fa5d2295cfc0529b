"""Bars in the store: a `BarRun` as a frame and back.

Pure. A series of bars is one instrument and one length in minutes; its part of the path is ``1m``, ``5m``,
...
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sos.bars import BarRun
from sos.data.store.kinds import BARS, Frame, tidy
from sos.errors import DataError
from sos.types import NS_PER_MINUTE, InstrumentKey

__all__ = ["bars_frame", "bars_part", "bars_run"]

_PRICES = ("open", "high", "low", "close")


def bars_part(minutes: int) -> str:
    """The part of the path: ``1m``.

    Raises:
        DataError: not a length of bars.
    """
    if not 1 <= minutes <= 1440:
        raise DataError(f"bars of {minutes} minutes: the store keeps lengths of 1 to 1440")
    return f"{minutes}m"


def bars_frame(columns: BarRun | Mapping[str, npt.ArrayLike], minutes: int) -> Frame:
    """The tidy frame of one instrument's bars; without ``end``, bars end after ``minutes``.

    Raises:
        DataError: several instruments, times that do not ascend, prices missing.
    """
    if isinstance(columns, BarRun):
        if len(columns.keys) != 1:
            raise DataError(f"a run of {len(columns.keys)} instruments: write each one for itself")
        given: dict[str, Any] = {name: getattr(columns, name) for name in BARS.columns}
    else:
        given = dict(columns)
        if "ts" in given and "end" not in given:
            given["end"] = np.asarray(given["ts"], np.int64) + minutes * NS_PER_MINUTE
    frame = tidy(BARS, given)
    for name in _PRICES:
        if np.isnan(frame[name]).any():
            raise DataError(f"bars: {name} is missing in row {int(np.argmax(np.isnan(frame[name]))) + 1}")
    return frame


def bars_run(key: str, frame: Frame) -> BarRun:
    """The frame as a run of one instrument."""
    columns = (frame[name] for name in BARS.columns)
    return BarRun.single(InstrumentKey(key), *columns)
