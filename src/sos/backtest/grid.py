"""A table that fits: columns are measured, and the least needed are left out until the rest fits.

Numbers are never cut; only columns that say so shrink, with an ellipsis, down to their least width.
Formatting only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    ``least``: may shrink to this width; 0 may not. ``folds``: goes on in the next line."""

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
    def needed(self) -> int:
        return min(self.widest, self.least) if self.least else self.widest


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
    for row in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return Group(Text(f"\n{title}", style="bold"), table)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """What each column gets: what it needs, and what is spare to those that shrank, leftmost first."""
    spare = width - sum(column.needed + _GAP for column in columns) + _GAP
    widths = []
    for column in columns:
        extra = max(0, min(column.widest - column.needed, spare))
        spare -= extra
        widths.append(column.needed + extra)
    return widths


def _plain(cell: str | Text) -> str:
    return cell.plain if isinstance(cell, Text) else cell
