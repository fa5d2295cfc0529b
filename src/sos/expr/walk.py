"""Going over checked trees: children, all nodes, and the one question that decides how a tree is run."""

from __future__ import annotations

from collections.abc import Iterator

from sos.expr.tree import (
    Arith,
    BoolOp,
    Call,
    Compare,
    Indicator,
    IsTrue,
    Lag,
    Local,
    Lookup,
    Member,
    Negate,
    Node,
    Not,
    Resample,
    Select,
    Truth01,
    Var,
)

__all__ = ["children", "path_free", "walk"]


def children(node: Node) -> tuple[Node, ...]:
    """The direct operands of a node, in order. A leaf has none."""
    match node:
        case Arith(_, a, b) | Compare(_, a, b):
            return (a, b)
        case Negate(x) | Not(x) | Truth01(x) | IsTrue(x) | Member(x, _, _):
            return (x,)
        case Indicator(_, args, _) | Call(_, args):
            return args
        case BoolOp(_, items):
            return items
        case Select(test, a, b):
            return (test, a, b)
        case Lag(source, _) | Resample(_, source):
            return (source,)
        case Lookup(index, _):
            return (index,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, each as often as it stands there."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(children(current))


def path_free(node: Node) -> bool:
    """Does the value depend on the bars alone (no captured value, no level of `execution`)?"""
    return not any(isinstance(part, Var | Local) for part in walk(node))
