"""Remembers which line started a thread or task, or submitted work to a pool."""

from __future__ import annotations

import asyncio
import asyncio.base_events
import concurrent.futures
import sys
import threading
import weakref
from types import FrameType
from typing import Any, Final

from pytest_parseapi.model.other_threads import frames_of_others
from pytest_parseapi.patching.attributes import Patches, set_on
from pytest_parseapi.record.evidence.frames import NOWHERE, ConsumerCode, Site

_SITE: Final = "_parseapi_site"


class _PoolWork:
    """Work for a pool, with the place that submitted it."""

    def __init__(self, work: Any, site: Site) -> None:
        self.work = work
        self.site = site

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.work(*args, **options)


class WorkOrigins:
    """Remembers where threads, tasks and the work of pools were started, while a test runs.

    Args:
        own: tells whose code is whose.
    """

    def __init__(self, own: ConsumerCode) -> None:
        self._own = own
        self._patches = Patches()
        self._tasks: weakref.WeakKeyDictionary[Any, Site] = weakref.WeakKeyDictionary()

    def start(self) -> None:
        """Remember from now on."""
        put = self._patches.put
        put(threading.Thread, "start", self._threads)
        put(concurrent.futures.ThreadPoolExecutor, "submit", self._pools)
        put(asyncio.base_events.BaseEventLoop, "create_task", self._loops)

    def stop(self) -> None:
        """Remember no more."""
        self._patches.stop()

    def site(self, depth: int = 1) -> Site:
        """The place in the code that led to the caller of this method.

        Args:
            depth: how many frames to leave out.
        """
        return self._own.site(sys._getframe(depth), self._edge)

    def anywhere(self) -> Site:
        """The consumer's frames in another thread, if only one thread has some.

        Used for a request over a socket: the thread that sent it waits for the answer.
        """
        frames = frames_of_others().values()
        found = [site for frame in frames if (site := self._own.site(frame)).frames]
        return found[0] if len(found) == 1 else NOWHERE

    def _edge(self, frame: FrameType) -> Site | None:
        """The place that submitted the work which begins at this frame; None if none did."""
        code = frame.f_code
        site: Site | None = None
        if code is _PoolWork.__call__.__code__:
            site = frame.f_locals["self"].site
        elif code.co_name == "_run" and frame.f_globals.get("__name__") == "asyncio.events":
            task = asyncio.current_task() if asyncio._get_running_loop() is not None else None
            site = None if task is None else self._tasks.get(task)
        elif frame.f_back is None:
            site = vars(threading.current_thread()).get(_SITE)
        return site if site is not None and site.known else None

    def _threads(self, real: Any) -> Any:
        def start(thread: Any) -> Any:
            set_on(thread, _SITE, self.site(2))
            return real(thread)

        return start

    def _pools(self, real: Any) -> Any:
        def submit(pool: Any, fn: Any, /, *args: Any, **options: Any) -> Any:
            return real(pool, _PoolWork(fn, self.site(2)), *args, **options)

        return submit

    def _loops(self, real: Any) -> Any:
        def create_task(loop: Any, coro: Any, **options: Any) -> Any:
            site = self.site(2)
            task = real(loop, coro, **options)
            self._tasks[task] = site
            return task

        return create_task
