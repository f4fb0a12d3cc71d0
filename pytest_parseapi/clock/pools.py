"""The threads of pools: the jobs of a pool show whether its threads are at work.

The threads of a ``multiprocessing`` pool that is older than the test still use the real methods of
their queues, so nobody notifies us of a new item; and from Python 3.13 on, an item that is handed
to a waiting thread is not visible in the queue. The threads of a pool of processes wait for results
of the child processes; they are at rest if the pool has no jobs.
"""

from __future__ import annotations

import dis
import functools
import threading
from collections.abc import Callable, Collection
from types import CodeType, FrameType
from typing import Any, Final

_POOL_MODULE: Final = "multiprocessing.pool"
_JOB_TAKER: Final = "_handle_tasks"
_RUNS: Final = "RUN"
_PROCESS_WAITS: Final = frozenset({"_handle_workers", "_handle_results"})
_TAKE: Final = "get"
_WAITING_FUNCTIONS: Final = frozenset({"worker", _JOB_TAKER, "_handle_results"})


def work_of_processes(frame: FrameType | None) -> Callable[[], bool] | None:
    """Recognise a thread of a process pool that waits for results of the child processes.

    Args:
        frame: the frame that called ``multiprocessing.connection``; None if there is none.

    Returns:
        A function that returns whether the pool has a job, or is shutting down; None if it is no
        such thread.
    """
    while frame is not None and frame.f_globals.get("__name__") == "multiprocessing.connection":
        frame = frame.f_back
    if frame is None:
        return None
    module, name = frame.f_globals.get("__name__"), frame.f_code.co_name
    if (module, name) == ("concurrent.futures.process", "wait_result_broken_or_wakeup"):
        executor = frame.f_locals["self"]
        return lambda: bool(executor.pending_work_items) or executor.is_shutting_down()
    if (module, name) == (_POOL_MODULE, "_wait_for_updates"):
        frame = frame.f_back
    if frame is None or module != _POOL_MODULE or frame.f_code.co_name not in _PROCESS_WAITS:
        return None
    cache, thread = frame.f_locals["cache"], frame.f_locals["thread"]
    return lambda: bool(cache) or thread._state != _RUNS


def feeds_processes() -> bool:
    """Whether the calling thread is the feeder thread of a ``multiprocessing`` queue."""
    target = getattr(threading.current_thread(), "_target", None)
    return getattr(target, "__module__", None) == "multiprocessing.queues"


def is_of_pool(frame: FrameType) -> bool:
    """Whether a thread is in a function of a pool that waits for jobs or results."""
    return (
        frame.f_globals.get("__name__") == _POOL_MODULE
        and frame.f_code.co_name in _WAITING_FUNCTIONS
    )


def waits_in_pool(frame: FrameType) -> bool:
    """Whether a thread of a pool waits: it is at the line of such a function that takes an item."""
    return is_of_pool(frame) and frame.f_lineno in _lines_that_get(frame.f_code)


@functools.lru_cache(maxsize=8)
def _lines_that_get(code: CodeType) -> frozenset[int | None]:
    """The lines of a function that take an item out of a queue."""
    return frozenset(
        instruction.positions.lineno
        for instruction in dis.get_instructions(code)
        if instruction.argval == _TAKE and instruction.positions is not None
    )


def on_its_way(frame: FrameType, waits: Collection[int]) -> Callable[[], bool]:
    """Return a function: is a thread of the pool about to run, although all seem to be at rest?

    Args:
        frame: the frame of one thread of the pool.
        waits: the threads that have registered a wait, by their identity.
    """
    if frame.f_code.co_name != _JOB_TAKER:
        return bool  # the thread that takes jobs is asked for the whole pool
    workers, cache = (frame.f_locals[name] for name in ("pool", "cache"))
    older = frozenset(cache)

    def is_on_its_way() -> bool:
        jobs = [job for number, job in list(cache.items()) if number not in older]
        threads = [worker.ident for worker in list(workers) if isinstance(worker, threading.Thread)]
        if not threads:
            return bool(jobs)  # child processes are at work
        left = sum(map(_left, jobs))
        waiting = sum(ident in waits for ident in threads)
        return waiting < min(left, len(threads))

    return is_on_its_way


def _left(job: Any) -> int:
    """The number of items of a job that are not done."""
    if hasattr(job, "_number_left"):
        return int(job._number_left)
    if hasattr(job, "_length"):  # an iterator of results, as of `imap`
        return 0 if job._length is None else job._length - job._index - len(job._unsorted)
    return 1
