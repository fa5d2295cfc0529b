"""``python -m benchmarks [--quick] [w1 w2 b1 s1 s2]``: run all or some cases and print one table.

Exit code 0 when every budget is reached, 1 when one is missed, 2 when a run failed or trades differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.cases import CASES, Line, Size
from benchmarks.measure import BenchmarkFailed, run_once
from benchmarks.workloads import write

FULL = Size(years=5, rounds=5, events=400_000)
QUICK = Size(years=1, rounds=2, events=100_000)


def _format(lines: Sequence[Line]) -> str:
    head = ("", "value", "must", "aim", "reached", "")
    table = [head, *(_cells(line) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, "<>>><<", widths, strict=True)
        ).rstrip()
        for row in table
    )


def _cells(line: Line) -> tuple[str, ...]:
    sign = "≥" if line.more else "≤"
    bounds = ("" if bound is None else f"{sign} {bound:g}" for bound in (line.must, line.aim))
    return (line.name, f"{line.value:.2f} {line.unit}", *bounds, line.verdict, line.note)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen cases; see the module."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *CASES], metavar="case", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="one year, two rounds: an indication only")
    options = parser.parse_args(argv)
    size = QUICK if options.quick else FULL
    run_once([sys.executable, "-m", "benchmarks.generate"])  # a child: arrays must not fatten this process
    write()
    lines: list[Line] = []
    try:
        for name in options.names or CASES:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            lines += CASES[name](size)
    except BenchmarkFailed as exc:
        print(f"benchmarks: {exc}", file=sys.stderr)
        return 2
    finally:
        if lines:
            print(_format(lines))
    return 1 if any(line.verdict == "MISSED" for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
