"""The fuse: it stops a test whose consumer sends requests without end."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Final

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.journal import Journal
from pytest_parseapi.record.operation import Operation

MAX_POLLS: Final = 10_000
"""How many polls may find a run in progress. An official client makes 112 in half an hour."""


class Fuse:
    """Counts the attempts that make no progress, and stops the test if there are too many.

    Args:
        max_attempts: how many attempts in a row at one operation without progress end the test;
            infinite for a server, which stops no client.
        stops: where to stop the test.
        journal: the record.
        draw_timeline: draws the timeline for the message; gets the numbers of the main attempts.
    """

    def __init__(
        self,
        max_attempts: float,
        stops: Stops,
        journal: Journal,
        draw_timeline: Callable[[list[Attempt], Collection[int]], str],
    ) -> None:
        self._max_attempts = max_attempts
        self._is_off = max_attempts == math.inf
        self._stops = stops
        self._journal = journal
        self._draw_timeline = draw_timeline

    def check(self, operation: Operation) -> None:
        """Stop the test if the next attempt at an operation would be one too many.

        Raises:
            SimulationStopped: it would.
        """
        if self._is_off:
            return
        if operation.failures + operation.idle >= self._max_attempts:
            what = f"failed {operation.failures} times in a row and"
            if operation.idle:
                what = (
                    f"was repeated {operation.failures + operation.idle} times without progress and"
                )
            limit = f"parseapi_max_attempts = {self._max_attempts}"
            more = "where more attempts are right, raise the ini value parseapi_max_attempts"
            advice = f"end the loop of retries after some attempts or by a deadline; {more}"
            error = operation.attempts[-1].error if operation.attempts else None
            if isinstance(error, DocumentedError) and not error.retryable:
                advice = f"do not retry {error.code}: it is not retryable"
        elif operation.polls >= MAX_POLLS:
            waits = f"with{'' if _has_waited(operation) else 'out'} waits between them"
            what = f"was asked {operation.polls:,} times, {waits}, and"
            limit = f"the limit is {MAX_POLLS:,} polls"
            advice = "end the loop after some requests or by a deadline"
        else:
            return
        numbers = [attempt.number for attempt in operation.attempts]
        self._stops.stop(
            f"The consumer does not stop: {operation.name} {what} was about to be tried again "
            f"({limit}).",
            kind="fuse",
            expected="a consumer that gives up",
            advice=advice,
            timeline=self._draw_timeline(self._journal.attempts, numbers),
        )


def _has_waited(operation: Operation | None) -> bool:
    """Whether time passed between the attempts of this operation or of those before it."""
    while operation is not None:
        before = operation.preceding
        first = next(iter(operation.attempts), None)
        if any(attempt.waited for attempt in operation.attempts):
            return True
        last = before.attempts[-1:] if before is not None else []
        if first is not None and any(first.started > attempt.ended for attempt in last):
            return True
        operation = before
    return False
