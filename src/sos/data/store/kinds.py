"""What the store keeps: the columns of each kind of file, in one table.

Data only. All times are ns since the epoch, UTC; prices float rupees, quantities units, NaN is missing. A
change of these columns is a new `SCHEMA`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sos.errors import DataError

__all__ = ["BARS", "CHAIN", "KINDS", "PCR", "SCHEMA", "TICKS", "Frame", "Kind", "tidy"]

SCHEMA: Final = 1
Frame: TypeAlias = dict[str, npt.NDArray[Any]]  # columns of one length, int64 or float64

_SIDE: Final = (
    *("oi", "oi_prev", "volume", "ltp", "bid", "bid_qty", "ask", "ask_qty"),
    *("iv", "delta", "gamma", "theta", "vega"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """``whole`` columns are int64, ``real`` ones float64. Rows ascend by ``key``.

    ``time`` is the column whose IST month names the file. ``grouped``: rows of one key belong together, in
    the order given, and are replaced together; else a key is unique.
    """

    name: str
    whole: tuple[str, ...]
    real: tuple[str, ...]
    key: tuple[str, ...]
    time: str
    grouped: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return self.whole + self.real


BARS: Final = Kind("bars", ("ts", "end"), ("open", "high", "low", "close", "volume", "oi"), ("ts",), "ts")
TICKS: Final = Kind("ticks", ("ts",), ("price", "qty", "oi"), ("ts",), "ts", grouped=True)
CHAIN: Final = Kind(
    "chain",
    ("known_ts", "ts"),
    ("strike", "spot", *(f"ce_{name}" for name in _SIDE), *(f"pe_{name}" for name in _SIDE)),
    ("known_ts", "ts", "strike"),
    "known_ts",
)
PCR: Final = Kind("pcr", ("known_ts", "ts"), ("pcr", "spot"), ("known_ts", "ts"), "known_ts")
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (BARS, TICKS, CHAIN, PCR)}


def tidy(kind: Kind, columns: Mapping[str, npt.ArrayLike]) -> Frame:
    """``columns`` as a frame of ``kind``: its order, its types, one sort of NaN and of zero.

    A missing real column is NaN throughout; other columns than the kind's are refused.

    Raises:
        DataError: an unknown or absent column, unequal lengths, or keys that do not ascend.
    """
    unknown = sorted(set(columns) - set(kind.columns))
    absent = [name for name in kind.whole if name not in columns]
    if unknown or absent:
        raise DataError(f"{kind.name}: columns {', '.join(unknown or absent)} are {_wrong(unknown)}")
    length = len(np.asarray(columns[kind.whole[0]]))
    frame: Frame = {}
    for name in kind.columns:
        if name in kind.whole:
            frame[name] = np.ascontiguousarray(columns[name], np.int64)
        elif name in columns:
            frame[name] = _one_nan(np.asarray(columns[name], np.float64))
        else:
            frame[name] = np.full(length, np.nan)
        if frame[name].shape != (length,):
            raise DataError(f"{kind.name}: column {name} has {frame[name].shape} entries, not {length}")
    _check_order(kind, frame)
    return frame


def _wrong(unknown: list[str]) -> str:
    return "not known here" if unknown else "missing"


def _one_nan(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Equal values in equal bytes: -0.0 becomes 0.0, and every NaN the same one."""
    plain = values + 0.0
    plain[np.isnan(plain)] = np.nan
    return plain


def _check_order(kind: Kind, frame: Frame) -> None:
    rises = np.zeros(max(0, len(frame[kind.time]) - 1), np.bool_)
    level = np.ones_like(rises)
    for name in kind.key:
        step = frame[name][1:] - frame[name][:-1]
        if np.isnan(step).any():
            raise DataError(f"{kind.name}: a {name} is missing")
        rises |= level & (step > 0)
        level &= step == 0
    good = rises | level if kind.grouped else rises
    if not good.all():
        row = int(np.argmin(good)) + 1
        raise DataError(f"{kind.name}: row {row + 1} does not come after the row before it ({kind.key[0]})")
