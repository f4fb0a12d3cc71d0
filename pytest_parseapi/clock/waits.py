"""The waits of threads and event loops, in virtual time.

`Waits.start` replaces: the lock that ``threading.Condition.wait`` blocks on (and so the waits of
``Event``, ``Queue``, ``Future``, ``Semaphore`` and ``Barrier``), ``Thread.join``, and the call by
which an asyncio or trio loop waits for input.
"""

from __future__ import annotations

import contextlib
import functools
import selectors
import sys
import threading
from _thread import allocate_lock
from collections.abc import Callable, Sequence
from typing import Any, Final

from pytest_parseapi.clock.readings import Reader, reader_of
from pytest_parseapi.clock.virtual import VirtualClock

__all__ = ["Waits"]

# Callbacks of a loop that wait for work which may never come.
_IDLE_CALLBACKS: Final = frozenset({"_read_from_self", "_accept_connection"})
_SELECTORS: Final = ("EpollSelector", "KqueueSelector", "PollSelector", "SelectSelector")


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
        if self._clock.closed or reader_of(sys._getframe(1)) is Reader.TOOL:
            return self._really_acquire(timeout)
        return self._clock.wait(self, None if timeout < 0 else timeout)

    def release(self) -> None:
        self._taken = False
        self.wake()

    def locked(self) -> bool:
        return self._taken

    def block(self, seconds: float) -> bool:
        if self._taken:
            self._gate.acquire(True, seconds)
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
        if self._taken and not self._gate.acquire(True, timeout):
            return False
        self._taken = True
        return True


class _End:
    """The end of another thread."""

    def __init__(self, thread: threading.Thread, join: Callable[..., None]) -> None:
        self._thread = thread
        self._join = join

    def block(self, seconds: float) -> bool:
        self._join(self._thread, seconds)
        return self.over()

    def over(self) -> bool:
        return not self._thread.is_alive()

    def wake(self) -> None:
        """Nothing to do: the wait looks up from time to time."""


class _Input:
    """Input for an event loop."""

    def __init__(self, poll: Callable[[float], Sequence[Any]], waiting: Callable[[], bool]) -> None:
        self._poll = poll
        self._waiting = waiting
        self.events: Sequence[Any] = ()

    def block(self, seconds: float) -> bool:
        self.events = self._poll(seconds)
        return bool(self.events)

    def over(self) -> bool:
        return self._waiting()

    def wake(self) -> None:
        """Nothing to do: the loop looks up from time to time."""


class Waits:
    """Puts the waits of threads and loops on one `VirtualClock`.

    Args:
        clock: the clock of the test.
        idle: tells whether a loop's selector key stands for a connection at rest.
    """

    def __init__(
        self,
        clock: VirtualClock,
        idle: Callable[[selectors.SelectorKey], bool] = lambda _key: False,
    ) -> None:
        self._clock = clock
        self._idle = idle
        self._undo = contextlib.ExitStack()
        self._trio_done = False

    def start(self) -> None:
        """Wait in virtual time from now on."""
        self._replace(threading, "_allocate_lock", lambda _old: lambda: _Notice(self._clock))
        self._replace(threading.Thread, "join", self._join)
        for name in _SELECTORS:
            if hasattr(selectors, name):
                self._replace(getattr(selectors, name), "select", self._select)
        self.catch_up()

    def catch_up(self) -> None:
        """Reach the loops of libraries that were imported since the start."""
        trio = sys.modules.get("trio")
        if trio is not None and not self._trio_done and hasattr(trio, "_core"):
            manager = getattr(trio._core._run, "TheIOManager", None)
            if manager is not None:
                self._replace(manager, "get_events", self._get_events)
                self._trio_done = True

    def stop(self) -> None:
        """Wait in real time again."""
        self._undo.close()

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        old = getattr(owner, name)
        own = name in vars(owner)
        setattr(owner, name, make(old))
        self._undo.callback(setattr, owner, name, old) if own else self._undo.callback(
            delattr, owner, name
        )

    def _join(self, real: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(real)
        def join(thread: threading.Thread, timeout: float | None = None) -> None:
            if timeout is None or timeout <= 0 or reader_of(sys._getframe(1)) is Reader.TOOL:
                real(thread, timeout)
            else:
                # A wrong use (a thread that was not started) shows at once, as it does for real.
                real(thread, 0)
                self._clock.wait(_End(thread, real), timeout)

        return join

    def _select(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def select(selector: selectors.BaseSelector, timeout: float | None = None) -> Any:
            blocks = timeout is None or timeout > 0
            if not blocks or sys._getframe(1).f_globals.get("__name__") != "asyncio.base_events":
                return real(selector, timeout)
            if events := real(selector, 0):
                return events
            if not all(self._is_idle(key) for key in selector.get_map().values()):
                with self._clock.hold():
                    return real(selector, timeout)
            poll = functools.partial(real, selector)
            wait = _Input(poll, lambda: _has_input(selector))
            self._clock.wait(wait, timeout)
            return wait.events

        return select

    def _is_idle(self, key: selectors.SelectorKey) -> bool:
        handles = key.data if isinstance(key.data, tuple) else ()
        names = {
            getattr(getattr(handle, "_callback", None), "__name__", "")
            for handle in handles
            if handle is not None
        }
        return names <= _IDLE_CALLBACKS or self._idle(key)

    def _get_events(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def get_events(manager: Any, timeout: float) -> Any:
            events = real(manager, 0)
            if events or timeout <= 0:
                return events
            wait = _Input(functools.partial(real, manager), lambda: False)
            self._clock.wait(wait, timeout)
            return wait.events

        return get_events


def _has_input(selector: Any) -> bool:
    """Whether a loop has input that it has not yet seen, without taking it."""
    try:
        probe = selectors.PollSelector() if hasattr(selectors, "PollSelector") else None
    except OSError:
        return False
    if probe is None:
        return False
    with probe:
        for key in list(selector.get_map().values()):
            probe.register(key.fd, key.events)
        return bool(probe.select(0))
