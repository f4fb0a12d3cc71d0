"""What a thread blocks on while its time is virtual."""

from __future__ import annotations

import contextlib
from _thread import LockType, allocate_lock
from collections.abc import Callable
from typing import Any, Final, Protocol

# The methods as they are before any test: those of the type may be replaced.
raw_acquire: Final[Callable[..., bool]] = vars(LockType)["acquire"]
raw_release: Final[Callable[..., None]] = vars(LockType)["release"]


class Wait(Protocol):
    """What a thread blocks on: it can end by itself, or by its deadline."""

    @property
    def is_sleep(self) -> bool:
        """Whether nothing is waited for but time."""

    @property
    def waited(self) -> object:
        """The lock, queue or thread that is waited for, if any."""

    @property
    def takes(self) -> bool:
        """Whether `comes` is to be tried again and again, since it may come without a word."""

    def close(self) -> None:
        """Let `block` block; called before other threads see the wait."""

    def comes(self) -> bool:
        """Take what is waited for, if it is there; never blocks."""

    def block(self, seconds: float) -> bool:
        """Really block for so long at most, or until `wake` is called; whether it was taken."""

    def over(self) -> bool:
        """Whether `comes` would take something, as another thread sees it."""

    def wake(self) -> None:
        """End a `block` that is under way in another thread, or the next one."""

    def go_on(self, seconds: float | None) -> bool:
        """The test is over: wait in real time, for so long at most; whether it came."""


class Gate:
    """A wait that another thread ends by `wake` alone."""

    __slots__ = ("_gate", "_is_open")
    is_sleep = False
    takes = False
    waited: object = None

    def __init__(self) -> None:
        self._gate: Any = None
        # A lock that was handed to its waiter must not be released again before the waiter runs:
        # debug builds of CPython 3.14 abort then.
        self._is_open = True

    def comes(self) -> bool:
        """Nothing is waited for but time."""
        return False

    def block(self, seconds: float) -> bool:
        """Wait at the gate."""
        if raw_acquire(self._gate, True, seconds):  # noqa: FBT003 - a lock's own order
            self._is_open = False
        return False

    def close(self) -> None:
        """Let `block` block; called before other threads see the wait."""
        self._gate = allocate_lock()
        raw_acquire(self._gate)
        self._is_open = False

    def over(self) -> bool:
        """Always False: `wake` ends this wait."""
        return False

    def wake(self) -> None:
        """Open the gate."""
        if not self._is_open:
            self._is_open = True
            with contextlib.suppress(RuntimeError):
                raw_release(self._gate)

    def go_on(self, seconds: float | None) -> bool:
        """Let real time pass."""
        self.close()
        raw_acquire(self._gate, True, -1 if seconds is None else seconds)  # noqa: FBT003
        return False


class Sleep(Gate):
    """A wait for the deadline alone."""

    __slots__ = ()
    is_sleep = True


class Taking(Gate):
    """A wait for a lock to be released, or for an item of a queue.

    Args:
        take: takes it if it is there, and returns whether it was.
        really_take: takes it in real time, within so many seconds or without limit.
        waited: the lock, queue or thread that ends.
    """

    __slots__ = ("_really_take", "_take", "waited")
    takes = True

    def __init__(
        self,
        take: Callable[[], bool],
        really_take: Callable[[float | None], bool],
        waited: object,
    ) -> None:
        super().__init__()
        self.waited = waited
        self._take = take
        self._really_take = really_take

    def comes(self) -> bool:
        """Take it if it is there."""
        return self._take()

    def go_on(self, seconds: float | None) -> bool:
        """Take it in real time."""
        return self._really_take(seconds)


class PolledWait:
    """A wait for what a real call brings: the end of a thread, a loop's input.

    Args:
        call: waits for so many seconds at most; what it brings is false where nothing came.
        came: returns whether it would bring something at once, and takes nothing.
        wake: ends a call that is under way in another thread.
    """

    __slots__ = ("_call", "_came", "_wake", "brought")
    is_sleep = False
    takes = False
    waited = None

    def __init__(
        self,
        call: Callable[[float | None], Any],
        came: Callable[[], bool],
        wake: Callable[[], object] = bool,
    ) -> None:
        self._call = call
        self._came = came
        self._wake = wake
        self.brought: Any = ()
        """What the last call brought."""

    def close(self) -> None:
        """Nothing to do: a call that is ended by `wake` remembers it."""

    def comes(self) -> bool:
        """Make the call without waiting."""
        self.brought = self._call(0)
        return bool(self.brought)

    def block(self, seconds: float) -> bool:
        """Make the call."""
        self.brought = self._call(seconds)
        return bool(self.brought)

    def over(self) -> bool:
        """Whether the call would bring something at once."""
        return self._came()

    def wake(self) -> None:
        """End the call."""
        self._wake()

    def go_on(self, seconds: float | None) -> bool:
        """Make the call in real time."""
        self.brought = self._call(seconds)
        return bool(self.brought)
