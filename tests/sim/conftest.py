"""One world for all tests that do not change it."""

from __future__ import annotations

import pytest

from sos.sim import World
from tests.sim.ask import make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(limits=False)
