"""Recognises when the threads of a pool are at rest."""

from __future__ import annotations

import sys
import time
from _thread import allocate_lock
from multiprocessing.pool import ThreadPool

from pytest_parseapi.clock.older_waits import is_wait


def waiting(pool, number):
    """The threads of a pool that wait, once there are so many."""
    threads = [*pool._pool, pool._task_handler, pool._result_handler]
    latest = time.monotonic() + 30
    while time.monotonic() < latest:
        frames = sys._current_frames()
        found = [thread for thread in threads if is_wait(frames[thread.ident])]
        if len(found) == number:
            return found
        time.sleep(0.001)
    raise AssertionError(f"{number} threads never waited at once")


def test_a_worker_waits_where_it_takes_a_job_and_nowhere_else():
    gate = allocate_lock()
    gate.acquire()
    with ThreadPool(2) as pool:
        at_rest = waiting(pool, 4)
        # A function in C has no frame, so its worker looks as if it had not taken its job yet.
        job = pool.apply_async(gate.acquire)
        [busy] = set(at_rest) - set(waiting(pool, 3))
        assert busy in pool._pool
        gate.release()
        job.wait()
        waiting(pool, 4)
