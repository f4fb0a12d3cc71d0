"""Finds out whether an event loop has input that it has not read yet."""

from __future__ import annotations

import os
import select as system
import selectors
import socket
from typing import Any, Final

from pytest_parseapi.patching.plain_types import plain_socket

# The task by which other threads wake a loop.
_WAKER_TASK: Final = "<TrioToken.run_sync_soon task>"


def has_input(selector: Any) -> bool:
    """Whether a selector has input ready. Nothing is read."""
    queue = getattr(selector, "fileno", None)
    if queue is not None:
        return is_readable(queue())
    keys = list(selector.get_map().values())
    reading = [key.fd for key in keys if key.events & selectors.EVENT_READ]
    writing = [key.fd for key in keys if key.events & selectors.EVENT_WRITE]
    return any(system.select(reading, writing, [], 0))


def is_readable(descriptor: int) -> bool:
    """Whether reading would not block. An epoll or kqueue is readable if it has an event."""
    if hasattr(system, "poll"):
        probe = system.poll()
        probe.register(descriptor, system.POLLIN)
        return bool(probe.poll(0))
    return bool(system.select([descriptor], [], [], 0)[0])


def queue_of_trio(manager: Any) -> int:
    """The file descriptor of the epoll or kqueue that a trio loop waits on."""
    queue = getattr(manager, "_epoll", None) or manager._kqueue
    return int(queue.fileno())


def trio_is_at_rest(manager: Any) -> bool:
    """Whether no task of a trio loop waits for input, except for new connections."""
    for key, waiters in list(manager._registered.items()):
        task = getattr(waiters, "read_task", waiters)
        descriptor = key if isinstance(key, int) else key[0]
        if getattr(task, "name", None) != _WAKER_TASK and not _accepts(descriptor):
            return False
    return True


def _accepts(descriptor: int) -> bool:
    """Whether it is a listening socket."""
    try:
        with plain_socket()(fileno=os.dup(descriptor)) as copy:
            return bool(copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False
