"""The kinds of waits that a thread blocks on while its time is virtual."""

from __future__ import annotations

import contextlib
from _thread import LockType, allocate_lock
from collections.abc import Callable
from typing import Any, Final, Protocol

# The methods as they are before any test: those of the type may be replaced.
raw_acquire: Final[Callable[..., bool]] = vars(LockType)["acquire"]
raw_release: Final[Callable[..., None]] = vars(LockType)["release"]


class Wait(Protocol):
    """A wait of one thread. It ends by its deadline, or when what it waits for is there."""

    @property
    def is_sleep(self) -> bool:
        """Whether the thread waits for its deadline alone."""

    @property
    def waited(self) -> object:
        """The lock, queue or thread that the thread waits for, if any."""

    @property
    def takes(self) -> bool:
        """Whether to call `try_take` from time to time, because no other thread may call `wake`."""

    def prepare(self) -> None:
        """Get ready for `block`. Called before other threads can see the wait."""

    def try_take(self) -> bool:
        """Take what the thread waits for, if it is there; return whether it was. Never block."""

    def block(self, seconds: float) -> bool:
        """Block in real time until `wake` is called, for at most so many seconds.

        Returns:
            Whether what the thread waits for was taken.
        """

    def is_ready(self) -> bool:
        """Whether `try_take` would take something. Other threads call this."""

    def wake(self) -> None:
        """End the `block` of another thread: the one that runs now, or else the next one."""

    def block_in_real_time(self, seconds: float | None) -> bool:
        """Wait in real time, because the test is over.

        Args:
            seconds: how long at most; None for no limit.

        Returns:
            Whether what the thread waits for was taken.
        """


class Gate:
    """A wait that ends when another thread calls `wake`."""

    __slots__ = ("_gate", "_is_open")
    is_sleep = False
    takes = False
    waited: object = None

    def __init__(self) -> None:
        self._gate: Any = None
        # A lock that was handed to its waiter must not be released again before the waiter runs:
        # debug builds of CPython 3.14 abort then.
        self._is_open = True

    def try_take(self) -> bool:
        """Return False: there is nothing to take."""
        return False

    def block(self, seconds: float) -> bool:
        """Block until the gate is open."""
        if raw_acquire(self._gate, True, seconds):  # noqa: FBT003 - a lock's own order
            self._is_open = False
        return False

    def prepare(self) -> None:
        """Close the gate."""
        self._gate = allocate_lock()
        raw_acquire(self._gate)
        self._is_open = False

    def is_ready(self) -> bool:
        """Return False: only `wake` ends this wait."""
        return False

    def wake(self) -> None:
        """Open the gate."""
        if not self._is_open:
            self._is_open = True
            with contextlib.suppress(RuntimeError):
                raw_release(self._gate)

    def block_in_real_time(self, seconds: float | None) -> bool:
        """Wait in real time. Return False: there is nothing to take."""
        self.prepare()
        raw_acquire(self._gate, True, -1 if seconds is None else seconds)  # noqa: FBT003
        return False


class Sleep(Gate):
    """A wait for the deadline alone."""

    __slots__ = ()
    is_sleep = True


class Taking(Gate):
    """A wait for a lock to be released, or for an item of a queue.

    Args:
        take: takes the lock or item if it is there, and returns whether it was.
        really_take: waits for it in real time, for so many seconds or without limit.
        waited: the lock, the queue, or the thread whose end is waited for.
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

    def try_take(self) -> bool:
        """Take the lock or item if it is there."""
        return self._take()

    def block_in_real_time(self, seconds: float | None) -> bool:
        """Wait for the lock or item in real time."""
        return self._really_take(seconds)


class PolledWait:
    """A wait for the result of a real call: the end of a thread, the input of an event loop.

    Args:
        call: waits for so many seconds at most; its result is false if the time was up first.
        would_return: returns whether the call would return a result at once; it changes nothing.
        wake: ends a call that another thread is in.
    """

    __slots__ = ("_call", "_wake", "_would_return", "result")
    is_sleep = False
    takes = False
    waited = None

    def __init__(
        self,
        call: Callable[[float | None], Any],
        would_return: Callable[[], bool],
        wake: Callable[[], object] = bool,
    ) -> None:
        self._call = call
        self._would_return = would_return
        self._wake = wake
        self.result: Any = ()
        """The result of the last call."""

    def prepare(self) -> None:
        """Do nothing: a `wake` before the call ends it, too."""

    def try_take(self) -> bool:
        """Make the call without waiting."""
        self.result = self._call(0)
        return bool(self.result)

    def block(self, seconds: float) -> bool:
        """Make the call."""
        self.result = self._call(seconds)
        return bool(self.result)

    def is_ready(self) -> bool:
        """Whether the call would return a result at once."""
        return self._would_return()

    def wake(self) -> None:
        """End the call."""
        self._wake()

    def block_in_real_time(self, seconds: float | None) -> bool:
        """Make the call in real time."""
        self.result = self._call(seconds)
        return bool(self.result)
