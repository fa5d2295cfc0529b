"""One older file's content to the present shape, with a list of everything that changed.

Pure: dicts in, dict out. `Converter.changes` holds one line for each rewrite and each changed meaning,
`Converter.dead` what kept the old file from ever firing, `Converter.problems` what cannot be converted.
Else nothing is refused here: what remains wrong is found by the loader's own checks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any, Final

from sos.expr.limits import MAX_TEXT
from sos.expr.names import BARE_NAMES
from sos.strategy.build import LEVELS
from sos.strategy.fields import ID_PATTERN, SIDES
from sos.strategy.java_dialect import assignment, rename, translate
from sos.strategy.lint import contradicts_side
from sos.strategy.model import MAX_ITEMS, ExecutionModel, PhaseModel, RegimeModel, StrategyModel
from sos.types import REGIMES, Right, Side

__all__ = ["Converter"]

_MAX_WRITTEN_OUT: Final = 100 * MAX_TEXT  # characters by which a whole file may grow
_REGIME_NAMES: Final = {
    "allow": "allow_entry",
    "quantity": "quantity_mod",
    "tp": "tp_mult",
    "buffer": "buffer_atr",
}
_WORDS: Final = frozenset(("and", "or", "not", "in", "if", "else", "true", "false", "True", "False"))
_SELECTION: Final = re.compile(
    r"(?P<kind>ATM|OTM|ITM)(?:_?(?P<a>\d+))?(?:_(?P<right>CALL|PUT|CE|PE))?(?:_(?P<b>\d+))?", re.ASCII
)
_MEANINGS: Final = (
    (r"\bprev_candle\b", "prev_candle is not ready on the first bar (it used to be the bar itself)"),
    (r"\bvwap\s*\(", "vwap starts anew with each session and is not ready while no volume has traded"),
    (r"\bstdev\s*\(|\bbb_(upper|lower)\s*\(", "stdev and the bands use the population's deviation"),
    (r"\bround\s*\(", "round goes half away from zero"),
    (r"\batr\b", "atr is Wilder's over 14 bars, ready after 15"),
    (r"\bema\s*\(", "ema starts with the average of its first n bars"),
    (r"\brsi\s*\(", "rsi is Wilder's"),
    (
        r"\b(moving_avg|sma|ema|wma|highest|lowest|stdev|rsi|max|min)\s*\(\s*history\b",
        "functions of history are not ready until their window is full, and then a condition does not pass "
        "(they used to work with the bars there were)",
    ),
)


class Converter:
    """Converts one file. ``stem`` is the file's name, used where the file has no id."""

    def __init__(self, stem: str) -> None:
        self.changes: dict[str, None] = {}  # in order, each once
        self.dead: list[str] = []
        self.problems: list[str] = []
        self._stem = stem
        self._captured: set[str] = set()
        self._texts: list[str] = []
        self._room = _MAX_WRITTEN_OUT

    def keep(self, content: StrategyModel) -> None:
        """Note the meanings of a file that needs no conversion."""
        for phase in content.phases:
            self._texts += (*phase.conditions, *phase.capture.values(), *phase.invalidate)
        self._texts += (content.execution.entry, content.execution.sl, content.execution.tp)
        self._meanings()

    def convert(self, old: Mapping[str, Any]) -> dict[str, Any]:
        """The content of the new file; what is not understood is passed on for the loader to refuse."""
        new: dict[str, Any] = {"pattern_id": self._pattern_id(old.get("pattern_id"))}
        for key, value in old.items():
            if key in ("pattern_id", "regime_config", "phases", "execution"):
                continue
            if key in StrategyModel.model_fields or key == "$schema":
                new[key] = value
            else:
                self._note(f"key {key!r} is dropped: it has no meaning here")
        new["regime_config"] = self._regimes(old.get("regime_config") or {})
        phases = old.get("phases")
        new["phases"] = self._phases(phases) if isinstance(phases, list) else phases or []
        execution = old.get("execution")
        new["execution"] = self._execution(execution, new) if isinstance(execution, dict) else execution or {}
        self._meanings()
        return new

    def _note(self, line: str) -> None:
        self.changes[line] = None

    # ------------------------------------------------------------------ top and regimes

    def _pattern_id(self, given: object) -> object:
        if given is not None and not isinstance(given, str):
            return given
        name = given or self._stem
        clean = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_")[:64]
        if not re.fullmatch(ID_PATTERN, clean, re.ASCII):
            clean = f"P_{clean}"[:64]
        if clean != given:
            self._note(f"pattern_id {given!r} became {clean!r}")
        return clean

    def _regimes(self, old: object) -> object:
        if not isinstance(old, dict):
            return old
        new: dict[str, Any] = {}
        for name, rule in old.items():
            upper = name.strip().upper()
            if upper not in tuple(REGIMES):
                self._note(f"regime {name!r} is dropped: there is no such regime")
                continue
            new[upper] = self._regime(upper, rule) if isinstance(rule, dict) else rule
        return new

    def _regime(self, name: str, old: Mapping[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for key, value in old.items():
            known = _REGIME_NAMES.get(key, key)
            if known not in RegimeModel.model_fields:
                self._note(f"regime_config: {name}: key {key!r} is dropped: it has no meaning here")
                continue
            new[known] = value
        return new

    # ------------------------------------------------------------------ phases

    def _phases(self, old: list[Any]) -> list[Any]:
        if len(old) > MAX_ITEMS:
            return old
        taken: set[str] = set()
        new: list[Any] = []
        for index, phase in enumerate(old):
            new.append(self._phase(phase, index, taken) if isinstance(phase, dict) else phase)
        return new

    def _phase(self, old: Mapping[str, Any], index: int, taken: set[str]) -> dict[str, Any]:
        phase_id = self._phase_id(old.get("id"), index, taken)
        where = f"phase {phase_id}"
        conditions, assigned = self._conditions(old.get("conditions") or [], where)
        capture = {name: self._expression(text, where) for name, text in assigned.items()}
        given = old.get("capture") or {}
        for name, text in given.items() if isinstance(given, dict) else ():
            capture[name] = self._expression(text, where)
            self._captured.add(name)
        self._captured |= assigned.keys()
        new: dict[str, Any] = {"id": phase_id, "conditions": conditions}
        if capture or not isinstance(given, dict):
            new["capture"] = capture if isinstance(given, dict) else given
        if old.get("timeout"):
            new["timeout"] = old["timeout"]
        for key, value in old.items():
            if key == "invalidate":
                listed = value if isinstance(value, list) else [value]
                new[key] = [self._expression(text, where) for text in listed]
            elif key not in PhaseModel.model_fields:
                self._note(f"{where}: key {key!r} is dropped: it has no meaning here")
        return new

    def _phase_id(self, given: object, index: int, taken: set[str]) -> str:
        clean = re.sub(r"[^A-Za-z0-9_.-]+", "_", given).strip("_") if isinstance(given, str) else ""
        clean = clean or f"PHASE_{index + 1}"
        name, count = clean, 2
        while name in taken:
            name, count = f"{clean}_{count}", count + 1
        if name != given:
            self._note(f"phase id {given!r} became {name!r}")
        taken.add(name)
        return name

    def _conditions(self, old: Any, where: str) -> tuple[Any, dict[str, str]]:
        """Conditions without assignments, and the assignments; a name assigned and used in the same phase
        is replaced by its expression, because captures are taken only when the phase has passed."""
        if not isinstance(old, list) or len(old) > 2 * MAX_ITEMS:
            return old, {}
        new: list[Any] = []
        assigned: dict[str, str] = {}
        found_at = {i: assignment(text) for i, text in enumerate(old) if isinstance(text, str)}
        ahead = dict(reversed([found for found in found_at.values() if found]))
        for index, text in enumerate(old):
            found = found_at.get(index)
            if found is None:
                written = self._inlined(text, {**ahead, **assigned}, f"{where}: conditions[{index}]")
                new.append(self._expression(written, where))
                continue
            name, value = found
            assigned[name] = self._inlined(value, assigned, f"{where}: conditions[{index}]")
            self._note(f"{where}: conditions[{index}] '{name} = ...' became the capture vars.{name}")
            self.dead.append(
                f"{where}: conditions[{index}]: the assignment '{name} = ...' counted as a condition "
                "and is not true, so the phase never passed"
            )
        return new, assigned

    def _inlined(self, text: Any, assigned: Mapping[str, str], where: str) -> Any:
        """The text with assigned names written out; the first that grows too long is a problem."""
        if not isinstance(text, str) or not assigned or self.problems or len(text) > MAX_TEXT:
            return text
        room = min(MAX_TEXT, self._room)

        def value(token: str) -> str | None:
            nonlocal room
            space, _, name = token.rpartition(".")
            known = assigned.get(name) if space in ("", "vars", "var") and name not in _WORDS else None
            if known is None or room < 0:
                return None
            room -= len(known) + 2
            return f"({known})"

        new = rename(text, value)
        if room < 0 or len(new) > MAX_TEXT:
            self.problems.append(
                f"{where}: with the assignments of its phase written out it has more than {MAX_TEXT:,} "
                "characters; make the assigned values captures of an earlier phase"
            )
            return text
        self._room -= max(0, len(new) - len(text))
        return new

    # ------------------------------------------------------------------ expressions

    def _expression(self, text: Any, where: str, known: Set[str] = BARE_NAMES) -> Any:
        """The text in present spelling; numbers become texts, anything else is left for the loader.

        A captured name becomes ``vars.name`` unless it is one of the ``known``.
        """
        if isinstance(text, int | float) and not isinstance(text, bool):
            return repr(text)
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            return text

        def captured(token: str) -> str | None:
            if token not in self._captured:
                return None
            if token not in known:
                return f"vars.{token}"
            if token not in _WORDS:
                self._note(
                    f"meaning: {token} alone keeps its usual meaning; the captured value is vars.{token}"
                )
            return None

        new = rename(translate(text), captured)
        self._texts.append(new)
        if re.sub(r"\s+", "", new) == re.sub(r"\s+", "", text):
            return text
        self._note(f"{where}: '{text}' became '{new}'")
        return new

    def _meanings(self) -> None:
        every = "\n".join(self._texts)
        for pattern, meaning in _MEANINGS:
            if re.search(pattern, every, re.ASCII):
                self._note(f"meaning: {meaning}")

    # ------------------------------------------------------------------ execution

    def _execution(self, old: Mapping[str, Any], pattern: Mapping[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        side = old.get("side")
        if side is None:
            side = _implied_side(old, str(pattern["pattern_id"]))
            if side is not None:
                self._note(f"execution: side was missing; {side} is what the levels and the name say")
        if side is not None:
            new["side"] = self._side(side)
        for key in ("entry", "sl", "tp"):
            if key in old:
                new[key] = self._expression(old[key], f"execution: {key}", BARE_NAMES | LEVELS[key])
        if old.get("option_selection") is not None:
            new["option_selection"] = self._selection(old["option_selection"], new.get("side"))
        for key, value in old.items():
            if key in new or key in ("side", "option_selection"):
                continue
            if key in ExecutionModel.model_fields:
                new[key] = value
            else:
                self._note(f"execution: key {key!r} is dropped: it has no meaning here")
        return new

    def _side(self, given: object) -> object:
        upper = given.strip().upper() if isinstance(given, str) else given
        known = SIDES.get(upper) if isinstance(upper, str) else None
        if known is None:
            return given
        if known != given:
            self._note(f"execution: side {given} became {known}")
        return str(known)

    def _selection(self, given: object, side: object) -> object:
        if not isinstance(given, str):
            return given
        found = _SELECTION.fullmatch(given.strip().upper())
        if found is None:
            return given
        steps = found["a"] or found["b"] or "1"
        plain = "ATM" if found["kind"] == "ATM" else f"{found['kind']}_{steps}"
        right = {"CE": "CALL", "PE": "PUT"}.get(found["right"] or "", found["right"])
        if right and side in ("BUY", "SELL") and contradicts_side(Side(str(side)), Right(right)):
            bought = "call" if side == "BUY" else "put"
            self._note(f"execution: option_selection {given} became {plain}: a {side} signal buys a {bought}")
            return plain
        new = f"{plain}_{right}" if right else plain
        if new != given:
            self._note(f"execution: option_selection {given} became {new}")
        return new


def _implied_side(execution: Mapping[str, Any], name: str) -> str | None:
    """BUY or SELL from the target's form, the option or the name, if these agree; else None."""
    votes: set[str] = set()
    target = str(execution.get("tp", "")).replace(" ", "")
    selection = str(execution.get("option_selection", "")).upper()
    for sell, buy, text in (
        (r"(entry|close|vars\.\w+)\)?-.*", r"(entry|close|vars\.\w+)\)?\+.*", target),
        (r".*(PUT|PE)(_\d+)?", r".*(CALL|CE)(_\d+)?", selection),
        (r".*(SHORT|SELL|BEAR).*", r".*(LONG|BUY|BULL).*", name.upper()),
    ):
        if re.fullmatch(sell, text):
            votes.add("SELL")
        elif re.fullmatch(buy, text):
            votes.add("BUY")
    return votes.pop() if len(votes) == 1 else None
