"""A result as tables for a terminal of any width from 60 columns on.

The trade table drops columns as the terminal gets narrower; nothing here ever makes a line longer than the
console. Formats only; every number comes from `metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sos.backtest.grid import Column, fitted
from sos.backtest.metrics import GroupSummary, Summary, net_units, r_multiple, summarise
from sos.backtest.money import grouped, price, ratio, rupees
from sos.backtest.result import BacktestResult, DataHead, PatternOutcome
from sos.clock import ist_datetime
from sos.strategy.machine import Funnel
from sos.trading.charges import UNITS_PER_RUPEE
from sos.trading.positions import Trade
from sos.types import InstrumentKey

__all__ = ["DEFAULT_TRADES_SHOWN", "print_result", "render"]

DEFAULT_TRADES_SHOWN: Final = 20
_UNITS_PER_PAISA: Final = UNITS_PER_RUPEE // 100
_WARNING_WORDS: Final = ("synthetic", "itself", "missing", "lacks", "neutral", "earliest known", "name says")
_MEASURING: Final = Console(width=1000)


def print_result(console: Console, result: BacktestResult, shown: int | None = DEFAULT_TRADES_SHOWN) -> None:
    """Print everything; ``shown`` is how many trades at most, None all."""
    for part in render(result, console.width, shown):
        console.print(part)


def render(result: BacktestResult, width: int, shown: int | None) -> Iterable[RenderableType]:
    """The parts of the report from top to bottom for a console of ``width`` columns."""
    summary = summarise(result.trades, result.data.days)
    yield _head(result.data)
    if result.trades:
        yield _trades(result.trades, result.data.names, width, shown)
        hidden = 0 if shown is None else max(0, len(result.trades) - shown)
        if hidden:
            yield Text(f"… {grouped(hidden)} more between them, --csv FILE for all", style="dim")
    else:
        yield Text("\nno trades; the funnel below shows where the bars went", style="yellow")
    yield _summary(summary, width)
    if len(summary.by_pattern) > 1:
        yield _groups("By pattern", summary.by_pattern, width)
    if summary.by_exit_reason:
        yield _groups("By exit reason", summary.by_exit_reason, width)
    yield _funnel(result.patterns, {group.name: group.trades for group in summary.by_pattern}, width)
    yield _foot(result, width)


# ---------------------------------------------------------------------------------------------- head


def _head(head: DataHead) -> RenderableType:
    notes = [(note, "yellow" if _is_warning(note) else "dim") for note in head.notes]
    if head.synthetic and not any("synthetic" in note for note in head.notes):
        notes.insert(0, ("synthetic sample: drawn from a seed, not market data", "yellow"))
    title = Text(f"{' '.join(head.symbols)}  {_span(head)}", style="bold")
    return Group(
        title, *(Padding(Text(note, style=style), (0, 0, 0, 2), expand=False) for note, style in notes)
    )


def _span(head: DataHead) -> str:
    first, last = ist_datetime(head.first), ist_datetime(head.last)
    return (
        f"{first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M} IST, "
        f"{_counted(head.sessions, 'session')}, {_counted(head.bars, 'bar')}"
    )


def _counted(number: int, what: str) -> str:
    return f"{grouped(number)} {what}{'s' * (number != 1)}"


def _is_warning(note: str) -> bool:
    return any(word in note for word in _WARNING_WORDS)


# -------------------------------------------------------------------------------------------- trades


def _trades(
    trades: Sequence[Trade], names: Mapping[InstrumentKey, str], width: int, shown: int | None
) -> RenderableType:
    first, last = _ends(trades, shown)

    def column(
        title: str, cell: Callable[[Trade], str | Text], right: bool = False, drop: int = 0, least: int = 0
    ) -> Column:
        gap = ["…"] if last else []
        return Column(title, [*map(cell, first), *gap, *map(cell, last)], right, drop, least)

    several = len({trade.instrument for trade in trades}) > 1
    years = {ist_datetime(trade.entry_ts).year for trade in (trades[0], trades[-1])}
    date = "%Y-%m-%d %H:%M" if width >= 120 or (width >= 100 and len(years) > 1) else "%m-%d %H:%M"
    columns = (
        column("#", lambda t: str(t.id), right=True),
        column("Pattern", lambda t: t.pattern_id, least=14),
        column("Symbol", lambda t: names.get(t.instrument, t.instrument), drop=1 if several else 12, least=9),
        column("Side", lambda t: t.side.value, drop=3),
        column("Qty", lambda t: grouped(t.qty), right=True, drop=6),
        column("In", lambda t: f"{ist_datetime(t.entry_ts):{date}}"),
        column("at", lambda t: price(t.entry_price), right=True, drop=4),
        column("Stop", lambda t: price(t.stop), right=True, drop=10),
        column("Target", lambda t: price(t.target), right=True, drop=11),
        column("Out", lambda t: f"{ist_datetime(t.exit_ts):%H:%M}", drop=5),
        column("at", lambda t: price(t.exit_price), right=True, drop=4),
        column("Why", lambda t: t.exit_reason.value),
        column("Gross ₹", lambda t: _signed(t.gross * _UNITS_PER_PAISA), right=True, drop=8),
        column("Charges", lambda t: rupees(t.charges.total), right=True, drop=7),
        column("Net ₹", _net, right=True),
        column("R", lambda t: ratio(r_multiple(t)), right=True, drop=2),
    )
    return fitted("Trades", columns, width)


def _net(trade: Trade) -> Text:
    return _signed(net_units(trade))


def _signed(units: int) -> Text:
    return Text(rupees(units), style="green" if units > 0 else "red" if units < 0 else "")


def _ends(trades: Sequence[Trade], shown: int | None) -> tuple[Sequence[Trade], Sequence[Trade]]:
    """The first and the last trades to show; everything is first when all fit."""
    if shown is None or len(trades) <= shown:
        return trades, ()
    tail = shown // 2
    return trades[: shown - tail], trades[len(trades) - tail :] if tail else ()


# ------------------------------------------------------------------------------------------- summary


def _pairs(rows: Iterable[tuple[str, Text | str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True, overflow="ellipsis")
    for name, value in rows:
        grid.add_row(name, value)
    return grid


def _summary(summary: Summary, width: int) -> RenderableType:
    money, counts = _pairs(_money(summary)), _pairs(_counts(summary))
    needed = sum(Measurement.get(_MEASURING, _MEASURING.options, part).maximum for part in (money, counts))
    if needed + 6 > width:
        body: RenderableType = Group(money, Text(""), counts)
    else:
        side = Table.grid(padding=(0, 4, 0, 0))
        side.add_row(money, counts)
        body = side
    return Group(Text("\nSummary", style="bold"), Padding(body, (0, 0, 0, 2), expand=False))


def _money(summary: Summary) -> Iterable[tuple[str, Text | str]]:
    total = summary.total
    yield "Gross ₹", _signed(total.gross * _UNITS_PER_PAISA)
    for name, value in total.charges.rupees().items():
        yield f"  {_CHARGE_LABELS[name]}", rupees(-int(value * UNITS_PER_RUPEE))
    yield "Charges", rupees(-total.charges.total)
    yield "Net = gross − charges", _signed(total.net)
    adjustment = int(summary.rounding.total * UNITS_PER_RUPEE)
    yield "STT, stamp to whole ₹/day", rupees(-adjustment)
    yield "Net after rounding", _signed(total.net - adjustment)


_CHARGE_LABELS: Final = {
    "brokerage": "Brokerage",
    "stt": "STT",
    "exchange": "Exchange",
    "sebi": "SEBI",
    "stamp": "Stamp duty",
    "ipft": "IPFT",
    "gst": "GST",
}


def _counts(summary: Summary) -> Iterable[tuple[str, Text | str]]:
    total = summary.total
    yield "Trades", grouped(total.trades)
    yield "Won / lost", f"{grouped(total.wins)} / {grouped(total.losses)}"
    yield "Win rate", _percent(total.win_rate)
    yield "Profit factor", ratio(total.profit_factor)
    yield "Expectancy ₹/trade", "–" if total.expectancy is None else rupees(total.expectancy)
    yield "Average R", ratio(total.average_r)
    yield "Max drawdown ₹", rupees(summary.max_drawdown)
    yield f"Sharpe, daily, {_counted(summary.days, 'day')}", ratio(summary.daily_sharpe)
    for name, trade in (("Best", summary.best), ("Worst", summary.worst)):
        if trade is not None:
            yield f"{name} (#{trade.id})", _net(trade)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _groups(title: str, groups: Sequence[GroupSummary], width: int) -> RenderableType:
    columns = (
        Column("", [group.name for group in groups], least=10),
        Column("Trades", [grouped(group.trades) for group in groups], right=True),
        Column("Won", [_percent(group.win_rate) for group in groups], right=True, drop=2),
        Column("Gross ₹", [_signed(group.gross * _UNITS_PER_PAISA) for group in groups], right=True, drop=4),
        Column("Charges ₹", [rupees(group.charges.total) for group in groups], right=True, drop=5),
        Column("Net ₹", [_signed(group.net) for group in groups], right=True),
        Column("PF", [ratio(group.profit_factor) for group in groups], right=True, drop=3),
        Column("R", [ratio(group.average_r) for group in groups], right=True, drop=1),
    )
    return fitted(title, columns, width)


# -------------------------------------------------------------------------------------------- funnel


def _funnel(patterns: Sequence[PatternOutcome], trades: Mapping[str, int], width: int) -> RenderableType:
    """Bars looked at, then how many passed each phase, then what became of the triggers."""
    funnels = [outcome.funnel for outcome in patterns]
    columns = (
        Column("", [outcome.pattern_id for outcome in patterns], least=10),
        Column("Bars", [grouped(funnel.bars) for funnel in funnels], right=True, drop=2),
        Column("Setups", [grouped(funnel.passed[0]) for funnel in funnels], right=True),
        Column("Validations", [_validations(funnel) for funnel in funnels], right=True, drop=3),
        Column("Triggers", [grouped(funnel.passed[-1]) for funnel in funnels], right=True),
        Column("Refused", [_refused(outcome) for outcome in patterns], least=14, drop=1, folds=True),
        Column("Trades", [grouped(trades.get(outcome.pattern_id, 0)) for outcome in patterns], right=True),
    )
    title = "Funnel: bars looked at, phases passed, triggers refused, trades"
    return fitted(title, columns, width)


def _validations(funnel: Funnel) -> str:
    return " → ".join(map(grouped, funnel.passed[1:-1])) or "–"


def _refused(outcome: PatternOutcome) -> str:
    reasons = {"REGIME": outcome.funnel.vetoed, **{r.value: n for r, n in outcome.refusals.items()}}
    return ", ".join(f"{name} {grouped(count)}" for name, count in reasons.items() if count) or "–"


def _foot(result: BacktestResult, width: int) -> RenderableType:
    digest = result.digest if width >= 72 else f"{result.digest[:16]}…"
    run = Text(f"run {result.run_id}, {result.elapsed_s:.2f} s", style="dim")
    return Group(Text(f"\ndigest {digest}"), run)
