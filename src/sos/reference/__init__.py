"""Dated market facts packaged with SOS: ``charges``, ``lots``, ``holidays``, one TOML table each.

Facts only; the rules that read them live in `calendar`, `contracts` and `trading.charges`. Nothing is
fetched or refreshed here. Each row says from which date it holds and how sure it is (``status``).
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from sos.errors import InvariantBroken

__all__ = ["TABLES", "as_date", "load"]

TABLES: Final = ("charges", "holidays", "lots")


@cache
def load(name: str) -> dict[str, Any]:
    """The packaged table ``name``, parsed once; treat it as read-only.

    Raises:
        KeyError: there is no such table (a mistake of the caller).
        InvariantBroken: the packaged file is damaged or missing.
    """
    if name not in TABLES:
        raise KeyError(f"no packaged table {name!r}; there are {', '.join(TABLES)}")
    try:
        return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise InvariantBroken(f"packaged table {name}.toml cannot be read, reinstall SOS: {exc}") from exc


def as_date(value: object) -> date:
    """A TOML date as `date`; anything else in its place is a damaged table."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvariantBroken(f"a packaged table has {value!r} where a date belongs")
    return value
