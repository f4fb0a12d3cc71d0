"""Attempts that are retries of each other, and how a new one finds the ones before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.attempt import Attempt
from pytest_parseapi.callers import Caller
from pytest_parseapi.catalogue.endpoint import Endpoint
from pytest_parseapi.payload import Payload

__all__ = ["Group", "Operation", "continues"]

# How many unfinished operations on one document are looked through for the one that a new task
# goes on with.
_LOOK_BACK: Final = 64


class Operation:
    """One document parsed through one endpoint by one caller: attempts and their retries."""

    __slots__ = ("attempts", "caller", "endpoint", "failures", "idle", "polls", "under_way")

    def __init__(self, endpoint: Endpoint, caller: Caller) -> None:
        self.endpoint = endpoint
        self.caller = caller
        self.attempts: list[Attempt] = []
        self.failures = 0
        """How many attempts in a row failed at the end."""
        self.idle = 0
        """How many successes since the last one that led somewhere led nowhere."""
        self.polls = 0
        """How many polls found the run in progress."""
        self.under_way = False

    def goes_on_with(self, caller: Caller) -> bool:
        """Whether this caller's next attempt belongs here; then the operation is its own."""
        if self.under_way or not (self.caller == caller or self.caller.finished()):
            return False
        self.caller = caller
        return True

    @property
    def name(self) -> str:
        """Endpoint and document, for messages."""
        first = self.attempts[0]
        return f"{self.endpoint}" + (f"  {first.document}" if first.document else "")

    @property
    def failed(self) -> bool:
        """Whether any attempt failed."""
        return any(attempt.failed for attempt in self.attempts)

    def pairs(self) -> Iterator[tuple[Attempt, Attempt]]:
        """Each failed attempt with the retry that followed it."""
        for before, after in zip(self.attempts, self.attempts[1:], strict=False):
            if before.failed:
                yield before, after


class Group:
    """The operations on one document through one endpoint, where it has more than one."""

    __slots__ = ("by_caller", "operations")

    def __init__(self, first: Operation) -> None:
        self.operations = [first]
        self.by_caller = {first.caller: first}

    def of(self, caller: Caller) -> Operation | None:
        """The operation that this caller's next attempt belongs to."""
        operation = self.by_caller.get(caller)
        if operation is not None:
            return None if operation.under_way else operation
        # A retry may run in a task or thread of its own, after the one before it has ended.
        for operation in self.operations[-_LOOK_BACK:]:
            before = operation.caller
            if operation.goes_on_with(caller):
                self.by_caller.pop(before, None)
                self.by_caller[caller] = operation
                return operation
        return None

    def start(self, endpoint: Endpoint, caller: Caller) -> Operation:
        """A new operation of this caller."""
        operation = Operation(endpoint, caller)
        self.operations.append(operation)
        self.by_caller[caller] = operation
        return operation


def continues(before: Attempt, names: tuple[str, ...], payload: Payload) -> bool:
    """Whether a request is a retry that lost its document, or only its document's name."""
    if payload.content is not None:
        return payload.content == before.payload.content
    return not names and payload.digest != before.payload_digest
