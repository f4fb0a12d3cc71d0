"""How much virtual time has passed: every wait, and real time where it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pytest_parseapi.clock import FUNCTIONS

__all__ = ["FREE", "SECOND", "Ledger"]

SECOND: Final = 1_000_000_000
# Code that runs between two waits costs no virtual time, or a slow import would count as a wait. A
# busy loop on a deadline does wait: it runs for long, and reads the clock again and again.
FREE: Final = SECOND // 4
"""How much real time, in nanoseconds, may pass between two waits before any of it counts."""
_BUSY: Final = 200


class Ledger:
    """The time of one simulated test, in nanoseconds since it began.

    What changes it is called by one thread at a time: the clock sees to that.

    Args:
        real: whether all real time counts, and nothing else.
    """

    def __init__(self, *, real: bool) -> None:
        self._real = real
        self._free = 0 if real else FREE
        self.busy = 0 if real else _BUSY
        """From so many `readings` on, real time may count: `noted` is not all that has passed."""
        self.monotonic: Callable[[], int] = FUNCTIONS["monotonic_ns"]
        """What a monotonic clock would read without jumps."""
        self.readings = 0
        """How often clocks were read since the last wait or stamp."""
        self.noted = 0
        """What has passed for certain."""
        self.expired = -1
        """The reading at which a wait's time was up last."""
        self.late = 1
        """How many steps a timer shows more than that reading: the deadline has passed."""
        self.is_late_known = False
        """Whether somebody was shown so, and may wait from there."""
        self.jumped = 0
        """The sum of all jumps."""
        self._mark = self.monotonic()

    def now(self) -> int:
        """What has passed, with the real time that counts since it was last noted."""
        if self.readings < self.busy:
            return self.noted
        stretch = self.monotonic() - self._mark
        return self.noted + (stretch if stretch >= self._free else 0)

    def note(self, until: int) -> None:
        """Put on record that time passed up to this reading; it never goes back."""
        self.noted = max(self.noted, until)
        self.rest()

    def jump(self, to: int) -> None:
        """Let time pass up to this reading at once."""
        step = to - self.now()
        if step > 0:
            self.jumped += step
        self.note(to)

    def expire(self, at: int) -> None:
        """A wait's time is up at this reading: more is shown than where it began."""
        self.expired = at
        self.late = self.late + 1 if self.is_late_known else 1
        self.is_late_known = False

    def pass_over(self, needs: int) -> None:
        """Let the whole of a wait, in nanoseconds, pass at once."""
        now = self.noted if self.readings < self.busy else self.now()
        self.jumped += needs
        self.expired = self.noted = now + needs
        self.late = self.late + 1 if self.is_late_known else 1
        self.is_late_known = False
        self._mark = self.monotonic()
        self.readings = 0

    def rest(self) -> None:
        """What runs from here on is no wait yet."""
        if not self._real:
            self._mark = self.monotonic()
            self.readings = 0
