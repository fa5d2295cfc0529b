"""Symbols: what users type and what it means."""

from __future__ import annotations

import pytest

from sos.calendar import Segment
from sos.data.symbols import known_symbols, resolve
from sos.errors import ConfigError
from sos.types import InstrumentKind


@pytest.mark.parametrize(
    ("text", "symbol", "key"),
    [
        ("NIFTY", "NIFTY", "NSE_INDEX|Nifty 50"),
        ("nifty", "NIFTY", "NSE_INDEX|Nifty 50"),
        ("NIFTY50", "NIFTY", "NSE_INDEX|Nifty 50"),
        ("Nifty 50", "NIFTY", "NSE_INDEX|Nifty 50"),
        ("NIFTY BANK", "BANKNIFTY", "NSE_INDEX|Nifty Bank"),
        ("Bank-Nifty", "BANKNIFTY", "NSE_INDEX|Nifty Bank"),
        ("finnifty", "FINNIFTY", "NSE_INDEX|Nifty Fin Service"),
        ("MIDCPNIFTY", "MIDCPNIFTY", "NSE_INDEX|NIFTY MID SELECT"),
        ("NIFTYNXT50", "NIFTYNXT50", "NSE_INDEX|Nifty Next 50"),
        ("India VIX", "INDIAVIX", "NSE_INDEX|India VIX"),
        ("sensex", "SENSEX", "BSE_INDEX|SENSEX"),
        ("BANKEX", "BANKEX", "BSE_INDEX|BANKEX"),
        ("reliance", "RELIANCE", "NSE_EQ|INE002A01018"),
        ("M&M", "M&M", "NSE_EQ|INE101A01026"),
        ("NSE_EQ|INE002A01018", "RELIANCE", "NSE_EQ|INE002A01018"),
        ("nse_index|nifty 50", "NIFTY", "NSE_INDEX|Nifty 50"),
        ("NSE_EQ|INE999Z01012", "INE999Z01012", "NSE_EQ|INE999Z01012"),
        ("NIFTY.FUT", "NIFTY.FUT", "NSE_FO|NIFTY.FUT"),
        ("nifty fut", "NIFTY.FUT", "NSE_FO|NIFTY.FUT"),
        ("NSE_FO|NIFTY.FUT", "NIFTY.FUT", "NSE_FO|NIFTY.FUT"),
        ("SENSEX.FUT", "SENSEX.FUT", "BSE_FO|SENSEX.FUT"),
        ("RELIANCE.FUT", "RELIANCE.FUT", "NSE_FO|RELIANCE.FUT"),
        ("NSE_FO|49229", "NSE_FO|49229", "NSE_FO|49229"),
    ],
)
def test_a_text_means_one_instrument(text: str, symbol: str, key: str) -> None:
    found = resolve(text)
    assert (found.symbol, str(found.key)) == (symbol, key)
    assert found.segment == key.partition("|")[0]
    assert resolve(str(found.key)) == found


def test_kinds_and_hours_follow_the_segment() -> None:
    assert (resolve("NIFTY").kind, resolve("NIFTY").hours) == (InstrumentKind.INDEX, Segment.CASH)
    assert (resolve("TCS").kind, resolve("TCS").hours) == (InstrumentKind.EQUITY, Segment.CASH)
    assert resolve("NSE_EQ|INE999Z01012").hours is Segment.CASH_OTHER
    future = resolve("BANKNIFTY.FUT")
    assert (future.kind, future.hours) == (InstrumentKind.FUTURE, Segment.FNO)
    assert future.underlying == "NSE_INDEX|Nifty Bank"
    assert resolve("SENSEX").exchange == "BSE"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("NIFTI", "did you mean NIFTY"),
        ("RELAINCE", "RELIANCE"),
        ("BNKNIFTY", "BANKNIFTY"),
        ("QQQQQQ", "broker key"),
        ("", "empty"),
        ("NSE_XX|123", "unknown segment"),
        ("NSE_EQ|RELIANCE", "ISIN"),
        ("NSE_INDEX|", "names no instrument"),
        ("INDIAVIX.FUT", "no future"),
        ("NIFTY.FUT.FUT", "no future"),
        ("NIFTI.FUT", "did you mean NIFTY"),
    ],
)
def test_an_unknown_symbol_is_a_usage_error_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint) as caught:
        resolve(text)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_every_known_symbol_resolves_to_itself() -> None:
    for symbol in known_symbols():
        assert resolve(symbol).symbol == symbol
    assert len({resolve(symbol).key for symbol in known_symbols()}) == len(known_symbols())
