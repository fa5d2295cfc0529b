"""From a file's model to a checked `Pattern`: every expression is parsed, typed and placed.

Collects all findings of a file instead of stopping at the first. Pure: no file is read here. What an
expression may refer to is decided here: conditions and `invalidate` of a phase see the captures of
earlier phases, a capture also the ones above it, `execution` all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sos.expr import ExprError, Scope, VarType, check_capture, check_condition, check_number, needs, warmup
from sos.expr.tree import FALSE, Const, Node, Num, Truth
from sos.strategy import fields
from sos.strategy.jsonfile import canonical_digest
from sos.strategy.model import ExecutionModel, ParamModel, PhaseModel, StrategyModel, TrailModel
from sos.strategy.pattern import (
    NO_TRAIL,
    Capture,
    Condition,
    ExitRules,
    Partial,
    Pattern,
    Phase,
    RegimeRule,
    Trail,
)
from sos.strategy.problems import suggest
from sos.types import REGIMES

__all__ = ["LEVELS", "build_pattern", "effective_params", "expression_problems"]

_T = TypeVar("_T")
_NOTHING: Num = Const(float("nan"))
_NO_CAPTURE: tuple[Num, bool] = (_NOTHING, False)
_NO_TRUTH: Truth = FALSE
_ENTRY_NAMES = frozenset({"tp_mult", "quantity_mod"})
LEVELS = {
    "entry": _ENTRY_NAMES,
    "sl": _ENTRY_NAMES | {"entry"},
    "tp": _ENTRY_NAMES | {"entry", "sl", "risk"},
}


def effective_params(
    model: StrategyModel, overrides: Mapping[str, float] | None, problems: list[str]
) -> dict[str, float]:
    """The file's params with the run's overrides; what does not fit is added to ``problems``."""
    values = {name: param.default for name, param in model.params.items()}
    for name, value in (overrides or {}).items():
        if name not in model.params:
            problems.append(f"params: the file has no parameter {name!r}{suggest(name, model.params)}")
            continue
        try:
            model.params[name].check(value, "value")
        except ValueError as error:
            problems.append(f"params: {name}: {error}")
        values[name] = float(value)
    return values


def build_pattern(
    model: StrategyModel,
    content: dict[str, Any],
    source: str,
    overrides: Mapping[str, float] | None = None,
) -> tuple[Pattern | None, list[str]]:
    """The pattern (None if there are findings) and the findings, one ``place: message`` each.

    ``content`` is the parsed JSON that ``model`` was made of; it gives the digest.
    """
    builder = _Builder(model, overrides)
    phases = tuple(builder.phase(phase) for phase in model.phases)
    texts = {name: getattr(model.execution, name) for name in LEVELS}
    levels = builder.levels(texts)
    if builder.problems:
        return None, builder.problems
    execution = model.execution
    selection = execution.option_selection
    pattern = Pattern(
        id=model.pattern_id,
        description=model.description,
        interval=builder.scope.interval,
        params=builder.scope.params,
        regimes={regime: RegimeRule(**dict(rule)) for regime, rule in model.regime_config.items()},
        phases=phases,
        side=fields.parse_side(execution.side),
        entry=levels["entry"],
        stop=levels["sl"],
        target=levels["tp"],
        texts=texts,
        selection=None if selection is None else fields.parse_selection(selection),
        exits=_exit_rules(execution),
        carry=model.carry,
        recheck=model.recheck,
        needs=frozenset().union(*(needs(node) for node in builder.nodes)),
        warmup=max((warmup(node, builder.scope.interval) for node in builder.nodes), default=1),
        digest=canonical_digest(content),
        source=source,
    )
    return pattern, []


def expression_problems(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with the expressions of content whose structure was refused, as far as they can be read.

    Gives a person all findings at once; what is not a text where a text belongs is passed over.
    """
    params = content.get("params")
    execution = content.get("execution")
    phases = content.get("phases")
    levels = execution if isinstance(execution, dict) else {}
    model = StrategyModel.model_construct(
        params={name: _param(value) for name, value in params.items()} if isinstance(params, dict) else {},
        regime_config={},
        interval=_interval(content.get("interval")),
        phases=tuple(_loose_phase(p, i) for i, p in enumerate(phases if isinstance(phases, list) else [])),
    )
    builder = _Builder(model, None)
    for phase in model.phases:
        builder.phase(phase)
    builder.levels({name: levels[name] for name in LEVELS if _is_text(levels.get(name))})
    return builder.problems


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _param(value: object) -> ParamModel:
    default = value.get("default") if isinstance(value, dict) else value
    known = isinstance(default, int | float) and not isinstance(default, bool)
    return ParamModel.model_construct(default=float(default) if known else 1.0)  # type: ignore[arg-type]


def _interval(value: object) -> str:
    try:
        fields.parse_interval(value if isinstance(value, str) else "1m")
    except ValueError:
        return "1m"
    return value if isinstance(value, str) else "1m"


def _loose_phase(phase: object, index: int) -> PhaseModel:
    data = phase if isinstance(phase, dict) else {}
    capture = data.get("capture")
    return PhaseModel.model_construct(
        id=data["id"] if _is_text(data.get("id")) else f"#{index + 1}",
        conditions=_texts(data.get("conditions")),
        invalidate=_texts(data.get("invalidate")),
        capture={n: t if _is_text(t) else "0" for n, t in capture.items()}
        if isinstance(capture, dict)
        else {},
    )


def _texts(value: object) -> tuple[str, ...]:
    """Texts at their places; what is no text becomes a condition that says nothing."""
    items = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return tuple(item if isinstance(item, str) and item else "true" for item in items)


class _Builder:
    """Walks one file in order, keeping what has been captured so far."""

    def __init__(self, model: StrategyModel, overrides: Mapping[str, float] | None) -> None:
        self.problems: list[str] = []
        self.nodes: list[Node] = []
        rules = (model.regime_config.get(regime) for regime in REGIMES)
        self.scope = Scope(
            params=effective_params(model, overrides, self.problems),
            vars={},
            regime_rules=tuple(
                (r.allow_entry, r.quantity_mod, r.tp_mult, r.buffer_atr) if r else (True, 1.0, 1.0, 0.5)
                for r in rules
            ),
            interval=fields.parse_interval(model.interval),
            later=_captured_by(model),
        )

    def phase(self, phase: PhaseModel) -> Phase:
        where = f"phase {phase.id}"
        conditions = [self._condition(t, f"{where}: conditions[{i}]") for i, t in enumerate(phase.conditions)]
        invalidate = [self._condition(t, f"{where}: invalidate[{i}]") for i, t in enumerate(phase.invalidate)]
        captures = [self._capture(name, text, where) for name, text in phase.capture.items()]
        return Phase(phase.id, tuple(conditions), tuple(captures), phase.timeout, tuple(invalidate))

    def levels(self, texts: Mapping[str, str]) -> dict[str, Num]:
        """The trees of ``texts``, which holds entry, sl and tp (or the ones that could be read)."""
        found: dict[str, Num] = {}
        for name, text in texts.items():
            scope = replace(self.scope, in_execution=LEVELS[name])
            found[name] = self._check(check_number, text, scope, f"execution: {name}", _NOTHING)
            self.nodes.append(found[name])
        return found

    def _condition(self, text: str, where: str) -> Condition:
        tree = self._check(check_condition, text, self.scope, where, _NO_TRUTH)
        self.nodes.append(tree)
        return Condition(text, tree)

    def _capture(self, name: str, text: str, where: str) -> Capture:
        if name == "screener":
            self.problems.append(
                f"{where}: capture.screener: the name is taken by screener.*; choose another"
            )
        tree, is_truth = self._check(check_capture, text, self.scope, f"{where}: capture.{name}", _NO_CAPTURE)
        self.nodes.append(tree)
        known = {**self.scope.vars, name: VarType.TRUTH if is_truth else VarType.NUMBER}
        self.scope = replace(self.scope, vars=known)
        return Capture(name, text, tree, is_truth)

    def _check(
        self, check: Callable[[str, Scope], _T], text: str, scope: Scope, where: str, instead: _T
    ) -> _T:
        try:
            return check(text, scope)
        except ExprError as error:
            self.problems.append(f"{where}: {error.render()}")
            return instead


def _captured_by(model: StrategyModel) -> dict[str, str]:
    """The phase that captures each name first, for messages about a name used too early."""
    found: dict[str, str] = {}
    for phase in model.phases:
        for name in phase.capture:
            found.setdefault(name, phase.id)
    return found


def _trail(trail: TrailModel | None) -> Trail:
    if trail is None:
        return NO_TRAIL
    return Trail(trail.by, trail.distance, trail.step, trail.length, trail.start_r)


def _exit_rules(execution: ExecutionModel) -> ExitRules:
    partials = execution.partials
    given = execution.model_fields_set
    return ExitRules(
        entry_valid_bars=execution.entry_valid_bars,
        breakeven_at=execution.breakeven_at if "breakeven_at" in given else None,
        time_stop_minutes=execution.time_stop_minutes if "time_stop_minutes" in given else None,
        square_off=None if execution.square_off is None else fields.parse_clock(execution.square_off),
        last_entry=None if execution.last_entry is None else fields.parse_clock(execution.last_entry),
        trail=_trail(execution.trail) if "trail" in given else None,
        partials=None if partials is None else tuple(Partial(part.at_r, part.fraction) for part in partials),
        exit_basis=execution.exit_basis,
        exit_price=execution.exit_price,
        fixed_lots=execution.fixed_lots,
        quantity=execution.quantity,
    )
