"""What is measured: each case runs its commands in turns and gives rows of the table with their budgets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.measure import BenchmarkFailed, Sample, interleaved, run_once
from benchmarks.paths import SYMBOL, bars_file, strategy_dir
from benchmarks.sos_run import OVERRIDES

__all__ = ["CASES", "Line", "Size"]


@dataclass(frozen=True, slots=True)
class Size:
    """How long to measure. Budgets are stated for 5 years and at least 5 rounds."""

    years: int
    rounds: int
    events: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. ``must``/``aim``: the budget in the unit of ``value``, an upper bound, or a
    lower one where ``more`` is better; None where there is no budget."""

    name: str
    value: float
    unit: str
    must: float | None = None
    aim: float | None = None
    more: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """``aim``, ``must``, ``MISSED``, or nothing without a budget."""
        for word, bound in (("aim", self.aim), ("must", self.must)):
            if bound is not None and (self.value >= bound if self.more else self.value <= bound):
                return word
        return "" if self.must is None else "MISSED"


def _only(applies: bool, must: float, aim: float) -> tuple[float | None, float | None]:
    """The budget where it applies."""
    return (must, aim) if applies else (None, None)


def _module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]


def _sos(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sos.cli", *arguments]


def _against_floor(workload: str, size: Size) -> tuple[Sample, Sample]:
    """(SOS, floor), after checking that both made the same trades."""
    commands = {name: _module(name, workload, size.years) for name in ("sos_run", "floor")}
    samples = interleaved(commands, size.rounds)
    ours, floor = samples["sos_run"], samples["floor"]
    if ours.out != floor.out:
        raise BenchmarkFailed(f"{workload}: the trades differ\n  sos   {ours.out}\n  floor {floor.out}")
    return ours, floor


def _note(ours: Sample, floor: Sample) -> str:
    return f"{ours.cpu_s:.2f} s against {floor.cpu_s:.2f} s, {ours.out.split()[0]} equal trades"


def w1(size: Size) -> list[Line]:
    """One pattern; and M1, its peak memory."""
    ours, floor = _against_floor("w1", size)
    name = f"W1 {size.years} y, CPU / floor"
    return [
        Line(name, ours.cpu_s / floor.cpu_s, "x", 3.0, 1.5, note=_note(ours, floor)),
        Line(
            f"M1 {size.years} y, peak memory",
            ours.rss_mb,
            "MB",
            250,
            120,
            note=f"floor {floor.rss_mb:.0f} MB",
        ),
    ]


def w2(size: Size) -> list[Line]:
    """18 patterns in one run."""
    ours, floor = _against_floor("w2", size)
    return [
        Line(
            f"W2 {size.years} y, CPU / floor",
            ours.cpu_s / floor.cpu_s,
            "x",
            2.0,
            1.0,
            note=_note(ours, floor),
        )
    ]


def b1(size: Size) -> list[Line]:
    """The bus alone."""
    rates: Mapping[str, float] = json.loads(run_once(_module("bus", size.events)).out)
    return [
        Line(f"B1 {case}", rate, "M/s", *_only("50" in case, 0.5, 1.0), more=True)
        for case, rate in rates.items()
    ]


def s1(size: Size) -> list[Line]:
    """Start of the command line, wall time."""
    commands = {
        "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
        "sos --help": _sos("--help"),
        "sos version": _sos("version"),
        "sos strategy check": _sos("strategy", "check", "strategies/"),
    }
    samples = interleaved(commands, 2 * size.rounds)
    unit = samples.pop("python -c 'import numpy'").wall_s
    note = f"import numpy {unit * 1000:.0f} ms"
    return [
        Line(
            f"S1 {name}, wall / import numpy",
            sample.wall_s / unit,
            "x",
            *_only(name == "sos --help", 2.0, 1.2),
            note=f"{sample.wall_s * 1000:.0f} ms; {note}",
        )
        for name, sample in samples.items()
    ]


def s2(size: Size) -> list[Line]:
    """The whole command `sos backtest` on one year."""
    settings = [text for override in OVERRIDES for text in ("--set", override)]
    files = ["--data", str(bars_file(1)), "--strategies", str(strategy_dir("w1"))]
    commands = {
        "run": _sos("backtest", SYMBOL, *files, *settings, "--no-progress"),
        "help": _sos("--help"),
        "floor": _module("floor", "w1", 1),
    }
    # what the command prints holds its own run time, so only the exit code is compared
    samples = interleaved(commands, size.rounds, same_output=False)
    unit = samples["help"].cpu_s + samples["floor"].cpu_s
    ratio = samples["run"].cpu_s / unit
    return [Line("S2 sos backtest 1 y, CPU / (S1 + floor)", ratio, "x", 3.0, 2.0, note=f"unit {unit:.2f} s")]


def i1(size: Size) -> list[Line]:
    """Import of a year: 1 index and 40 options from CSV, in as many rows as Arrow alone reads."""
    run_once(_module("import_year", "make"))
    commands = {name: _module("import_year", name) for name in ("sos", "floor")}
    samples = interleaved(commands, min(size.rounds, 3))
    ours, floor = samples["sos"], samples["floor"]
    if ours.out != floor.out:
        raise BenchmarkFailed(f"i1: {ours.out} rows imported, {floor.out} read")
    note = f"{int(ours.out):,} rows, {ours.cpu_s:.1f} s against {floor.cpu_s:.1f} s, {ours.rss_mb:.0f} MB"
    return [Line("I1 import 1 y, CPU / Arrow's CSV read", ours.cpu_s / floor.cpu_s, "x", 4.0, 2.0, note=note)]


CASES: Final[Mapping[str, Callable[[Size], list[Line]]]] = {
    "w1": w1,
    "w2": w2,
    "b1": b1,
    "s1": s1,
    "s2": s2,
    "i1": i1,
}
