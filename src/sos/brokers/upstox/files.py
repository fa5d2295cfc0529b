"""The instrument files of the broker: asked for once a day, handed over whole or not at all.

Pure. What comes out is gzip that has been read to its end (its checksum is right), so whoever writes it down
may replace the file of yesterday with it. Source: docs/upstox.md, instrument files.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from typing import Final

from sos.brokers.upstox.decode import check
from sos.brokers.upstox.wire import Access, Call, Category, Host, Reply, Request, path
from sos.errors import Retryable

__all__ = ["InstrumentFile", "instrument_file"]

_FOLDER: Final = ("market-quote", "instruments", "exchange")
_GZIP: Final = b"\x1f\x8b"
_STEP: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class InstrumentFile:
    """A file as it is now. ``data``: gzip of a JSON array; None where it has not changed since ``etag``.

    ``etag`` and ``last_modified``: what to give to `instrument_file` the next time; empty where not said.
    """

    name: str
    data: bytes | None = field(repr=False)
    etag: str = ""
    last_modified: str = ""


def instrument_file(name: str = "NSE", etag: str = "", last_modified: str = "") -> Call[InstrumentFile]:
    """The file ``{name}.json.gz`` (NSE, BSE, complete, ...), or the news that it is unchanged."""
    known = (("If-None-Match", etag), ("If-Modified-Since", last_modified))
    request = Request(
        "instrument file",
        path(*_FOLDER, f"{name}.json.gz"),
        Category.FILES,
        subject=name,
        host=Host.FILES,
        access=Access.NONE,
        headers=tuple((header, value) for header, value in known if value),
    )

    def decode(reply: Reply) -> InstrumentFile:
        tags = (reply.headers.get("etag", ""), reply.headers.get("last-modified", ""))
        if reply.status == 304:
            return InstrumentFile(name, None, tags[0] or etag, tags[1] or last_modified)
        check(reply, request)
        return InstrumentFile(name, _whole(reply.body, request), *tags)

    return Call(request, decode)


def _whole(body: bytes, request: Request) -> bytes:
    """gzip bytes that are complete; a file that was unpacked on its way is packed again."""
    if body.startswith(_GZIP):
        _read_through(body, request)
        return body
    if body.lstrip().startswith(b"[") and body.rstrip().endswith(b"]"):
        return gzip.compress(body, mtime=0)
    raise Retryable(f"{request.title}: not an instrument file; try again later")


def _read_through(body: bytes, request: Request) -> None:
    """Unpack without keeping anything: the end and the checksum must be there."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        rest = body
        while rest and not unpacker.eof:
            unpacker.decompress(rest, _STEP)
            rest = unpacker.unconsumed_tail
    except zlib.error as exc:
        raise Retryable(f"{request.title}: the file is damaged; try again") from exc
    if not unpacker.eof:
        raise Retryable(f"{request.title}: the file is cut off; try again")
