"""A text that must not be seen: tokens, client secrets, login codes.

Every way by which a text usually leaves a program (repr, str, format, json, pickle, copy of the fields) gives
a placeholder or refuses. `Secret.reveal` is the only way in, and is called only where bytes are written:
to the connection, or to a 0600 file.
"""

from __future__ import annotations

import hmac
from typing import Final, NoReturn, Self

__all__ = ["Secret", "scrub"]

_SHOWN: Final = "Secret(***)"
_SHORTEST_SCRUBBED: Final = 4


class Secret:
    """Immutable; equal by value (compared in constant time); truthy when not empty."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The text itself. Never keep it in a variable: tracebacks may show those."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return format(_SHOWN, spec)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not serialised")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")


def scrub(text: str, *secrets: Secret | None) -> str:
    """``text`` with every secret in it replaced, for messages that others wrote."""
    for secret in secrets:
        if secret is not None and len(secret.reveal()) >= _SHORTEST_SCRUBBED:
            text = text.replace(secret.reveal(), "***")
    return text
