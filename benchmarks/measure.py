"""Child processes measured whole: CPU (user + system) and wall seconds, peak memory; medians of turns."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from tempfile import TemporaryFile

from benchmarks.paths import ROOT

__all__ = ["BenchmarkFailed", "Sample", "interleaved", "run_once"]


class BenchmarkFailed(Exception):
    """A measured command failed, or two that must agree do not."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run or the medians of several. ``rss_mb``: peak resident memory; ``out``: what it printed."""

    cpu_s: float
    wall_s: float
    rss_mb: float
    out: str


def run_once(command: Sequence[str]) -> Sample:
    """Run a command from the checkout's root to its end.

    Raises:
        BenchmarkFailed: it exits with another code than 0.
    """
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONHASHSEED": "0"}
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        begin = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            raise BenchmarkFailed(f"{' '.join(command)}: exit {child.returncode}\n{err.read()[-2000:]}")
        return Sample(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, out.read().strip())


def interleaved(
    commands: Mapping[str, Sequence[str]], rounds: int, *, same_output: bool = True
) -> dict[str, Sample]:
    """Run all commands ``rounds`` times, in turns, after one run each to warm the caches. Medians.

    Raises:
        BenchmarkFailed: a command failed, or did not print the same in every round.
    """
    runs: dict[str, list[Sample]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            sample = run_once(command)
            if turn:
                runs[name].append(sample)
    for name, samples in runs.items():
        if same_output and len({sample.out for sample in samples}) > 1:
            raise BenchmarkFailed(f"{name} did not print the same in every run")
    return {name: _middle(samples) for name, samples in runs.items()}


def _middle(samples: list[Sample]) -> Sample:
    return Sample(
        median(sample.cpu_s for sample in samples),
        median(sample.wall_s for sample in samples),
        median(sample.rss_mb for sample in samples),
        samples[0].out,
    )
