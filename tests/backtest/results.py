"""Made-up trades and results for the tests of what comes after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sos.backtest.result import BacktestResult, DataHead, PatternOutcome, SeriesHead
from sos.clock import ist_ns
from sos.strategy.machine import Funnel
from sos.trading.charges import Charges
from sos.trading.positions import ExitLeg, Trade
from sos.types import NS_PER_MINUTE, ExitReason, InstrumentKey, Refusal, Regime, Side

NIFTY = InstrumentKey("NSE_INDEX|Nifty 50")
NAMES: Mapping[InstrumentKey, str] = {NIFTY: "NIFTY"}
UNITS = 10**13


def trade(
    number: int = 1,
    *,
    pattern: str = "RANGE_BREAK_LONG",
    gross: float = 100.0,
    charges: Charges | None = None,
    day: date = date(2024, 1, 29),
    minute: int = 10 * 60,
    held: int = 5,
    qty: int = 50,
    risk: int = 1000,
    reason: ExitReason = ExitReason.TARGET,
    side: Side = Side.BUY,
    exits: tuple[ExitLeg, ...] = (),
) -> Trade:
    """A trade with ``gross`` rupees; charges default to 10 rupees of brokerage and 2.5 of STT."""
    start = ist_ns(day, minute)
    entry = 2_160_000
    return Trade(
        id=number,
        pattern_id=pattern,
        underlying=NIFTY,
        instrument=NIFTY,
        side=side,
        qty=qty,
        signal_ts=start - NS_PER_MINUTE,
        entry_ts=start,
        entry_price=entry,
        stop=entry - side.sign * risk,
        target=entry + side.sign * 2 * risk,
        exit_ts=start + held * NS_PER_MINUTE,
        exit_price=entry + side.sign * round(gross * 100 / qty),
        exit_reason=reason,
        gross=round(gross * 100),
        charges=Charges(brokerage=10 * UNITS, stt=25 * UNITS // 10) if charges is None else charges,
        regime=Regime.BULLISH,
        risk_paise=risk,
        exits=exits,
        slot=0,
    )


def result(
    trades: Sequence[Trade] = (), *, notes: tuple[str, ...] = (), synthetic: bool = False
) -> BacktestResult:
    """A result around ``trades`` over three sessions."""
    days = (date(2024, 1, 29), date(2024, 1, 30), date(2024, 1, 31))
    first, last = ist_ns(days[0], 555), ist_ns(days[-1], 929)
    funnel = Funnel(
        ("QUIET", "LEAN", "BREAK"),
        bars=1125,
        passed=[310, 120, 45],
        timed_out=80,
        vetoed=3,
        closed=17,
        signals=42,
    )
    names = sorted({each.pattern_id for each in trades} | {"A_VERY_LONG_PATTERN_NAME_THAT_MUST_BE_SHORTENED"})
    return BacktestResult(
        run_id="20240131-153000-0123abcd",
        digest="0123abcd" * 8,
        elapsed_s=0.1234,
        data=DataHead(
            symbols=("NIFTY",),
            names=NAMES,
            series=(SeriesHead("NIFTY", "nifty.parquet", 1125, first, last, 1, synthetic),),
            bars=1125,
            sessions=3,
            days=days,
            first=first,
            last=last,
            synthetic=synthetic,
            notes=notes,
        ),
        patterns=[
            PatternOutcome(
                name, funnel, {Refusal.BUSY: 1_234_567, Refusal.GAPPED: 3}, ("volume", "sentiment.pcr")
            )
            for name in names
        ],
        trades=trades,
    )
