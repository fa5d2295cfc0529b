"""Two frames of one kind become one: the heart of idempotence.

Pure NumPy. Merging is by key (by whole instants for ticks). The result depends only on which rows there are
and, where both frames have a key with different values, on ``prefer``; never on how the rows were cut
into pieces or in which order those arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sos.data.store.kinds import Frame, Kind

__all__ = ["MergeReport", "Prefer", "length", "merge", "take"]

Prefer: TypeAlias = Literal["new", "old"]
_Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Rows of what was given: ``added`` were not there, ``changed`` replaced another value, ``same`` were
    there already, ``kept`` differed and the older value stayed (``prefer="old"``)."""

    added: int = 0
    changed: int = 0
    same: int = 0
    kept: int = 0

    def __add__(self, other: MergeReport) -> MergeReport:
        return MergeReport(
            self.added + other.added,
            self.changed + other.changed,
            self.same + other.same,
            self.kept + other.kept,
        )

    @property
    def rewrites(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.added or self.changed)


def length(frame: Frame) -> int:
    """Rows of a frame."""
    return len(next(iter(frame.values())))


def take(frame: Frame, rows: npt.NDArray[Any] | slice) -> Frame:
    """The chosen rows."""
    return {name: column[rows] for name, column in frame.items()}


def merge(kind: Kind, old: Frame | None, new: Frame, prefer: Prefer = "new") -> tuple[Frame, MergeReport]:
    """Both frames as one, and what that did to the rows of ``new``. Both are tidy (`kinds.tidy`)."""
    if old is None or not length(old):
        return new, MergeReport(added=length(new))
    if not length(new) or _equal(old, new):
        return old, MergeReport(same=length(new))
    return (_by_instant if kind.grouped else _by_key)(kind, old, new, prefer)


def _equal(old: Frame, new: Frame) -> bool:
    return length(old) == length(new) and all(
        np.array_equal(old[name], new[name], equal_nan=old[name].dtype.kind == "f") for name in old
    )


def _by_key(kind: Kind, old: Frame, new: Frame, prefer: Prefer) -> tuple[Frame, MergeReport]:
    both = {name: np.concatenate([old[name], new[name]]) for name in old}
    n = length(old)
    order = np.lexsort([both[name] for name in reversed(kind.key)])  # stable: old before new
    twin = np.ones(len(order) - 1, np.bool_)
    for name in kind.key:
        column = both[name][order]
        twin &= column[1:] == column[:-1]
    at = np.flatnonzero(twin)
    ours, theirs = order[at], order[at + 1]
    equal = _rows_equal(both, ours, theirs)
    drop = np.zeros(len(order), np.bool_)
    drop[theirs if prefer == "old" else ours] = True
    differ = int(np.count_nonzero(~equal))
    report = _report(len(order) - n - len(at), len(at) - differ, differ, prefer)
    return take(both, order[~drop[order]]), report


def _rows_equal(both: Frame, left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> _Mask:
    equal = np.ones(len(left), np.bool_)
    for column in both.values():
        a, b = column[left], column[right]
        equal &= (a == b) | ((a != a) & (b != b))
    return equal


def _by_instant(kind: Kind, old: Frame, new: Frame, prefer: Prefer) -> tuple[Frame, MergeReport]:
    """Rows of one instant are one value: the same rows in the same order, or another value."""
    name = kind.time
    in_old, in_new = np.isin(new[name], old[name]), np.isin(old[name], new[name])
    differs = _instants_that_differ(take(old, in_new), take(new, in_old), name)
    fresh = int(np.count_nonzero(~in_old))
    other = int(np.count_nonzero(np.isin(new[name], differs)))
    report = _report(fresh, length(new) - fresh - other, other, prefer)
    kept_old, kept_new = (old, take(new, ~in_old)) if prefer == "old" else (take(old, ~in_new), new)
    both = {column: np.concatenate([kept_old[column], kept_new[column]]) for column in old}
    return take(both, np.argsort(both[name], kind="stable")), report


def _instants_that_differ(old: Frame, new: Frame, name: str) -> npt.NDArray[np.int64]:
    """Of frames with the same instants: those whose rows are not the same."""
    instants, counts = np.unique(old[name], return_counts=True)
    uneven = instants[counts != np.unique(new[name], return_counts=True)[1]]
    a, b = (take(frame, ~np.isin(frame[name], uneven)) for frame in (old, new))
    rows = np.arange(length(a))
    both = {column: np.concatenate([a[column], b[column]]) for column in a}
    unequal = a[name][~_rows_equal(both, rows, rows + len(rows))]
    return np.union1d(uneven, unequal).astype(np.int64)


def _report(added: int, same: int, differ: int, prefer: Prefer) -> MergeReport:
    if prefer == "old":
        return MergeReport(added=added, same=same, kept=differ)
    return MergeReport(added=added, same=same, changed=differ)
