"""Locks and sockets as Python has them, even if their methods or the class are replaced.

Virtual time replaces the methods of locks, so that it knows who waits for one. A lock that is held
for microseconds needs none of this, and each use would pay for it.
"""

from __future__ import annotations

import _socket
import socket
from _thread import LockType, allocate_lock
from collections.abc import Callable
from typing import Any, Final

# Kept before any test, since they are replaced later.
_ACQUIRE: Final[Any] = vars(LockType)["acquire"]
_RELEASE: Final[Any] = vars(LockType)["release"]


def plain_lock() -> tuple[Callable[[], object], Callable[[], object]]:
    """A new lock, as the function that acquires it and the one that releases it.

    Example:
        >>> acquire, release = plain_lock()
        >>> acquire()
        True
        >>> release()
    """
    lock = allocate_lock()
    return _ACQUIRE.__get__(lock), _RELEASE.__get__(lock)


def pause(seconds: float) -> None:
    """Let other threads run, for this real time.

    Example:
        >>> pause(0.001)
    """
    lock = allocate_lock()
    _ACQUIRE(lock)
    _ACQUIRE(lock, True, seconds)  # noqa: FBT003 - a lock's own signature


def plain_socket() -> type[socket.socket]:
    """The class that ``socket`` defines, also where a mock such as httpretty has replaced it.

    Example:
        >>> plain_socket().__name__
        'socket'
    """
    kinds = _socket.socket.__subclasses__()
    return next((kind for kind in kinds if kind.__module__ == "socket"), socket.socket)  # type: ignore[return-value]
