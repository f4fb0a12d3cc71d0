"""Waits that began before the test: what those threads wait for.

They have not told this test's clock. When what they wait for comes, they are about to go on, and
that shows only after a while: the system has to wake them first.
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

# It may be that another thread was faster.
GRACE_NS: Final = SECOND_NS // 4
"""So long, in real nanoseconds, a thread may take to go on."""
# These hand what comes to a thread that waits, which then has only to get a processor.
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
        waits: the numbers of the threads that said that they wait.
        listening: by what they wait for, the threads that are woken when it comes.
        moved: called with a thread that was found to have moved.
    """

    def __init__(
        self,
        waits: Collection[int],
        listening: dict[int, deque[Any]],
        moved: Callable[[int], object],
    ) -> None:
        self._waits = waits
        self._listening = listening
        self._moved = moved
        self._is_test = False
        self.left: dict[int, tuple[Any, Callable[[], bool] | None]] = {}
        """By thread that waits while no test is simulated: for which lock or queue, and what
        returns whether it came, if no thread says so."""
        self.keys: dict[int, _Key] = {}
        """By the identity of a lock or queue, who waits for it."""
        self.called: list[_Key] = []
        """The locks and queues that something came to, and that no thread has taken yet."""
        self.loops: dict[int, tuple[Callable[[], bool], Callable[[], bool]]] = {}
        """By thread that runs a loop, what returns whether it has callbacks, and has moved."""
        self.returning: dict[int, Callable[[], bool]] = {}
        """By thread that waits there again without a word, what returns whether it is to go on."""

    def note(self, old: Mapping[int, FrameType]) -> None:
        """A test begins.

        Args:
            old: the threads that are older than it, and the frame of each.
        """
        self.forget()
        self._is_test = True
        for ident, frame in old.items():
            if ident in self.left:
                self._add_left(ident)
            else:
                waited, over = _what_for(frame)
                if is_of_pool(frame):
                    over = self.returning[ident] = on_its_way(frame, self._waits)
                self._add(ident, waited, over, _moving(frame))

    def _add_left(self, ident: int) -> None:
        self._add(ident, *self.left[ident], self._has_left(ident))

    def _add(
        self,
        ident: int,
        waited: Any,
        over: Callable[[], bool] | None,
        has_moved: Callable[[], bool],
    ) -> None:
        if over is not None:
            self.loops[ident] = over, has_moved
        elif waited is not None:
            self.keys.setdefault(id(waited), _Key(waited)).moves[ident] = has_moved
            # So that a thread that releases something says so.
            self._listening.setdefault(_OLDER_WAITS_KEY, deque())

    def rest(
        self, waited: Any, call: Callable[[], Any], over: Callable[[], bool] | None = None
    ) -> Any:
        """Wait in a thread, which is at rest meanwhile, even if a test begins.

        Args:
            waited: the lock or queue that it waits for; None for none.
            call: waits.
            over: returns whether it came; None if another thread says so.
        """
        ident = get_ident()
        self.left[ident] = waited, over
        if self._is_test:
            self._add_left(ident)
        try:
            return call()
        finally:
            self.left.pop(ident, None)

    def forget(self) -> None:
        """The test is over."""
        self._is_test = False
        self._listening.pop(_OLDER_WAITS_KEY, None)
        self.keys.clear()
        self.called.clear()
        self.loops.clear()
        self.returning.clear()

    def came(self, key: int) -> None:
        """Something came to a lock or queue."""
        found = self.keys.get(key)
        if found is not None:
            found.called()
            if found not in self.called:
                self.called.append(found)

    def are_called(self) -> bool:
        """Whether something came that one of them has not yet taken."""
        for key in list(self.called):
            if not self._is_awaited(key):
                self.called.remove(key)
        return (
            bool(self.called)
            or any(self._is_called(ident, *loop) for ident, loop in list(self.loops.items()))
            or any(
                ident in threading._active and over()  # type: ignore[attr-defined]
                for ident, over in self.returning.items()
            )
        )

    def _is_called(self, ident: int, over: Callable[[], bool], moved: Callable[[], bool]) -> bool:
        """Whether a loop has callbacks that it does not know of yet."""
        if moved():
            del self.loops[ident]
            self._moved(ident)
            return False
        return over()

    def _is_awaited(self, key: _Key) -> bool:
        """Whether a thread is still expected to go on."""
        for ident in [ident for ident, has_moved in key.moves.items() if has_moved()]:
            del key.moves[ident]
            key.calls -= 1
            self._moved(ident)
        return key.is_on_its_way()

    def _has_left(self, ident: int) -> Callable[[], bool]:
        return lambda: ident not in self.left


class _Key:
    """A lock, a queue or a thread that ends, and the threads that wait for it.

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
        """By thread, what returns whether it has moved."""
        self.calls = 0
        """How often something came that no thread has taken yet."""
        self.until = 0
        """Up to when a thread is expected to take it, by the real clock."""

    def called(self) -> None:
        """Something came."""
        self.calls += 1
        grace = GRACE_NS if self._is_there() else self._grace
        self.until = FUNCTIONS["monotonic_ns"]() + grace

    def is_on_its_way(self) -> bool:
        """Whether a thread is still expected to take what came."""
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
    """Whether a lock is free: only its text shows it, for both kinds."""
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
    """The lock or queue that a thread waits for, or what returns whether a loop has callbacks."""
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
    """Whether a frame is of this folder: of a replaced function that waits."""
    return str(frame.f_globals.get("__name__")).startswith(_CLOCK_PACKAGE)


def _is_selector(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == "selectors"
