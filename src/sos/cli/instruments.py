"""`sos data instruments`: the lookup and its table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sos.errors import ConfigError, DataError

if TYPE_CHECKING:
    from sos.data.instruments.master import Master
    from sos.data.instruments.search import Hit
    from sos.data.store import Store

__all__ = ["look_up"]

_EXCHANGES = ("NSE", "BSE")


def look_up(
    store: Store,
    query: str,
    expiry: date | None,
    strike: float | None,
    kind: str | None,
    day: date | None,
    limit: int,
    files: Sequence[Path],
    as_json: bool,
) -> int:
    """Print what matches ``query``; 1 when nothing does.

    Raises:
        DataError: there is no master. ConfigError: an empty query.
    """
    from sos.data.instruments.search import search, suggest

    if not query.strip():
        raise ConfigError('name what to look for, for example "NIFTY 25650 CE"')
    masters = _masters(store, day, files)
    hits: list[Hit] = []
    for one in masters:
        hits += search(one, query, expiry=expiry, strike=strike, kind=kind, limit=limit - len(hits))
    if as_json:
        import orjson

        days = [one.day.isoformat() for one in masters]
        rows = [asdict(hit) for hit in hits]
        found: dict[str, Any] = {"query": query, "masters": days, "instruments": rows}
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
    elif hits:
        _print(hits, masters)
    else:
        near = list(dict.fromkeys(name for one in masters for name in suggest(one, query)))
        hint = f": did you mean {' or '.join(near[:3])}?" if near else ""
        print(f"nothing matches {query!r} in the master of {masters[0].day}{hint}")
    return 0 if hits else 1


def _masters(store: Store, day: date | None, files: Sequence[Path]) -> list[Master]:
    from sos.data.instruments.master import Master, MasterCache

    if files:
        return [Master.parse(_read(path), day) for path in files]
    cache = MasterCache(store.root)
    found = [master for exchange in _EXCHANGES if (master := cache.latest(exchange, day)) is not None]
    if not found:
        when = f" of {day} or before" if day is not None else ""
        raise DataError(f"no instrument master{when} is kept: sos data fetch gets one, or give --master FILE")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise DataError(f"{path}: {exc.strerror or exc}: check the path given to --master") from exc


def _print(hits: Sequence[Hit], masters: Sequence[Master]) -> None:
    from sos.backtest.grid import Column, fitted
    from sos.cli.console import make_console

    def shown(value: object) -> str:
        return "–" if value is None else f"{value:g}" if isinstance(value, float) else f"{value}"

    columns = [
        Column("Symbol", [hit.symbol for hit in hits]),
        Column("Key", [hit.key for hit in hits]),
        Column("Type", [hit.kind for hit in hits]),
        Column("Expiry", [shown(hit.expiry) for hit in hits]),
        Column("Strike", [shown(hit.strike) for hit in hits], right=True, drop=1),
        Column("Lot", [shown(hit.lot) for hit in hits], right=True),
        Column("Freeze", [shown(hit.freeze) for hit in hits], right=True, drop=2),
        Column("Tick", [shown(hit.tick and hit.tick / 100) for hit in hits], right=True, drop=2),
        Column("Name", [hit.name for hit in hits], least=12, drop=3),
    ]
    console = make_console()
    days = ", ".join(str(one.day) for one in masters)
    console.print(fitted(f"{len(hits)} instruments, master of {days}", columns, console.width))
