"""A table that fits: columns are measured, and the least needed are left out until the rest fits.

Numbers are never cut; only columns that say so shrink, with an ellipsis, down to their least width.
Formatting only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

__all__ = ["Column", "fitted"]

_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """``drop``: 0 stays always, else the highest goes first, equal ones together.

    ``least``: may shrink to this width, but not so far that two cells look alike; 0 may not. ``folds``: goes
    on in the next line, after a comma if it has one."""

    title: str
    cells: Sequence[str | Text]
    right: bool = False
    drop: int = 0
    least: int = 0
    folds: bool = False

    @property
    def widest(self) -> int:
        return max(map(cell_len, (self.title, *(_plain(cell) for cell in self.cells))))

    @property
    def smallest(self) -> int:
        return min(self.widest, self.least) if self.least else self.widest

    @property
    def needed(self) -> int:
        if not self.least or self.folds:
            return self.smallest
        return min(self.widest, max(self.least, _telling(set(map(_plain, self.cells))) + 1))


def fitted(title: str, columns: Sequence[Column], width: int) -> Group:
    """A titled table of at most ``width`` columns of text, if the columns that stay can shrink to it."""
    kept = list(columns)
    while sum(column.needed + _GAP for column in kept) - _GAP > width and any(column.drop for column in kept):
        least_needed = max(column.drop for column in kept)
        kept = [column for column in kept if column.drop != least_needed]
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
    )
    for column, columns_wide in zip(kept, _widths(kept, width), strict=True):
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.folds,
            overflow="fold" if column.folds else "ellipsis",
            width=columns_wide,
        )
    cells = [_folded(column, table.columns[at].width) for at, column in enumerate(kept)]
    for row in zip(*cells, strict=True):
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return Group(Text(f"\n{title}", style="bold"), table)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """What each column gets: what it needs, and what is spare to those that shrank, leftmost first."""
    least = [column.needed for column in columns]
    if sum(least) + _GAP * (len(least) - 1) > width:
        least = [column.smallest for column in columns]
    spare = width - sum(least) - _GAP * (len(least) - 1)
    widths = []
    for column, needed in zip(columns, least, strict=True):
        extra = max(0, min(column.widest - needed, spare))
        spare -= extra
        widths.append(needed + extra)
    return widths


def _telling(texts: Collection[str]) -> int:
    """Letters from the left by which all of ``texts`` can be told apart."""
    return max((_common(a, b) + 1 for a, b in pairwise(sorted(texts))), default=0)


def _common(one: str, other: str) -> int:
    """Letters from the left that two texts share."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _folded(column: Column, width: int | None) -> Sequence[str | Text]:
    """Lists are folded between their items: a name stays with its number."""
    if not column.folds or width is None:
        return column.cells
    return [_fold(_plain(cell), width) if ", " in _plain(cell) else cell for cell in column.cells]


def _fold(text: str, width: int) -> str:
    items = text.split(", ")
    if any(cell_len(item) + 1 > width for item in items):
        return text
    lines = [items[0]]
    for item in items[1:]:
        together = f"{lines[-1]}, {item}"
        if cell_len(together) + 1 > width and not (item is items[-1] and cell_len(together) <= width):
            lines[-1] += ","
            lines.append(item)
        else:
            lines[-1] = together
    return "\n".join(lines)


def _plain(cell: str | Text) -> str:
    return cell.plain if isinstance(cell, Text) else cell
