"""Runs a coroutine of a command on uvloop where it is installed (not on Windows), else on asyncio's own loop.

For commands with sockets. A replay awaits once per batch and does not need it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run"]

_T = TypeVar("_T")


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end and give the result."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    return uvloop.run(coroutine)
