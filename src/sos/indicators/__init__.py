"""Indicators: incremental, exact, and the same bar by bar as in blocks. `REGISTRY` lists them all."""

from sos.indicators.base import Indicator
from sos.indicators.registry import REGISTRY, Spec, make

__all__ = ["REGISTRY", "Indicator", "Spec", "make"]
