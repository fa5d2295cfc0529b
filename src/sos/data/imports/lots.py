"""Units or lots: whether a file's quantities can be what they claim, and the factor that makes them units.

Pure. A contract trades in whole lots of its day, so quantities in units are multiples of a lot. Where most
are not, they are lots or something else, and nobody guesses: the file is refused until ``--lots`` is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import numpy as np

from sos.bars import F64
from sos.contracts import Contracts
from sos.errors import DataError

__all__ = ["check_units"]

_MOST: Final = 0.5
_ENOUGH: Final = 20  # so many quantities before anything is said
_SAMPLE: Final = 5_000  # quantities looked at, evenly spread


def check_units(file: str, underlying: str, expiry: date, columns: Iterable[F64]) -> None:
    """Refuse quantities of which most are no multiple of any lot that the underlying had near that expiry.

    Raises:
        DataError: they look like lots; names the factor.
    """
    contracts = Contracts.packaged()
    if underlying not in contracts.underlyings or not contracts.covered(expiry, underlying):
        return
    lots = {contracts.lot(underlying, expiry), *_neighbours(contracts, underlying, expiry)}
    for column in columns:
        few = column[:: 1 + len(column) // _SAMPLE]
        values = few[np.isfinite(few) & (few > 0)]
        if len(values) < _ENOUGH:
            continue
        fits = np.zeros(len(values), np.bool_)
        for lot in lots:
            fits |= values % lot == 0
        if float(fits.mean()) < _MOST:
            lot = contracts.lot(underlying, expiry)
            raise DataError(
                f"{file}: only {fits.mean():.0%} of its quantities are multiples of the lot {lot}: if they "
                f"are lots say --lots {lot}, if they are units after all --lots 1"
            )


def _neighbours(contracts: Contracts, underlying: str, expiry: date) -> list[int]:
    """Lots of the year before: a contract listed early keeps the older lot for a while."""
    before = expiry.replace(year=expiry.year - 1, day=min(expiry.day, 28))
    if not contracts.covered(before, underlying):
        return []
    return [
        contracts.lot(underlying, day) for day in contracts.expiries(underlying, "monthly", before, expiry)
    ]
