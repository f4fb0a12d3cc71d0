"""Real waits during which a thread is at rest: for connections, and those of tools."""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import call as call_each
from typing import Any, Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.clock.blocking import Gate
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.clock.waiting_thread import WaitingThread

_CALL: Final[Callable[..., Any]] = call_each


def wait_in_real_time(threads: Threads, wait: Gate, seconds: float | None, key: int) -> bool:
    """Wait in real time, for a tool; the thread is at rest meanwhile.

    Args:
        threads: the threads at rest.
        wait: what it waits for.
        seconds: how long at most, in real time.
        key: the identity of the lock or queue that the thread waits for.

    Returns:
        Whether the lock or item was taken.
    """
    now = FUNCTIONS["monotonic_ns"]
    until = None if seconds is None else now() + round(seconds * 1e9)
    entry = WaitingThread(wait)
    again = False
    threads.lock()
    try:
        while True:
            threads.add_waiter(key, entry, first=again)
            threads.add(entry)
            try:
                if wait.try_take():
                    return True
                left = 60.0 if until is None else (until - now()) / 1e9
                if left <= 0:
                    return False
                wait.prepare()
                threads.unlock()
                try:
                    wait.block(left)
                finally:
                    threads.lock()
            finally:
                threads.remove(entry)
                threads.remove_waiter(key, entry)
            again = True
    finally:
        threads.unlock()


class _Watched(Gate):
    """A wait with a function that shows whether it is about to end."""

    __slots__ = ("_is_ready",)

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        super().__init__()
        self._is_ready = is_ready

    def is_ready(self) -> bool:
        """Whether the wait is about to end."""
        return self._is_ready()


class RealWait:
    """Makes calls during which the thread is at rest: waits for connections, and those of tools.

    Args:
        threads: the threads at rest.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    def __call__(
        self,
        call: Callable[[], Any],
        *,
        outside: bool = False,
        is_ready: Callable[[], bool] | None = None,
    ) -> Any:
        """Make a call.

        Args:
            call: what to call.
            outside: whether another program may end the call.
            is_ready: returns whether the call is about to end; the thread then counts as at work.
        """
        threads = self._threads
        gate = Gate() if is_ready is None else _Watched(is_ready)
        entry = WaitingThread(gate, polled=is_ready is not None, outside=outside)
        threads.lock()
        threads.add(entry)
        threads.unlock()
        leave = (
            functools.partial(threads._waits.pop, entry.ident, None),
            functools.partial(threads._known.pop, entry.ident, None),
        )
        try:
            # `map` runs in C: no other thread runs between the end of the call and `leave`.
            made: list[Any] = list(map(_CALL, (call, *leave)))
        finally:
            threads.lock()
            threads.remove(entry)
            threads.unlock()
        return made[0]
