"""Consoles, progress and logging of the commands: stdout for results, stderr for everything else."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["configure_logging", "make_console", "progress_bar"]

_PLAIN_WIDTH: Final = 100
_LEAST_WIDTH: Final = 60
_MOST_WIDTH: Final = 1_000


def make_console() -> Console:
    """The console for results. A pipe or a file gets plain lines of 100 columns unless COLUMNS says else.

    Below 60 columns nothing can be laid out: such a terminal folds the lines itself. NO_COLOR is honoured;
    text of users is never read as markup.
    """
    from rich.console import Console

    told = os.environ.get("COLUMNS", "")
    width = int(told) if re.fullmatch("0*[1-9][0-9]{0,5}", told) else None
    if width is None and not sys.stdout.isatty():
        width = _PLAIN_WIDTH
    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=False, width=width)
    console.width = min(max(console.width, _LEAST_WIDTH), _MOST_WIDTH)
    return console


def configure_logging(level: str) -> None:
    """Send the log to stderr, fields after the event's name."""
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(levelname)s %(name)s %(message)s", force=True
    )


@contextlib.contextmanager
def progress_bar(wanted: bool, label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A callback ``(done, total)`` that moves a bar on stderr; None unless stderr is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
