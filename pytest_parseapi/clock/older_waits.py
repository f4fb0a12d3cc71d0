"""Waits that began before the test: what the threads wait for, and whether they are about to run.

These threads did not register with the clock of this test. After another thread has released the
lock or put the item, the system still has to wake them. During that time they count as at work.
"""

from __future__ import annotations

import concurrent.futures.thread
import sys
import threading
from _thread import get_ident
from collections import deque
from collections.abc import Callable, Collection, Mapping
from types import FrameType
from typing import Any, Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.clock.elapsed_time import SECOND_NS
from pytest_parseapi.clock.pools import is_of_pool, on_its_way, waits_in_pool

# Another thread may have been faster, so there is a limit.
GRACE_NS: Final = SECOND_NS // 4
"""How long, in real nanoseconds, a thread may take to continue."""
# These hand the lock or item directly to a waiting thread, which then only needs a processor.
_QUEUES_HAND_OVER: Final = sys.version_info >= (3, 13)
_LOCKS_HAND_OVER: Final = sys.version_info >= (3, 14)
_HANDED_OVER_GRACE_NS: Final = 10 * SECOND_NS
_AWAITED_VARIABLES: Final = {
    threading.Condition.wait.__code__: "waiter",
    concurrent.futures.thread._worker.__code__: "work_queue",
}
"""By code that waits in C, the name there of the lock or queue that it waits for."""
_CLOCK_PACKAGE: Final = __name__.rpartition(".")[0]
# The key of all these waits among what threads wait for. No object has this identity.
_OLDER_WAITS_KEY: Final = -1


class OlderWaits:
    """The waits that began before the test, of threads whose wait is recognised.

    Args:
        waits: the threads that have registered a wait, by their identity.
        waiters: the threads to wake, by the identity of the lock or queue that they wait for.
        moved: called with a thread that was found to have moved.
    """

    def __init__(
        self,
        waits: Collection[int],
        waiters: dict[int, deque[Any]],
        moved: Callable[[int], object],
    ) -> None:
        self._waits = waits
        self._waiters = waiters
        self._moved = moved
        self._is_test = False
        self.left: dict[int, tuple[Any, Callable[[], bool] | None]] = {}
        """By thread that waits while no test is simulated: the lock or queue, and a function that
        returns whether the wait can end (None if another thread calls `notify`)."""
        self.keys: dict[int, _Key] = {}
        """By the identity of a lock or queue, the threads that wait for it."""
        self.notified: list[_Key] = []
        """The released locks, and the queues with a new item, that no thread has taken yet."""
        self.loops: dict[int, tuple[Callable[[], bool], Callable[[], bool]]] = {}
        """By thread that runs a loop: two functions; has it callbacks, and has it moved?"""
        self.returning: dict[int, Callable[[], bool]] = {}
        """By thread of a pool: a function that returns whether the thread is about to run."""

    def note(self, old: Mapping[int, FrameType]) -> None:
        """Note the waits of older threads. Called when a test begins.

        Args:
            old: the threads that are older than the test, and the frame of each.
        """
        self.forget()
        self._is_test = True
        for ident, frame in old.items():
            if ident in self.left:
                self._add_left(ident)
            else:
                waited, is_ready = _what_for(frame)
                if is_of_pool(frame):
                    is_ready = self.returning[ident] = on_its_way(frame, self._waits)
                self._add(ident, waited, is_ready, _moving(frame))

    def _add_left(self, ident: int) -> None:
        self._add(ident, *self.left[ident], self._has_left(ident))

    def _add(
        self,
        ident: int,
        waited: Any,
        is_ready: Callable[[], bool] | None,
        has_moved: Callable[[], bool],
    ) -> None:
        if is_ready is not None:
            self.loops[ident] = is_ready, has_moved
        elif waited is not None:
            self.keys.setdefault(id(waited), _Key(waited)).moves[ident] = has_moved
            # `waiters` must not be empty, or threads that release something would not notify us.
            self._waiters.setdefault(_OLDER_WAITS_KEY, deque())

    def block(
        self, waited: Any, call: Callable[[], Any], is_ready: Callable[[], bool] | None = None
    ) -> Any:
        """Make a call that blocks. Its thread is at rest meanwhile, even if a test begins.

        Args:
            waited: the lock or queue that the thread waits for; None for none.
            call: the call that blocks.
            is_ready: returns whether the wait can end; None if another thread calls `notify`.
        """
        ident = get_ident()
        self.left[ident] = waited, is_ready
        if self._is_test:
            self._add_left(ident)
        try:
            return call()
        finally:
            self.left.pop(ident, None)

    def forget(self) -> None:
        """Forget the waits. Called when the test is over."""
        self._is_test = False
        self._waiters.pop(_OLDER_WAITS_KEY, None)
        self.keys.clear()
        self.notified.clear()
        self.loops.clear()
        self.returning.clear()

    def notify(self, key: int) -> None:
        """Note that a lock was released, or that a queue got an item."""
        found = self.keys.get(key)
        if found is not None:
            found.notify()
            if found not in self.notified:
                self.notified.append(found)

    def are_notified(self) -> bool:
        """Whether any of these threads is about to run, because its wait can end."""
        for key in list(self.notified):
            if not self._is_awaited(key):
                self.notified.remove(key)
        return (
            bool(self.notified)
            or any(self._has_callbacks(ident, *loop) for ident, loop in list(self.loops.items()))
            or any(
                ident in threading._active and is_ready()  # type: ignore[attr-defined]
                for ident, is_ready in self.returning.items()
            )
        )

    def _has_callbacks(
        self, ident: int, is_ready: Callable[[], bool], moved: Callable[[], bool]
    ) -> bool:
        """Whether a loop has callbacks, and its thread has not moved yet."""
        if moved():
            del self.loops[ident]
            self._moved(ident)
            return False
        return is_ready()

    def _is_awaited(self, key: _Key) -> bool:
        """Whether a thread is still expected to take the lock or item."""
        for ident in [ident for ident, has_moved in key.moves.items() if has_moved()]:
            del key.moves[ident]
            key.calls -= 1
            self._moved(ident)
        return key.is_on_its_way()

    def _has_left(self, ident: int) -> Callable[[], bool]:
        return lambda: ident not in self.left


class _Key:
    """A lock, a queue, or a thread whose end is waited for, with the threads that wait for it.

    Args:
        waited: what they wait for.
    """

    def __init__(self, waited: Any) -> None:
        self._waited = waited
        self._is_there: Callable[[], bool] = bool
        hands_over = False
        if hasattr(waited, "qsize"):
            self._is_there, hands_over = self._has_items, _QUEUES_HAND_OVER
        elif hasattr(waited, "release"):
            self._is_there, hands_over = self._is_unlocked, _LOCKS_HAND_OVER
        self._grace = _HANDED_OVER_GRACE_NS if hands_over else GRACE_NS
        self.moves: dict[int, Callable[[], bool]] = {}
        """By thread, a function that returns whether it has moved."""
        self.calls = 0
        """How many releases or items no thread has taken yet."""
        self.until = 0
        """The reading of the real clock until which a thread is expected to take it."""

    def notify(self) -> None:
        """Note that the lock was released, or that the queue got an item."""
        self.calls += 1
        grace = GRACE_NS if self._is_there() else self._grace
        self.until = FUNCTIONS["monotonic_ns"]() + grace

    def is_on_its_way(self) -> bool:
        """Whether a thread is still expected to take a release or an item."""
        if self.moves and self.calls > 0:
            now = FUNCTIONS["monotonic_ns"]()
            if self._is_there():
                self.until = now + GRACE_NS
            if now <= self.until:
                return True
        self.calls = 0
        return False

    def _has_items(self) -> bool:
        return int(self._waited.qsize()) > 0

    def _is_unlocked(self) -> bool:
        return is_unlocked(self._waited)


def is_unlocked(lock: object) -> bool:
    """Whether a lock is free. For both kinds of locks, only ``repr`` shows it."""
    return repr(lock).startswith("<unlocked")


def _moving(frame: FrameType) -> Callable[[], bool]:
    instruction = frame.f_lasti
    return lambda: frame.f_lasti != instruction


def is_wait(frame: FrameType) -> bool:
    """Whether a thread is in a wait that is recognised."""
    asking = _asking(frame)
    return asking is not None and (
        asking.f_code in _AWAITED_VARIABLES or _is_selector(asking) or waits_in_pool(asking)
    )


def _what_for(frame: FrameType) -> tuple[Any, Callable[[], bool] | None]:
    """The lock or queue that a thread waits for, or a function: whether its loop has callbacks."""
    asking = _asking(frame)
    if asking is None:
        return None, None
    name = _AWAITED_VARIABLES.get(asking.f_code)
    if name is not None:
        return asking.f_locals.get(name), None
    loop = _asking(asking.f_back) if _is_selector(asking) else None
    ready = None if loop is None else getattr(loop.f_locals.get("self"), "_ready", None)
    return None, None if ready is None else lambda: len(ready) > 0


def _asking(frame: FrameType | None) -> FrameType | None:
    """The frame that waits, above the frames of the replaced functions."""
    while frame is not None and is_clock_frame(frame):
        frame = frame.f_back
    return frame


def is_clock_frame(frame: FrameType) -> bool:
    """Whether a frame runs code of this folder, such as a replaced function that waits."""
    return str(frame.f_globals.get("__name__")).startswith(_CLOCK_PACKAGE)


def _is_selector(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == "selectors"
