"""The deadlines of a clock: in order, and without those of waits that ended early."""

from __future__ import annotations

import queue
import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from pytest_parseapi.clock.blocking import Sleep
from pytest_parseapi.clock.deadlines import Deadlines
from pytest_parseapi.clock.waiting_thread import WaitingThread


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=300), st.integers(0, 60))
def test_entries_are_due_in_the_order_of_their_deadlines(waits, now):
    deadlines, left = Deadlines(), []
    for deadline, ends_early in waits:
        entry = WaitingThread(Sleep())
        deadlines.add(entry, deadline)
        if ends_early:
            deadlines.forget(entry)
        else:
            left.append(deadline)
    assert deadlines.earliest() == min(left, default=None)
    assert [entry.deadline for entry in deadlines.due(now)] == sorted(
        deadline for deadline in left if deadline <= now
    )
    assert deadlines.earliest() == min((item for item in left if item > now), default=None)


def test_no_deadline_is_next_while_its_thread_is_awake():
    deadlines, entry = Deadlines(), WaitingThread(Sleep())
    deadlines.add(entry, 5)
    entry.awake = True
    assert deadlines.earliest() is None
    entry.awake = False
    assert deadlines.earliest() == 5


def test_ended_waits_do_not_accumulate(extend_api):
    asked, answered = queue.Queue(), queue.Queue()

    def answer():
        for _ in range(2_000):
            answered.put(asked.get())

    threads = [threading.Thread(target=time.sleep, args=(10,)), threading.Thread(target=answer)]
    for thread in threads:
        thread.start()
    for number in range(2_000):
        asked.put(number)
        assert answered.get(timeout=3600) == number
    assert len(extend_api.clock.jumps.deadlines.heap) < 200
    for thread in threads:
        thread.join()
