"""`sos data`: what the store holds, what goes in, what is wrong with it, and what instruments are called."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sos.cli.fetch import fetch
from sos.cli.options import ConfigFile, Json, parse_date, parse_mapping
from sos.errors import ConfigError, DataError

if TYPE_CHECKING:
    from sos.data.audit import Checked
    from sos.data.imports import FileOutcome, ImportOptions
    from sos.data.store import Entry, Store

__all__ = ["commands", "open_store"]

Symbol = Annotated[
    str | None, typer.Option("--symbol", metavar="SYMBOL", help="Whose data it is; without: the file's name.")
]
Columns = Annotated[
    list[str] | None, typer.Option("--columns", metavar="FIELD=NAME", help="Column names of the files.")
]
Zone = Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="Zone of stamps without one.")]
Stamps = Annotated[
    str | None, typer.Option("--stamps", metavar="start|end", help="What a bar's stamp means.")
]
Lots = Annotated[
    int | None,
    typer.Option("--lots", metavar="N", help="Quantities are lots of N units (1: they are units)."),
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="No progress bar.")]


def commands() -> typer.Typer:
    """The group `sos data`."""
    group = typer.Typer(
        help="Keep, check and look up market data.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("import")(import_)
    group.command("fetch")(fetch)
    group.command("list")(list_)
    group.command("check")(check)
    group.command("sample")(sample)
    group.command("instruments")(instruments)
    return group


def open_store(config: Path | None = None) -> Store:
    """The store that the configuration or the environment names."""
    from sos.clock import SystemClock
    from sos.config import load_config
    from sos.data.store import Store, default_root

    folder = load_config(config, os.environ).data.dir
    return Store(default_root(os.environ) if folder is None else folder, SystemClock())


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or Parquet files.")],
    symbol: Symbol = None,
    columns: Columns = None,
    tz: Zone = None,
    stamps: Stamps = None,
    lots: Lots = None,
    prefer: Annotated[
        str, typer.Option("--prefer", metavar="new|old", help="Who wins where values differ.")
    ] = "new",
    config: ConfigFile = None,
    as_json: Json = False,
    no_progress: NoProgress = False,
) -> int:
    """Read bars, ticks, option chains or put/call ratios into the store.

    Safe to repeat: what is there already is not written again. A bad file is named and the others go on.
    """
    options = _options(symbol, columns, tz, stamps, lots)
    if prefer not in ("new", "old"):
        raise ConfigError(f"--prefer {prefer}: give new or old")
    from sos.cli.console import progress_bar
    from sos.data.imports import run_import

    store, code, outcomes = open_store(config), 0, []
    with progress_bar(not no_progress, "import") as report:
        chosen: Any = prefer
        for outcome in run_import(files, store, options, prefer=chosen, progress=report):
            outcomes.append(outcome)
            if outcome.error is not None:
                code = max(code, outcome.error.exit_code)
                print(f"sos: {' '.join(str(outcome.error).split())}", file=sys.stderr)
            elif not as_json:
                print(_said(outcome))
    if as_json:
        _print_json([_outcome(outcome) for outcome in outcomes])
    return code


def list_(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL]...")] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """List what the store holds."""
    from sos.data.audit import select

    store = open_store(config)
    entries = select(store, symbols or [])
    if as_json:
        _print_json({"dir": str(store.root), "series": [_entry(entry) for entry in entries]})
    elif not entries:
        print(f"the store at {store.root} is empty: sos data import FILE... or sos data sample fills it")
    else:
        _print_entries(store, entries)


def check(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL|FILE]...", help="Without: everything in the store.")
    ] = None,
    symbol: Symbol = None,
    columns: Columns = None,
    tz: Zone = None,
    stamps: Stamps = None,
    lots: Lots = None,
    notes: Annotated[bool, typer.Option("--notes/--no-notes", help="Also what may be so by nature.")] = True,
    config: ConfigFile = None,
    as_json: Json = False,
    no_progress: NoProgress = False,
) -> int:
    """Look for gaps, spikes, stale or crossed quotes, damage; exit 1 when something is wrong."""
    from sos.cli.console import progress_bar
    from sos.data.audit import check_files, check_store

    options = _options(symbol, columns, tz, stamps, lots)
    files = [Path(text) for text in what or [] if _is_file(text)]
    symbols = [text for text in what or [] if not _is_file(text)]
    with progress_bar(not no_progress, "check") as report:
        results = list(check_files(files, options, report)) if files else []
        if symbols or not files:
            results += check_store(open_store(config), symbols, report)
    wrong = any(result.wrong for result in results)
    if as_json:
        _print_json({"good": not wrong, "series": [_checked(result) for result in results]})
    else:
        _print_checked(results, notes)
    return int(wrong)


def sample(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL]...")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write CSV files there, not into the store.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other bars.")] = 7,
    sessions: Annotated[int, typer.Option("--sessions", metavar="N", help="Trading days.")] = 20,
    config: ConfigFile = None,
) -> None:
    """Write the seeded synthetic sample (NIFTY without SYMBOL), always labelled as such."""
    from sos.data.sample import sample as make
    from sos.data.store import SYNTHETIC

    series = [one for symbol in symbols or ["NIFTY"] for one in make(symbol, seed, sessions)]
    if out is not None:
        from sos.data.exports import write_bars_csv

        for one in series:
            path = out / f"{one.instrument.symbol}_{one.minutes}m.csv"
            write_bars_csv(path, one.run)
            print(f"{path}: {len(one.run):,} synthetic bars of {one.instrument.symbol}")
        return
    store = open_store(config)
    for one in series:
        known = [entry for entry in store.list() if (entry.kind, entry.key) == ("bars", one.instrument.key)]
        if any(not entry.synthetic for entry in known):
            raise DataError(
                f"the store has other bars of {one.instrument.symbol}: the sample is not mixed with them, "
                "write it elsewhere with --out DIR"
            )
        source = f"{SYNTHETIC}, seed {seed}"
        report = store.write_bars(one.instrument.key, one.minutes, one.run, source)
        print(f"{one.instrument.symbol}: {_counts(report)} ({source})")


def instruments(
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help='"NIFTY 25650 CE", RELIANCE, an ISIN, a key.'),
    ],
    expiry: Annotated[str | None, typer.Option("--expiry", metavar="DATE", help="Only this expiry.")] = None,
    strike: Annotated[float | None, typer.Option("--strike", help="Only this strike.")] = None,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="CE, PE, FUT, EQ, INDEX, ...")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="By the master of that day; else the latest.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="So many at most.")] = 20,
    master: Annotated[
        list[Path] | None, typer.Option("--master", metavar="FILE", help="An instrument file (NSE.json.gz).")
    ] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Look up instruments in the broker's master; exit 1 when nothing matches."""
    from sos.cli.instruments import look_up

    wanted = parse_date("--expiry", expiry)
    return look_up(
        open_store(config), query, wanted, strike, kind, parse_date("--on", day), limit, master or [], as_json
    )


# ---- options


def _options(
    symbol: str | None, columns: Sequence[str] | None, tz: str | None, stamps: str | None, lots: int | None
) -> ImportOptions:
    if stamps not in (None, "start", "end"):
        raise ConfigError(f"--stamps {stamps}: give start or end")
    if lots is not None and lots < 1:
        raise ConfigError(f"--lots {lots}: give the units of a lot, for example 75")
    from sos.data.imports import ImportOptions

    mapping = parse_mapping("--columns", list(columns or []))
    return ImportOptions(symbol=symbol, columns=mapping, tz=tz, stamps=stamps, lots=lots)


def _is_file(text: str) -> bool:
    return Path(text).suffix.lower() in (".csv", ".gz", ".parquet", ".pq", ".txt") or Path(text).is_file()


# ---- what is printed


def _print_json(value: Any) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(value).decode() + "\n")


def _counts(report: Any) -> str:
    words = (
        (report.added, "added"),
        (report.changed, "changed"),
        (report.same, "there already"),
        (report.kept, "kept"),
    )
    return ", ".join(f"{count:,} {word}" for count, word in words if count) or "nothing"


def _said(outcome: FileOutcome) -> str:
    names = [f"{kind} {key} {part}" for kind, key, part in outcome.series]
    what = names[0] if len(names) == 1 else f"{len(names)} series ({names[0]} … {names[-1]})"
    lines = [f"{outcome.path.name} → {what}: {_counts(outcome.report)}"]
    lines += [f"  {note.removeprefix(f'{outcome.path.name}: ')}" for note in outcome.notes]
    return "\n".join(lines)


def _outcome(outcome: FileOutcome) -> dict[str, Any]:
    return {
        "file": str(outcome.path),
        "error": None if outcome.error is None else str(outcome.error),
        "series": [dict(zip(("kind", "key", "part"), one, strict=True)) for one in outcome.series],
        "rows": outcome.rows,
        "added": outcome.report.added,
        "changed": outcome.report.changed,
        "same": outcome.report.same,
        "kept": outcome.report.kept,
        "notes": list(outcome.notes),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    from sos.clock import ist_iso

    return {
        **{name: getattr(entry, name) for name in ("kind", "key", "part", "files", "rows", "bytes")},
        "first": ist_iso(entry.first_ns),
        "last": ist_iso(entry.last_ns),
        "sources": list(entry.sources),
    }


def _print_entries(store: Store, entries: Sequence[Entry]) -> None:
    from sos.backtest.grid import Column, fitted
    from sos.cli.console import make_console
    from sos.clock import ist_datetime

    def when(ns: int) -> str:
        return f"{ist_datetime(ns):%Y-%m-%d %H:%M}"

    sources = [_few(entry.sources) for entry in entries]
    columns = [
        Column("Instrument", [entry.key for entry in entries], least=20),
        Column("Kind", [entry.kind for entry in entries]),
        Column("Part", [entry.part for entry in entries]),
        Column("Rows", [f"{entry.rows:,}" for entry in entries], right=True),
        Column("First", [when(entry.first_ns) for entry in entries]),
        Column("Last", [when(entry.last_ns) for entry in entries]),
        Column("KB", [f"{entry.bytes / 1000:,.0f}" for entry in entries], right=True, drop=2),
        Column("Sources", sources, least=16, drop=1),
    ]
    size = sum(entry.bytes for entry in entries) / 1e6
    console = make_console()
    console.print(fitted(f"{len(entries)} series, {size:,.1f} MB in {store.root}", columns, console.width))


def _few(sources: Sequence[str]) -> str:
    more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
    return f"{sources[0]}{more}" if sources else "not recorded"


def _checked(result: Checked) -> dict[str, Any]:
    from sos.clock import ist_iso

    return {
        "kind": result.kind,
        "name": result.name,
        "part": result.part,
        "rows": result.rows,
        "wrong": result.wrong,
        "broken": result.broken,
        "findings": [
            {
                "check": finding.check,
                "severity": finding.severity,
                "count": finding.count,
                "first": ist_iso(finding.first_ns),
                "text": finding.text,
            }
            for finding in result.findings
        ],
    }


def _print_checked(results: Sequence[Checked], notes: bool) -> None:
    rows = list(_rows(results, notes))
    wrong = sum(result.wrong for result in results)
    verdict = (
        f"{len(results)} checked, {wrong} with something wrong" if wrong else f"{len(results)} checked, good"
    )
    if not rows:
        print(verdict)
        return
    from sos.backtest.grid import Column, fitted
    from sos.cli.console import make_console

    titles = ("Instrument", "Part", "", "Check", "Count", "First", "What")
    shapes: tuple[dict[str, Any], ...] = (
        *({"least": 16}, {"drop": 1}, {}, {}, {"right": True}, {"drop": 2}, {"least": 24, "folds": True}),
    )
    columns = [
        Column(title, [row[at] for row in rows], **shape)
        for at, (title, shape) in enumerate(zip(titles, shapes, strict=True))
    ]
    console = make_console()
    console.print(fitted(verdict, columns, console.width))


def _rows(results: Iterable[Checked], notes: bool) -> Iterable[tuple[str, ...]]:
    from sos.clock import ist_datetime

    for result in results:
        part = f"{result.kind} {result.part}".strip()
        if result.broken is not None:
            yield result.name, part, "wrong", "broken", "", "", result.broken
        for finding in result.findings:
            if notes or finding.severity == "wrong":
                first = f"{ist_datetime(finding.first_ns):%Y-%m-%d %H:%M}"
                yield (
                    result.name,
                    part,
                    finding.severity,
                    finding.check,
                    f"{finding.count:,}",
                    first,
                    finding.text,
                )
