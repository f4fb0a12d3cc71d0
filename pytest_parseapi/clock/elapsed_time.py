"""How much virtual time has passed: every wait, and real time where it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from pytest_parseapi.clock import FUNCTIONS

SECOND_NS: Final = 1_000_000_000
# Code that runs between two waits costs no virtual time, or a slow import would count as a wait. A
# busy loop on a deadline does wait: it runs for long, and reads the clock again and again.
FREE_NS: Final = SECOND_NS // 4
"""How much real time may pass between two waits before any of it counts."""
_BUSY_LOOP_READS: Final = 200
"""After so many reads a thread without a wait, code is a busy loop on a deadline."""


class ElapsedTime:
    """The time of one simulated test, in nanoseconds since it began.

    Only one thread at a time may change it: the clock's lock sees to that.

    Args:
        real: whether all real time counts, and nothing else.
    """

    def __init__(self, *, real: bool) -> None:
        self._real = real
        self._free = 0 if real else FREE_NS
        self.busy_loop_reads = 0 if real else _BUSY_LOOP_READS
        """From so many `reads` on, real time may count, too."""
        self.monotonic: Callable[[], int] = FUNCTIONS["monotonic_ns"]
        """What a monotonic clock would read without jumps."""
        self.reads = 0
        """How often clocks were read since the last wait or stamp."""
        self.passed_ns = 0
        """What has passed for certain."""
        self.last_expiry_ns = -1
        """The reading at which a wait's time was up last."""
        self.late_steps = 1
        """How many steps a timer shows more than that reading: the deadline has passed."""
        self.late_was_read = False
        """Whether a timer was shown those steps, and may wait from there."""
        self.jumped_ns = 0
        """The sum of all jumps."""
        self._stretch_began = self.monotonic()

    def now(self) -> int:
        """The time that has passed; real time since the last wait is added where it counts."""
        if self.reads < self.busy_loop_reads:
            return self.passed_ns
        if self.reads < self.busy_loop_reads * len(threading._active):  # type: ignore[attr-defined]
            return self.passed_ns
        stretch = self.monotonic() - self._stretch_began
        return self.passed_ns + (stretch if stretch >= self._free else 0)

    def note(self, until: int) -> None:
        """Set the time that has passed; it never goes back."""
        self.passed_ns = max(self.passed_ns, until)
        self.restart_stretch()

    def jump(self, to: int) -> None:
        """Jump to a reading."""
        step = to - self.now()
        if step > 0:
            self.jumped_ns += step
        self.note(to)

    def expire(self, at: int) -> None:
        """Note that a wait ended at this reading: timers show a little more than that."""
        self.last_expiry_ns = at
        self.late_steps = self.late_steps + 1 if self.late_was_read else 1
        self.late_was_read = False

    def skip_wait(self, needs: int) -> None:
        """Jump over a whole wait, given in nanoseconds."""
        # A test that polls for a day comes here very often: call as few functions as possible.
        now = self.passed_ns if self.reads < self.busy_loop_reads else self.now()
        self.jumped_ns += needs
        self.passed_ns = self.last_expiry_ns = now + needs
        self.late_steps = self.late_steps + 1 if self.late_was_read else 1
        self.late_was_read = False
        self._stretch_began = self.monotonic()
        self.reads = 0

    def restart_stretch(self) -> None:
        """Begin a new stretch of running code, which does not count as a wait."""
        if not self._real:
            self._stretch_began = self.monotonic()
            self.reads = 0
