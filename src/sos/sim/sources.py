"""What ``--from`` means: the sample, files of bars, the store, or a folder of recorded answers.

Opens what is named and nothing else. Without bars of its own a folder of recorded answers stands on the
sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sos.clock import Clock
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


def open_world(
    sources: Sequence[str],
    settings: Settings,
    *,
    seed: int = 7,
    sessions: int = 20,
    store: tuple[Mapping[str, str], Clock] | None = None,
) -> Opened:
    """A world from ``sample``, ``store`` or ``SYMBOL=FILE`` (several), and a folder of recorded answers.

    ``store`` is the environment that says where the store is, and a clock for it; needed for that word only.

    Raises:
        ConfigError: sources that do not go together, or an unknown symbol.
        DataError: a file or folder that is not what it claims to be.
    """
    pairs, folders = _sort(sources)
    shelf, label = _shelf(sources, pairs, store) or (
        SampleShelf(seed, sessions),
        f"synthetic sample, seed {seed}",
    )
    fixtures = Fixtures.load(folders[0]) if folders else None
    end = shelf.span()[1]
    if fixtures is not None:
        end, label = max(end, fixtures.last_ns), f"{len(fixtures)} recorded answers, {label}"
    return Opened(World(Market(shelf), settings, fixtures=fixtures), end, label)


def _shelf(
    sources: Sequence[str], pairs: Mapping[str, Path], store: tuple[Mapping[str, str], Clock] | None
) -> tuple[Shelf, str] | None:
    """Real series and what to call them; None for the sample."""
    if pairs:
        return load_shelf(pairs), ", ".join(path.name for path in pairs.values())
    if "store" not in sources:
        return None
    if store is None:
        raise ConfigError("--from store: where the store is has not been said")
    from sos.sim.stored import open_store_shelf

    return open_store_shelf(*store), "the store"


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
        elif source not in ("sample", "store"):
            raise ConfigError(
                f"--from {source}: give sample, store, SYMBOL=FILE, or a folder of recorded answers"
            )
    if len(folders) > 1 or bool(pairs) + ("sample" in sources) + ("store" in sources) > 1:
        raise ConfigError(
            "--from: give the sample, the store or files, and at most one folder of recorded answers"
        )
    return pairs, folders
