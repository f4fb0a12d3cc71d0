"""Polls of child processes: while the process runs, the wait until the next poll is real."""

from __future__ import annotations

import os
import threading
from _thread import get_ident
from collections.abc import Callable
from typing import Final

from pytest_parseapi.clock.elapsed_time import SECOND_NS, ElapsedTime

# A process that runs for longer may be a server that is only supervised, and never ends.
_MAX_RUN_NS: Final = 60 * SECOND_NS
# Two polls that are closer than this count as one.
_MIN_PERIOD_NS: Final = SECOND_NS // 1000
# The next poll is expected within so many times the last period.
_PERIODS: Final = 2


class ChildPolls:
    """The child processes that were found running, and the threads that poll them.

    A thread that has polled a running process waits for the next poll by its next wait. If other
    code of the thread, such as a task of a loop, waits for a shorter time, the polls so far show
    when the next one is expected.

    Call the methods with the clock's lock held, except for `forget`.

    Args:
        elapsed: the time of the test.
    """

    def __init__(self, elapsed: ElapsedTime) -> None:
        self._elapsed_time = elapsed
        self.found: dict[int, set[int]] = {}
        """By thread, the running child processes that it has polled since its last wait."""
        self.children: dict[int, _Child] = {}
        """By number, the child processes that were polled."""
        self._process = os.getpid()

    def note(self, number: int, runs: Callable[[], bool]) -> bool:
        """Note that the calling thread has found a child process running.

        Args:
            number: the number of the process.
            runs: returns whether it still runs.

        Returns:
            Whether the thread seems to wait for the end of the process.
        """
        now, elapsed = self._elapsed_time.monotonic(), self._elapsed_time.now()
        child = self.children.get(number)
        if child is None:
            child = self.children[number] = _Child(now, elapsed)
        child.runs = runs
        if child.runs_long(now):
            return False
        child.note_poll(now, elapsed)
        self.found.setdefault(get_ident(), set()).add(number)
        return True

    def forget(self) -> None:
        """Note that the calling thread has waited, or does something else."""
        self.found.pop(get_ident(), None)

    def any_runs(self) -> bool:
        """Whether any of the child processes still runs, and another poll of it is expected."""
        if self._process != os.getpid():  # of a fork, which has no children yet
            self.found.clear()
            self.children.clear()
        now = self._elapsed_time.monotonic()
        for ident in [ident for ident in list(self.found) if ident not in threading._active]:  # type: ignore[attr-defined]
            self.found.pop(ident, None)
        awaited = {number for numbers in list(self.found.values()) for number in numbers}
        found = False
        for number, child in list(self.children.items()):
            if child.runs_long(now) or not (number in awaited or now < child.until):
                continue
            if child.runs():
                found = True
            else:
                del self.children[number]
        return found


class _Child:
    """A child process that was polled.

    Args:
        now: the time of the first poll, by the real clock.
        elapsed: the same in virtual time.
    """

    def __init__(self, now: int, elapsed: int) -> None:
        self.runs: Callable[[], bool] = bool
        """Returns whether the process runs."""
        self.until = now
        """The reading of the real clock until which the next poll is expected."""
        self._first = now
        self._last = elapsed
        self._period = 0

    def note_poll(self, now: int, elapsed: int) -> None:
        """Note a poll that found the process running."""
        if elapsed - self._last >= _MIN_PERIOD_NS:
            self._period = elapsed - self._last
            self._last = elapsed
        self.until = now + _PERIODS * self._period

    def runs_long(self, now: int) -> bool:
        """Whether the process has run for so long that nobody seems to wait for its end."""
        return now - self._first > _MAX_RUN_NS
