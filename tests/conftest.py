"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The private folder of real market data; tests on it are skipped where it is absent."""
    path = Path(os.environ.get("SOS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (path / "manifest.csv").is_file():
        pytest.skip(f"real market data is not at {path} (set SOS_SHARED_DATA)")
    return path
