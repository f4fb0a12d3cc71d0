"""A lock whose methods are never taken over, for locks that are held for microseconds.

Virtual time takes the methods of locks over, so that it knows who waits for one. Where the holder
never waits, this is not needed, and each use would pay for it.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock
from collections.abc import Callable
from typing import Any, Final

# Kept before any test, since they are taken over later.
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
