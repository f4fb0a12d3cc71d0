"""What a thread blocks on while its time is virtual."""

from __future__ import annotations

import contextlib
from _thread import allocate_lock
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["RealWait", "Sleep", "Wait"]


class Wait(Protocol):
    """What a thread blocks on: it can end by itself, or by its deadline."""

    def block(self, seconds: float) -> bool:
        """Really block for so long at most; True if what was waited for has come."""

    def over(self) -> bool:
        """Whether it has come, as another thread sees it; must not consume it."""

    def wake(self) -> None:
        """End a `block` under way in another thread; may do nothing."""


class Sleep:
    """A wait for the deadline alone."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def block(self, seconds: float) -> bool:
        """Let real time pass."""
        self._lock.acquire(timeout=seconds)
        return False

    def over(self) -> bool:
        """Never: only its time can be up."""
        return False

    def wake(self) -> None:
        """Let the thread look up now."""
        with contextlib.suppress(RuntimeError):
            self._lock.release()


class RealWait:
    """A wait for what a real call brings: an item, the end of a thread, a loop's input.

    Args:
        call: waits for so many seconds at most; what it brings is false where nothing came.
        came: tells whether it would bring something at once, and takes nothing.
    """

    __slots__ = ("_call", "_came", "brought")

    def __init__(self, call: Callable[[float], Any], came: Callable[[], bool]) -> None:
        self._call = call
        self._came = came
        self.brought: Any = ()
        """What the last call brought."""

    def block(self, seconds: float) -> bool:
        """Make the call."""
        self.brought = self._call(seconds)
        return bool(self.brought)

    def over(self) -> bool:
        """Whether the call would bring something at once."""
        return self._came()

    def wake(self) -> None:
        """Nothing to do: the wait looks up from time to time."""
