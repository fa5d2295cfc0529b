"""The checker: an expression's text becomes a tree in which nothing is left to go wrong.

Every name, type, arity and constant is verified here; what comes out is a `tree.Node`. Pure, and
closed: the only names are those of `names` and of the table in `functions`, and whatever text is given, the
answer is a tree or an `ExprError`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from sos.expr import fold, functions
from sos.expr.error import ExprError, Span, nearest
from sos.expr.names import attribute, name_value
from sos.expr.parse import parse, span_of
from sos.expr.tree import FALSE, TRUE, Compare, Const, Member, Num, Truth, Truth01
from sos.expr.values import (
    Coded,
    Number,
    Scope,
    Text,
    Texts,
    Truthful,
    Value,
    describe,
    limited,
    number,
    truth,
)

__all__ = ["check_capture", "check_condition", "check_number"]

_BINARY: Final[dict[type[ast.operator], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}
_COMPARE: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
}


def check_condition(text: str, scope: Scope) -> Truth:
    """The tree of a condition. Raises ExprError, also where the text is a number or a text."""
    return truth(_check(text, scope))


def check_number(text: str, scope: Scope) -> Num:
    """The tree of a number: a level, a size. Raises ExprError."""
    return number(_check(text, scope))


def check_capture(text: str, scope: Scope) -> tuple[Num, bool]:
    """The tree of a captured value, and whether it is a truth value (then it is 1.0 or 0.0)."""
    value = _check(text, scope)
    if isinstance(value, Truthful):
        return Truth01(value.node), True
    return number(value), False


def _check(text: str, scope: Scope) -> Value:
    root = parse(text)
    value = _Checker(text, scope).value(root)
    if isinstance(value, Number | Truthful):
        limited(value.node, value.span)
    return value


class _Checker:
    """One walk over one parsed text."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope
        self._readers: dict[type[ast.expr], Callable[..., Value]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.BoolOp: self._boolean,
            ast.Compare: self._comparison,
            ast.IfExp: self._choice,
            ast.List: self._list,
            ast.Tuple: self._list,
        }

    def value(self, node: ast.expr) -> Value:
        return self._readers[type(node)](node, span_of(self._text, node))

    # ------------------------------------------------------------------ leaves

    def _constant(self, node: ast.Constant, span: Span) -> Value:
        if isinstance(node.value, bool):
            return Truthful(TRUE if node.value else FALSE, span)
        if isinstance(node.value, str):
            return Text(node.value, span)
        return Number(Const(float(span.text[span.start : span.end])), span)

    def _name(self, node: ast.Name, span: Span) -> Value:
        return name_value(node.id, span, self._scope, functions.NAMES)

    def _attribute(self, node: ast.Attribute, span: Span) -> Value:
        path = _path(node)
        if not path:
            raise span.error(f"{span.quoted}: only names have fields")
        return attribute(path, span, self._scope)

    def _list(self, node: ast.List | ast.Tuple, span: Span) -> Value:
        items = [self.value(item) for item in node.elts]
        for item in items:
            if not isinstance(item, Text):
                raise item.span.error(f"a list holds texts only, this is {describe(item)}")
        return Texts(tuple(item for item in items if isinstance(item, Text)), span)

    def _call(self, node: ast.Call, span: Span) -> Value:
        at = span_of(self._text, node.func)
        if isinstance(node.func, ast.Attribute):
            raise _method(_path(node.func), at)
        if not isinstance(node.func, ast.Name):
            raise at.error(f"{at.quoted} cannot be called")
        name = node.func.id
        if name not in functions.NAMES:
            self._refuse_call(name, at)
        return functions.call(name, tuple(self.value(arg) for arg in node.args), span, at)

    def _refuse_call(self, name: str, at: Span) -> None:
        """A value that is written like a function gets a message of its own."""
        try:
            name_value(name, at, self._scope, ())
        except ExprError:
            return
        raise at.error(f"'{name}' is not a function; write it without brackets")

    # ------------------------------------------------------------------ operators

    def _unary(self, node: ast.UnaryOp, span: Span) -> Value:
        operand = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return Truthful(fold.not_(truth(operand)), span)
        if isinstance(node.op, ast.USub):
            return Number(fold.negate(number(operand)), span)
        return Number(number(operand), span)

    def _binary(self, node: ast.BinOp, span: Span) -> Value:
        a, b = number(self.value(node.left)), number(self.value(node.right))
        return Number(fold.arith(_BINARY[type(node.op)], a, b, span), span)

    def _boolean(self, node: ast.BoolOp, span: Span) -> Value:
        items = [truth(self.value(item)) for item in node.values]
        return Truthful((fold.both if isinstance(node.op, ast.And) else fold.either)(items), span)

    def _choice(self, node: ast.IfExp, span: Span) -> Value:
        test = truth(self.value(node.test))
        a, b = self.value(node.body), self.value(node.orelse)
        if isinstance(a, Truthful):
            return Truthful(fold.select_truth(test, a.node, truth(b)), span)
        return Number(fold.select(test, number(a), number(b)), span)

    def _comparison(self, node: ast.Compare, span: Span) -> Value:
        values = [self.value(item) for item in (node.left, *node.comparators)]
        pairs = zip(node.ops, values, values[1:], strict=False)
        result = fold.both([_pair(_COMPARE[type(op)], a, b, span) for op, a, b in pairs])
        if len(node.ops) > 1:
            limited(result, span)
        return Truthful(result, span)


def _path(node: ast.expr) -> tuple[str, ...]:
    """The parts of ``a.b.c``, or nothing where it does not begin with a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def _method(path: tuple[str, ...], at: Span) -> ExprError:
    if len(path) == 2 and path[1].startswith("get") and path[1] != "get":
        return at.error(
            f"{at.quoted}() is the older dialect (sos strategy import converts files)",
            f"{path[0]}.{path[1][3:].lower()}",
        )
    return at.error(f"{at.quoted} cannot be called; functions are plain names")


# ---------------------------------------------------------------------- comparisons


def _pair(op: str, a: Value, b: Value, span: Span) -> Truth:
    """``a op b`` for every combination of kinds that means something."""
    if op in ("in", "not in"):
        return _member(op, a, b)
    if isinstance(a, Coded | Text) or isinstance(b, Coded | Text):
        return _texts(op, a, b, span)
    if isinstance(a, Truthful) or isinstance(b, Truthful):
        return _truths(op, a, b)
    return fold.compare(op, number(a), number(b))


def _member(op: str, a: Value, b: Value) -> Truth:
    if not isinstance(b, Texts):
        raise b.span.error(
            f"'{op}' needs a list of texts such as ['BULLISH', 'SIDEWAYS'], this is {describe(b)}"
        )
    if not isinstance(a, Coded):
        raise a.span.error(f"'{op}' looks for a text such as regime.name in a list, this is {describe(a)}")
    if not b.items:
        raise b.span.error("the list is empty")
    codes = sorted({_code(item, a) for item in b.items})
    return Member(a.node, tuple(codes), op == "not in")


def _texts(op: str, a: Value, b: Value, span: Span) -> Truth:
    """A text input against a text, or against another input of the same texts."""
    if isinstance(b, Coded) and not isinstance(a, Coded):
        a, b = b, a
    if not isinstance(a, Coded):
        raise span.error("a quoted text can only be compared with a text such as regime.name")
    if op not in ("==", "!="):
        raise span.error(f"texts have no order: '{op}' compares numbers; use ==, != or in")
    if isinstance(b, Text):
        return fold.compare(op, a.node, Const(_code(b, a)))
    if isinstance(b, Coded) and b.texts == a.texts:
        return Compare(op, a.node, b.node)
    raise b.span.error(f"{a.span.quoted} is {describe(a)} and cannot be compared with {describe(b)}")


def _code(word: Text, known: Coded) -> float:
    if word.value in known.texts:
        return float(known.texts.index(word.value))
    likely = nearest(word.value, known.texts)
    listed = "" if likely else "; it is one of " + ", ".join(known.texts)
    message = f"{known.span.quoted} is never '{word.value[:40]}'{listed}"
    raise word.span.error(message, likely and f"'{likely}'")


def _truths(op: str, a: Value, b: Value) -> Truth:
    """``condition == True`` and its like; two conditions are not compared."""
    if isinstance(a, Truthful) and a.node in (TRUE, FALSE):
        a, b = b, a
    if op not in ("==", "!=") or not isinstance(b, Truthful) or b.node not in (TRUE, FALSE):
        culprit = a if isinstance(a, Truthful) and a.node not in (TRUE, FALSE) else b
        raise culprit.span.error(
            f"'{op}' compares numbers, this is a condition; join conditions with and, or, not"
        )
    return truth(a) if (b.node == TRUE) is (op == "==") else fold.not_(truth(a))
