"""The normal distribution to double precision, one number or an array at a time.

Scalars use the C library's `erfc`; NumPy has none, so arrays use the rational approximations of
W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), whose error is
below one unit in the last place or two. The two forms agree to about 1e-15 and are not promised to be equal
bit for bit (`np.exp` is not): nothing that decides a trade may compare one with the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from sos.bars import F64

__all__ = ["cdf", "cdf_block", "erfc_block", "pdf", "pdf_block"]

_ROOT_HALF: Final = math.sqrt(0.5)
_ROOT_TWO_PI: Final = math.sqrt(2.0 * math.pi)
_ROOT_PI: Final = math.sqrt(math.pi)

# Cody's coefficients; the last one of a numerator multiplies the highest power.
_A: Final = (
    (3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02, 3.20937758913846947e03),
    1.85777706184603153e-1,
)
_B: Final = (2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03, 2.84423683343917062e03)
_C: Final = (
    (
        *(5.64188496988670089e-1, 8.88314979438837594e00, 6.61191906371416295e01, 2.98635138197400131e02),
        *(8.81952221241769090e02, 1.71204761263407058e03, 2.05107837782607147e03, 1.23033935479799725e03),
    ),
    2.15311535474403846e-8,
)
_D: Final = (
    *(1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02, 1.62138957456669019e03),
    *(3.29079923573345963e03, 4.36261909014324716e03, 3.43936767414372164e03, 1.23033935480374942e03),
)
_P: Final = (
    (
        *(3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1),
        *(1.60837851487422766e-2, 6.58749161529837803e-4),
    ),
    1.63153871373020978e-2,
)
_Q: Final = (
    *(2.56852019228982242e00, 1.87295284992346725e00, 5.27905102951428412e-1),
    *(6.05183413124413191e-2, 2.33520497626869185e-3),
)


def cdf(x: float) -> float:
    """Probability of a standard normal value below ``x``; accurate also far in the left tail."""
    return 0.5 * math.erfc(-x * _ROOT_HALF)


def pdf(x: float) -> float:
    """Density of the standard normal."""
    return math.exp(-0.5 * x * x) / _ROOT_TWO_PI


def cdf_block(x: F64) -> F64:
    """`cdf` of every entry."""
    return 0.5 * erfc_block(-x * _ROOT_HALF)


def pdf_block(x: F64) -> F64:
    """`pdf` of every entry."""
    return np.exp(-0.5 * x * x) / _ROOT_TWO_PI


def erfc_block(x: F64) -> F64:
    """The complementary error function of every entry; NaN stays NaN."""
    x = np.asarray(x, np.float64)
    y = np.abs(x)
    with np.errstate(all="ignore"):
        far = np.where(y <= 4.0, _middle(y), _tail(y))
        return np.where(y <= 0.46875, 1.0 - _small(x), np.where(x < 0.0, 2.0 - far, far))


def _ratio(z: F64, top: tuple[Sequence[float], float], bottom: Sequence[float]) -> F64:
    """Cody's nesting: numerator and denominator by Horner, without their last coefficients."""
    coefficients, lead = top
    above, below = lead * z, z.copy()
    for a, b in zip(coefficients[:-1], bottom[:-1], strict=True):
        above = (above + a) * z
        below = (below + b) * z
    return (above + coefficients[-1]) / (below + bottom[-1])


def _small(x: F64) -> F64:
    """erf for |x| <= 0.46875."""
    return x * _ratio(x * x, _A, _B)


def _middle(y: F64) -> F64:
    """erfc for 0.46875 <= y <= 4."""
    return _scaled(y, _ratio(y, _C, _D))


def _tail(y: F64) -> F64:
    """erfc for y > 4; zero where it is below the smallest double."""
    z = 1.0 / (y * y)
    return _scaled(y, (1.0 / _ROOT_PI - z * _ratio(z, _P, _Q)) / y)


def _scaled(y: F64, value: F64) -> F64:
    """``exp(-y^2) * value`` with the square split, so that its rounding is not magnified by the
    exponential.
    """
    y = np.minimum(y, 30.0)
    coarse = np.floor(y * 16.0) / 16.0
    return np.exp(-coarse * coarse) * np.exp(-(y - coarse) * (y + coarse)) * value
