"""The threads of pools, whose jobs show whether they are at work.

Those of a pool of ``multiprocessing`` that is older than the test keep the real methods of their
queues: no thread says when something comes, and from Python 3.13 on a queue hands an item over
without showing it. Those of a pool of processes wait for what these send, and at rest they are
where there is no job.
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
    """Whether a pool of processes is at work, where its thread waits for what these send.

    Args:
        frame: what called ``multiprocessing.connection``; None for nobody.

    Returns:
        What returns whether it has a job or ends; None where it is no such thread.
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
    """Whether the calling thread sends child processes what others hand it, to the very end."""
    target = getattr(threading.current_thread(), "_target", None)
    return getattr(target, "__module__", None) == "multiprocessing.queues"


def is_of_pool(frame: FrameType) -> bool:
    """Whether a thread is in a function in which one of a pool waits for work or results."""
    return (
        frame.f_globals.get("__name__") == _POOL_MODULE
        and frame.f_code.co_name in _WAITING_FUNCTIONS
    )


def waits_in_pool(frame: FrameType) -> bool:
    """Whether a thread of a pool waits there: one that lacks a processor is elsewhere in it."""
    return is_of_pool(frame) and frame.f_lineno in _lines_that_get(frame.f_code)


@functools.lru_cache(maxsize=8)
def _lines_that_get(code: CodeType) -> frozenset[int | None]:
    """The lines of a function that take something out of a queue."""
    return frozenset(
        instruction.positions.lineno
        for instruction in dis.get_instructions(code)
        if instruction.argval == _TAKE and instruction.positions is not None
    )


def on_its_way(frame: FrameType, waits: Collection[int]) -> Callable[[], bool]:
    """What returns whether a thread of the pool is about to go on, though all seem to be at rest.

    Args:
        frame: where one of its threads is.
        waits: the numbers of the threads that said that they wait.
    """
    if frame.f_code.co_name != _JOB_TAKER:
        return bool  # the thread that takes jobs answers for all of its pool
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
    """How many items of a job have not ended."""
    if hasattr(job, "_number_left"):
        return int(job._number_left)
    if hasattr(job, "_length"):  # as a worker takes them, one by one
        return 0 if job._length is None else job._length - job._index - len(job._unsorted)
    return 1
