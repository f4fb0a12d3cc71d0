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


class ChildLooks:
    """The threads that found a child process running, and have not waited or gone on since.

    Its users hold the clock's lock, but where a thread is forgotten.

    Args:
        elapsed: the time of the test.
    """

    def __init__(self, elapsed: ElapsedTime) -> None:
        self._elapsed_time = elapsed
        self.found: dict[int, dict[int, Callable[[], bool]]] = {}
        """By thread, the child processes, and what returns whether they still run."""
        self._first: dict[int, int] = {}
        self._process = os.getpid()

    def note(self, child: int, runs: Callable[[], bool]) -> bool:
        """The calling thread has found a child process running.

        Args:
            child: its number.
            runs: returns whether it still does.

        Returns:
            Whether the thread is taken to wait for its end.
        """
        self._first.setdefault(child, self._elapsed_time.monotonic())
        if self._runs_long(child):
            return False
        self.found.setdefault(get_ident(), {})[child] = runs
        return True

    def forget(self) -> None:
        """The calling thread does something else from now on."""
        self.found.pop(get_ident(), None)

    def any_runs(self) -> bool:
        """Whether any of the child processes still runs."""
        if self._process != os.getpid():  # of a fork, which has no children yet
            self.found.clear()
        for ident, children in list(self.found.items()):
            for child, runs in list(children.items()):
                if self._runs_long(child) or not runs():
                    del children[child]
            if not children or ident not in threading._active:  # type: ignore[attr-defined]
                self.found.pop(ident, None)
        return bool(self.found)

    def _runs_long(self, child: int) -> bool:
        return self._elapsed_time.monotonic() - self._first[child] > _MAX_RUN_NS
