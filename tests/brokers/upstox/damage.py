"""Answers damaged at random: fields gone, null, or of another type; and what may come of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from sos.brokers.upstox.candles import Candles
from sos.brokers.upstox.wire import Call, Reply
from sos.errors import BrokerError

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", " ", "nan", "-inf", "12.5", "7", "null", "2026-13-45", "NSE_FO|1", "x" * 50, 10**400]
    ),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just({"a": [1]}),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The address of everything below ``value``."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*at, key)
        yield from places(item, (*at, key))


def put(answer: Any, place: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    changed = json.loads(json.dumps(answer))
    inside = changed
    for key in place[:-1]:
        inside = inside[key]
    change(inside, place[-1])
    return changed


@st.composite
def damaged(draw: st.DrawFn, answer: Any) -> Any:
    """The answer with one to three of its fields gone or replaced."""
    for _ in range(draw(st.integers(1, 3))):
        everywhere = sorted(places(answer), key=repr)
        if not everywhere:
            break
        place, odd, drop = draw(st.sampled_from(everywhere)), draw(ODD), draw(st.booleans())

        def damage(inside: Any, key: Any, odd: Any = odd, drop: bool = drop) -> None:
            if drop:
                del inside[key]
            else:
                inside[key] = odd

        answer = put(answer, place, damage)
    return answer


def outcome(call: Call[Any], answer: Any) -> Any:
    """What reading an answer gives: a value, or the message of an error of the tree."""
    try:
        return call.decode(Reply(200, json.dumps(answer).encode()))
    except BrokerError as error:
        return error


def is_sound(value: Any) -> bool:
    """A message of one line, or a value without a number that is not finite."""
    return "\n" not in str(value) if isinstance(value, BrokerError) else finite(value)


def finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if hasattr(value, "__struct_fields__"):
        return all(finite(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, Candles):
        return bool((np.diff(value.ts) > 0).all()) and not np.isinf(value.close).any()
    if isinstance(value, dict):
        return all(finite(item) for item in value.values())
    return all(finite(item) for item in value) if isinstance(value, tuple | list) else True
