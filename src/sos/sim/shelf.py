"""Where the simulator's series come from: the seeded sample, or files of bars.

Opens the files named and nothing else; the sample's series are made when first asked for. A series that came
from a file is never mixed with the sample's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from sos.contracts import Contracts
from sos.data.load import load_file
from sos.data.sample import LAST_DAY, SESSIONS, sample
from sos.data.series import SeriesData
from sos.data.symbols import Instrument, known_symbols, resolve
from sos.errors import ConfigError
from sos.sim.listings import Listing
from sos.sim.tape import Tape
from sos.types import InstrumentKey, InstrumentKind

__all__ = ["SampleShelf", "SeriesShelf", "listing_of", "load_shelf"]

_TOKENS: Final = {
    "NIFTY": "26000",
    "BANKNIFTY": "26009",
    "FINNIFTY": "26037",
    "MIDCPNIFTY": "26074",
    "NIFTYNXT50": "26013",
    "INDIAVIX": "26017",
}
_SYMBOLS: Final = {"INDIAVIX": "INDIA VIX"}


def listing_of(instrument: Instrument) -> Listing:
    """An index, a share, or a contract of which only the token is known."""
    key, symbol = instrument.key, instrument.symbol
    token = _TOKENS.get(symbol) or str(int(sha256(key.encode()).hexdigest()[:8], 16) % 90_000 + 1_000)
    if instrument.kind is InstrumentKind.INDEX:
        name = key.partition("|")[2]
        return Listing(key, "INDEX", _SYMBOLS.get(symbol, symbol), name, token, 1, 5.0, 0.0)
    if instrument.kind is InstrumentKind.EQUITY:
        tick = float(Contracts.packaged().equity_tick_paise(LAST_DAY, 1000.0))
        return Listing(key, "EQ", symbol, symbol, token, 1, tick, 100_000.0)
    name = key.partition("|")[2]
    return Listing(key, "FUT", name, name, name, 1, 5.0, 100_000.0)


class SampleShelf:
    """The bundled sample: every index and share that SOS knows by name."""

    def __init__(self, seed: int = 7, sessions: int = SESSIONS) -> None:
        self._seed = seed
        self._sessions = sessions
        self._instruments = {(one := resolve(symbol)).key: one for symbol in known_symbols()}
        self._made: dict[InstrumentKey, tuple[Tape, Tape | None]] = {}

    def listings(self) -> tuple[Listing, ...]:
        return tuple(listing_of(one) for one in self._instruments.values())

    def tape(self, key: InstrumentKey) -> Tape | None:
        found = self._make(key)
        return None if found is None else found[0]

    def future(self, underlying: InstrumentKey) -> Tape | None:
        found = self._make(underlying)
        return None if found is None else found[1]

    def span(self) -> tuple[int, int]:
        tape = self.tape(resolve("NIFTY").key)
        assert tape is not None
        return tape.first_ns, tape.last_ns

    def _make(self, key: InstrumentKey) -> tuple[Tape, Tape | None] | None:
        instrument = self._instruments.get(key)
        if instrument is None:
            return None
        if key not in self._made:
            made = sample(instrument.symbol, self._seed, self._sessions)
            self._made[key] = Tape(made[0]), (Tape(made[1]) if len(made) > 1 else None)
        return self._made[key]


class SeriesShelf:
    """Series that are at hand, for example from files."""

    def __init__(self, series: Iterable[SeriesData]) -> None:
        self._tapes: dict[InstrumentKey, Tape] = {}
        self._futures: dict[InstrumentKey, Tape] = {}
        self._instruments: list[Instrument] = []
        for one in series:
            self._add(one)
        if not self._tapes:
            raise ConfigError("the simulator needs the bars of an index or a share: --from NIFTY=FILE")

    def _add(self, one: SeriesData) -> None:
        instrument, tape = one.instrument, Tape(one)
        if instrument.underlying is not None:
            self._futures[instrument.underlying] = tape
            return
        if instrument.key in self._tapes:
            raise ConfigError(f"{instrument.symbol} has two files: give one file per instrument")
        self._tapes[instrument.key] = tape
        self._instruments.append(instrument)

    def listings(self) -> tuple[Listing, ...]:
        return tuple(listing_of(one) for one in self._instruments)

    def tape(self, key: InstrumentKey) -> Tape | None:
        return self._tapes.get(key)

    def future(self, underlying: InstrumentKey) -> Tape | None:
        return self._futures.get(underlying)

    def span(self) -> tuple[int, int]:
        tapes = [*self._tapes.values(), *self._futures.values()]
        return min(tape.first_ns for tape in tapes), max(tape.last_ns for tape in tapes)


def load_shelf(pairs: Mapping[str, Path]) -> SeriesShelf:
    """Files by symbol.

    Raises:
        ConfigError, DataError: an unknown symbol, or a file that is not what it claims.
    """
    return SeriesShelf([load_file(path, resolve(symbol)) for symbol, path in pairs.items()])
