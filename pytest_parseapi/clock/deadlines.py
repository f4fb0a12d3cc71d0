"""The deadlines at which threads are woken."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import Final

from pytest_parseapi.clock.elapsed_time import ElapsedTime
from pytest_parseapi.clock.waiting_thread import WaitingThread

# Ended waits are removed once there are so many, and more of them than of the others.
_MAX_ENDED: Final = 64


class Deadlines:
    """The deadlines of one clock, the earliest first.

    Call the methods with the clock's lock held.
    """

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, WaitingThread]] = []
        """The earliest first. Some of them may have ended."""
        self._numbers = itertools.count()
        self._ended = 0

    def add(self, entry: WaitingThread, deadline: int) -> None:
        """Wake an entry at this reading of the clock."""
        entry.deadline = deadline
        heapq.heappush(self.heap, (deadline, next(self._numbers), entry))

    def forget(self, entry: WaitingThread) -> None:
        """Remove the deadline of an entry."""
        if entry.deadline is None:
            return
        entry.deadline = None
        self._ended += 1
        if self._ended > _MAX_ENDED and self._ended * 2 > len(self.heap):
            self.heap = [item for item in self.heap if item[2].deadline is not None]
            heapq.heapify(self.heap)
            self._ended = 0

    def earliest(self) -> int | None:
        """The next deadline; None if there is none, or if its thread is awake."""
        while self.heap:
            deadline, _, entry = self.heap[0]
            if entry.deadline is not None and not entry.due:
                # A thread that was woken by something else may wait again.
                return None if entry.awake else deadline
            self._pop()
        return None

    def all_after(self, elapsed: ElapsedTime, needs: int) -> bool:
        """Whether the next deadline is later than ``needs`` nanoseconds, and its thread sleeps."""
        earliest = self.earliest()
        return not self.heap if earliest is None else earliest > elapsed.now() + needs

    def due(self, now: int) -> Iterator[WaitingThread]:
        """Take out the entries whose deadline has passed."""
        while self.heap and self.heap[0][0] <= now:
            entry = self._pop()
            if entry.deadline is not None:
                yield entry

    def clear(self) -> None:
        """Remove all deadlines."""
        self.heap.clear()
        self._ended = 0

    def _pop(self) -> WaitingThread:
        entry = heapq.heappop(self.heap)[2]
        if entry.deadline is None:
            self._ended = max(0, self._ended - 1)
        return entry
