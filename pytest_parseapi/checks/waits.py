"""The waits before retries, as attempts show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pytest_parseapi.attempt import Attempt
from pytest_parseapi.operation import Operation

__all__ = ["NO_WAIT", "TOLERANCE", "Wait", "waits_of"]

NO_WAIT: Final = 0.001
"""Up to here, in seconds, a wait counts as none."""
TOLERANCE: Final = 0.002
"""How far a wait, in seconds, may be off."""


class Wait(NamedTuple):
    """The wait before one retry."""

    position: int
    """How many retries in this row came before."""
    before: Attempt
    retry: Attempt

    @property
    def seconds(self) -> float:
        """How long it was, in virtual seconds."""
        return self.retry.waited or 0.0


def waits_of(operation: Operation) -> Iterator[list[Wait]]:
    """The waits before retries, a list for each row of failures; none after a Retry-After."""
    waits: list[Wait] = []
    position = 0
    for before, after in zip(operation.attempts, operation.attempts[1:], strict=False):
        if not before.failed:
            yield waits
            waits, position = [], 0
            continue
        if before.retry_after is None:
            waits.append(Wait(position, before, after))
        position += 1
    yield waits
