"""Whatever text comes, the answer is a tree or an `ExprError`; and trees can be read back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sos.expr import ExprError, Scope, check_capture, check_condition, check_number, needs, render, warmup
from sos.expr.limits import MAX_NODES, MAX_TEXT
from sos.expr.tree import Indicator, Input, Lag, Local, Lookup, Node, Resample, Truth01, Var
from sos.expr.walk import walk
from tests.expr.grammar import conditions, mutated, numbers
from tests.expr.scopes import EXECUTION

T = TypeVar("T")
FULL = bool(os.environ.get("SOS_FULL"))
many = settings(
    max_examples=5_000 if FULL else 150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def well_formed(tree: Node) -> None:
    """What `tree` promises about nesting."""
    nodes = list(walk(tree))
    assert len(nodes) <= MAX_NODES
    for node in nodes:
        inside = [part for part in walk(node) if part is not node]
        if isinstance(node, Resample):
            assert not any(isinstance(part, Resample) for part in inside)
        if isinstance(node, Resample | Indicator | Lag):
            assert not any(isinstance(part, Var | Local) for part in inside)
        if isinstance(node, Lag):
            assert node.n >= 1


def outcome(check: Callable[[str, Scope], T], text: str) -> T | ExprError:
    """The tree or the error; any other exception passes."""
    try:
        return check(text, EXECUTION)
    except ExprError as error:
        return error


def only_too_large(error: ExprError) -> bool:
    """The one reason to refuse a text of the grammar: it grew beyond a limit."""
    return "more than" in error.message or "at most" in error.message


@many
@given(conditions)
def test_every_text_of_the_grammar_is_a_condition(text: str) -> None:
    tree = outcome(check_condition, text)
    if isinstance(tree, ExprError):
        assert only_too_large(tree), tree.render()
        return
    well_formed(tree)
    assert warmup(tree) >= 0
    assert needs(tree) <= {part.name for part in walk(tree) if isinstance(part, Input)}


@many
@given(numbers)
def test_every_text_of_the_grammar_is_a_number_that_reads_back(text: str) -> None:
    tree = outcome(check_number, text)
    if isinstance(tree, ExprError):
        assert only_too_large(tree), tree.render()
        return
    well_formed(tree)
    written = render(tree)
    if len(written) <= MAX_TEXT // 2 and not any(_has_no_spelling(node) for node in walk(tree)):
        assert check_number(written, EXECUTION) == tree


def _has_no_spelling(node: Node) -> bool:
    return isinstance(node, Resample | Lookup | Truth01)


@many
@example("'',")
@given(
    st.one_of(mutated(), st.text(max_size=60), st.text(alphabet="()[]'\"+-*/.,<>=! abnot0159_", max_size=80))
)
def test_any_other_text_is_a_tree_or_an_error_with_a_place(text: str) -> None:
    for check in (check_condition, check_number, check_capture):
        error = outcome(check, text)
        if not isinstance(error, ExprError):
            continue
        assert error.text == text
        assert 0 <= error.column <= len(text)
        assert error.column < error.end
        assert error.render().count("\n") == 2


@many
@given(conditions, conditions)
def test_different_trees_have_different_texts(one: str, other: str) -> None:
    first, second = outcome(check_condition, one), outcome(check_condition, other)
    if not isinstance(first, ExprError) and not isinstance(second, ExprError):
        assert (render(first) == render(second)) == (first == second)
