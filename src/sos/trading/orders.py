"""Orders as a table of what may happen to them; anything else is a broken invariant.

An entry waits, then it is filled or withdrawn. A protection works (stop, target and partials, one
cancels the other), may be told to leave, may be filled in part, and is done when nothing is left.
Pure; the states are the core's view, the venue keeps its own.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sos.errors import InvariantBroken

__all__ = [
    "CLOSED",
    "ENTERED",
    "FREE",
    "LEAVING",
    "REDUCED",
    "SUBMITTED",
    "TOLD_TO_LEAVE",
    "TRANSITIONS",
    "WAITING",
    "WITHDRAWN",
    "WORKING",
    "OrderEvent",
    "OrderState",
    "advance",
]


class OrderState(IntEnum):
    FREE = 0  # the slot has no order
    WAITING = 1  # an approved entry is with the venue
    WORKING = 2  # a position with its protection
    LEAVING = 3  # the protection was told to leave at once


class OrderEvent(IntEnum):
    SUBMITTED = 0
    ENTERED = 1
    WITHDRAWN = 2
    REDUCED = 3  # an exit filled in part
    CLOSED = 4  # the exit that left nothing
    TOLD_TO_LEAVE = 5


# The members by name: an enum's own lookup is slow, and these are read for every order.
FREE: Final = OrderState.FREE
WAITING: Final = OrderState.WAITING
WORKING: Final = OrderState.WORKING
LEAVING: Final = OrderState.LEAVING
SUBMITTED: Final = OrderEvent.SUBMITTED
ENTERED: Final = OrderEvent.ENTERED
WITHDRAWN: Final = OrderEvent.WITHDRAWN
REDUCED: Final = OrderEvent.REDUCED
CLOSED: Final = OrderEvent.CLOSED
TOLD_TO_LEAVE: Final = OrderEvent.TOLD_TO_LEAVE

TRANSITIONS: Final = {
    (FREE, SUBMITTED): WAITING,
    (WAITING, ENTERED): WORKING,
    (WAITING, WITHDRAWN): FREE,
    (WORKING, REDUCED): WORKING,
    (WORKING, CLOSED): FREE,
    (WORKING, TOLD_TO_LEAVE): LEAVING,
    (LEAVING, REDUCED): LEAVING,
    (LEAVING, CLOSED): FREE,
    (LEAVING, TOLD_TO_LEAVE): LEAVING,  # a later reason (session's end) overrides
}


def advance(state: OrderState, event: OrderEvent) -> OrderState:
    """The next state.

    Raises:
        InvariantBroken: the table has no such step.
    """
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise InvariantBroken(f"order cannot go from {state.name} by {event.name}")
    return after
