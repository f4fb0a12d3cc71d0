"""How the live server's real time shows in a test's virtual time.

A client of this process waits in virtual time between its exchanges, so only an exchange that was
made to last counts. A client of another process waits in real time, so all of it counts.
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
    """Passes real time on to the clock of one test."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._last = self.now()

    def now(self) -> Moment:
        """The present moment."""
        return Moment(time.monotonic_ns(), self._clock.elapsed_ns, self._clock.jumped_ns)

    def count_since(self, then: Moment) -> None:
        """Let the real time since a moment count, and what was jumped over meanwhile."""
        if not self._clock.real:
            now = self.now()
            lasted = (now.jumped - then.jumped) + (now.real - then.real)
            self._clock.jumps.passed(then.virtual + lasted)

    def count_outside(self) -> None:
        """Let all real time count since this was last called."""
        self.count_since(self._last)
        self._last = self.now()
