"""A run of bars as columns that is also a `Sequence[Bar]`.

The replay publishes runs; a stage that knows columns reads them, every other one sees plain `Bar`
events made on demand. Slices are views, nothing is copied. Words only: no file, no calendar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from sos.events import Bar
from sos.types import InstrumentKey

__all__ = ["F64", "I64", "BarRun", "merge_runs"]

F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]
I16: TypeAlias = npt.NDArray[np.int16]


class BarRun(Sequence[Bar]):
    """Bars of one or several instruments in the order in which they are known.

    Shapes: every column has ``len(run)`` entries. ``which[i]`` indexes ``keys``. ``ts`` and ``end``
    are ns UTC, prices float rupees, ``volume``/``oi`` units or NaN. Columns are never written to.
    """

    __slots__ = ("close", "end", "high", "keys", "low", "oi", "open", "ts", "volume", "which")
    event_type: ClassVar[type[Bar]] = Bar  # tells the bus that nothing else is in here

    def __init__(
        self,
        keys: tuple[InstrumentKey, ...],
        which: I16,
        ts: I64,
        end: I64,
        open: F64,  # noqa: A002 - the field's word
        high: F64,
        low: F64,
        close: F64,
        volume: F64,
        oi: F64,
    ) -> None:
        self.keys = keys
        self.which = which
        self.ts = ts
        self.end = end
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
        self.oi = oi

    @classmethod
    def single(
        cls,
        key: InstrumentKey,
        ts: I64,
        end: I64,
        open: F64,  # noqa: A002 - the field's word
        high: F64,
        low: F64,
        close: F64,
        volume: F64,
        oi: F64,
    ) -> BarRun:
        """A run of one instrument."""
        return cls((key,), np.zeros(len(ts), np.int16), ts, end, open, high, low, close, volume, oi)

    def __len__(self) -> int:
        return len(self.ts)

    def bar(self, i: int) -> Bar:
        """Row ``i`` as an event."""
        return Bar(
            int(self.ts[i]),
            int(self.end[i]),
            self.keys[self.which[i]],
            float(self.open[i]),
            float(self.high[i]),
            float(self.low[i]),
            float(self.close[i]),
            float(self.volume[i]),
            float(self.oi[i]),
        )

    @overload
    def __getitem__(self, index: int) -> Bar: ...
    @overload
    def __getitem__(self, index: slice) -> BarRun: ...
    def __getitem__(self, index: int | slice) -> Bar | BarRun:
        if isinstance(index, slice):
            return BarRun(
                self.keys,
                self.which[index],
                self.ts[index],
                self.end[index],
                self.open[index],
                self.high[index],
                self.low[index],
                self.close[index],
                self.volume[index],
                self.oi[index],
            )
        return self.bar(range(len(self))[index])

    def __iter__(self) -> Iterator[Bar]:
        return (self.bar(i) for i in range(len(self)))

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> BarRun:
        """The chosen rows, copied, in the order given."""
        return BarRun(
            self.keys,
            self.which[rows],
            self.ts[rows],
            self.end[rows],
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.volume[rows],
            self.oi[rows],
        )


def merge_runs(runs: Sequence[BarRun]) -> BarRun:
    """Interleave runs by bar end; where ends are equal, in the order of ``runs`` (stable).

    The caller declares the order of one instant: contracts and futures first, then underlyings.
    """
    if len(runs) == 1:
        return runs[0]
    keys = tuple(dict.fromkeys(key for run in runs for key in run.keys))
    code = {key: i for i, key in enumerate(keys)}
    which = np.concatenate([np.array([code[key] for key in run.keys], np.int16)[run.which] for run in runs])
    merged = BarRun(
        keys,
        which,
        np.concatenate([run.ts for run in runs]),
        np.concatenate([run.end for run in runs]),
        np.concatenate([run.open for run in runs]),
        np.concatenate([run.high for run in runs]),
        np.concatenate([run.low for run in runs]),
        np.concatenate([run.close for run in runs]),
        np.concatenate([run.volume for run in runs]),
        np.concatenate([run.oi for run in runs]),
    )
    return merged.take(np.argsort(merged.end, kind="stable"))
