"""SOS's side of W1 and W2: the workload through the public entry of the library, digest of the trades.

Usage: python -m benchmarks.sos_run w1|w2 YEARS. The settings are those under which the floor is written.
"""

from __future__ import annotations

import sys
from typing import Final

from benchmarks.digest import report
from benchmarks.paths import SYMBOL, bars_file, strategy_dir

OVERRIDES: Final = ("execution.slippage_ticks=0",)


def main(workload: str, years: str) -> None:
    """Run one workload and print its digest."""
    from sos.app import BacktestRequest, run_backtest
    from sos.clock import SystemClock
    from sos.config import load_config

    request = BacktestRequest((SYMBOL,), (str(bars_file(int(years))),), (strategy_dir(workload),))
    result = run_backtest(request, load_config(None, {}, OVERRIDES), SystemClock(), lambda done, total: None)
    rows = (
        (t.pattern_id, t.entry_ts, t.entry_price, t.exit_ts, t.exit_price, t.exit_reason.value)
        for t in result.trades
    )
    print(report(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
