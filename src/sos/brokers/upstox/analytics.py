"""Market analytics whose field names are not certain: read in every spelling that is known.

Pure. The change of open interest is documented with names of its own, but the broker's examples read those
of the plain table; both become `models.OiTable`. Source: docs/upstox.md, analytics.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sos.brokers.upstox.decode import Reader
from sos.brokers.upstox.models import FlowRow, Number, OiByStrike, OiTable
from sos.brokers.upstox.wire import Reply, Request

__all__ = ["Flows", "decode_flows", "decode_oi"]

Flows = dict[str, tuple[FlowRow, ...]]  # by data type


class _Strike(msgspec.Struct):
    strike_price: Number | None = None
    call_oi: Number | None = None
    put_oi: Number | None = None
    call_change_oi: Number | None = None
    put_change_oi: Number | None = None


class _Table(msgspec.Struct):
    expiry: str | None = None
    spot_closing_price: Number | None = None
    total_calls: Number | None = None
    total_puts: Number | None = None
    total_call_change_oi: Number | None = None
    total_put_change_oi: Number | None = None
    call_put_oi_data_list: list[_Strike | None] | None = None
    call_put_change_oi_data_list: list[_Strike | None] | None = None


_TABLE: Final[Reader[_Table]] = Reader(_Table)
_FLOWS: Final[Reader[dict[str, list[FlowRow | None] | None]]] = Reader(dict[str, list[FlowRow | None] | None])


def decode_oi(reply: Reply, request: Request) -> OiTable:
    """Open interest, or its change, by strike in the broker's order."""
    table = _TABLE.data(reply, request) or _Table()
    rows = table.call_put_oi_data_list or table.call_put_change_oi_data_list or []
    return OiTable(
        expiry=table.expiry,
        spot_closing_price=table.spot_closing_price,
        total_calls=_first(table.total_call_change_oi, table.total_calls),
        total_puts=_first(table.total_put_change_oi, table.total_puts),
        strikes=tuple(_strike(row) for row in rows if row is not None),
    )


def decode_flows(reply: Reply, request: Request) -> Flows:
    """Rows of institutions by data type; a type without rows is absent."""
    found = _FLOWS.data(reply, request) or {}
    return {kind: tuple(row for row in rows if row is not None) for kind, rows in found.items() if rows}


def _strike(row: _Strike) -> OiByStrike:
    return OiByStrike(
        strike_price=row.strike_price,
        call_oi=_first(row.call_change_oi, row.call_oi),
        put_oi=_first(row.put_change_oi, row.put_oi),
    )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
