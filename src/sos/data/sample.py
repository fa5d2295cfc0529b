"""The bundled sample: sessions of made-up bars for anyone who has no data yet. Always labelled synthetic.

Pure apart from the packaged tables. The same symbol, seed and number of sessions give the same bytes on
every machine (see `draws`). An index comes with its front future, which carries volume and open interest;
a share carries its own volume.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np

from sos.bars import F64, I64, BarRun
from sos.calendar import Calendar, Session
from sos.contracts import Contracts
from sos.data.draws import Draws, derive_seed
from sos.data.series import SeriesData
from sos.data.symbols import Instrument, resolve
from sos.data.tape import Tape, make_tape
from sos.errors import ConfigError
from sos.sessions import SessionTable
from sos.types import NS_PER_MINUTE, InstrumentKind

__all__ = ["LAST_DAY", "SESSIONS", "sample"]

LAST_DAY: Final = date(2026, 1, 30)
SESSIONS: Final = 20
_MOST_SESSIONS: Final = 500
_LEVELS: Final = {
    "NIFTY": 25_300.0,
    "BANKNIFTY": 59_500.0,
    "FINNIFTY": 27_400.0,
    "MIDCPNIFTY": 13_600.0,
    "NIFTYNXT50": 69_000.0,
    "SENSEX": 82_400.0,
    "BANKEX": 66_500.0,
    "INDIAVIX": 13.5,
}
_SWING: Final = {"BANKNIFTY": 1.15, "MIDCPNIFTY": 1.25, "INDIAVIX": 6.0}
_CARRY: Final = 0.06  # a year; the future's premium over the index
_SHARE_TURNOVER: Final = 4_000_000.0  # rupees in an ordinary minute
_FUTURE_TURNOVER: Final = 250_000_000.0


def sample(symbol: str, seed: int = 7, sessions: int = SESSIONS) -> tuple[SeriesData, ...]:
    """The last ``sessions`` trading days up to `LAST_DAY`: the instrument first, then its future if any.

    Raises:
        ConfigError: unknown symbol, a contract (it has no sample), or a number of sessions out of range.
    """
    if not 1 <= sessions <= _MOST_SESSIONS:
        raise ConfigError(f"the sample has 1 to {_MOST_SESSIONS} sessions, not {sessions}")
    instrument = resolve(symbol)
    if instrument.kind not in (InstrumentKind.INDEX, InstrumentKind.EQUITY):
        raise ConfigError(f"there is no sample of {instrument.symbol}: give --data {instrument.symbol}=FILE")
    days = _days(sessions, instrument)
    draws = Draws(derive_seed(seed, instrument.symbol))
    level = _LEVELS.get(instrument.symbol) or _round_level(draws)
    swing = _SWING.get(instrument.symbol, 1.0 if instrument.kind is InstrumentKind.INDEX else 1.6)
    minutes = [(day.close_ns - day.open_ns) // NS_PER_MINUTE for day in days]
    tape = make_tape(draws, level, minutes, swing)
    ts = np.concatenate([np.arange(day.open_ns, day.close_ns, NS_PER_MINUTE) for day in days])
    label = f"synthetic sample, seed {seed}: generated bars, not market data (--data FILE for real ones)"
    maker = _Maker(ts, tape, days, draws, label)
    if instrument.kind is InstrumentKind.EQUITY:
        return (maker.share(instrument),)
    future = _future_of(instrument)
    index = maker.index(instrument)
    return (index,) if future is None else (index, maker.future(future, index))


def _days(sessions: int, instrument: Instrument) -> list[Session]:
    """The sessions of the last trading days."""
    calendar = Calendar.packaged()
    first = LAST_DAY - timedelta(days=sessions * 2 + 20)
    days = calendar.trading_days(first, LAST_DAY)[-sessions:]
    return [calendar.sessions(day, instrument.hours)[0] for day in days]


def _round_level(draws: Draws) -> float:
    """A share's price where none is known: 200 to 3,200 rupees."""
    return float(round(draws.between(200.0, 3200.0)))


def _future_of(index: Instrument) -> Instrument | None:
    if Contracts.packaged().underlying_of(index.key) is None:
        return None
    return resolve(f"{index.symbol}.FUT")


class _Maker:
    """One tape, cut to the ticks of an instrument."""

    def __init__(self, ts: I64, tape: Tape, days: list[Session], draws: Draws, label: str) -> None:
        self._ts = ts
        self._tape = tape
        self._days = days
        self._draws = draws
        self._label = label

    def index(self, instrument: Instrument) -> SeriesData:
        none = np.full(len(self._ts), np.nan)
        prices = self._prices(0.0, _tick(instrument))
        return self._series(instrument, prices, none, none)

    def share(self, instrument: Instrument) -> SeriesData:
        level = float(self._tape.open[0])
        tick = Contracts.packaged().equity_tick_paise(self._days[0].day, level)
        volume = np.floor(self._tape.activity * (_SHARE_TURNOVER / level)) + 1.0
        return self._series(instrument, self._prices(0.0, tick), volume, np.full(len(self._ts), np.nan))

    def future(self, instrument: Instrument, index: SeriesData) -> SeriesData:
        """Follows the index at its premium, with volume and open interest in whole lots."""
        contracts, symbol = Contracts.packaged(), index.instrument.symbol
        first = self._days[0].day
        tick = contracts.index_future_tick_paise(first, float(self._tape.open[0]))
        left, lot = [], 1
        for day in self._days:
            expiry, lot = contracts.near_future(symbol, day.day)
            left += [(expiry - day.day).days] * ((day.close_ns - day.open_ns) // NS_PER_MINUTE)
        wobble = self._draws.bell(len(self._ts)) * (0.00002 * self._tape.open[0])
        premium = self._tape.open * (np.array(left, np.float64) * (_CARRY / 365.0)) + wobble
        lots = np.floor(self._tape.activity * (_FUTURE_TURNOVER / (lot * float(self._tape.open[0])))) + 1.0
        opened = np.add.accumulate(np.floor(lots * self._tape.build * 0.2))
        oi = np.maximum(160_000.0 + opened, 20_000.0)
        return self._series(instrument, self._prices(premium, tick), lots * lot, oi * lot)

    def _prices(self, premium: F64 | float, tick_paise: int) -> tuple[F64, F64, F64, F64]:
        """Open, high, low, close on the tick, high and low kept outermost."""
        tape = self._tape
        opens, closes = _on_tick(tape.open + premium, tick_paise), _on_tick(tape.close + premium, tick_paise)
        high = np.maximum(_on_tick(tape.high + premium, tick_paise), np.maximum(opens, closes))
        low = np.minimum(_on_tick(tape.low + premium, tick_paise), np.minimum(opens, closes))
        return opens, high, low, closes

    def _series(
        self, instrument: Instrument, prices: tuple[F64, F64, F64, F64], volume: F64, oi: F64
    ) -> SeriesData:
        end = self._ts + NS_PER_MINUTE
        sessions, keep, _ = SessionTable.for_bars(Calendar.packaged(), instrument.hours, self._ts, end)
        run = BarRun.single(instrument.key, self._ts, end, *prices, volume, oi)
        return SeriesData(
            instrument,
            run if keep.all() else run.take(keep),
            minutes=1,
            source="synthetic sample",
            synthetic=True,
            sessions=sessions,
            notes=(self._label,),
            dropped=0,
            has_volume=bool(np.isfinite(volume).any()),
            has_oi=bool(np.isfinite(oi).any()),
        )


def _tick(index: Instrument) -> int:
    return 1 if index.symbol == "INDIAVIX" else Contracts.index_tick_paise


def _on_tick(prices: F64, tick_paise: int) -> F64:
    """Rupees on the tick, nearest, never below one tick."""
    ticks = np.maximum(np.floor(prices * (100.0 / tick_paise) + 0.5), 1.0)
    rupees: F64 = ticks * tick_paise / 100.0
    return rupees
