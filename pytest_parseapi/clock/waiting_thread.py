"""One waiting thread, as the other threads see it."""

from __future__ import annotations

from _thread import get_ident

from pytest_parseapi.clock.blocking import Wait


class WaitingThread:
    """A thread at rest, and its wait.

    Args:
        wait: what it blocks on.
        polled: whether no other thread wakes it, so that ``wait.is_ready()`` has to be polled.
        outside: whether another program may end the wait.
    """

    __slots__ = (
        *("awake", "deadline", "due", "ident", "interrupted", "interruptible"),
        *("key", "outer", "outside", "polled", "raises_signal", "wait"),
    )

    def __init__(self, wait: Wait, *, polled: bool = False, outside: bool = False) -> None:
        self.ident = get_ident()
        self.wait = wait
        self.polled = polled
        self.outside = outside
        self.key = 0
        """The identity of the lock or queue that it waits for; 0 for none."""
        self.deadline: int | None = None
        """The reading of its clock at which its time is up; None for no limit."""
        self.awake = False
        """Whether it is about to go on."""
        self.due = False
        """Whether it is awake because its time is up."""
        self.interruptible = False
        """Whether it handles signals when it is woken."""
        self.interrupted = False
        """Whether a signal is to be handled before it goes on."""
        self.raises_signal = False
        """Whether that signal is of a timer, and the thread has to raise it itself."""
        self.outer: WaitingThread | None = None
