"""Replays a run of bars through the bus.

A producer and nothing more: it publishes what it is given, in that order, and waits when readers are
behind. It reads no file and keeps no time; how the run is cut never changes what readers see.
"""

from __future__ import annotations

from collections.abc import Callable

from sos.bars import BarRun
from sos.bus import Bus

__all__ = ["replay"]


async def replay(
    bus: Bus,
    run: BarRun,
    chunk: int | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Publish ``run`` in slices of ``chunk`` bars (None: all at once), then close the bus.

    ``progress`` is called with (published, total), first with 0. The bus is left open if publishing fails
    or is cancelled: what then becomes of it is its owner's decision.

    Raises:
        ValueError: ``chunk`` is not positive.
        InvariantBroken: the bus is closed, or a reader has failed.
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"a chunk holds at least one bar, not {chunk}")
    total = len(run)
    size = chunk or max(1, total)
    if progress is not None:
        progress(0, total)
    for start in range(0, total, size):
        await bus.publish_many(run[start : start + size])
        if progress is not None:
            progress(min(start + size, total), total)
    await bus.close()
