"""The waits of threads, in virtual time.

`Waits.start` replaces the lock that ``threading.Condition.wait`` blocks on (and so the waits of
``Event``, ``Queue``, ``Future``, ``Semaphore`` and ``Barrier``), and ``Thread.join``.
"""

from __future__ import annotations

import contextlib
import functools
import select as system
import sys
import threading
from _thread import allocate_lock
from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock.blocking import RealWait
from pytest_parseapi.clock.readers import Reader, caller, reader_of
from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.patching.attributes import Patches

__all__ = ["Waits"]


class _Notice:
    """The lock by which one thread tells another to go on; waited for in virtual time.

    As ``Condition.wait`` uses it: acquired once by the thread that waits, and once more to wait
    until another thread releases it.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._gate = allocate_lock()
        self._taken = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - a lock's own signature
        if not self._taken:
            self._taken = self._gate.acquire()
            return True
        if not blocking:
            return False
        if self._clock.closed or reader_of(caller()) is Reader.TOOL:
            return self._really_acquire(timeout)
        return self._clock.wait(self, None if timeout < 0 else timeout)

    def release(self) -> None:
        self._taken = False
        self.wake()

    def locked(self) -> bool:
        return self._taken

    def block(self, seconds: float) -> bool:
        if self._taken:
            self._gate.acquire(timeout=seconds)
        if self._taken:
            return False
        self._taken = True
        return True

    def over(self) -> bool:
        return not self._taken

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._gate.release()

    def _really_acquire(self, timeout: float) -> bool:
        # Only a release opens the gate here: this clock knows nothing of the wait.
        if self._taken and not self._gate.acquire(timeout=timeout):
            return False
        self._taken = True
        return True


class Waits:
    """Puts the waits of threads on one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._patches = Patches()

    def start(self) -> None:
        """Wait in virtual time from now on."""
        self._patches.put(threading, "_allocate_lock", self._notice)
        self._patches.put(threading.Thread, "join", self._join)
        self._patches.put(system, "select", self._select)

    def stop(self) -> None:
        """Wait in real time again."""
        self._patches.stop()

    def _notice(self, real: Callable[[], Any]) -> Callable[[], Any]:
        waits = threading.Condition.wait.__code__

        def allocate() -> Any:
            # The module itself makes locks by the same name, in the child of a fork for one.
            if self._clock.closed or sys._getframe(1).f_code is not waits:
                return real()
            return _Notice(self._clock)

        return allocate

    def _select(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """``select.select`` waits for something real: it goes on record with what it took."""

        @functools.wraps(real)
        def select(reading: Any, writing: Any, failing: Any, timeout: Any = None, /) -> Any:
            if timeout == 0 or self._clock.closed or reader_of(caller()) is Reader.TOOL:
                return real(reading, writing, failing, timeout)
            with self._clock.hold():
                return real(reading, writing, failing, timeout)

        return select

    def _join(self, real: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(real)
        def join(thread: threading.Thread, timeout: float | None = None) -> None:
            if (
                timeout is None
                or timeout <= 0
                or self._clock.closed
                or reader_of(caller()) is Reader.TOOL
            ):
                real(thread, timeout)
            else:
                # A wrong use (a thread that was not started) shows at once, as it does for real.
                real(thread, 0)
                call = functools.partial(_has_ended_within, real, thread)
                self._clock.wait(RealWait(call, lambda: not thread.is_alive()), timeout)

        return join


def _has_ended_within(join: Callable[..., None], thread: threading.Thread, seconds: float) -> bool:
    join(thread, seconds)
    return not thread.is_alive()
