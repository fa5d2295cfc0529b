"""Hypothesis strategies for files that are almost strategies."""

from __future__ import annotations

import os

from hypothesis import strategies as st

from tests.strategy.files import VALID, places

__all__ = ["EXAMPLES", "MUTATIONS"]

EXAMPLES = 5_000 if os.environ.get("SOS_FULL") else 300
_TEXTS = [
    "close",
    "close > open",
    "vars.top",
    "vars.top > 1",
    "true",
    "1 / 0 > 2",
    "entry",
    "x = 1",
    "x9 = x9 + 1",
    "BUY",
    "LONG",
    "ATM",
    "5m",
    "candle.getClose()",
    "a && !b",
    "a ? b : c",
    "'",
    "(",
    "",
]
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(_TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_PLACES = [path for path in places(VALID) if path]
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(_PLACES), st.just(...) | _JSON | st.sampled_from(_TEXTS)),
    min_size=1,
    max_size=4,
)
