"""Which contracts there are: listed ones from the broker's master, expired ones from its lists of them.

Each list is asked for once: the master once a day, the contracts of an expiry that is over once for ever.
They are kept below the data directory. Nothing is chosen here; see `fetch_jobs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import orjson

from sos.brokers.upstox import endpoints
from sos.brokers.upstox.files import instrument_file
from sos.brokers.upstox.models import Contract as Row
from sos.brokers.upstox.wire import Call
from sos.data.instruments.master import MasterCache
from sos.data.instruments.tables import ContractTable
from sos.data.store import files
from sos.data.store.layout import encode_key
from sos.data.symbols import Instrument
from sos.errors import Retryable

__all__ = ["Asking", "Lists"]

T = TypeVar("T")
_FIELDS = ("instrument_key", "underlying_symbol", "instrument_type", "strike_price", "lot_size", "tick_size")


class Asking(Protocol):
    """What is needed of a broker; `UpstoxClient` is one."""

    async def call(self, call: Call[T]) -> T: ...


class Lists:
    """Contracts of underlyings as of ``today``.

    Every method raises `BrokerError` where the broker refuses and `DataError` where the folder ``root``
    cannot be used.
    """

    def __init__(self, broker: Asking, root: Path, today: date) -> None:
        self._broker = broker
        self._masters = MasterCache(root)
        self._folder = root / "fetched"
        self._today = today
        self._tables: dict[str, ContractTable] = {}

    async def listed(self, of: Instrument) -> ContractTable:
        """Options and futures of ``of`` that trade today."""
        if of.key not in self._tables:
            master = self._masters.get(of.exchange, self._today)
            if master is None:
                found = await self._broker.call(instrument_file(of.exchange))
                if found.data is None:
                    raise Retryable(f"instrument file {of.exchange}: came without content; try again")
                master = self._masters.put(of.exchange, self._today, found.data)
            self._tables[of.key] = ContractTable.from_master(master, of.symbol)
        return self._tables[of.key]

    async def expired_days(self, of: Instrument) -> list[date]:
        """Expiries of the past that the broker still knows, ascending; asked for once a day."""
        path = self._folder / encode_key(of.key) / "expiries.json"
        kept = _read(path)
        if not isinstance(kept, dict) or kept.get("day") != self._today.isoformat():
            days = await self._broker.call(endpoints.expiries(of.key))
            kept = {"day": self._today.isoformat(), "expiries": [day.isoformat() for day in days]}
            _write(path, kept)
        return [date.fromisoformat(day) for day in kept["expiries"]]

    async def expired(self, of: Instrument, expiry: date, *, futures: bool = False) -> ContractTable:
        """Contracts of ``of`` that expired on a day."""
        name = f"{'futures' if futures else 'options'}-{expiry}.json"
        path = self._folder / encode_key(of.key) / name
        records = _read(path)
        if not isinstance(records, list):
            rows = await self._broker.call(endpoints.expired_contracts(of.key, expiry, futures=futures))
            records = list(_records(rows, of, expiry))
            if records:
                _write(path, records)
        return ContractTable.from_records(records)


def _records(rows: Iterable[Row], of: Instrument, expiry: date) -> Iterable[Mapping[str, Any]]:
    for row in rows:
        fields = msgspec.structs.asdict(row)
        day = (row.expiry or expiry).isoformat()
        yield {**{name: fields[name] for name in _FIELDS}, "underlying_symbol": of.symbol, "expiry": day}


def _read(path: Path) -> Any:
    data = files.read(path)
    try:
        return orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        return None  # damaged: asked for again


def _write(path: Path, value: Any) -> None:
    try:
        files.commit(files.stage(path, orjson.dumps(value)), path)
    except OSError as exc:
        raise files.storage_error(path, exc) from exc
