"""The threads and tasks that make attempts, and whether they are at work."""

from __future__ import annotations

import inspect
import sys
import threading
import weakref
from _thread import _count as _count_started
from _thread import get_ident
from collections.abc import Container
from types import FrameType
from typing import Any, Final

from pytest_parseapi.model.library_code import is_library
from pytest_parseapi.model.other_threads import frames_of_others
from pytest_parseapi.record.retry_mark import RetryMark

_PACKAGE: Final = "pytest_parseapi."
_WAITING_ROOMS: Final = ("threading", "queue", "concurrent.futures", "multiprocessing", "asyncio")
# A thread that is there waits for work, or for what others bring.
_QUEUES: Final = frozenset({"queue", "concurrent.futures.thread", "multiprocessing.pool"})
# As asyncio, anyio and trio name them.
_PAUSES: Final = frozenset({"sleep", "sleep_until"})
_MAX_FRAMES: Final = 13
NOBODY: Final[frozenset[Caller]] = frozenset()


class Caller:
    """The thread or task that makes an attempt. Two callers are equal if they are the same one."""

    __slots__ = ("_ident", "_task", "is_task", "key", "mark")

    def __init__(self, ident: int, task: Any, mark: RetryMark | None = None) -> None:
        self._ident = ident
        # Without a task there is no id to ask for: audit hooks make that slow.
        self.key: tuple[int, int] = (ident, 0 if task is None else id(task))
        """Equal for equal callers."""
        self._task = None if task is None else weakref.ref(task)
        self.is_task = task is not None
        """Whether it is a task; a new one may equal one that is gone, and a thread may not."""
        self.mark = mark
        """What the attempt is known by that it is about to make; None where none is meant."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Caller) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def is_idle(self) -> bool:
        """Whether it has ended, or waits for work, a result, a lock or the end of a thread.

        One that sleeps, or runs, is at work on something of its own.
        """
        if self._task is None:
            return self._thread_is_idle()
        task = self._task()
        if task is None:
            return True
        done = getattr(task, "done", None)
        # A trio task has no such method; its coroutine has no frame once it has ended.
        get_coro = getattr(task, "get_coro", None)
        coroutine: Any = get_coro() if get_coro else getattr(task, "coro", None)
        if bool(done() if done else coroutine.cr_frame is None):
            return True
        return _awaits_others(coroutine)

    def is_this_thread(self) -> bool:
        """Whether it is the calling thread itself, and no task of its loop."""
        return self._task is None and self._ident == get_ident()

    def is_gone(self) -> bool:
        """Whether the consumer's code in it has ended, or it waits for other work."""
        if self._task is not None:
            task = self._task()
            done = getattr(task, "done", None)
            return task is None or (done is not None and bool(done()))
        if self._ident not in threading._active:  # type: ignore[attr-defined]
            return True
        if self._ident == get_ident():
            return _runs_libraries_alone(sys._getframe())
        frame = frames_of_others().get(self._ident)
        return frame is None or _waits_for_work(frame) or _runs_libraries_alone(frame)

    def _thread_is_idle(self, frame: FrameType | None = None) -> bool:
        if self._ident not in threading._active:  # type: ignore[attr-defined]
            return True
        if self._ident == get_ident():
            return False
        frame = frame or frames_of_others().get(self._ident)
        if frame is None:
            return True
        return _waits_for_others(frame) or _runs_libraries_alone(frame)


def callers_at_work(but: Container[tuple[int, int]] = ()) -> frozenset[Caller]:
    """The other threads that are at work now, and the tasks of this thread that have not begun.

    Args:
        but: keys of callers that are left out.
    """
    found = set()
    if _count_started() or len(threading._active) > 1:  # type: ignore[attr-defined]
        for other, frame in frames_of_others().items():
            caller = Caller(other, None)
            if _is_notified(frame) or not caller._thread_is_idle(frame):
                found.add(caller)
    asyncio = sys.modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    # A task that has not begun is ready, and to look at all tasks takes its time.
    if asyncio is not None and loop is not None and getattr(loop, "_ready", True):
        ident = get_ident()
        for task in asyncio.all_tasks():
            if inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CREATED:
                found.add(Caller(ident, task))
    return frozenset(caller for caller in found if caller.key not in but) if found else NOBODY


def _is_notified(frame: FrameType | None) -> bool:
    """Whether a thread that waits was notified, and is about to continue."""
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        if frame.f_code is threading.Condition.wait.__code__:
            condition, waiter = frame.f_locals["self"], frame.f_locals.get("waiter")
            return waiter is not None and waiter not in condition._waiters
        frame = frame.f_back
    return False


def _waits_for_others(innermost: FrameType) -> bool:
    """Whether a thread waits for a queue, a join, a result or a pool, and does not sleep."""
    frame: FrameType | None = innermost
    waits = False
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        name = frame.f_globals.get("__name__", "")
        if name.startswith(_PACKAGE):
            frame = frame.f_back
            continue
        if not name.startswith(_WAITING_ROOMS):
            break
        function = frame.f_code.co_name
        if name in _QUEUES or function in ("get", "join", "result"):
            return True
        if frame.f_code is threading.Event.wait.__code__ and frame.f_locals["timeout"] is not None:
            # A pause that can be ended early, unless a queue turns out to wait in it.
            waits = False
        elif function in ("wait", "acquire", "__enter__"):
            waits = True
        frame = frame.f_back
    return waits


def _waits_for_work(innermost: FrameType) -> bool:
    """Whether a thread blocks in a queue, as a worker does between two jobs."""
    frame: FrameType | None = innermost
    for _ in range(_MAX_FRAMES):
        name = "" if frame is None else frame.f_globals.get("__name__", "")
        if frame is None or name in _QUEUES:
            return frame is not None
        if not name.startswith((_PACKAGE, *_WAITING_ROOMS)):
            return False
        frame = frame.f_back
    return False


def _runs_libraries_alone(innermost: FrameType) -> bool:
    """Whether a thread runs no code of the consumer's, as a worker that polls for work."""
    frame: FrameType | None = innermost
    while frame is not None:
        if not is_library(frame.f_code.co_filename):
            return False
        frame = frame.f_back
    return True


def _awaits_others(coroutine: Any) -> bool:
    """Whether a task awaits something other than the end of a sleep."""
    for depth in range(100):
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return depth > 0
        if frame.f_code.co_name in _PAUSES:
            return False
        awaited = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
        if awaited is None:
            # It has not begun, or it runs.
            return False
        coroutine = awaited
    return True


def current_caller() -> Caller:
    """The thread or task that runs now, and is about to make an attempt."""
    ident = get_ident()
    task: Any = None
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
    elif "trio" in sys.modules and sys.modules["sniffio"].thread_local.name == "trio":
        # Asked first, since trio itself finds out by an exception.
        trio = sys.modules["trio"]
        if trio.lowlevel.in_trio_task():
            task = trio.lowlevel.current_task()
    return Caller(ident, task, RetryMark.begin())
