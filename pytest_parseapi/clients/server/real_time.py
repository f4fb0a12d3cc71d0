"""Adds real time of the live server to a test's virtual time.

A client in this process waits in virtual time between its exchanges, so only the duration of a slow
exchange counts. A client in another process waits in real time, so all real time counts.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from pytest_parseapi.clock.virtual_clock import VirtualClock


class Moment(NamedTuple):
    """A point in real and in virtual time, in nanoseconds."""

    real: int
    virtual: int
    jumped: int


class ServerTime:
    """Adds real time to the clock of one test."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._last = self.now()

    def now(self) -> Moment:
        """The present moment."""
        return Moment(time.monotonic_ns(), self._clock.elapsed_ns, self._clock.jumped_ns)

    def count_since(self, then: Moment) -> None:
        """Count the real time since a moment, and the jumps meanwhile."""
        if not self._clock.real:
            now = self.now()
            lasted = (now.jumped - then.jumped) + (now.real - then.real)
            self._clock.jumps.passed(then.virtual + lasted)

    def count_outside(self) -> None:
        """Count all real time since the last call of this method."""
        self.count_since(self._last)
        self._last = self.now()
