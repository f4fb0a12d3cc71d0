"""Looks whether a child process has ended: while it runs, the wait until the next look is real."""

from __future__ import annotations

import os
import threading
from _thread import get_ident
from collections.abc import Callable
from typing import Final

from pytest_parseapi.clock.elapsed_time import SECOND_NS, ElapsedTime

# One that runs for longer may be a server that somebody looks after, which never ends.
_MAX_RUN_NS: Final = 60 * SECOND_NS
# Two looks that come closer are one.
_MIN_PERIOD_NS: Final = SECOND_NS // 1000
# The next look is expected within so many times the last period.
_PERIODS: Final = 2


class ChildLooks:
    """The child processes that were found running, and who waits until the next look.

    The thread that looked waits by its next wait. Where others of the same thread, such as the
    tasks of a loop, wait for less long, the looks so far show when the next one is to come.

    Its users hold the clock's lock, but where a thread is forgotten.

    Args:
        elapsed: the time of the test.
    """

    def __init__(self, elapsed: ElapsedTime) -> None:
        self._elapsed_time = elapsed
        self.found: dict[int, set[int]] = {}
        """By thread that has not waited or gone on since, the child processes that it looked at."""
        self.children: dict[int, _Child] = {}
        """By number, those that were looked at."""
        self._process = os.getpid()

    def note(self, number: int, runs: Callable[[], bool]) -> bool:
        """The calling thread has found a child process running.

        Args:
            number: its number.
            runs: returns whether it still does.

        Returns:
            Whether somebody is taken to wait for its end.
        """
        now, elapsed = self._elapsed_time.monotonic(), self._elapsed_time.now()
        child = self.children.get(number)
        if child is None:
            child = self.children[number] = _Child(now, elapsed)
        child.runs = runs
        if child.runs_long(now):
            return False
        child.look(now, elapsed)
        self.found.setdefault(get_ident(), set()).add(number)
        return True

    def forget(self) -> None:
        """The calling thread does something else from now on."""
        self.found.pop(get_ident(), None)

    def any_runs(self) -> bool:
        """Whether any of the child processes still runs, and is to be looked at again."""
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
    """A child process that was looked at.

    Args:
        now: when, by the real clock.
        elapsed: when, in virtual time.
    """

    def __init__(self, now: int, elapsed: int) -> None:
        self.runs: Callable[[], bool] = bool
        """Returns whether it runs."""
        self.until = now
        """By the real clock, until when the next look is expected."""
        self._first = now
        self._last = elapsed
        self._period = 0

    def look(self, now: int, elapsed: int) -> None:
        """It runs."""
        if elapsed - self._last >= _MIN_PERIOD_NS:
            self._period = elapsed - self._last
            self._last = elapsed
        self.until = now + _PERIODS * self._period

    def runs_long(self, now: int) -> bool:
        """Whether nobody is taken to wait for its end any more."""
        return now - self._first > _MAX_RUN_NS
