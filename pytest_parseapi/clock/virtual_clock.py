"""Virtual time: it jumps over waits, while real time continues.

There are two readings. The consumer's ``time.time()`` and similar functions show the real clock
plus every jump, so that code that waits for real progress does not hang. The record and the
stdlib's timers use `VirtualClock.elapsed`: the waits alone, without the milliseconds that
code takes to run between them, so that a wait of one second is on record as exactly one.
"""

from __future__ import annotations

import math
import operator
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.clock.blocking import Sleep, Wait
from pytest_parseapi.clock.elapsed_time import FREE_NS, SECOND_NS, ElapsedTime
from pytest_parseapi.clock.endless_waits import EndlessWaits
from pytest_parseapi.clock.jumps import Jumps
from pytest_parseapi.clock.pools import feeds_processes
from pytest_parseapi.clock.stdlib_deadlines import put_back_deadlines
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.clock.waiting_thread import WaitingThread
from pytest_parseapi.model.mistakes import UsageError, number_of
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.patching.attributes import set_on

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


def _bad_duration(seconds: float) -> Exception:
    """The exception of ``time.sleep`` for a duration that it does not accept."""
    if math.isnan(seconds):
        return ValueError("Invalid value NaN (not a number)")
    if seconds < 0 and not math.isinf(seconds):
        return ValueError("sleep length must be non-negative")
    return OverflowError("timestamp out of range for platform time_t")


class VirtualClock:
    """The time of one simulated test.

    Example:
        >>> clock = VirtualClock()
        >>> clock.advance(60)
        >>> clock.elapsed
        60.0
    """

    def __init__(self, *, real: bool = False, stops: Stops | None = None) -> None:
        self.real = real
        self._stops = Stops() if stops is None else stops
        self.read_wall: Callable[[], float] = FUNCTIONS["time"]
        """Reads the real time, without jumps."""
        self.elapsed_time = ElapsedTime(real=real)
        """The virtual time that has passed."""
        self.began: dict[str, Any] = {}
        """The readings of the monotonic clocks when the test began."""
        self._endless = EndlessWaits(self._stops, self.elapsed_time)
        self.jumps = Jumps(self.elapsed_time, self._endless)
        """Decides when time jumps."""
        self._threads = self.jumps.threads
        self._older = self._threads.unregistered.first
        self._is_installed = False

    def __repr__(self) -> str:
        return f"<VirtualClock {self.elapsed:.3f} s>"

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the test began."""
        return self.elapsed_time.now() / SECOND_NS

    @property
    def elapsed_ns(self) -> int:
        """Virtual nanoseconds since the test began."""
        return self.elapsed_time.now()

    @property
    def jumped_ns(self) -> int:
        """The sum of all jumps: how far the consumer's clocks are ahead of the real ones."""
        return self.elapsed_time.jumped_ns

    @property
    def ahead(self) -> float:
        """How many seconds the monotonic clock of the stdlib's timers is ahead of the real one."""
        began: float = self.began["monotonic"]
        return began + (self.elapsed_time.now() - self.elapsed_time.monotonic()) / SECOND_NS

    @property
    def closed(self) -> bool:
        """Whether the test is over."""
        return self.jumps.closed

    def install(
        self,
        threads: Threads,
        real: Mapping[str, Callable[..., Any]],
        nested: Callable[[], bool],
    ) -> None:
        """Make this the clock of the process.

        Args:
            threads: the threads of the process.
            real: the real functions of ``time``, by name.
            nested: returns whether a nested test, with a clock of its own, runs now.
        """
        self._is_installed = True
        self.jumps.is_nested_test_running = nested
        self.jumps.threads = self._threads = threads
        self._threads.ended = self.jumps.look
        self._threads.test_begins()
        # To the next test, every thread of this one is older too.
        self._older = self._threads.unregistered.first
        monotonic = real["monotonic_ns"]
        self.elapsed_time.monotonic = self._threads.unregistered.monotonic = monotonic
        self.read_wall = real["time"]
        for name in ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"):
            self.began[name] = real[name]()

    def advance(self, seconds: float) -> None:
        """Let virtual time pass at once. Waits whose deadline is reached end.

        Args:
            seconds: how far to go; not negative.

        Raises:
            UsageError: the number is negative, or the test runs in real time.
        """
        if self.real:
            raise UsageError("clock.advance() needs virtual time, and this test has real_time=True")
        number = number_of(seconds)
        if number is None or not 0 <= number < math.inf:
            raise UsageError(f"clock.advance() takes seconds >= 0, not {seconds!r}")
        if number > threading.TIMEOUT_MAX:
            most = f"{threading.TIMEOUT_MAX:,.0f} seconds, as time.sleep()"
            raise UsageError(f"clock.advance() takes at most {most}, not {seconds!r}")
        with self.jumps.alone():
            self.jumps.jump(self.elapsed_time.now() + round(seconds * SECOND_NS))

    @property
    def waits_in_a_row(self) -> int:
        """The number of waits since the last request."""
        return self._endless.in_a_row

    def stamp(self) -> float:
        """The virtual seconds for the record, without the run time of code since the last wait."""
        self._endless.in_a_row = 0
        if self.jumps.children.found:
            self.jumps.children.forget()
        elapsed = self.elapsed_time
        if elapsed.reads < elapsed.busy_loop_reads:
            elapsed.restart_stretch()
            return elapsed.passed_ns / SECOND_NS
        now = elapsed.now()
        if now != elapsed.passed_ns and not self.real:
            self.jumps.passed(now)
        else:
            elapsed.restart_stretch()
        return now / SECOND_NS

    def wall(self) -> float:
        """The consumer's ``time.time()``, also if a test has replaced it."""
        if time.time is not FUNCTIONS["time"]:
            return time.time()
        return self.read_wall() + self.elapsed_time.jumped_ns / SECOND_NS

    def sleep(self, seconds: float) -> None:
        """Wait in virtual time, as ``time.sleep`` would in real time."""
        if not isinstance(seconds, float):
            seconds = operator.index(seconds)
        if not 0 <= seconds <= threading.TIMEOUT_MAX:
            raise _bad_duration(seconds)
        self._stops.check()
        if self.real:
            time.sleep(seconds)
        elif not self.jumps.pass_at_once(seconds):
            self.wait(Sleep(), seconds)

    def wait(
        self, wait: Wait, seconds: float | None, *, key: int = 0, polled: bool = False
    ) -> bool:
        """Block the calling thread until ``wait`` is over or its time is up.

        Args:
            wait: what to block on.
            seconds: how long at most, in virtual seconds; None for no limit.
            key: the identity of the lock or queue that other threads notify; 0 for none.
            polled: whether no other thread ends the wait, so that it has to be polled.

        Returns:
            True if the thread got what it waits for, False if the time was up first.
        """
        threads = self._threads
        needs = None if seconds is None else round(seconds * SECOND_NS)
        if needs == 0 and seconds:
            # Rounded to zero, a thread would poll without a pause until its deadline.
            needs = 1
        if needs:
            self._endless.count()
        entry = WaitingThread(wait, polled=polled)
        entry.interruptible = True
        entry.key = key
        began, until = self.elapsed_time.monotonic(), None
        threads.lock()
        try:
            if needs is None and self.jumps.children.found:
                self.jumps.children.forget()
            if needs is not None:
                until = self.elapsed_time.now() + needs
                self.jumps.deadlines.add(entry, until)
            taken = self._turn(entry, key, needs, began, first=False)
            while taken is None and not self.jumps.closed:
                # Another thread took it: this one has waited longest.
                taken = self._turn(entry, key, needs, began, first=True)
        except BaseException:
            threads.older.left.pop(entry.ident, None)
            raise
        finally:
            self.jumps.deadlines.forget(entry)
            if self.jumps.children.found:
                self.jumps.children.forget()
            self.jumps.unlock()
        if taken is None:
            return self._after_test(entry, until, began + (needs or 0))
        if self.jumps.closed:
            threads.older.left.pop(entry.ident, None)
        return taken

    def _turn(
        self, entry: WaitingThread, key: int, needs: int | None, began: int, *, first: bool
    ) -> bool | None:
        """Register the wait, and block until the thread is awake.

        Returns:
            Whether the thread got what it waits for; None if it has to wait again.
        """
        elapsed, threads, wait = self.elapsed_time, self._threads, entry.wait
        if key:
            threads.add_waiter(key, entry, first=first)
        threads.add(entry)
        try:
            if wait.try_take():
                return True
            if entry.deadline is not None and entry.deadline <= elapsed.passed_ns:
                entry.due = True
            else:
                self.jumps.try_jump()
                taken = not entry.awake and self._block(entry, needs, began)
                if entry.interrupted:
                    self._handle_signal(entry)
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

    def _block(self, entry: WaitingThread, needs: int | None, began: int) -> bool:
        """Block in real time, and look again from time to time. The lock is held before and after.

        Returns:
            Whether what it waits for was taken.
        """
        elapsed, threads, wait = self.elapsed_time, self._threads, entry.wait
        due = None if needs is None else began + needs
        takes = wait.takes
        # The thread with the next deadline looks again often; so does one that has to be polled.
        often = entry.polled if due is None else entry.deadline == self.jumps.deadlines.earliest()
        slice_ = _FIRST_SLICE_SECONDS if often else self._longest(due)
        wait.prepare()
        while not (entry.awake or self.jumps.closed):
            took = (
                self._resume_after_signal(entry)
                if entry.interrupted
                else self._block_once(wait, slice_)
            )
            # Code may release a lock by a reference to the real method, which wakes no thread.
            if took or (takes and not entry.awake and wait.try_take()):
                return True
            if entry.interrupted:
                continue
            if entry.awake or wait.is_ready():
                break
            slice_ = min(slice_ * 2, self._longest(due))
            if due is None:
                if self._is_stuck(entry, began):
                    waiting = {item.ident for item in threads.waiting() if not item.outside}
                    self._endless.hang(waiting - {entry.ident})
            elif self._is_outwaited(began, due) or elapsed.passed_ns >= (entry.deadline or 0):
                self.jumps.note(entry.deadline or 0)
                threads.wake(entry, due=True)
            else:
                self.jumps.try_jump()
        return False

    def _longest(self, due: int | None) -> float:
        """The longest real time before a thread looks again. The more threads, the longer."""
        if due is None:
            return _UNTIMED_SLICE_SECONDS
        shared = _LONG_SLICE_SECONDS * max(1, len(self.jumps.deadlines.heap) / _MIN_SHARING_THREADS)
        left = (due - self.elapsed_time.monotonic()) / SECOND_NS
        return max(_LONG_SLICE_SECONDS, min(shared, left, _SHARED_SLICE_SECONDS))

    def _block_once(self, wait: Wait, seconds: float) -> bool:
        self._threads.unlock()
        try:
            return wait.block(seconds)
        finally:
            self._threads.lock()

    def _resume_after_signal(self, entry: WaitingThread) -> bool:
        """Handle a signal, and continue to wait.

        Returns:
            Whether the thread got what it waits for meanwhile.
        """
        self._handle_signal(entry)
        entry.wait.prepare()
        self._threads.rest_again(entry)
        if entry.wait.try_take():
            return True
        self.jumps.try_jump()
        return False

    def _handle_signal(self, entry: WaitingThread) -> None:
        """Run a signal's handler in the waiting thread. The lock is held before and after."""
        raises_signal, entry.interrupted, entry.raises_signal = entry.raises_signal, False, False
        self._threads.unlock()
        try:
            # A signal that was sent has arrived by now.
            if raises_signal:
                signal.raise_signal(signal.SIGALRM)
        finally:
            self._threads.lock()

    def close(self) -> None:
        """End the waits of threads that still wait. Called when the test is over."""
        self.jumps.closed = True
        with self.jumps.alone():
            for entry in self._threads.waiting():
                if entry.interruptible and not entry.wait.is_sleep:
                    self._threads.leave(entry)
                # A loop looks again by itself: woken, it might run while the next test begins.
                if entry.wait.takes or not entry.polled:
                    entry.wait.wake()
            self.jumps.deadlines.clear()
            if self._is_installed:
                self._threads.test_ends()

    # What follows is called with the lock held.

    def _is_stuck(self, entry: WaitingThread, began: int) -> bool:
        """Whether nothing is left that could end the wait, and this for some time."""
        waited = self.elapsed_time.monotonic() - began
        if waited < _GRACE_NS or self.jumps.is_held() or self.jumps.real_work():
            return False
        if feeds_processes():  # it never ends by itself: another thread detects the hang
            return False
        threads = self._threads
        return not (entry.wait.is_ready() or threads.has_work()) and threads.only_consumers_wait(
            count_outside=waited < _OUTSIDE_GRACE_NS
        )

    def _is_outwaited(self, began: int, due: int) -> bool:
        """Whether the duration of a wait has passed in real time."""
        # During a real wait, time cannot jump, and the wait counts with its duration.
        earliest = due if self.jumps.is_held() else max(due, began + FREE_NS)
        return self.elapsed_time.monotonic() >= earliest

    def _after_test(self, entry: WaitingThread, until: int | None, due: int) -> bool:
        """Continue a wait after its test: a sleep ends its thread, other waits become real.

        Args:
            entry: the wait.
            until: its deadline by the test's clock; None for no limit.
            due: its deadline by the real clock, as if time had not jumped.
        """
        wait = entry.wait
        if wait.is_sleep and entry.ident not in self._older:
            # Threads end by SystemExit without a report, unless pytest watches them.
            set_on(threading.current_thread(), "_invoke_excepthook", lambda _thread: None)
            raise SystemExit("the simulated test that this thread slept in is over")
        seconds = None
        if until is not None:
            left = min(until - self.elapsed_time.now(), due - self.elapsed_time.monotonic())
            seconds = max(0.0, left / SECOND_NS)
            put_back_deadlines(self.ahead)
        is_ready = None if wait.takes else wait.is_ready
        return bool(
            self._threads.older.block(
                wait.waited, lambda: wait.block_in_real_time(seconds), is_ready
            )
        )
