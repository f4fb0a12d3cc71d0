"""When time may jump, and how far.

It jumps to the next deadline, as soon as no thread is at work and nothing real is under way.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from _thread import get_ident
from collections.abc import Callable, Iterator, Sized

from pytest_parseapi.clock.child_looks import ChildLooks
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
        """Returns whether something real is under way outside the threads of the consumer."""
        self.before: Callable[[], object] = bool
        """Called where a jump may come, with the lock held."""
        self.after: Callable[[], object] = bool
        """Called after each jump, with the lock held."""
        self.closed = False
        """Whether the test is over."""
        self.is_covered: Callable[[], bool] = bool
        """Returns whether a nested test, with a clock of its own, runs now."""
        self.threads = Threads()
        """The threads of the process."""
        self.deadlines = Deadlines()
        """Who is to be woken when."""
        self.holds = 0
        """How many real things are under way."""
        self.children = ChildLooks(elapsed)
        """Who waits for the end of a child process by looking again and again."""
        self._elapsed_time = elapsed
        self._endless = endless
        self._interrupts_itself = False

    @contextlib.contextmanager
    def hold(self, free: int = 0) -> Iterator[None]:
        """While something real is under way: no jumps, and the real time it takes counts.

        Args:
            free: so many nanoseconds at least it has to take to count.
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
        """Something has changed: jump, if all threads are at rest now."""
        if not self.closed:
            with self.alone():
                self.try_jump()

    def expect(self, entry: WaitingThread, deadline: int) -> None:
        """Have something that is no thread woken at this reading of `elapsed_ns`."""
        with self.alone():
            self.deadlines.add(entry, deadline)

    def runs(self, child: int, still: Callable[[], bool]) -> None:
        """The calling thread has found a child process running.

        Args:
            child: its number.
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
        """A thread was sent a signal: it is at work until it has run the handler.

        Called with the lock held.
        """
        entry = self.threads.entry_of(ident)
        if entry is not None:
            self.threads.interrupt(entry, sent=True)

    def pass_at_once(self, seconds: float, came: Sized = ()) -> bool:
        """Let a whole wait pass, if no other thread is at work or waits for less long.

        Args:
            seconds: how long the wait is.
            came: what would end it early, if anything is in it.

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
                or came
                or not needs
                or self.closed
                or self._interrupts_itself
                or self.is_covered()
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
        """Hold the clock's lock: no other thread changes the time meanwhile."""
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
        """Whether something real is under way, over which no time jumps."""
        return self.holds > 0 or (bool(self.children.children) and self.children.any_runs())

    def try_jump(self) -> None:
        """Jump to the earliest deadline if no thread is at work."""
        if self.closed or self.is_held() or self.is_covered():
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
