"""The waits of trio's loops, in virtual time."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.clock.blocking import PolledWait
from pytest_parseapi.clock.callers import calling_frame
from pytest_parseapi.clock.input import is_readable
from pytest_parseapi.clock.timed_calls import recorded
from pytest_parseapi.clock.virtual import VirtualClock

__all__ = ["TrioWaits"]

# The task by which other threads wake a loop.
_WAKES: Final = "<TrioToken.run_sync_soon task>"


class TrioWaits:
    """Puts the waits of trio's loops on one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def get_events(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """The one method in which a loop blocks."""
        clock = self._clock

        @functools.wraps(real)
        def get_events(manager: Any, timeout: float) -> Any:
            if clock.closed or timeout <= 0:
                return real(manager, timeout)
            if not _is_at_rest(manager):
                if events := real(manager, 0):
                    return events
                return recorded(clock, functools.partial(real, manager, timeout), calling_frame())
            wait = PolledWait(
                functools.partial(real, manager),
                functools.partial(is_readable, _queue_of(manager)),
                manager.force_wakeup,
            )
            clock.wait(wait, timeout, polled=True)
            return wait.brought

        return get_events


def _queue_of(manager: Any) -> int:
    """The kernel's queue of events that a trio loop waits on."""
    queue = getattr(manager, "_epoll", None) or manager._kqueue
    return int(queue.fileno())


def _is_at_rest(manager: Any) -> bool:
    """Whether no task of a trio loop waits for input of its own."""
    for key, waiters in list(manager._registered.items()):
        task = getattr(waiters, "read_task", waiters)
        descriptor = key if isinstance(key, int) else key[0]
        if getattr(task, "name", None) != _WAKES and not _accepts(descriptor):
            return False
    return True


def _accepts(descriptor: int) -> bool:
    """Whether it is a socket that waits for connections which may never come."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            return bool(copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False
