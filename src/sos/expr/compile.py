"""One program for all expressions on one series of bars.

`ProgramBuilder` collects the trees of every pattern that watches the same bars and gives each distinct
Input, Indicator, Lag and Resample one slot, whatever number of files use it. `Program` holds the state
and advances it, by one bar (`push`, plain floats) or by a block of bars (`push_block`, columns); both
leave the same state and the same values, bit for bit.

The functions made here read slots: in the event path ``V[slot]`` is a float, in the block path
``L[slot][row]`` is one, and ``C[slot]`` is a column. Only source made by `emit` from checked trees is
ever compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from sos.bars import F64
from sos.expr import kernel_column, kernel_scalar
from sos.expr.emit import COLUMN, SCALAR, Emitter
from sos.expr.tree import (
    Indicator,
    Input,
    InputName,
    Lag,
    Node,
    Num,
    Resample,
    TimeBetween,
    Truth,
)
from sos.expr.walk import children
from sos.indicators import REGISTRY
from sos.indicators.base import Indicator as State

__all__ = ["Block", "Mask", "Program", "ProgramBuilder", "Shared", "as_column", "picker"]

Shared: TypeAlias = Input | Indicator | Lag | Resample
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
_NAMES: Final[dict[str, Any]] = {
    "NAN": float("nan"),
    "INF": float("inf"),
    "KS": kernel_scalar,
    "KC": kernel_column,
    "where": np.where,
}


def _define(header: str, lines: Iterable[str], names: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Compile one generated function ``header`` (its name is ``made``)."""
    body = "\n    ".join(lines)
    scope: dict[str, Any] = {**_NAMES, **(names or {})}
    exec(compile(f"{header}\n    {body}\n", "<pattern>", "exec"), scope)  # noqa: S102 - source made from the checked tree
    made: Callable[..., Any] = scope["made"]
    return made


class ProgramBuilder:
    """Gives slots, then builds the program and the functions that read it."""

    def __init__(self) -> None:
        self.slots: dict[Shared, int] = {}

    def add(self, *roots: Node) -> None:
        """Register everything shared that the roots need, arguments before their users."""
        stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(roots)]
        while stack:
            node, expanded = stack.pop()
            if isinstance(node, Input | Indicator | Lag | Resample):
                if node in self.slots:
                    continue
                if expanded or isinstance(node, Input | Resample):
                    self.slots[node] = len(self.slots)
                    continue
            elif expanded:
                continue
            elif isinstance(node, TimeBetween):
                self.add(Input(InputName.MINUTE))
            stack.append((node, True))
            stack.extend((child, False) for child in children(node))

    def build(self) -> Program:
        """The program with fresh state."""
        return Program(self.slots)

    # ------------------------------------------------------------------ functions over slots

    def event_function(
        self, truths: Sequence[Truth], variables: Mapping[str, int]
    ) -> Callable[[Sequence[float], Sequence[float]], bool]:
        """``f(V, v) -> bool``: are all truths true? ``v`` are the captured values by index."""
        return self._all_true("def made(V, v):", lambda slot: f"V[{slot}]", truths, variables)

    def row_function(
        self, truths: Sequence[Truth], variables: Mapping[str, int]
    ) -> Callable[[Sequence[Sequence[float]], int, Sequence[float]], bool]:
        """``f(L, i, v) -> bool``: the same over lists of a block at row ``i``."""
        return self._all_true("def made(L, i, v):", lambda slot: f"L[{slot}][i]", truths, variables)

    def _all_true(
        self, header: str, read: Callable[[int], str], truths: Sequence[Truth], variables: Mapping[str, int]
    ) -> Callable[..., bool]:
        emitter = self._scalar(read, variables)
        for truth in truths:
            name = emitter.true(truth)
            emitter.lines.append(f"if not {name}: return False")
        return _define(header, [*emitter.lines, "return True"])

    def value_function(self, num: Num, variables: Mapping[str, int], rows: bool) -> Callable[..., float]:
        """One number: ``f(V, v)``, or ``f(L, i, v)`` when ``rows``."""
        emitter = self._scalar(
            (lambda slot: f"L[{slot}][i]") if rows else (lambda slot: f"V[{slot}]"), variables
        )
        result = emitter.num(num)
        header = "def made(L, i, v):" if rows else "def made(V, v):"
        return _define(header, [*emitter.lines, f"return {result} + 0.0"])

    def levels_function(
        self, entry: Num, stop: Num, target: Num, variables: Mapping[str, int], rows: bool
    ) -> Callable[..., tuple[float, float, float]]:
        """``f(V, v, tp_mult, quantity_mod) -> (entry, sl, tp)``, or with ``L, i`` when ``rows``."""
        local = {name: f"x_{name}" for name in ("entry", "sl", "risk")}
        local |= {"tp_mult": "tp_mult", "quantity_mod": "quantity_mod"}
        read: Callable[[int], str] = (lambda slot: f"L[{slot}][i]") if rows else (lambda slot: f"V[{slot}]")
        emitter = self._scalar(read, variables, local)
        emitter.lines.append(f"x_entry = {emitter.num(entry)}")
        emitter.lines.append(f"x_sl = {emitter.num(stop)}")
        emitter.lines.append("x_risk = abs(x_entry - x_sl)")
        result = emitter.num(target)
        first = "L, i" if rows else "V"
        return _define(
            f"def made({first}, v, tp_mult, quantity_mod):",
            [*emitter.lines, f"return x_entry + 0.0, x_sl + 0.0, {result} + 0.0"],
        )

    def column_function(self, truth: Truth) -> Callable[[Sequence[F64]], Any]:
        """``f(C) -> mask`` of a path-free truth over columns."""
        emitter = Emitter(COLUMN, lambda node: f"C[{self.slots[node]}]")
        name = emitter.true(truth)
        return _define("def made(C):", [*emitter.lines, f"return {name}"])

    def number_column(self, num: Num) -> Callable[[Sequence[F64]], Any]:
        """``f(C) -> column`` of a path-free number (a float where it is constant)."""
        emitter = Emitter(COLUMN, lambda node: f"C[{self.slots[node]}]")
        name = emitter.num(num)
        return _define("def made(C):", [*emitter.lines, f"return {name}"])

    def _scalar(
        self, read: Callable[[int], str], variables: Mapping[str, int], local: Mapping[str, str] | None = None
    ) -> Emitter:
        return Emitter(
            SCALAR, lambda node: read(self.slots[node]), lambda name: f"v[{variables[name]}]", local
        )

    def used_slots(self, *roots: Node) -> frozenset[int]:
        """The slots that functions over these roots read directly."""
        found: set[int] = set()
        stack: list[Node] = list(roots)
        while stack:
            node = stack.pop()
            if isinstance(node, Input | Indicator | Lag | Resample):
                found.add(self.slots[node])
                continue
            if isinstance(node, TimeBetween):
                found.add(self.slots[Input(InputName.MINUTE)])
            stack.extend(children(node))
        return frozenset(found)


class Block:
    """The values of one block: columns by slot, and lists of them made when first asked for."""

    def __init__(self, columns: list[F64], rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self._lists: dict[int, list[float]] = {}
        self._masks: dict[int, Mask] = {}

    def lists(self, slots: Iterable[int]) -> list[Sequence[float]]:
        """A table ``L`` in which the given slots are lists of floats (the others are empty)."""
        table: list[Sequence[float]] = [()] * len(self.columns)
        for slot in slots:
            if slot not in self._lists:
                self._lists[slot] = self.columns[slot].tolist()
            table[slot] = self._lists[slot]
        return table

    def pickers(self, slots: Iterable[int]) -> list[Sequence[float]]:
        """The same table for a few rows: views, of which only what is read becomes a float."""
        table: list[Sequence[float]] = [()] * len(self.columns)
        for slot in slots:
            table[slot] = picker(self.columns[slot])
        return table

    def mask(self, function: Callable[[Sequence[F64]], Any]) -> Mask:
        """The mask a column function gives for this block, computed once."""
        known = self._masks.get(id(function))
        if known is None:
            with np.errstate(all="ignore"):
                known = np.broadcast_to(np.asarray(function(self.columns), np.bool_), (self.rows,))
            self._masks[id(function)] = known
        return known


class Program:
    """State and values of all shared nodes. ``values[slot]`` is the value after the last bar."""

    def __init__(self, slots: Mapping[Shared, int]) -> None:
        self.slots = dict(slots)
        self.values: list[float] = [float("nan")] * len(slots)
        self.inputs = tuple(node.name for node in slots if isinstance(node, Input))
        self.resampled = tuple(node for node in slots if isinstance(node, Resample))
        self._states: dict[int, State] = {}
        self._steps: list[tuple[int, Callable[[Sequence[F64]], tuple[Any, ...]], State]] = []
        lines, names = self._assemble()
        self._update = _define("def made(V, X, R):", lines, names)

    def _assemble(self) -> tuple[list[str], dict[str, Any]]:
        """The statements of the event path, and the closures of the block path."""
        event = Emitter(SCALAR, lambda node: f"V[{self.slots[node]}]")
        names: dict[str, Any] = {}
        for node, slot in self.slots.items():
            if isinstance(node, Input):
                event.lines.append(f"V[{slot}] = X[{self.inputs.index(node.name)}]")
            elif isinstance(node, Resample):
                event.lines.append(f"V[{slot}] = R[{self.resampled.index(node)}]")
            else:
                name, args, params = _as_indicator(node)
                state = REGISTRY[name].make(*params)
                names[f"push{slot}"] = state.push
                event.lines.append(f"V[{slot}] = push{slot}({', '.join(event.num(arg) for arg in args)})")
                self._steps.append((slot, self._arguments(args), state))
        return event.lines or ["pass"], names

    def _arguments(self, args: Sequence[Num]) -> Callable[[Sequence[F64]], tuple[Any, ...]]:
        emitter = Emitter(COLUMN, lambda node: f"C[{self.slots[node]}]")
        values = [emitter.num(arg) for arg in args]
        return _define(
            "def made(C):", [*emitter.lines, f"return ({''.join(f'{value}, ' for value in values)})"]
        )

    def push(self, inputs: Sequence[float], resampled: Sequence[float] = ()) -> list[float]:
        """One bar. ``inputs`` in the order of `inputs`, ``resampled`` in that of `resampled`."""
        self._update(self.values, inputs, resampled)
        return self.values

    def push_block(self, inputs: Sequence[F64], resampled: Sequence[F64], rows: int) -> Block:
        """Many bars: columns of ``rows`` values each, in the same orders."""
        columns: list[F64] = [_NOTHING] * len(self.slots)
        for node, slot in self.slots.items():
            if isinstance(node, Input):
                columns[slot] = inputs[self.inputs.index(node.name)]
            elif isinstance(node, Resample):
                columns[slot] = resampled[self.resampled.index(node)]
        with np.errstate(all="ignore"):
            for slot, arguments, state in self._steps:
                columns[slot] = state.push_block(*(as_column(arg, rows) for arg in arguments(columns)))
        if rows:
            self.values = [float(column[-1]) for column in columns]
        return Block(columns, rows)


_NOTHING: Final[F64] = np.empty(0)


def picker(column: Any) -> Any:
    """A view of a column that gives plain numbers, quicker row by row than the array itself."""
    return np.ascontiguousarray(column).data


def as_column(value: Any, rows: int) -> F64:
    """A column of ``rows`` floats from an array or one number."""
    array = np.asarray(value, np.float64)
    return array if array.ndim else np.full(rows, float(array))


def _as_indicator(node: Indicator | Lag) -> tuple[str, tuple[Num, ...], tuple[float, ...]]:
    if isinstance(node, Lag):
        return "lag", (node.source,), (node.n,)
    return node.name, node.args, node.params
