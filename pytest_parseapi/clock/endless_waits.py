"""Stops a test whose consumer waits forever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn

from pytest_parseapi.clock.elapsed_time import SECOND_NS, ElapsedTime
from pytest_parseapi.model.call_site import lines_of_threads
from pytest_parseapi.model.stops import Stops

MAX_WAITS: Final = 100_000
"""So many sleeps in a row, without a request between them, stop a test."""


class EndlessWaits:
    """Distinguishes a consumer that waits forever from one that waits for long.

    Args:
        stops: the stops of the test.
        elapsed: how much time has passed in it.
    """

    def __init__(self, stops: Stops, elapsed: ElapsedTime) -> None:
        self._stops = stops
        self._elapsed_time = elapsed
        self.in_a_row = 0
        """How many sleeps there were since the last request."""

    def count(self) -> None:
        """Count a sleep that begins; stop the test if there were too many in a row."""
        self.in_a_row += 1
        if self.in_a_row > MAX_WAITS:
            # Count from zero again: a loop that was stopped still has to wait for its tasks.
            self.in_a_row = 0
            elapsed = self._elapsed_time.now() / SECOND_NS
            self._stops.stop(
                f"The consumer does not stop: it has waited {MAX_WAITS:,} times in a row without "
                f"asking the API for anything, {elapsed:,.0f} virtual seconds in all.",
                kind="fuse",
                expected="a request, or an end",
                advice="end the loop that waits after some turns or by a deadline",
                waits=True,
            )

    def hang(self, others: Iterable[int]) -> NoReturn:
        """Stop the test: nothing is left that could end a wait without a time-out.

        Args:
            others: the identities of the other threads that wait without a time-out.
        """
        lines = lines_of_threads(others)
        threads = f"each of its {len(lines) + 1} threads" if lines else "its only thread"
        self._stops.stop(
            f"The consumer would hang forever: {threads} waits without a "
            "time-out, and nothing is left that could end the wait.",
            kind="hang",
            expected="a wait that ends",
            advice="give the wait a time-out, and handle its end",
            waits=True,
            also=lines,
        )
