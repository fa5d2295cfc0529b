"""The client: calls go out paced by their category, are repeated where that is safe, and come back as values.

The shell around the pure parts: `endpoints` builds calls, `limits` paces them, `retry` says when to try
again, `transport` moves the bytes. It never repeats what is not ``repeatable``, never waits on the wall clock
(a `Clock` is passed in) and never follows a dead token or a dead network with more requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from random import Random
from types import TracebackType
from typing import Final, Self, TypeVar

from sos.brokers.secret import Secret, scrub
from sos.brokers.upstox import endpoints, models
from sos.brokers.upstox.candles import FIRST_DAY, Candles, Span, join, split_range
from sos.brokers.upstox.endpoints import ExpiredInterval
from sos.brokers.upstox.errors import LoginNeeded, RateLimited, Unreachable
from sos.brokers.upstox.limits import buckets
from sos.brokers.upstox.retry import Backoff, Circuit
from sos.brokers.upstox.token import Token
from sos.brokers.upstox.transport import Hosts, Timeouts, Transport
from sos.brokers.upstox.wire import Access, Call, Category, Reply, Request
from sos.clock import Clock
from sos.errors import BrokerError, Retryable
from sos.types import NS_PER_SECOND, InstrumentKey

__all__ = ["ClientSettings", "TokenSource", "UpstoxClient"]

T = TypeVar("T")
TokenSource = Callable[[], Token | None]  # asked for every request, so that a new login is seen
_log = logging.getLogger(__name__)
_ASK_AGAIN_NS: Final = 60 * NS_PER_SECOND
_LONG_NS: Final = 10 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """``share``: of the documented limits. ``at_once``: requests in flight.

    ``offline_reset_s``: when an unreachable broker is tried again; None is never (right for a command).
    ``own_clock``: whether the broker's time is ours, so that an expired token need not be sent to be refused;
    a simulator has a time of its own.
    """

    hosts: Hosts = field(default_factory=Hosts)
    timeouts: Timeouts = field(default_factory=Timeouts)
    backoff: Backoff = field(default_factory=Backoff)
    rate_backoff: Backoff = field(default_factory=lambda: Backoff(attempts=6, first_ns=2 * NS_PER_SECOND))
    share: float = 0.9
    at_once: int = 6
    offline_reset_s: float | None = None
    own_clock: bool = True


class UpstoxClient:
    """An async context manager; its methods may run at the same time.

    Args:
        tokens: gives the token in force, `TokenStore.load` for one.
        clock: paces and delays.
        settings: base URLs, times, limits.
        random: draws the jitter.
    """

    def __init__(
        self,
        tokens: TokenSource,
        clock: Clock,
        settings: ClientSettings | None = None,
        random: Random | None = None,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._settings = settings or ClientSettings()
        self._random = random or Random()
        self._buckets = buckets(self._settings.share)
        reset = self._settings.offline_reset_s
        self._circuit = Circuit(None if reset is None else int(reset * NS_PER_SECOND))
        self._transport = Transport(self._settings.hosts, self._settings.timeouts)
        self._slots = asyncio.Semaphore(self._settings.at_once)
        self._stack = AsyncExitStack()
        self._reached = False
        self._dead: tuple[Secret, int] | None = None
        self._waiting: dict[Category, int] = {}

    def __repr__(self) -> str:
        return f"UpstoxClient({self._settings.hosts.api})"

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._transport)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def call(self, call: Call[T]) -> T:
        """Send a call and read its reply; repeated while it is repeatable, the error is, and patience lasts.

        Raises:
            BrokerError: see `errors`; one line that says what to do.
            ConfigError: the token cannot be read.
        """
        failures = 0
        while True:
            try:
                return await self._once(call)
            except Retryable as error:
                failures += 1
                delay_ns = self._delay(error, call.request, failures)
                if delay_ns is None:
                    raise
                _log.info("upstox.retry", extra={"call": call.request.name, "failures": failures})
            await self._clock.sleep_until(self._clock.now_ns() + delay_ns)

    async def history(self, key: str, span: Span, first: date, last: date) -> Candles:
        """Candles from ``first`` to ``last``, both inside, without today; split, asked together, joined.

        What lies before the broker's first day is not asked for. Nothing is an empty value.
        """
        ranges = split_range(span, max(first, FIRST_DAY[span.unit]), last)
        return join(await self.calls([endpoints.history(key, span, *days) for days in ranges]))

    async def intraday(self, key: str, span: Span) -> Candles:
        """Candles of today, the forming one too."""
        return await self.call(endpoints.intraday(key, span))

    async def expired_history(self, key: str, interval: ExpiredInterval, first: date, last: date) -> Candles:
        """Candles of an expired contract, both ends inside; needs Upstox Plus."""
        ranges = split_range(interval.span, first, last)
        return join(await self.calls([endpoints.expired_candles(key, interval, *days) for days in ranges]))

    async def ltp(self, keys: Iterable[str]) -> dict[InstrumentKey, models.LtpQuote]:
        """Last prices of any number of keys; keys that the broker does not know are absent."""
        return _merged(await self.calls([endpoints.ltp(batch) for batch in endpoints.batches(keys)]))

    async def ohlc(self, keys: Iterable[str], interval: str = "I1") -> dict[InstrumentKey, models.OhlcQuote]:
        """Forming and previous bars of any number of keys."""
        return _merged(
            await self.calls([endpoints.ohlc(batch, interval) for batch in endpoints.batches(keys)])
        )

    async def greeks(self, keys: Iterable[str]) -> dict[InstrumentKey, models.GreeksQuote]:
        """Greeks of any number of options."""
        batches = endpoints.batches(keys, endpoints.MAX_GREEKS)
        return _merged(await self.calls([endpoints.greeks(batch) for batch in batches]))

    async def quotes(self, keys: Iterable[str]) -> dict[InstrumentKey, models.Quote]:
        """Full quotes of any number of keys."""
        return _merged(await self.calls([endpoints.full_quotes(batch) for batch in endpoints.batches(keys)]))

    async def calls(self, calls: Sequence[Call[T]]) -> list[T]:
        """Several calls at once, results in their order; the first failure stops the others and is raised."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.call(call), name=call.request.name) for call in calls]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _once(self, call: Call[T]) -> T:
        request = call.request
        self._token(request)  # a dead token takes no place in the queue
        self._circuit.check(self._clock.now_ns())
        await self._admitted(request.category)
        async with self._slots:
            self._circuit.check(self._clock.now_ns())
            token = self._token(request)
            reply = await self._sent(request, token)
        try:
            return _read(call, reply, token)
        except LoginNeeded:
            if token is None:
                raise
            self._dead = (token.secret, self._clock.now_ns() + _ASK_AGAIN_NS)
            if request.access is not Access.OPTIONAL or not request.repeatable:
                raise
        return await self._once(call)  # what needs no token is asked again without the dead one

    async def _sent(self, request: Request, token: Token | None) -> Reply:
        reply = await self._transport.send(request, token.secret if token else None)
        self._reached = True
        _log.debug("upstox.reply", extra={"call": request.name, "status": reply.status})
        return reply

    async def _admitted(self, category: Category) -> None:
        """Wait for a place within the limits; places taken before the broker complained are not used."""
        bucket = self._buckets[category]
        now = self._clock.now_ns()
        when = bucket.reserve(now)
        self._say_waiting(category, now, when)
        while when > now:
            await self._clock.sleep_until(when)
            now = self._clock.now_ns()
            when = bucket.reserve(now) if bucket.is_closed(now) else now

    def _say_waiting(self, category: Category, now_ns: int, when_ns: int) -> None:
        """A long wait is said, once until it is over."""
        if when_ns - now_ns >= _LONG_NS and now_ns >= self._waiting.get(category, 0):
            self._waiting[category] = when_ns
            seconds = (when_ns - now_ns) // NS_PER_SECOND
            _log.warning("upstox.waiting", extra={"category": str(category), "seconds": seconds})

    def _token(self, request: Request) -> Token | None:
        """The token to send; None where none is needed or, for reads that can do without, none is good."""
        if request.access is Access.NONE:
            return None
        token, now = self._tokens(), self._clock.now_ns()
        problem = self._problem(token, now)
        if problem is None:
            return token
        if request.access is Access.OPTIONAL:
            return None
        raise LoginNeeded(f"{request.title}: {problem}; run: sos auth login")

    def _problem(self, token: Token | None, now_ns: int) -> str | None:
        if token is None:
            return "there is no access token"
        if self._settings.own_clock and token.is_expired(now_ns):
            return f"the token expired on {token.expires_text} ({token.origin})"
        if self._dead is not None and self._dead[0] == token.secret and now_ns < self._dead[1]:
            return f"the broker has just refused the token ({token.origin})"
        return None

    def _delay(self, error: Retryable, request: Request, failures: int) -> int | None:
        """How long to wait before the next try, 0 where the closed bucket makes us wait; None to give up."""
        now = self._clock.now_ns()
        policy = self._settings.backoff
        if isinstance(error, RateLimited):
            policy = self._settings.rate_backoff
            _log.warning("upstox.rate_limited", extra={"category": str(request.category)})
            self._buckets[request.category].close(now + policy.delay_ns(failures, self._random))
        gives_up = failures >= policy.attempts or not request.repeatable
        if isinstance(error, Unreachable) and (gives_up or not self._reached or self._circuit.is_open):
            self._circuit.open(str(error), now)  # never been there, or not for a while: nothing more is tried
            return None
        if gives_up:
            return None
        return 0 if isinstance(error, RateLimited) else policy.delay_ns(failures, self._random)


def _read(call: Call[T], reply: Reply, token: Token | None) -> T:
    """The value of a reply; should the broker's text in an error hold the token, it is taken out."""
    try:
        return call.decode(reply)
    except BrokerError as error:
        text = scrub(str(error), token.secret if token else None)
        if text == str(error):
            raise
        clean = type(error)(text)
    raise clean


def _merged(parts: Sequence[dict[InstrumentKey, T]]) -> dict[InstrumentKey, T]:
    merged: dict[InstrumentKey, T] = {}
    for part in parts:
        merged |= part
    return merged
