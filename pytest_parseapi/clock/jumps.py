"""Decides when virtual time jumps, and how far.

Time jumps to the next deadline as soon as no thread is at work and nothing real is in progress.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from _thread import get_ident
from collections.abc import Callable, Iterator, Sized

from pytest_parseapi.clock.child_polls import ChildPolls
from pytest_parseapi.clock.deadlines import Deadlines
from pytest_parseapi.clock.elapsed_time import SECOND_NS, ElapsedTime
from pytest_parseapi.clock.endless_waits import EndlessWaits
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.clock.waiting_thread import WaitingThread


class Jumps:
    """The jumps of one test's time.

    Args:
        elapsed: the time that has passed.
        endless: the count of waits.
    """

    def __init__(self, elapsed: ElapsedTime, endless: EndlessWaits) -> None:
        self.real_work: Callable[[], bool] = bool
        """Returns whether real work is in progress outside the threads of the consumer."""
        self.before: Callable[[], object] = bool
        """Called before each possible jump, with the lock held."""
        self.after: Callable[[], object] = bool
        """Called after each jump, with the lock held."""
        self.closed = False
        """Whether the test is over."""
        self.is_nested_test_running: Callable[[], bool] = bool
        """Returns whether a nested test, with a clock of its own, runs now."""
        self.threads = Threads()
        """The threads of the process."""
        self.deadlines = Deadlines()
        """Who is to be woken when."""
        self.holds = 0
        """How many real waits or calls are in progress."""
        self.children = ChildPolls(elapsed)
        """The threads that wait for the end of a child process by polling."""
        self._elapsed_time = elapsed
        self._endless = endless
        self._interrupts_itself = False

    @contextlib.contextmanager
    def hold(self, free: int = 0) -> Iterator[None]:
        """Do not jump during something real, and count the real time that it takes.

        Args:
            free: the number of nanoseconds from which it counts.
        """
        with self.alone():
            self.holds += 1
            before = self._elapsed_time.now()
        began = self._elapsed_time.monotonic()
        try:
            yield
        finally:
            took = self._elapsed_time.monotonic() - began
            with self.alone():
                self.holds -= 1
                if took >= free:
                    self.note(before + took)

    def passed(self, until: int) -> None:
        """Note that time really passed up to this reading of `elapsed_ns`."""
        with self.alone():
            self.note(until)

    def look(self) -> None:
        """Jump if all threads are at rest now. Called after something has changed."""
        if not self.closed:
            with self.alone():
                self.try_jump()

    def expect(self, entry: WaitingThread, deadline: int) -> None:
        """Wake an entry that stands for no thread at this reading of `elapsed_ns`."""
        with self.alone():
            self.deadlines.add(entry, deadline)

    def note_running_child(self, child: int, still: Callable[[], bool]) -> None:
        """Note that the calling thread has found a child process running.

        Args:
            child: the number of the process.
            still: returns whether it still runs.
        """
        with self.alone():
            if self.children.note(child, still):
                self._endless.in_a_row = 0

    def interrupt(self, ident: int) -> None:
        """Have a thread run the handler of the signal for a timer; called with the lock held."""
        entry = self.threads.entry_of(ident)
        if entry is not None:
            self.threads.interrupt(entry)
        elif ident == get_ident():
            self._interrupts_itself = True
        else:
            signal.pthread_kill(ident, signal.SIGALRM)

    def signalled(self, ident: int) -> None:
        """Note that a thread was sent a signal: it is at work until it has run the handler.

        Called with the lock held.
        """
        entry = self.threads.entry_of(ident)
        if entry is not None:
            self.threads.interrupt(entry, sent=True)

    def pass_at_once(self, seconds: float, callbacks: Sized = ()) -> bool:
        """Let a whole wait pass at once, if no other thread is at work or has an earlier deadline.

        Args:
            seconds: how long the wait is.
            callbacks: the callbacks of a loop: any of them ends the wait early.

        Returns:
            Whether it passed. Otherwise nothing has happened.
        """
        needs = round(seconds * SECOND_NS)
        threads, elapsed = self.threads, self._elapsed_time
        threads.lock()
        try:
            self.before()
            if (
                self.holds
                or callbacks
                or not needs
                or self.closed
                or self._interrupts_itself
                or self.is_nested_test_running()
                or threads.others_work()
                or (self.deadlines.heap and not self.deadlines.all_after(elapsed, needs))
                or (self.children.children and self.children.any_runs())
                or self.real_work()
            ):
                return False
            self._endless.count()
            elapsed.skip_wait(needs)
            self.after()
            return True
        finally:
            threads.unlock()

    def is_alone(self) -> bool:
        """Whether no other thread is at work."""
        threads = self.threads
        threads.lock()
        try:
            return not threads.others_work()
        finally:
            threads.unlock()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the clock's lock, so that no other thread changes the time."""
        self.threads.lock()
        try:
            yield
        finally:
            self.unlock()

    def unlock(self) -> None:
        """Release the clock's lock, and run the handler that a timer has asked this thread for."""
        interrupts = self._interrupts_itself and get_ident() == threading.main_thread().ident
        self._interrupts_itself &= not interrupts
        self.threads.unlock()
        if interrupts:
            signal.raise_signal(signal.SIGALRM)

    # What follows is called with the lock held.

    def is_held(self) -> bool:
        """Whether something real is in progress, so that time must not jump."""
        return self.holds > 0 or (bool(self.children.children) and self.children.any_runs())

    def try_jump(self) -> None:
        """Jump to the earliest deadline if no thread is at work."""
        if self.closed or self.is_held() or self.is_nested_test_running():
            return
        self.before()
        earliest = self.deadlines.earliest()
        if earliest is None or self.threads.has_work() or self.real_work():
            return
        self.jump(earliest)

    def jump(self, to: int) -> None:
        """Let time pass up to a reading at once, and wake the threads that wait for less."""
        self._elapsed_time.jump(to)
        self.after()
        self._wake_due(to)

    def note(self, until: int) -> None:
        """Note that time really passed up to a reading, and wake the threads that wait for less."""
        self._elapsed_time.note(until)
        self._wake_due(self._elapsed_time.passed_ns)

    def _wake_due(self, now: int) -> None:
        for entry in self.deadlines.due(now):
            self.threads.wake(entry, due=True)
