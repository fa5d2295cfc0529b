"""Each fault as it leaves the world, and when a rule bites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.errors import ConfigError
from sos.sim import FaultBoard, FaultRule, load_faults, parse_faults
from sos.sim.faults import KINDS
from tests.sim.ask import ask, code, make_world

PROFILE = "/v2/user/profile"


def answer(**rule: Any) -> Any:
    return ask(make_world(faults=FaultBoard((FaultRule(**rule),))), PROFILE)


def test_errors_of_the_broker() -> None:
    assert code(answer(kind="unauthorized")) == (401, "UDAPI100050")
    assert code(answer(kind="rate_limited")) == (429, "UDAPI10005")
    assert code(answer(kind="server_error")) == (500, "UDAPI100500")
    assert code(answer(kind="server_error", status=503)) == (503, "UDAPI100500")


def test_a_page_of_the_gateway_is_html() -> None:
    for status in (403, 429, 502, 503):
        page = answer(kind="html", status=status)
        assert page.status == status
        assert page.headers["Content-Type"].startswith("text/html")
        with pytest.raises(orjson.JSONDecodeError):
            page.json()


def test_broken_bodies() -> None:
    good = ask(make_world(), PROFILE)
    slow, cut, reset = answer(kind="slow", delay_s=2.5), answer(kind="truncated"), answer(kind="reset")
    assert (slow.body, slow.delay_ns) == (good.body, 2_500_000_000)
    assert (cut.body, cut.keep) == (good.body, len(good.body) // 2)
    assert reset.reset
    assert answer(kind="empty").body == b""
    assert "data" not in answer(kind="wrong_json").json()
    with pytest.raises(orjson.JSONDecodeError):
        answer(kind="not_json").json()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_the_answer(kind: str) -> None:
    assert answer(kind=kind) != ask(make_world(), PROFILE)


def bites(rule: FaultRule, requests: int = 10, path: str = PROFILE, method: str = "GET") -> list[bool]:
    board = FaultBoard((rule,))
    return [board.pick(method, path) is not None for _ in range(requests)]


def test_a_rule_lets_some_pass_and_then_spoils_so_many() -> None:
    rule = FaultRule("reset", skip=2, count=3)
    assert bites(rule) == [False, False, True, True, True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("pattern", "method", "hit"),
    [
        ("*", "GET", True),
        ("/v2/*", "GET", True),
        ("/v2/user/profile", "*", True),
        ("/v3/*", "GET", False),
        ("*profile", "POST", False),
        ("/V2/*", "GET", False),
    ],
)
def test_a_rule_chooses_by_path_and_method(pattern: str, method: str, hit: bool) -> None:
    assert bites(FaultRule("reset", path=pattern, method=method), 1) == [hit]


def test_a_pattern_sees_the_decoded_path() -> None:
    world = make_world(faults=FaultBoard((FaultRule("html", path="*/NSE_INDEX|Nifty 50/*"),)))
    candles = "/v3/historical-candle/NSE_INDEX%7CNifty%2050/days/1/2026-01-27"
    assert ask(world, candles).status == 503
    assert ask(world, candles.replace("50", "Next%2050")).status != 503


def test_the_first_rule_that_bites_decides() -> None:
    board = FaultBoard((FaultRule("reset", count=1), FaultRule("slow")))
    picked = [board.pick("GET", "/") for _ in range(2)]
    assert [rule.kind for rule in picked if rule] == ["reset", "slow"]


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.floats(0.05, 0.95))
def test_chance_is_seeded_and_near_its_probability(seed: int, probability: float) -> None:
    boards = [FaultBoard((FaultRule("reset", probability=probability),), seed) for _ in range(2)]
    first, second = ([board.pick("GET", "/") is not None for _ in range(300)] for board in boards)
    assert first == second
    assert sum(first) / 300 == pytest.approx(probability, abs=0.17)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "kind"),
        ({"kind": "meteor"}, "unknown kind 'meteor'"),
        ({"kind": "reset", "pth": "*"}, "pth"),
        ({"kind": "reset", "probability": 1.5}, "probability"),
        ({"kind": "reset", "count": 0}, "count"),
        ({"kind": "reset", "skip": -1}, "skip"),
        ({"kind": "slow", "delay_s": -1.0}, "delay_s"),
        ({"kind": "html", "status": 99}, "status"),
        ({"kind": "html", "status": "many"}, "status"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_faults({"fault": [rule]}, "here")


def test_a_scenario_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "storm.toml"
    file.write_text('seed = 3\n[[fault]]\nkind = "slow"\npath = "/v3/*"\ndelay_s = 0.5\n', "utf-8")
    assert load_faults(file) == ((FaultRule("slow", path="/v3/*", delay_s=0.5),), 3)


@pytest.mark.parametrize("text", ["[[fault]", "storm = 1", "[[fault]]\nkind = 3\n"])
def test_a_scenario_that_is_wrong_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "storm.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"storm\.toml"):
        load_faults(file)
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load_faults(tmp_path / "absent.toml")


def test_rules_count_and_can_be_replaced() -> None:
    board = FaultBoard((FaultRule("reset", count=1),))
    board.pick("GET", "/")
    board.pick("GET", "/")
    assert [(row["seen"], row["done"]) for row in board.show()] == [(2, 1)]
    board.set(())
    assert board.pick("GET", "/") is None
