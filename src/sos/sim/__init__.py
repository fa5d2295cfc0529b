"""The exchange in a box: a local server that speaks the broker's protocol. The read half.

`World` is the whole broker as a pure function, `serving` puts it on a loopback socket, `open_world` builds
one from the sample, files, the store or recorded answers. aiohttp is imported with `serving` only.
"""

from sos.sim.control import parse_moment
from sos.sim.faults import FaultBoard, FaultRule, load_faults, parse_faults
from sos.sim.fixtures import Fixtures
from sos.sim.http import Response
from sos.sim.market import Market, Shelf
from sos.sim.shelf import SampleShelf, SeriesShelf, load_shelf
from sos.sim.sources import Opened, open_world
from sos.sim.state import Settings
from sos.sim.timing import SimClock
from sos.sim.world import World

__all__ = [
    "FaultBoard",
    "FaultRule",
    "Fixtures",
    "Market",
    "Opened",
    "Response",
    "SampleShelf",
    "SeriesShelf",
    "Settings",
    "Shelf",
    "SimClock",
    "World",
    "load_faults",
    "load_shelf",
    "open_world",
    "parse_faults",
    "parse_moment",
]
