"""Option chains in the store: rows by the time at which they were known.

Pure. ``known_ts`` is when the snapshot could be used, ``ts`` the time it is about; a decision at t may see
rows with ``known_ts`` <= t and no others. One series is one underlying and one expiry. Prices are rupees;
``oi``, ``oi_prev``, ``volume`` and the sizes of quotes are units (not lots); ``iv`` is a fraction (0.12);
greeks are as the source gave them. NaN is missing: a price of 0 in a source is no price.
Columns: `kinds.CHAIN`, and ``expiry`` as ``datetime64[D]`` when read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from sos.data.store.kinds import CHAIN, Frame
from sos.errors import DataError

__all__ = ["chain_part", "join_expiries"]


def chain_part(expiry: date | str) -> str:
    """The part of the path: the expiry as ``YYYY-MM-DD``.

    Raises:
        DataError: not a date.
    """
    try:
        return (date.fromisoformat(expiry) if isinstance(expiry, str) else expiry).isoformat()
    except ValueError as exc:
        raise DataError(f"{expiry!r} is no expiry: write it as YYYY-MM-DD") from exc


def join_expiries(frames: Sequence[tuple[str, Frame]]) -> Frame | None:
    """Chains of several expiries as one, by ``known_ts``, expiry, strike; None if there are none."""
    if not frames:
        return None
    joined: Frame = {name: np.concatenate([frame[name] for _, frame in frames]) for name in CHAIN.columns}
    expiries = [np.full(len(frame["ts"]), part, "datetime64[D]") for part, frame in frames]
    joined["expiry"] = np.concatenate(expiries)
    order = np.lexsort((joined["strike"], joined["expiry"], joined["ts"], joined["known_ts"]))
    return {name: column[order] for name, column in joined.items()}
