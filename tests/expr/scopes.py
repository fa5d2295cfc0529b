"""The surroundings that the tests of expressions share."""

from __future__ import annotations

from dataclasses import replace

from sos.expr import Scope, VarType, check_capture, check_condition, check_number
from sos.expr.tree import Node

PHASE = Scope(
    params={"a": 10, "k": 2.5, "rvol": 1.8},
    vars={"top": VarType.NUMBER, "floor": VarType.NUMBER, "calm": VarType.TRUTH},
    regime_rules=(
        (True, 1.5, 2.0, 0.5),
        *(((True, 1.0, 1.0, 0.5),) * 5),
        (False, 1.0, 1.0, 0.25),
        (True, 1.0, 1.0, 0.5),
    ),
    later={"late": "BREAK"},
)
EXECUTION = replace(PHASE, in_execution=frozenset({"entry", "sl", "risk", "tp_mult", "quantity_mod"}))


def checked(kind: str, text: str) -> Node:
    """The tree of ``text`` in the place that ``kind`` names."""
    match kind:
        case "condition":
            return check_condition(text, PHASE)
        case "number":
            return check_number(text, PHASE)
        case "capture":
            return check_capture(text, PHASE)[0]
        case "level":
            return check_number(text, EXECUTION)
        case _:
            raise ValueError(kind)
