"""Expressions of strategy files: from text to a checked tree.

    tree = check_condition("close > sma(close, 20)", Scope())

`check_condition`, `check_number` and `check_capture` give trees (`sos.expr.tree`) or raise `ExprError`,
whose ``render()`` shows the place. `needs`, `warmup` and `path_free` ask a tree, `render` writes its
canonical text, `reference` lists the functions. Compiling trees is `sos.expr.compile`.
"""

from __future__ import annotations

from sos.expr.analyse import needs, warmup
from sos.expr.check import check_capture, check_condition, check_number
from sos.expr.error import ExprError, Span
from sos.expr.functions import Row, reference
from sos.expr.render import render
from sos.expr.values import NO_RULES, Rule, Scope, VarType
from sos.expr.walk import path_free

__all__ = [
    "NO_RULES",
    "ExprError",
    "Row",
    "Rule",
    "Scope",
    "Span",
    "VarType",
    "check_capture",
    "check_condition",
    "check_number",
    "needs",
    "path_free",
    "reference",
    "render",
    "warmup",
]
