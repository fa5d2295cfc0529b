"""Numbers as people in India read them: 1,23,456.78. Pure text; exact integers in."""

from __future__ import annotations

from fractions import Fraction

from sos.trading.charges import UNITS_PER_RUPEE

__all__ = ["grouped", "price", "ratio", "rupees"]


def grouped(number: int) -> str:
    """A whole number with Indian grouping: the last three digits, then pairs."""
    sign = "-" if number < 0 else ""
    digits = str(abs(number))
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return sign + ",".join([*reversed(pairs), tail])


def rupees(units: int | Fraction, places: int = 2) -> str:
    """An amount in units of 1e-13 rupee, rounded half away from zero to ``places`` decimals (>= 1)."""
    scaled = abs(Fraction(units)) * 10**places / UNITS_PER_RUPEE
    whole, part = divmod(int(scaled + Fraction(1, 2)), 10**places)
    sign = "-" if units < 0 and (whole or part) else ""
    return f"{sign}{grouped(whole)}.{part:0{places}d}"


def price(paise: int) -> str:
    """A price in paise as rupees, without grouping (prices are compared, not added up)."""
    return f"{paise // 100}.{paise % 100:02d}" if paise >= 0 else f"-{price(-paise)}"


def ratio(value: float | None, places: int = 2) -> str:
    """A number to ``places`` decimals, a dash where it is undefined, never minus zero."""
    return "–" if value is None else f"{value:z.{places}f}"
