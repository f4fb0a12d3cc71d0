"""What one thread waits for, as the other threads see it."""

from __future__ import annotations

from _thread import get_ident

from pytest_parseapi.clock.blocking import Wait


class WaitingThread:
    """One thread at rest.

    Args:
        wait: what it blocks on.
        polled: whether no thread says when it comes, so that ``wait.over()`` is asked.
        outside: whether another program may bring it.
    """

    __slots__ = (
        *("awake", "deadline", "due", "ident", "interrupted", "interruptible"),
        *("key", "outer", "outside", "polled", "rings", "wait"),
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
        """Whether that is since its time is up."""
        self.interruptible = False
        """Whether it looks for signals when it is woken."""
        self.interrupted = False
        """Whether a signal is to be handled before it goes on."""
        self.rings = False
        """Whether that is the signal of a timer, which it has to send itself."""
        self.outer: WaitingThread | None = None
