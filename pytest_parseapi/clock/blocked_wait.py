"""One wait of one thread in virtual time: it blocks until it is over, or its time is up."""

from __future__ import annotations

import signal
from typing import Final

from pytest_parseapi.clock.blocking import Wait
from pytest_parseapi.clock.elapsed_time import FREE_NS, SECOND_NS, ElapsedTime
from pytest_parseapi.clock.endless_waits import EndlessWaits
from pytest_parseapi.clock.jumps import Jumps
from pytest_parseapi.clock.pools import feeds_processes
from pytest_parseapi.clock.stdlib_deadlines import put_back_deadlines
from pytest_parseapi.clock.waiting_thread import WaitingThread

# How long a single thread may wait without a time-out before its test is stopped: a signal may
# still come.
_GRACE_NS: Final = 2 * SECOND_NS
# How long other programs may take to call a server, or to end the wait of an older thread.
_OUTSIDE_GRACE_NS: Final = 60 * SECOND_NS
# How long a thread blocks before it looks again: some threads end without a notice.
_FIRST_SLICE_SECONDS: Final = 0.0002
_LONG_SLICE_SECONDS: Final = 0.02
_UNTIMED_SLICE_SECONDS: Final = 1.0
_SHARED_SLICE_SECONDS: Final = 0.5
# From this number of threads on, each looks less often.
_MIN_SHARING_THREADS: Final = 8


class BlockedWait:
    """A wait of the calling thread.

    Args:
        jumps: decides when time jumps.
        elapsed: how much time has passed.
        endless: stops the test if the wait never ends.
        wait: what to block on.
        seconds: how long at most, in virtual seconds; None for no limit.
        key: the identity of the lock or queue that other threads notify; 0 for none.
        polled: whether no other thread ends the wait, so that it has to be polled.
    """

    def __init__(
        self,
        jumps: Jumps,
        elapsed: ElapsedTime,
        endless: EndlessWaits,
        wait: Wait,
        seconds: float | None,
        *,
        key: int,
        polled: bool,
    ) -> None:
        self._jumps = jumps
        self._threads = jumps.threads
        self._elapsed_time = elapsed
        self._endless = endless
        self._wait = wait
        self._needs = None if seconds is None else round(seconds * SECOND_NS)
        if self._needs == 0 and seconds:
            # Rounded to zero, a thread would poll without a pause until its deadline.
            self._needs = 1
        self._entry = WaitingThread(wait, polled=polled)
        self._entry.interruptible = True
        self._entry.key = key
        self._began = elapsed.monotonic()
        self._due = None if self._needs is None else self._began + self._needs
        """By the real clock, when its time is up if virtual time does not jump."""
        self._until: int | None = None
        """By the test's clock, when its time is up."""

    @property
    def ident(self) -> int:
        """The identity of the waiting thread."""
        return self._entry.ident

    def run(self) -> bool | None:
        """Block until the wait is over, its time is up, or the test ends.

        Returns:
            Whether the thread got what it waits for; None if the test has ended first.
        """
        entry, jumps, threads = self._entry, self._jumps, self._threads
        if self._needs:
            self._endless.count()
        threads.lock()
        try:
            if self._needs is None and jumps.children.found:
                jumps.children.forget()
            if self._needs is not None:
                self._until = self._elapsed_time.now() + self._needs
                jumps.deadlines.add(entry, self._until)
            taken = self._turn(first=False)
            while taken is None and not jumps.closed:
                # Another thread took it: this one has waited longest.
                taken = self._turn(first=True)
        except BaseException:
            threads.older.left.pop(entry.ident, None)
            raise
        finally:
            jumps.deadlines.forget(entry)
            if jumps.children.found:
                jumps.children.forget()
            jumps.unlock()
        if taken is not None and jumps.closed:
            threads.older.left.pop(entry.ident, None)
        return taken

    def run_after_test(self, ahead: float) -> bool:
        """Block in real time for as long as is left.

        Args:
            ahead: how many seconds the clock of the test was ahead of the real one.

        Returns:
            Whether the thread got what it waits for.
        """
        wait, seconds = self._wait, None
        if self._until is not None and self._due is not None:
            elapsed = self._elapsed_time
            left = min(self._until - elapsed.now(), self._due - elapsed.monotonic())
            seconds = max(0.0, left / SECOND_NS)
            put_back_deadlines(ahead)
        is_ready = None if wait.takes else wait.is_ready
        return bool(
            self._threads.older.block(
                wait.waited, lambda: wait.block_in_real_time(seconds), is_ready
            )
        )

    # What follows is called with the lock held.

    def _turn(self, *, first: bool) -> bool | None:
        """Register the wait, and block until the thread is awake.

        Returns:
            Whether the thread got what it waits for; None if it has to wait again.
        """
        entry, threads, wait = self._entry, self._threads, self._wait
        elapsed, key = self._elapsed_time, entry.key
        if key:
            threads.add_waiter(key, entry, first=first)
        threads.add(entry)
        try:
            if wait.try_take():
                return True
            if entry.deadline is not None and entry.deadline <= elapsed.passed_ns:
                entry.due = True
            else:
                self._jumps.try_jump()
                taken = not entry.awake and self._block()
                if entry.interrupted:
                    self._handle_signal()
                if taken:
                    return True
        finally:
            threads.remove(entry)
            if key:
                threads.remove_waiter(key, entry)
        if not entry.due:
            return None
        elapsed.expire(entry.deadline or 0)
        return bool(key) and wait.try_take()

    def _block(self) -> bool:
        """Block in real time, and look again from time to time. The lock is held before and after.

        Returns:
            Whether what it waits for was taken.
        """
        entry, wait, due = self._entry, self._wait, self._due
        takes = wait.takes
        # The thread with the next deadline looks again often; so does one that has to be polled.
        often = entry.polled if due is None else entry.deadline == self._jumps.deadlines.earliest()
        slice_ = _FIRST_SLICE_SECONDS if often else self._longest()
        wait.prepare()
        while not (entry.awake or self._jumps.closed):
            took = self._resume_after_signal() if entry.interrupted else self._block_once(slice_)
            # Code may release a lock by a reference to the real method, which wakes no thread.
            if took or (takes and not entry.awake and wait.try_take()):
                return True
            if entry.interrupted:
                continue
            if entry.awake or wait.is_ready():
                break
            slice_ = min(slice_ * 2, self._longest())
            if due is None:
                if self._is_stuck():
                    waiting = {item.ident for item in self._threads.waiting() if not item.outside}
                    self._endless.hang(waiting - {entry.ident})
            elif self._has_passed_in_real_time(due) or self._elapsed_time.passed_ns >= (
                entry.deadline or 0
            ):
                self._jumps.note(entry.deadline or 0)
                self._threads.wake(entry, due=True)
            else:
                self._jumps.try_jump()
        return False

    def _longest(self) -> float:
        """The longest real time before a thread looks again. The more threads, the longer."""
        if self._due is None:
            return _UNTIMED_SLICE_SECONDS
        shared = _LONG_SLICE_SECONDS * max(
            1, len(self._jumps.deadlines.heap) / _MIN_SHARING_THREADS
        )
        left = (self._due - self._elapsed_time.monotonic()) / SECOND_NS
        return max(_LONG_SLICE_SECONDS, min(shared, left, _SHARED_SLICE_SECONDS))

    def _block_once(self, seconds: float) -> bool:
        self._threads.unlock()
        try:
            return self._wait.block(seconds)
        finally:
            self._threads.lock()

    def _resume_after_signal(self) -> bool:
        """Handle a signal, and continue to wait.

        Returns:
            Whether the thread got what it waits for meanwhile.
        """
        self._handle_signal()
        self._wait.prepare()
        self._threads.rest_again(self._entry)
        if self._wait.try_take():
            return True
        self._jumps.try_jump()
        return False

    def _handle_signal(self) -> None:
        """Run a signal's handler in the waiting thread. The lock is held before and after."""
        entry = self._entry
        raises_signal, entry.interrupted, entry.raises_signal = entry.raises_signal, False, False
        self._threads.unlock()
        try:
            # A signal that was sent has arrived by now.
            if raises_signal:
                signal.raise_signal(signal.SIGALRM)
        finally:
            self._threads.lock()

    def _is_stuck(self) -> bool:
        """Whether nothing is left that could end the wait, and this for some time."""
        waited = self._elapsed_time.monotonic() - self._began
        if waited < _GRACE_NS or self._jumps.is_held() or self._jumps.real_work():
            return False
        if feeds_processes():  # it never ends by itself: another thread detects the hang
            return False
        threads = self._threads
        return not (self._wait.is_ready() or threads.has_work()) and threads.only_consumers_wait(
            count_outside=waited < _OUTSIDE_GRACE_NS
        )

    def _has_passed_in_real_time(self, due: int) -> bool:
        """Whether the duration of a wait has passed in real time."""
        # During a real wait, time cannot jump, and the wait counts with its duration.
        earliest = due if self._jumps.is_held() else max(due, self._began + FREE_NS)
        return self._elapsed_time.monotonic() >= earliest
