"""The threads of a pool of ``multiprocessing`` that is older than the test.

They keep the real methods of their queues: no thread says when something comes, and from Python
3.13 on a queue hands an item over without showing it. The jobs of the pool show whether one comes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from threading import Thread
from types import FrameType
from typing import Any, Final

_POOL_MODULE: Final = "multiprocessing.pool"
_JOB_TAKER: Final = "_handle_tasks"
_WAITING_FUNCTIONS: Final = frozenset({"worker", _JOB_TAKER, "_handle_results"})


def is_of_pool(frame: FrameType) -> bool:
    """Whether a thread is where one of a pool waits for work or results."""
    return (
        frame.f_globals.get("__name__") == _POOL_MODULE
        and frame.f_code.co_name in _WAITING_FUNCTIONS
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
        threads = [worker.ident for worker in list(workers) if isinstance(worker, Thread)]
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
