"""Tables of what was agreed: texts and their canonical trees, texts and their errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sos.errors import StrategyError
from sos.expr import ExprError, render
from sos.expr.tree import Indicator
from sos.expr.walk import walk
from sos.indicators import REGISTRY
from tests.expr.scopes import checked

HERE = Path(__file__).parent
GOOD: list[dict[str, Any]] = json.loads((HERE / "cases_ok.json").read_text())
BAD: list[dict[str, Any]] = json.loads((HERE / "cases_bad.json").read_text())


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["text"])
def test_a_good_text_becomes_its_canonical_tree(case: dict[str, Any]) -> None:
    assert render(checked(case["kind"], case["text"])) == case["tree"]


@pytest.mark.parametrize("case", BAD, ids=lambda case: ascii(case["text"]))
def test_a_bad_text_is_refused_at_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(ExprError) as caught:
        checked(case["kind"], case["text"])
    error = caught.value
    assert isinstance(error, StrategyError)
    found = {
        "message": error.message,
        "column": error.column,
        "end": error.end,
        "suggestion": error.suggestion,
    }
    assert found == {key: case[key] for key in found}
    assert error.text == case["text"]
    assert "\n" not in str(error)


def test_every_indicator_of_the_cases_is_called_as_it_is_registered() -> None:
    seen = set()
    for case in GOOD:
        for node in walk(checked(case["kind"], case["text"])):
            if isinstance(node, Indicator):
                spec = REGISTRY[node.name]
                assert (len(node.args), len(node.params)) == (len(spec.series), len(spec.params)), case[
                    "text"
                ]
                spec.make(*node.params)
                seen.add(node.name)
    assert seen == set(REGISTRY) - {
        "lag",
        "pivot_high",
        "pivot_low",
    }  # a lag is a node, pivots have no function
