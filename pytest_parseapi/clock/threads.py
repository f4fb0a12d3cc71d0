"""Keeps track of which threads wait, so that time jumps only if no thread is at work.

A thread registers its wait when it begins to wait. The thread that releases the lock, or puts the
item, marks it as awake before it runs. All other threads are at work, except those that
`clock.unregistered_threads` finds at rest, and those in a call of `clock.real_waits`.
"""

from __future__ import annotations

import functools
import os
import threading
from _thread import RLock, _count, get_ident
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.clock.callers import is_tool
from pytest_parseapi.clock.older_waits import OlderWaits
from pytest_parseapi.clock.thread_starts import Starts
from pytest_parseapi.clock.unregistered_threads import UnregisteredThreads
from pytest_parseapi.clock.waiting_thread import WaitingThread
from pytest_parseapi.model.other_threads import frames_of_others

_acquire: Final[Callable[..., bool]] = RLock.acquire
_release: Final[Callable[..., None]] = RLock.release


class Threads:
    """The threads of the process, and which of them are at rest."""

    def __init__(self) -> None:
        self._waits: dict[int, WaitingThread] = {}
        self._known: dict[int, WaitingThread] = {}
        self.waiters: dict[int, deque[WaitingThread]] = {}
        """The threads to wake, by the identity of the lock, queue or thread that they wait for."""
        self._polled: dict[WaitingThread, None] = {}
        self.older = OlderWaits(self._waits, self.waiters, self._moved)
        """The waits that began before the test."""
        self.unregistered = UnregisteredThreads(self._waits, self.older.left, self.older.returning)
        """The threads that do not register their waits."""
        self.starts = Starts(self.unregistered.begins, functools.partial(self.has_ended, 0))
        """The threads that are started by ``_thread``, without ``threading``."""
        self._pending, self._running = self.starts.pending, self.starts.running
        self.lock: Callable[[], object]
        """Acquires the lock that protects all of this."""
        self.unlock: Callable[[], object]
        """Releases that lock."""
        self._make_lock()
        self.ended: Callable[[], object] = _nothing
        """Called when a thread has ended."""

    def _moved(self, ident: int) -> None:
        self.unregistered.moved(ident)

    def _make_lock(self) -> None:
        mutex: Any = RLock()
        self.lock = functools.partial(_acquire, mutex)
        self.unlock = functools.partial(_release, mutex)

    def test_begins(self) -> None:
        """Keep the positions and waits of the threads that are older than the test."""
        live = {get_ident(), *frames_of_others()}
        for gone in [ident for ident in list(self._waits) if ident not in live]:
            self._waits.pop(gone)
            self._known.pop(gone, None)
        self.unregistered.settle()
        self.unregistered.note()
        self.starts.forget()
        self.older.note({ident: place.frame for ident, place in self.unregistered.all_old()})

    def test_ends(self) -> None:
        """Forget the positions and waits of older threads."""
        self.unregistered.forget()
        self.older.forget()

    def forked(self) -> None:
        """Forget all other threads. Called in the child of a fork, which has one thread."""
        self._make_lock()
        self._waits.clear()
        self._known.clear()
        self.waiters.clear()
        self._polled.clear()
        self.unregistered.forget()
        self.starts.forked()
        self.older.forget()
        self.older.left.clear()

    # All that follows is called with the lock held.

    def add(self, entry: WaitingThread) -> None:
        """Register a wait: the calling thread is at rest from now on."""
        entry.awake = entry.due = False
        entry.outer = self._waits.get(entry.ident)
        if entry.outer is not None:  # a signal's handler waits within a wait
            self._take_out(entry.outer)
        self._put_in(entry)
        self.unregistered.registered(entry.ident)
        if _count():
            # Before a thread sleeps: to start many threads takes longer than a look does.
            self.unregistered.look_if_due()

    def wake(self, entry: WaitingThread, *, due: bool = False) -> None:
        """Wake a thread: from now on it counts as at work."""
        if not entry.awake:
            entry.awake = True
            entry.due = due
            self._take_out(entry)
            if entry.ident != get_ident():
                entry.wait.wake()

    def remove(self, entry: WaitingThread) -> None:
        """Remove a wait: the calling thread continues."""
        entry.awake = True
        self._take_out(entry)
        outer = entry.outer
        if outer is not None and not outer.awake:
            self._put_in(outer)

    def entry_of(self, ident: int) -> WaitingThread | None:
        """The wait of a thread, if it is at rest and handles signals."""
        entry = self._waits.get(ident)
        return entry if entry is not None and entry.interruptible else None

    def interrupt(self, entry: WaitingThread, *, sent: bool = False) -> None:
        """Let a thread handle a signal: until it has, it counts as at work.

        Args:
            entry: the thread.
            sent: whether the signal was sent already; otherwise the thread raises it itself.
        """
        entry.interrupted = True
        entry.raises_signal = entry.raises_signal or not sent
        self._take_out(entry)
        if entry.ident != get_ident():
            entry.wait.wake()

    def rest_again(self, entry: WaitingThread) -> None:
        """Note that the calling thread has handled a signal, and continues to wait."""
        if not entry.awake:
            self._put_in(entry)

    def _put_in(self, entry: WaitingThread) -> None:
        self._waits[entry.ident] = entry
        if entry.ident in threading._active:  # type: ignore[attr-defined]
            self._known[entry.ident] = entry
        if entry.polled:
            self._polled[entry] = None

    def _take_out(self, entry: WaitingThread) -> None:
        if self._waits.get(entry.ident) is entry:
            del self._waits[entry.ident]
            self._known.pop(entry.ident, None)
        if entry.polled:
            self._polled.pop(entry, None)

    def add_waiter(self, key: int, entry: WaitingThread, *, first: bool) -> None:
        """Add a thread to those that wait for a lock or queue.

        Args:
            key: the identity of the lock or queue that it waits for.
            entry: the thread.
            first: whether it comes before the threads that wait already.
        """
        waiters = self.waiters.get(key)
        if waiters is None:
            self.waiters[key] = waiters = deque()
        if first:
            waiters.appendleft(entry)
        else:
            waiters.append(entry)

    def remove_waiter(self, key: int, entry: WaitingThread) -> None:
        """Remove a thread from those that wait for a lock or queue."""
        waiters = self.waiters.get(key)
        if waiters is not None:
            if entry in waiters:
                waiters.remove(entry)
            if not waiters:
                del self.waiters[key]

    def notify(self, key: int, *, to_all: bool = False) -> None:
        """Wake the thread that has waited longest: a lock was released, or a queue got an item.

        Args:
            key: the identity of the lock or queue.
            to_all: whether to wake all threads that wait.
        """
        self.lock()
        try:
            if self.older.keys:
                self.older.notify(key)
            waiters = self.waiters.get(key)
            while waiters:
                entry = waiters.popleft()
                if not waiters:
                    self.waiters.pop(key, None)
                if not entry.awake:
                    self.wake(entry)
                    if not to_all:
                        return
        finally:
            self.unlock()

    def leave(self, entry: WaitingThread) -> None:
        """Note that a thread still waits although its test is over."""
        is_ready = None if entry.wait.takes else entry.wait.is_ready
        self.older.left[entry.ident] = entry.wait.waited, is_ready
        self._take_out(entry)
        self.remove_waiter(entry.key, entry)

    def waiting(self) -> list[WaitingThread]:
        """All registered waits."""
        return list(self._waits.values())

    def has_work(self) -> bool:
        """Whether any other thread is at work, or can take what it waits for."""
        return self._has_work(get_ident(), len(self._known))

    def others_work(self) -> bool:
        """As `has_work`, if the calling thread is about to wait and has not registered that yet."""
        waits, active = self._waits, threading._active  # type: ignore[attr-defined]
        if not (waits or _count() or threading._limbo or self._pending) and len(active) == 1:  # type: ignore[attr-defined]
            return False
        me = get_ident()
        if me in waits:  # a signal's handler waits within a wait
            return True
        if self.unregistered.old:
            self.unregistered.moved(me)
        return self._has_work(me, len(self._known) + (me in active))

    def is_only_thread(self) -> bool:
        """Whether Python knows of no other thread than the calling one."""
        if _count() or self._pending:
            return False
        return len(threading._active) == 1 and not threading._limbo  # type: ignore[attr-defined]

    def _has_work(self, me: int, known: int) -> bool:
        if threading._limbo:  # type: ignore[attr-defined]  # threads about to start
            return True
        older = self.older
        if (older.notified or older.loops or older.returning) and older.are_notified():
            return True
        if (self._pending or self._running) and self.starts.are_at_work(self._waits, me):
            return True
        unregistered, count = self.unregistered, _count()
        threads = len(threading._active)  # type: ignore[attr-defined]
        if (
            known + len(unregistered.old) < threads
            or count >= threads
            or (unregistered.old and unregistered.has_one_of_few_moved())
        ):
            if unregistered.any_work():
                return True
        elif count and unregistered.look_if_due():
            return True
        # The calling thread has just looked at what it waits for.
        return bool(self._polled) and any(
            entry.ident != me and entry.wait.is_ready() for entry in self._polled
        )

    def only_consumers_wait(self, *, count_outside: bool) -> bool:
        """Whether all threads but those of tools have registered a wait without a deadline.

        Args:
            count_outside: whether other programs may still end a wait: a child process that of a
                server, or any program that of a thread that is older than the test.
        """
        if any(entry.deadline is not None for entry in list(self._waits.values())):
            return False
        # Before the look at the threads: one that leaves its wait meanwhile shows there.
        outside = any(entry.outside for entry in list(self._waits.values()))
        if count_outside and outside and has_children():
            return False
        if self.unregistered.any_work():
            return False
        if not count_outside:
            return True
        others = (frame for ident, frame in frames_of_others().items() if ident not in self._waits)
        return all(map(is_tool, others))

    def has_ended(self, key: int) -> None:
        """Note that the calling thread ends, and wake the threads that wait for its end.

        Args:
            key: the identity of the thread object that others wait for.
        """
        self.lock()
        try:
            self.unregistered.ends(get_ident())
        finally:
            self.unlock()
        self.notify(key, to_all=True)
        self.ended()


def _nothing() -> None:
    pass


def has_children() -> bool:
    """Whether this process has child processes, which may call a server in it."""
    if not hasattr(os, "waitid"):
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
