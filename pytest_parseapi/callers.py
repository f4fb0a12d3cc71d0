"""Who makes an attempt: a thread, or a task within it."""

from __future__ import annotations

import sys
import threading
import weakref
from _thread import get_ident
from typing import Any

__all__ = ["Caller", "current_caller"]


class Caller:
    """The thread or task that makes an attempt. Two callers are equal if they are the same one."""

    __slots__ = ("_ident", "_key", "_task")

    def __init__(self, ident: int, task: Any) -> None:
        self._ident = ident
        self._key = (ident, id(task))
        self._task = None if task is None else weakref.ref(task)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Caller) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def is_task(self) -> bool:
        """Whether it is a task; a new one may equal one that is gone, and a thread may not."""
        return self._task is not None

    def finished(self) -> bool:
        """Whether it can make no further attempt of its own: ended, or a pool's idle worker."""
        if self._task is not None:
            task = self._task()
            if task is None:
                return True
            done = getattr(task, "done", None)
            # A trio task has no such method; its coroutine has no frame once it has ended.
            return bool(done() if done else task.coro.cr_frame is None)
        frame = sys._current_frames().get(self._ident)
        thread = threading._active.get(self._ident)  # type: ignore[attr-defined]
        if frame is None or thread is None:
            return True
        if frame.f_globals.get("__name__") == "pytest_parseapi.clock.natives":
            frame = frame.f_back or frame
        return frame.f_code.co_name == "_worker" and frame.f_globals.get("__name__") == (
            "concurrent.futures.thread"
        )


def current_caller() -> Caller:
    """The caller of this function."""
    ident = get_ident()
    task: Any = None
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
    elif "trio" in sys.modules:
        trio = sys.modules["trio"]
        if trio.lowlevel.in_trio_task():
            task = trio.lowlevel.current_task()
    return Caller(ident, task)
