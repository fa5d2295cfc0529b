"""Whose data a file holds, by what was said, by a ``contracts.csv`` beside it, or by its name.

Reads ``contracts.csv`` and nothing else. Names are split into a symbol and words that say what is inside
(``nifty_1m_2009``, ``NIFTY_options_weekly``, ``banknifty_chain_2026-01``).
"""

from __future__ import annotations

import csv
import re
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from sos.data.instruments.names import ContractName, check_exists, parse_contract
from sos.data.symbols import Instrument, resolve
from sos.errors import ConfigError, DataError

__all__ = ["instrument_of", "roman_future"]

_WORDS: Final = re.compile(
    r"[ _.-]+(?:\d+(?:s|m|min|mins|minute|minutes|sec)|\d{4}(?:-\d\d(?:-\d\d)?)?|\d{8}|index|spot|chain"
    r"|options?|weekly|monthly|pcr|daily|ticks?|bars?|ohlcv?|candles?|data)$",
    re.IGNORECASE,
)
_ROMAN: Final = re.compile(r"(?P<name>[A-Z0-9]+)-(?P<nth>I{1,3})", re.IGNORECASE)


def instrument_of(path: Path, symbol: str | None) -> Instrument:
    """The instrument of ``path``; ``symbol`` is the user's word and wins.

    Raises:
        DataError: the name says nothing, or names a contract that never existed.
        ConfigError: ``symbol`` is unknown.
    """
    if symbol is not None:
        contract = parse_contract(symbol)
        return _of_contract(contract) if contract is not None else resolve(symbol)
    stem = _stem(path)
    contract = _listed(path.parent / "contracts.csv").get(stem) or parse_contract(stem)
    if contract is not None:
        return _of_contract(contract)
    while _WORDS.search(stem):
        stem = _WORDS.sub("", stem)
    try:
        return resolve(stem)
    except ConfigError as exc:
        raise DataError(f"{path.name}: its name does not say whose data it holds: add --symbol") from exc


def roman_future(path: Path) -> tuple[str, int] | None:
    """(underlying, nth) of names such as ``NIFTY-II``: the nth future of the day; None for others."""
    match = _ROMAN.fullmatch(_stem(path))
    return None if match is None else (match["name"].upper(), len(match["nth"]))


def _of_contract(contract: ContractName) -> Instrument:
    check_exists(contract)
    return resolve(contract.key)


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (".gz", ".csv", ".txt", ".parquet", ".pq"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


@lru_cache(maxsize=64)
def _listed(path: Path) -> dict[str, ContractName]:
    """Contracts by file name (without ending) from a table with file, underlying, expiry, strike, right."""
    if not path.is_file():
        return {}
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        return {_stem(Path(row["file"])): _contract(row) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as exc:
        raise DataError(
            f"{path}: cannot be read ({exc!r}): it needs the columns file, underlying, expiry, strike, right"
        ) from exc


def _contract(row: dict[str, str]) -> ContractName:
    expiry = date.fromisoformat(row["expiry"].strip())
    right = row["right"].strip().upper()
    if right in ("", "FUT", "XX"):
        return ContractName(row["underlying"].strip().upper(), expiry)
    right = {"C": "CE", "CALL": "CE", "P": "PE", "PUT": "PE"}.get(right, right)
    if right not in ("CE", "PE"):
        raise ValueError(f"right {right!r}")
    return ContractName(row["underlying"].strip().upper(), expiry, float(row["strike"]), right)
