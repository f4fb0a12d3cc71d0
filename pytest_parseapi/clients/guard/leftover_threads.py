"""Blocks later requests of threads that a simulated test started and did not end.

No client stays intercepted for these threads. The audit hook of the process recognises them, and
the threads that they start. While one of them lives, functions without an audit event are checked.
"""

from __future__ import annotations

import _thread
import asyncio
import concurrent.futures.thread
import functools
import inspect
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from traceback import walk_stack
from types import CodeType, FrameType
from typing import Any, Final

from pytest_parseapi.clients.guard.call_stack import hosts_on_the_stack
from pytest_parseapi.clients.guard.checked_functions import HostCheck
from pytest_parseapi.model.other_threads import frames_of_others
from pytest_parseapi.patching.attributes import set_on

_POOL_WORKER: Final = concurrent.futures.thread._worker.__code__
_POOL_WORK: Final = concurrent.futures.thread._WorkItem.run.__code__
_LOOP: Final = asyncio.BaseEventLoop.run_forever.__code__
_START_FUNCTIONS: Final = ((threading, "_start_new_thread"), (_thread, "start_new_thread"))
_AUDITS_THREADS_FROM: Final = (3, 12)
"""The first version of Python that raises an audit event for a thread that begins."""


class RunningWork:
    """The threads that live at a moment, and the jobs that pools work on."""

    def __init__(self) -> None:
        # Python's objects for threads that it did not start outlive these threads.
        self.threads = {thread for thread in threading.enumerate() if not _is_foreign(thread)}
        frames = frames_of_others()
        known = {thread.ident for thread in self.threads}
        self.bare = {
            ident: _first_code(frame) for ident, frame in frames.items() if ident not in known
        }
        """By number, what began those without an object of ``threading``."""
        self.works = {work for frame in frames.values() for work in _works(frame)}


class LeftoverThreads:
    """Threads whose test is over, each with the guard that blocks it."""

    def __init__(self) -> None:
        self._left: weakref.WeakKeyDictionary[object, HostCheck] = weakref.WeakKeyDictionary()
        """Threads, and jobs of pools."""
        self._bare: dict[int, tuple[CodeType, HostCheck]] = {}
        self._bare_later: dict[CodeType, HostCheck] = {}
        """By what it begins with, a bare thread that one of these began."""
        self._users = 0
        self._real: Callable[..., int] | None = None
        self._audited: Callable[..., int] | None = None

    def add(self, before: RunningWork, block: HostCheck) -> None:
        """Block the threads that a test leaves behind from now on.

        Args:
            before: what ran when the test began.
            block: called with each host that they ask for.
        """
        now = RunningWork()
        frames = frames_of_others()
        self._bare = {number: left for number, left in self._bare.items() if number in frames}
        for thread in now.threads - before.threads:
            frame = frames.get(thread.ident or 0)
            if frame is not None and not _is_live_server(thread) and not _is_idle_worker(frame):
                self._left[thread] = block
                self._left.update(dict.fromkeys(_workers_of_loop(frame), block))
        for work in now.works - before.works:
            self._left[work] = block
        for number, code in now.bare.items() - before.bare.items():
            self._bare[number] = code, block

    def is_any_alive(self) -> bool:
        """Whether a thread that a test left behind still runs."""
        if not (self._left or self._bare or self._bare_later):
            return False
        if any(not isinstance(left, threading.Thread) or left.is_alive() for left in self._left):
            return True
        begun = {ident: _first_code(frame) for ident, frame in frames_of_others().items()}
        return any(begun.get(ident) is left for ident, (left, _) in self._bare.items()) or any(
            code in self._bare_later for code in begun.values()
        )

    def hold(self) -> None:
        """Raise an audit event for new threads before Python 3.12, which does so itself."""
        self._users += 1
        if sys.version_info < _AUDITS_THREADS_FROM and self._users == 1:
            real = threading._start_new_thread  # type: ignore[attr-defined]
            self._audited = _auditing(real)
            for module, name in _START_FUNCTIONS:
                if getattr(module, name) is real:
                    set_on(module, name, self._audited)
            self._real = real

    def release(self) -> None:
        """Stop raising it, if no other session needs it."""
        self._users -= 1
        if self._audited is not None and not self._users:
            for module, name in _START_FUNCTIONS:
                if getattr(module, name) is self._audited:
                    set_on(module, name, self._real)
            self._audited = None

    def begins(self, function: object) -> None:
        """Note a thread that is about to start: if one of these starts it, it is one of them."""
        block = self._block()
        if block is None:
            return
        thread = getattr(function, "__self__", None)
        if isinstance(thread, threading.Thread):
            self._left[thread] = block
            return
        while isinstance(function, functools.partial):
            function = function.func
        code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
        if isinstance(code, CodeType):
            self._bare_later[code] = block

    def check_host(self, host: object, by: str) -> None:
        """Check a host if one of these threads uses it."""
        block = self._block()
        if block is not None:
            block(host, by)

    def check_call_stacks(self) -> None:
        """Check the hosts on the call stack, if this is one of these threads."""
        block = self._block()
        if block is not None:
            for host, by in hosts_on_the_stack():
                block(host, by)

    def _block(self) -> HostCheck | None:
        if not (self._left or self._bare or self._bare_later):
            return None
        ident = threading.get_ident()
        # As threading.current_thread(), which would make an object for a foreign thread.
        thread = threading._active.get(ident)  # type: ignore[attr-defined]
        is_bare = thread is None or _is_foreign(thread)
        if not is_bare and thread in self._left:
            return self._left.get(thread)
        frame = sys._getframe(1)
        for work in _works(frame):
            if work in self._left:
                return self._left.get(work)
        if not is_bare:
            return None
        code = _first_code(frame)
        left, block = self._bare.get(ident, (None, None))
        return block if left is code else self._bare_later.get(code)


def _auditing(real: Callable[..., int]) -> Callable[..., int]:
    def start_new_thread(function: object, *args: Any) -> int:
        sys.audit("_thread.start_new_thread", function, *args)
        return real(function, *args)

    return start_new_thread


def _first_code(frame: FrameType) -> CodeType:
    *_, (first, _) = walk_stack(frame)
    return first.f_code


def _works(frame: FrameType) -> Iterator[Any]:
    """The jobs of a pool that a thread works on."""
    for below, _ in walk_stack(frame):
        if below.f_code is _POOL_WORK:
            yield below.f_locals["self"]


def _is_foreign(thread: threading.Thread) -> bool:
    return isinstance(thread, threading._DummyThread)


def _is_live_server(thread: threading.Thread) -> bool:
    """Whether a thread is of the live server, which lives as long as the session."""
    work = getattr(thread, "_target", None)
    return str(getattr(work, "__module__", "")).startswith("pytest_parseapi.clients.server.")


def _is_idle_worker(frame: FrameType) -> bool:
    """Whether a thread of a pool waits for work. Its next job may be of another test."""
    for below, _ in walk_stack(frame):
        if below.f_code is _POOL_WORK or _is_of_trio(below, "_handle_job"):
            return False
        if below.f_code is _POOL_WORKER or _is_of_trio(below, "_work"):
            return True
    return False


def _is_of_trio(frame: FrameType, name: str) -> bool:
    module = frame.f_globals.get("__name__")
    return frame.f_code.co_name == name and module == "trio._core._thread_cache"


def _workers_of_loop(frame: FrameType) -> set[threading.Thread]:
    """The threads that an event loop, run by a thread, has for its own jobs."""
    for below, _ in walk_stack(frame):
        if below.f_code is _LOOP:
            pool = getattr(below.f_locals["self"], "_default_executor", None)
            return set(getattr(pool, "_threads", ()))
    return set()
