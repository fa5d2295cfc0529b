"""A program on one series of bars, with the longer intervals that its expressions look at.

Takes rows (lists of floats in the order of `columns.FIELDS`, then the extra names) or columns in the
same order; the two ways give the same values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sos.bars import F64
from sos.expr.compile import Block, Program, ProgramBuilder, as_column
from sos.expr.tree import Resample
from sos.market.aggregate import Aggregator
from sos.market.columns import FIELDS

__all__ = ["Timeline"]

_NAN = float("nan")


class _Longer:
    """The bars of one longer interval, and the values that expressions take from them."""

    def __init__(self, minutes: int, nodes: Sequence[Resample]) -> None:
        self.aggregator = Aggregator(minutes)
        builder = ProgramBuilder()
        builder.add(*(node.source for node in nodes))
        self._numbers = [builder.value_function(node.source, {}, rows=False) for node in nodes]
        self._columns = [builder.number_column(node.source) for node in nodes]
        self.program = builder.build()
        self._picks = _picks(self.program, ())
        self.values = [_NAN] * len(nodes)

    def push(self, row: list[float]) -> list[float]:
        """Values after a short bar: those of the last completed long one."""
        for long in self.aggregator.push(row):
            state = self.program.push([long[i] for i in self._picks])
            self.values = [number(state, ()) for number in self._numbers]
        return self.values

    def push_block(self, columns: list[F64], rows: int) -> list[F64]:
        """The same for a block: one column of ``rows`` values for each node."""
        long, completed = self.aggregator.push_block(columns)
        count = len(completed)
        block = self.program.push_block([long[i] for i in self._picks], (), count)
        at = np.searchsorted(completed, np.arange(rows), side="right")
        found = []
        with np.errstate(all="ignore"):
            for index, column in enumerate(self._columns):
                values = as_column(column(block.columns), count) + 0.0
                found.append(np.concatenate([[self.values[index]], values])[at])
                if count:
                    self.values[index] = float(values[-1])
        return found


class Timeline:
    """One program and its longer intervals. ``extra`` are the names of inputs beyond FIELDS."""

    def __init__(self, builder: ProgramBuilder, extra: Sequence[str] = ()) -> None:
        self.program: Program = builder.build()
        self._picks = _picks(self.program, extra)
        by_minutes: dict[int, list[Resample]] = {}
        for node in self.program.resampled:
            by_minutes.setdefault(node.minutes, []).append(node)
        self._longer = [_Longer(minutes, nodes) for minutes, nodes in by_minutes.items()]
        order = [node for nodes in by_minutes.values() for node in nodes]
        self._order = [order.index(node) for node in self.program.resampled]

    def push(self, row: list[float]) -> list[float]:
        """One bar; the program's values after it."""
        resampled = [value for longer in self._longer for value in longer.push(row)]
        return self.program.push([row[i] for i in self._picks], [resampled[i] for i in self._order])

    def push_block(self, columns: list[F64], rows: int) -> Block:
        """Many bars; their values."""
        resampled = [c for longer in self._longer for c in longer.push_block(columns[: len(FIELDS)], rows)]
        return self.program.push_block(
            [columns[i] for i in self._picks], [resampled[i] for i in self._order], rows
        )


def _picks(program: Program, extra: Sequence[str]) -> list[int]:
    """Where in a row each input of the program stands."""
    names = [*FIELDS, *extra]
    return [names.index(name) for name in program.inputs]
