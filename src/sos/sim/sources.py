"""What ``--from`` means: the sample, files of bars, or a folder of recorded answers.

Opens what is named and nothing else. Without bars of its own a folder of recorded answers stands on the
sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sos.errors import ConfigError
from sos.sim.fixtures import Fixtures
from sos.sim.market import Market, Shelf
from sos.sim.shelf import SampleShelf, load_shelf
from sos.sim.state import Settings
from sos.sim.world import World

__all__ = ["Opened", "open_world"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A world and the moment at which all of its data is known, ns UTC; ``label`` names the source."""

    world: World
    end_ns: int
    label: str


def open_world(sources: Sequence[str], settings: Settings, *, seed: int = 7, sessions: int = 20) -> Opened:
    """A world from ``sample``, ``SYMBOL=FILE`` (several), and at most one folder of recorded answers.

    Raises:
        ConfigError: sources that do not go together, or an unknown symbol.
        DataError: a file or folder that is not what it claims to be.
    """
    pairs, folders = _sort(sources)
    shelf: Shelf = load_shelf(pairs) if pairs else SampleShelf(seed, sessions)
    fixtures = Fixtures.load(folders[0]) if folders else None
    end = shelf.span()[1]
    label = ", ".join(path.name for path in pairs.values()) if pairs else f"synthetic sample, seed {seed}"
    if fixtures is not None:
        end, label = max(end, fixtures.last_ns), f"{len(fixtures)} recorded answers, {label}"
    return Opened(World(Market(shelf), settings, fixtures=fixtures), end, label)


def _sort(sources: Sequence[str]) -> tuple[dict[str, Path], list[Path]]:
    pairs: dict[str, Path] = {}
    folders: list[Path] = []
    for source in sources:
        symbol, equals, name = source.partition("=")
        if equals and symbol in pairs:
            raise ConfigError(f"--from {source}: {symbol} is given twice")
        if equals:
            pairs[symbol] = Path(name)
        elif Path(source).is_dir():
            folders.append(Path(source))
        elif source != "sample":
            raise ConfigError(f"--from {source}: give sample, SYMBOL=FILE, or a folder of recorded answers")
    if len(folders) > 1 or (pairs and "sample" in sources):
        raise ConfigError("--from: give the sample or files, and at most one folder of recorded answers")
    return pairs, folders
