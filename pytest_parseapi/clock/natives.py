"""The waits of locks and queues that are written in C, in virtual time."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
from _queue import SimpleQueue
from _thread import LockType
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.clock.blocking import RealWait
from pytest_parseapi.clock.readers import Reader, caller, reader_of
from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.patching.types import replaced_methods

__all__ = ["NativeWaits"]

_LOCKS: Final = (LockType, type(threading.RLock()))


class NativeWaits:
    """Puts ``Lock.acquire``, ``RLock.acquire`` and ``SimpleQueue.get`` on one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._undo = contextlib.ExitStack()

    def start(self) -> None:
        """Wait in virtual time from now on."""
        for kind in _LOCKS:
            acquire = self._acquire(vars(kind)["acquire"])
            self._undo.enter_context(replaced_methods(kind, acquire=acquire))
        get = self._get(vars(SimpleQueue)["get"])
        self._undo.enter_context(replaced_methods(SimpleQueue, get=get))

    def stop(self) -> None:
        """Wait in real time again."""
        self._undo.close()

    def _acquire(self, real: Callable[..., bool]) -> Callable[..., bool]:
        clock = self._clock

        def acquire(lock: Any, blocking: Any = True, timeout: Any = -1) -> bool:  # noqa: FBT002 - a lock's own signature
            if (
                timeout == -1
                or not blocking
                or clock.closed
                or not _is_duration(timeout)
                or reader_of(caller()) is Reader.TOOL
            ):
                return real(lock, blocking, timeout)
            if real(lock, False):  # noqa: FBT003
                return True
            call = functools.partial(real, lock, True)  # noqa: FBT003 - the method's own order
            return clock.wait(RealWait(call, functools.partial(_is_free, lock)), timeout)

        return acquire

    def _get(self, real: Callable[..., Any]) -> Callable[..., Any]:
        clock = self._clock

        def get(box: Any, block: Any = True, timeout: Any = None) -> Any:  # noqa: FBT002 - a queue's own signature
            if (
                timeout is None
                or not block
                or clock.closed
                or not _is_duration(timeout)
                or reader_of(caller()) is Reader.TOOL
            ):
                return real(box, block, timeout)
            call = functools.partial(_items, real, box)
            wait = RealWait(call, lambda: not box.empty())
            if (not box.empty() and wait.block(0)) or clock.wait(wait, timeout):
                return wait.brought[0]
            raise queue.Empty

        return get


def _is_duration(timeout: object) -> bool:
    """Whether the wait is one that the real method accepts; what it refuses, it refuses itself."""
    return isinstance(timeout, (int, float)) and 0 < timeout <= threading.TIMEOUT_MAX


def _is_free(lock: object) -> bool:
    # A lock of C tells in its text alone, for both kinds, whether anybody holds it.
    return repr(lock).startswith("<unlocked")


def _items(get: Callable[..., Any], box: Any, seconds: float) -> tuple[Any, ...]:
    """The next item of a queue, or none."""
    try:
        return (get(box, True, seconds),)
    except queue.Empty:
        return ()
