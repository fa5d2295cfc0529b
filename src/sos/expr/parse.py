"""From text to Python's syntax tree, and from there no further than a short list of node kinds.

Nothing is evaluated. Whatever `ast.parse` can raise becomes an `ExprError`; afterwards every node is
known to be of an allowed kind, with ordinary literals, and the tree is not deep.
"""

from __future__ import annotations

import ast
import math
from typing import Final

from sos.expr.error import ExprError, Span
from sos.expr.limits import MAX_DEPTH, scan

__all__ = ["parse", "span_of"]

_ALLOWED: Final = (
    ast.Attribute,
    ast.BinOp,
    ast.BoolOp,
    ast.Call,
    ast.Compare,
    ast.Constant,
    ast.IfExp,
    ast.List,
    ast.Name,
    ast.Tuple,
    ast.UnaryOp,
)
_REFUSED: Final[dict[type[ast.AST], str]] = {
    ast.Subscript: "square brackets after a value are not allowed; for an earlier bar write prev(close, 1)",
    ast.Starred: "'*' before an argument is not allowed",
    ast.Dict: "there are no dictionaries in an expression",
    ast.Set: "there are no sets in an expression; write a list in square brackets",
    ast.Lambda: "functions cannot be defined in an expression",
}


def span_of(text: str, node: ast.expr | ast.keyword) -> Span:
    """Where a node stands in the text it was parsed from (see `parse`)."""
    start, end = node.col_offset, node.end_col_offset or node.col_offset + 1
    return Span(text, max(0, start), min(end, len(text)))  # "'a'," spans the brackets put around it


def parse(text: str) -> ast.expr:
    """The syntax tree of one expression, with columns of ``text`` as given. Raises ExprError."""
    plain = scan(text)
    indent = len(plain) - len(plain.lstrip())
    # blanks at the front would be an indentation error; in brackets they are not, and columns move by one
    try:
        root = ast.parse(f"({plain[indent:]})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _translate(error, text, indent - 1) from error
    _inspect(root, text, indent - 1)
    return root


def _translate(error: BaseException, text: str, shift: int) -> ExprError:
    if isinstance(error, SyntaxError) and error.offset is not None:
        column = min(max(error.offset - 1 + shift, 0), max(len(text) - 1, 0))
        if "too large" in error.msg or "digits" in error.msg:
            return Span(text, column, column + 1).error("the number is too large")
        return Span(text, column, column + 1).error("this is not an expression: " + _reason(error.msg))
    return Span(text, 0, len(text)).error("the expression is too complicated to read")


def _reason(message: str) -> str:
    """Python's own reason where it helps a reader who does not know Python."""
    return "something is missing or out of place here" if "invalid syntax" in message else message.rstrip(".")


def _inspect(root: ast.expr, text: str, shift: int) -> None:
    """Move every column by ``shift`` and refuse what is not allowed. Without recursion."""
    stack: list[tuple[ast.AST, int]] = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, ast.expr | ast.keyword):
            node.col_offset += shift
            node.end_col_offset = (node.end_col_offset or node.col_offset + 1) + shift
            _allow(node, span_of(text, node))
            if depth > MAX_DEPTH:
                raise span_of(text, node).error(
                    f"more than {MAX_DEPTH} operations inside each other; use captures"
                )
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _allow(node: ast.expr | ast.keyword, span: Span) -> None:
    if isinstance(node, ast.keyword):
        raise span.error("arguments are given by position, without a name and '='")
    if not isinstance(node, _ALLOWED):
        raise span.error(_REFUSED.get(type(node), f"{span.quoted} is not part of the language"))
    if isinstance(node, ast.Constant):
        _allow_literal(node, span)


def _allow_literal(node: ast.Constant, span: Span) -> None:
    value = node.value
    if isinstance(value, bool | str):
        return
    if not isinstance(value, int | float):
        raise span.error(f"{span.quoted} is neither a number nor a text")
    try:
        finite = math.isfinite(float(value))
    except OverflowError as error:
        raise span.error("the number is too large") from error
    if not finite:
        raise span.error("the number is too large")
