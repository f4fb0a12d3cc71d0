"""Replaces functions, locks and queues by name, where they cannot be taken over in place.

Locks and queues that were made before a test, or by C code, stay real then.
"""

from __future__ import annotations

import queue
import threading
from _thread import allocate_lock
from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock.clock_state import ClockState
from pytest_parseapi.clock.locks import lock_methods
from pytest_parseapi.patching.attributes import Patches


class ReplacedName:
    """A function that is replaced in each module that has imported it.

    Args:
        owner: the module that it comes from.
        name: its name there.
        target: its replacement, which finds out by itself whether a test runs.
    """

    def __init__(self, owner: Any, name: str, target: Callable[..., Any]) -> None:
        self._owner = owner
        self._name = name
        self._target = target
        self._patches = Patches()

    def take(self) -> None:
        """Replace the function."""
        self._patches.put_everywhere(self._owner, {self._name: lambda _real: self._target})

    def redirect(self, target: Callable[..., Any] | None) -> None:
        """Do nothing: the replacement finds out by itself whether a test runs."""

    def give_back(self) -> None:
        """Restore the real function."""
        self._patches.stop()


class ReplacedClasses:
    """Makes ``threading`` and ``queue`` create locks and queues that are written in Python.

    Args:
        state: what the clock functions of the process share.
    """

    def __init__(self, state: ClockState) -> None:
        self._lock: Any = type("lock", (_Lock,), lock_methods(state, _Lock))
        self._patches = Patches()

    def take(self) -> None:
        """Create them from now on."""
        for name in ("_allocate_lock", "Lock"):
            self._patches.put(threading, name, lambda _real: self._lock)
        python_lock = threading._PyRLock  # type: ignore[attr-defined]
        self._patches.put(threading, "RLock", lambda _real: python_lock)
        python_queue = queue._PySimpleQueue  # type: ignore[attr-defined]
        self._patches.put(queue, "SimpleQueue", lambda _real: python_queue)

    def give_back(self) -> None:
        """Create those of C again."""
        self._patches.stop()


class _Lock:
    """A lock written in Python, around one of C."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = allocate_lock()

    def __repr__(self) -> str:
        return repr(self._lock)

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_exception: object) -> None:
        self._lock.release()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - a lock's own signature
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()

    def _at_fork_reinit(self) -> None:
        self._lock = allocate_lock()
