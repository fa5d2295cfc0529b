"""Faults on demand: which answers to spoil, and how.

Pure and seeded: the same rules and the same requests give the same faults. A rule chooses by method and path
pattern, then lets ``skip`` requests pass, then spoils ``count`` of them (all, when absent), each with
``probability``. The first rule that bites decides.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import msgspec

from sos.data.draws import Draws, derive_seed
from sos.errors import ConfigError
from sos.sim.http import Problem, Response, html, json_response
from sos.types import NS_PER_SECOND

__all__ = ["KINDS", "FaultBoard", "FaultRule", "load_faults", "parse_faults", "spoil"]


class FaultRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. ``path`` is a pattern with ``*`` on the decoded path; ``status`` changes the kind's own."""

    kind: str
    path: str = "*"
    method: str = "*"
    skip: int = 0
    count: int | None = None
    probability: float = 1.0
    status: int | None = None
    delay_s: float = 5.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}: known are {', '.join(KINDS)}")
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError("probability is 0 to 1")
        if self.skip < 0 or (self.count is not None and self.count < 1) or not 0 <= self.delay_s <= 3600:
            raise ValueError("skip is 0 or more, count 1 or more, delay_s 0 to 3600")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status is 200 to 599")


_Spoil = Callable[[FaultRule, Response], Response]


def _unauthorized(rule: FaultRule, _: Response) -> Response:
    return Problem(rule.status or 401, "UDAPI100050", "Invalid token used to access API").response()


def _rate_limited(rule: FaultRule, _: Response) -> Response:
    return Problem(rule.status or 429, "UDAPI10005", "Too Many Request Sent").response()


def _server_error(rule: FaultRule, _: Response) -> Response:
    return Problem(rule.status or 500, "UDAPI100500", "Something went wrong").response()


def _html(rule: FaultRule, _: Response) -> Response:
    return html(rule.status or 503, "Service Temporarily Unavailable")


def _slow(rule: FaultRule, answer: Response) -> Response:
    return replace(answer, delay_ns=int(rule.delay_s * NS_PER_SECOND))


def _truncated(_: FaultRule, answer: Response) -> Response:
    return replace(answer, keep=len(answer.body) // 2)


def _wrong_json(rule: FaultRule, answer: Response) -> Response:
    """Valid JSON of a shape that nobody documented."""
    return json_response(["unexpected", {"status": 1, "data": "?"}], rule.status or answer.status)


def _not_json(rule: FaultRule, answer: Response) -> Response:
    return replace(answer, status=rule.status or answer.status, body=b'{"status":"success","data":{"')


def _empty(rule: FaultRule, answer: Response) -> Response:
    return replace(answer, status=rule.status or answer.status, body=b"")


def _reset(_: FaultRule, answer: Response) -> Response:
    return replace(answer, reset=True)


_SPOIL: Final[Mapping[str, _Spoil]] = {
    "unauthorized": _unauthorized,
    "rate_limited": _rate_limited,
    "server_error": _server_error,
    "html": _html,
    "slow": _slow,
    "truncated": _truncated,
    "wrong_json": _wrong_json,
    "not_json": _not_json,
    "empty": _empty,
    "reset": _reset,
}
KINDS: Final = tuple(_SPOIL)


@dataclass(slots=True)
class _Active:
    rule: FaultRule
    draws: Draws
    seen: int = 0
    done: int = 0

    def bites(self, method: str, path: str) -> bool:
        rule = self.rule
        if rule.method not in ("*", method) or not fnmatchcase(path, rule.path):
            return False
        self.seen += 1
        if self.seen <= rule.skip or (rule.count is not None and self.done >= rule.count):
            return False
        if rule.probability < 1.0 and self.draws.one() >= rule.probability:
            return False
        self.done += 1
        return True


class FaultBoard:
    """The rules in force and how often each has bitten."""

    def __init__(self, rules: tuple[FaultRule, ...] = (), seed: int = 7) -> None:
        self._seed = seed
        self._active: list[_Active] = []
        self.set(rules)

    def set(self, rules: tuple[FaultRule, ...], seed: int | None = None) -> None:
        """Replace all rules; counts begin anew."""
        self._seed = self._seed if seed is None else seed
        self._active = [
            _Active(rule, Draws(derive_seed(self._seed, f"fault {i}"))) for i, rule in enumerate(rules)
        ]

    def pick(self, method: str, path: str) -> FaultRule | None:
        """The rule that spoils this request, or None. Every call counts as one request."""
        for active in self._active:
            if active.bites(method, path):
                return active.rule
        return None

    def show(self) -> list[dict[str, Any]]:
        """Rules with their counts, for the control endpoint."""
        return [
            {**msgspec.to_builtins(active.rule), "seen": active.seen, "done": active.done}
            for active in self._active
        ]


def spoil(rule: FaultRule, answer: Response) -> Response:
    """The answer as the rule leaves it."""
    return _SPOIL[rule.kind](rule, answer)


def parse_faults(value: object, where: str) -> tuple[tuple[FaultRule, ...], int | None]:
    """Rules and seed from a decoded scenario ``{"seed": 7, "fault": [{…}]}``.

    Raises:
        ConfigError: an unknown key or kind, or a value out of range.
    """
    try:
        scenario = msgspec.convert(value, _Scenario)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{where}: {exc}") from exc
    return tuple(scenario.fault), scenario.seed


def load_faults(path: Path) -> tuple[tuple[FaultRule, ...], int | None]:
    """A scenario file (TOML).

    Raises:
        ConfigError: it cannot be read, or what it holds is wrong.
    """
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"--faults {path}: cannot be read as TOML: {exc}") from exc
    return parse_faults(value, f"--faults {path}")


class _Scenario(msgspec.Struct, forbid_unknown_fields=True):
    seed: int | None = None
    fault: list[FaultRule] = []
