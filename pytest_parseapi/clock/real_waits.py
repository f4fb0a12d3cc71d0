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
    """Let a thread be at rest, while a tool has it wait.

    Args:
        threads: the threads at rest.
        wait: what it waits for.
        seconds: how long at most, in real time.
        key: the identity of what others say that it came.

    Returns:
        Whether it came.
    """
    now = FUNCTIONS["monotonic_ns"]
    until = None if seconds is None else now() + round(seconds * 1e9)
    entry = WaitingThread(wait)
    again = False
    threads.lock()
    try:
        while True:
            threads.listen(key, entry, first=again)
            threads.add(entry)
            try:
                if wait.comes():
                    return True
                left = 60.0 if until is None else (until - now()) / 1e9
                if left <= 0:
                    return False
                wait.close()
                threads.unlock()
                try:
                    wait.block(left)
                finally:
                    threads.lock()
            finally:
                threads.remove(entry)
                threads.listen_no_more(key, entry)
            again = True
    finally:
        threads.unlock()


class _Watched(Gate):
    """A wait that something shows to be about to end."""

    __slots__ = ("_over",)

    def __init__(self, over: Callable[[], bool]) -> None:
        super().__init__()
        self._over = over

    def over(self) -> bool:
        """Whether it is."""
        return self._over()


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
        over: Callable[[], bool] | None = None,
    ) -> Any:
        """Make a call.

        Args:
            call: what to call.
            outside: whether another program may end it.
            over: returns whether it is about to end, and the thread is at work.
        """
        threads = self._threads
        gate = Gate() if over is None else _Watched(over)
        entry = WaitingThread(gate, polled=over is not None, outside=outside)
        threads.lock()
        threads.add(entry)
        threads.unlock()
        leave = (
            functools.partial(threads._waits.pop, entry.ident, None),
            functools.partial(threads._known.pop, entry.ident, None),
        )
        try:
            # In C: no other thread runs between the end of the call and what says that it ended.
            made: list[Any] = list(map(_CALL, (call, *leave)))
        finally:
            threads.lock()
            threads.remove(entry)
            threads.unlock()
        return made[0]
