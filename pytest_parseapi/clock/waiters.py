"""The threads that wait on one clock, and whether time may jump to where one of them goes on."""

from __future__ import annotations

import math
import sys
import threading
from _thread import get_ident

from pytest_parseapi.clock.blocking import Wait
from pytest_parseapi.clock.threads import ThreadStates

__all__ = ["Waiters"]


class Waiters:
    """What each waiting thread blocks on, and the reading of the clock at which its time is up.

    Args:
        threads: tells whether the threads that do not wait here are at rest.
    """

    def __init__(self, threads: ThreadStates) -> None:
        self._threads = threads
        self._waits: dict[int, tuple[int | None, Wait]] = {}

    def __len__(self) -> int:
        return len(self._waits)

    def add(self, deadline: int | None, wait: Wait) -> None:
        """The calling thread waits from now on."""
        self._waits[get_ident()] = (deadline, wait)

    def remove(self) -> None:
        """The calling thread goes on."""
        self._waits.pop(get_ident(), None)

    def wake_earliest(self, deadline: int | None) -> None:
        """Another thread has come to rest: whoever is to jump next looks up now.

        Args:
            deadline: that other thread's own, who looks up anyway.
        """
        if len(self._waits) == 1:
            return
        waits = [entry for entry in list(self._waits.values()) if entry[0] is not None]
        earliest, wait = min(waits, key=_by_deadline, default=(None, None))
        if wait is not None and earliest != deadline:
            wait.wake()

    def wake_due(self, now: int) -> None:
        """Time has jumped: those whose time is up look up."""
        for deadline, wait in list(self._waits.values()):
            if deadline is not None and deadline <= now:
                wait.wake()

    def wake_all(self) -> None:
        """The test is over: everybody looks up."""
        for _, wait in list(self._waits.values()):
            wait.wake()

    def rest_until(self, deadline: int) -> bool:
        """Whether nothing can happen before a deadline.

        Threads that wait here are at rest until their wait is over; all others must be blocked,
        and only then does what the waits say hold still.
        """
        if threading._limbo:  # type: ignore[attr-defined]  # threads about to start
            return False
        waits = dict(self._waits)
        # A deadline that has come belongs to a thread that runs, though it does not know yet.
        if any(other is not None and other < deadline for other, _ in waits.values()):
            return False
        frames = sys._current_frames()
        if len(frames) > 1:
            others = {ident: frame for ident, frame in frames.items() if ident not in waits}
            if others and not self._threads.all_blocked(others):
                return False
            if self._waits != waits or sys._current_frames().keys() != frames.keys():
                return False
        return not any(wait.over() for _, wait in waits.values()) and self._waits == waits


def _by_deadline(entry: tuple[int | None, Wait]) -> float:
    return math.inf if entry[0] is None else entry[0]
