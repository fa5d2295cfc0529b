"""A valid strategy as data, and ways to write variants of it to a folder."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

VALID: dict[str, Any] = {
    "pattern_id": "EXAMPLE",
    "description": "an example",
    "interval": "1m",
    "params": {"n": {"default": 20, "min": 5, "max": 60, "step": 5}, "k": 1.5},
    "regime_config": {"BULLISH": {"quantity_mod": 1.5, "tp_mult": 2.0}, "BEARISH": {"allow_entry": False}},
    "phases": [
        {
            "id": "SETUP",
            "conditions": ["close > sma(close, params.n)", "atr(14) > 0.5"],
            "capture": {"top": "highest(high, params.n)", "half": "vars.top / 2"},
        },
        {
            "id": "TRIGGER",
            "conditions": ["close > vars.top * params.k - vars.half"],
            "timeout": 10,
            "invalidate": ["close < vars.half"],
        },
    ],
    "execution": {
        "side": "BUY",
        "entry": "close",
        "sl": "entry - atr * 2",
        "tp": "entry + risk * tp_mult",
        "option_selection": "ATM",
        "trail": {"by": "atr", "distance": 2},
        "partials": [{"at_r": 1, "fraction": 0.5}],
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """`VALID` with one place set: ``"phases.0.timeout"``; `...` as value removes it."""
    content = copy.deepcopy(VALID)
    *steps, last = path.split(".")
    place: Any = content
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    key: Any = int(last) if isinstance(place, list) else last
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return content


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as a path of keys and indexes; the value itself is ()."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


def mutated(mutations: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """`VALID` with every place set (or, with `...`, removed) that still exists when its turn comes."""
    content = copy.deepcopy(VALID)
    for (*steps, last), value in mutations:
        place: Any = content
        for step in steps:
            place = place[step] if step in _indexes(place) else None
        if isinstance(place, dict) and value is ...:
            place.pop(last, None)
        elif value is not ... and (isinstance(place, dict) or last in _indexes(place)):
            place[last] = copy.deepcopy(value)
    return content


def _indexes(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def write(folder: Path, content: Any, name: str = "example.json") -> Path:
    """Write content as JSON (a text is written as it is) and return the path."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path
