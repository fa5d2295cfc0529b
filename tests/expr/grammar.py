"""Random texts of the language: every text of `conditions` and `numbers` is a correct expression.

Written from the language's description, not from the checker, so that the two can disagree.
"""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["conditions", "mutated", "numbers"]

Text = st.SearchStrategy[str]


def _words(text: str) -> list[str]:
    """Blank-separated entries; ``|`` is a blank inside one."""
    return [word.replace("|", " ") for word in text.split()]


_windows: Text = st.one_of(
    st.integers(2, 60).map(str), st.sampled_from(["params.a", "params.a * 2", "10 + params.a"])
)
_fields = st.sampled_from(_words("open high low close volume oi body_size range"))
_constants: Text = st.one_of(
    st.sampled_from(_words("0 1 0.5 1e3 .25 params.k params.rvol")), st.integers(1, 30_000).map(str)
)
_PLAIN = """
    atr candle.close candle.range candle.body candle.atr prev_candle.high prev_candle.body_size sentiment.pcr
    structure.support screener.rvol screener.change_from_open vars.screener.rvol regime.tp_mult
    regime.buffer_atr minutes_since_open() minutes_to_close() days_to_expiry() prev_day_close() day_open()
    day_high() vwap() opening_range_high(15) rsi() rsi(14) atr(10) vwap_rolling(20) bb_upper(20)
    body_size(candle) high_wick(prev_candle) low_wick(candle)
"""
_SIMPLE = """
    vars.calm True true false regime.name=='BULLISH' 'UNKNOWN'!=regime.name structure.trend=='UP'
    vars.calm==False regime.name|in|['SIDEWAYS','BEARISH'] sentiment.regime==regime.name
    sentiment.smart_trend|not|in|('Neutral','Long|Buildup') time_is_between(timestamp,'09:15','10:00')
"""
_plain: Text = st.one_of(_fields, st.sampled_from(_words(_PLAIN)))
_longer: Text = st.sampled_from(
    _words("m5.close m5.high h1.range m15.atr atr(m5,14) body_size(m5) sma(m5,5,'low')")
)
_captured: Text = st.sampled_from(_words("vars.top vars.floor var.top"))
_simple = st.sampled_from(_words(_SIMPLE))
_ONE_SERIES = _words("sma ema wma rsi stdev highest lowest sum change roc slope percentrank prev bb_lower")


def _looked_back(series: Text) -> Text:
    return st.one_of(
        st.tuples(st.sampled_from(_ONE_SERIES), series, _windows).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(st.sampled_from(["moving_avg", "max", "highest", "slope"]), _windows, _fields).map(
            lambda t: f"{t[0]}(history, {t[1]}, '{t[2]}')"
        ),
    )


def _combined(inner: Text) -> Text:
    """Numbers made of numbers; a divisor and an exponent are never a plain zero."""
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(inner, st.sampled_from(["/", "//", "%", "**"]), _fields).map(
            lambda t: f"({t[0]}) {t[1]} {t[2]}"
        ),
        st.tuples(st.sampled_from(["abs", "floor", "sqrt", "log", "round"]), _fields, inner).map(
            lambda t: f"{t[0]}({t[1]} + ({t[2]}))"
        ),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        inner.map(lambda text: f"-({text})"),
        st.tuples(inner, inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} > {t[2]} else {t[3]})"),
    )


def _conditions(number: Text, market: Text) -> Text:
    compared = st.tuples(number, st.sampled_from(_words("< <= > >= == !=")), number).map(" ".join)
    chained = st.tuples(number, number, number).map(lambda t: f"{t[0]} < {t[1]} <= {t[2]}")
    crossed = st.tuples(st.sampled_from(["crossover", "crossunder"]), _plain, market).map(
        lambda t: f"{t[0]}({t[1]}, {t[2]})"
    )
    joined = lambda inner: st.one_of(  # noqa: E731 - what `recursive` calls
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]}) if ({t[1]}) else ({t[2]})"),
    )
    return st.recursive(st.one_of(compared, chained, crossed, _simple), joined, max_leaves=6)


_series = st.recursive(_plain, lambda inner: st.one_of(_combined(inner), _looked_back(inner)), max_leaves=4)
_market = st.one_of(_series, _looked_back(_series), _longer)
numbers: Text = st.recursive(st.one_of(_market, _captured, _constants), _combined, max_leaves=5)
conditions: Text = _conditions(numbers, _market)

_PIECES = [
    *_words(
        "( ) [ ] , . ' + - * / ** == != < > and or not in if else close vars.top 20 0 1e999 history candle"
    ),
    *_words("__x__ lambda : = & ! # { } m5.close timestamp 'BULLISH' None \" \\ \u0130 \x00"),
    "|",
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A correct text with a few pieces cut out, put in or doubled."""
    text = draw(conditions)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw(st.sampled_from(["", text[start:end] * 2, *_PIECES])) + text[end:]
    return text
