"""Nothing later than now: whatever lies after it, bars that are still forming too, changes no answer."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sos.bars import BarRun
from sos.clock import ist_ns
from sos.data.series import SeriesData
from sos.sim import World
from sos.types import NS_PER_MINUTE, NS_PER_SECOND
from tests.sim.ask import NIFTY, ask, history, intraday, make_world, nifty, shelf_of

EXAMPLES: Final = 400 if os.environ.get("SOS_FULL") else 12
SERIES: Final = nifty()
WHOLE: Final = make_world(shelf_of(*SERIES), limits=False)
START: Final = ist_ns(date(2026, 1, 1), 9 * 60)
EXPIRY: Final = "2026-02-03"


def with_another_future(series: SeriesData, now: int, seed: int) -> SeriesData:
    """The same bars until ``now``; the forming bar keeps its open alone, later ones are other or gone."""
    run, draws = series.run, np.random.default_rng(seed)
    known = int(np.searchsorted(run.end, now, "right"))
    kept = int(np.searchsorted(run.ts, now, "right")) + int(draws.integers(0, 400))
    factor = 1.0 + draws.uniform(-0.2, 0.2, len(run))
    factor[:known] = 1.0
    opening = factor.copy()
    opening[: int(np.searchsorted(run.ts, now, "right"))] = 1.0
    opens, closes = run.open * opening, run.close * factor
    other = BarRun(
        *(run.keys, run.which, run.ts, run.end, opens),
        np.maximum(opens, closes) * (1.0 + 0.01 * (factor != 1.0)),
        np.minimum(opens, closes),
        closes,
        run.volume * np.where(factor == 1.0, 1.0, 3.0),
        run.oi * factor,
    )
    other.high[:known], other.low[:known] = run.high[:known], run.low[:known]
    return replace(series, run=other[: max(kept, 1)])


def questions(world: World, now: int) -> list[bytes]:
    """The answers to a bit of everything."""
    chain = ask(world, "/v2/option/chain", now, instrument_key=NIFTY, expiry_date=EXPIRY)
    rows = chain.json()["data"]
    keys = [NIFTY] + [rows[len(rows) // 2][side]["instrument_key"] for side in ("call_options",) if rows]
    key, both = keys[-1], ",".join(keys)
    analytics = [
        ask(world, f"/v2/market/{name}", now, instrument_key=NIFTY, expiry=EXPIRY, bucket_interval="60")
        for name in ("oi", "change-oi", "pcr", "max-pain")
    ]
    answers = [
        chain,
        *analytics,
        ask(world, history(NIFTY, "minutes", 3, "2026-01-31", "2026-01-01"), now),
        ask(world, history(key, "days", 1, "2026-02-15", "2026-01-01"), now),
        ask(world, intraday(NIFTY, "minutes", 5), now),
        ask(world, intraday(key, "minutes", 1), now),
        ask(world, "/v3/market-quote/quotes", now, instrument_key=both),
        ask(world, "/v3/market-quote/ohlc", now, instrument_key=both, interval="I30"),
        ask(world, "/v3/market-quote/option-greek", now, instrument_key=both),
        ask(world, "/v2/option/contract", now, instrument_key=NIFTY),
        ask(world, "/v2/expired-instruments/expiries", now, instrument_key=NIFTY),
        ask(world, "/v2/instruments/search", now, query="NIFTY FUT"),
        ask(world, "/market-quote/instruments/exchange/NSE.json.gz", now),
        ask(world, "/v2/market/status/NFO", now),
    ]
    return [answer.body for answer in answers]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 29 * 24 * 60), st.sampled_from([0, 1, 30, 59]), st.integers(0, 2**32 - 1))
def test_no_answer_depends_on_what_comes_after_now(minute: int, second: int, seed: int) -> None:
    now = START + minute * NS_PER_MINUTE + second * NS_PER_SECOND
    changed = make_world(shelf_of(*(with_another_future(one, now, seed) for one in SERIES)), limits=False)
    assert questions(changed, now) == questions(WHOLE, now)


def test_the_changed_future_is_seen_once_it_has_come() -> None:
    now = ist_ns(date(2026, 1, 14), 11 * 60)
    changed = make_world(shelf_of(*(with_another_future(one, now, 1) for one in SERIES)), limits=False)
    later = now + 30 * NS_PER_MINUTE
    differ = [a != b for a, b in zip(questions(changed, later), questions(WHOLE, later), strict=True)]
    assert sum(differ) >= 10


def test_going_back_in_time_gives_the_answers_of_then() -> None:
    world = make_world(shelf_of(*SERIES), limits=False)
    morning, evening = ist_ns(date(2026, 1, 14), 10 * 60), ist_ns(date(2026, 1, 15), 14 * 60)
    first = questions(world, morning)
    assert questions(world, evening) != first
    assert questions(world, morning) == first


def test_two_worlds_of_one_seed_are_the_same_to_the_byte() -> None:
    now = ist_ns(date(2026, 1, 19), 12 * 60)
    assert questions(make_world(limits=False), now)[0] == questions(WHOLE, now)[0]
