"""The error tree: one class for each reaction, nothing else.

SosError
├── ConfigError       usage or configuration is wrong: say it in one line, exit 2
├── StrategyError     a strategy file is wrong: it is off and named, exit 2
├── DataError         market data is missing, broken or dishonest: say where, exit 3
├── BrokerError       the broker or its authentication refused: exit 4
│   ├── Retryable     back off and try again (connection lost, rate limited)
│   └── Rejected      the venue said no: becomes an order update
└── InvariantBroken   a bug or a corrupt journal: stop trading, keep everything, exit non-zero

Foreign exceptions are translated where they enter, with ``from``. A message is one line that says
what, where and how to mend it.
"""

from __future__ import annotations

__all__ = [
    "BrokerError",
    "ConfigError",
    "DataError",
    "InvariantBroken",
    "Rejected",
    "Retryable",
    "SosError",
    "StrategyError",
]


class SosError(Exception):
    """Root of everything SOS raises on purpose. ``exit_code`` is the process exit code."""

    exit_code: int = 1


class ConfigError(SosError):
    """Usage or configuration is wrong."""

    exit_code = 2


class StrategyError(SosError):
    """A strategy file is wrong. The message may hold several lines, one finding each."""

    exit_code = 2


class DataError(SosError):
    """Market data is missing, broken or not what it claims to be."""

    exit_code = 3


class BrokerError(SosError):
    """The broker, its feed or its authentication refused."""

    exit_code = 4


class Retryable(BrokerError):
    """The same call may succeed later: back off, then try again."""


class Rejected(BrokerError):
    """The venue said no; trying the same again gives the same answer."""


class InvariantBroken(SosError):
    """Something that must always hold does not. Trading stops."""

    exit_code = 1
