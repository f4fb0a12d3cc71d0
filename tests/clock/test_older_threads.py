"""Threads that outlive tests are at rest in the next one, and are woken before time jumps."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import os
import queue
import sys
import threading
import time
from _thread import allocate_lock
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.pool import ThreadPool

import pytest
import trio

from pytest_parseapi.clock import FUNCTIONS, older_waits, unregistered_threads
from pytest_parseapi.clock.blocking import raw_acquire
from pytest_parseapi.clock.takeover import take_over
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.clock.unregistered_threads import LiveThreads
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.clock.virtual_time import VirtualTime

# As in a consumer's modules: they live as long as the process.
POOL = ThreadPoolExecutor(2)
THREAD_POOLS: list[ThreadPool] = []
LOOP = asyncio.new_event_loop()
BOX: queue.Queue = queue.Queue()


def work(box):
    while True:
        job, seconds, done = box.get()
        job(seconds)
        done.set()


@pytest.fixture(scope="module", autouse=True)
def workers():
    for target, arguments in ((LOOP.run_forever, ()), (work, (BOX,))):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    THREAD_POOLS.append(ThreadPool(2))
    yield
    POOL.shutdown()
    THREAD_POOLS[0].terminate()
    THREAD_POOLS.pop().join()
    LOOP.call_soon_threadsafe(LOOP.stop)


@pytest.fixture
def clock(extend_api):
    began = os.times().elapsed
    yield extend_api.clock
    assert os.times().elapsed - began < 30


@pytest.fixture
def taken_over():
    """Keep the clock functions taken over between tests, as a session does."""
    functions = take_over()
    functions.hold()
    yield
    functions.release()


def compute(seconds):
    """Keep a processor busy: thread_time moves by real work alone."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def by_pool(job, seconds):
    POOL.submit(job, seconds).result(timeout=100)


def by_thread_pool(job, seconds):
    THREAD_POOLS[0].map_async(job, [seconds] * 2).get(timeout=100)


def by_queue(job, seconds):
    done = threading.Event()
    BOX.put((job, seconds, done))
    assert done.wait(100)


def by_loop(job, seconds):
    async def wait():
        if job is compute:
            job(seconds)
        else:
            await asyncio.sleep(seconds)

    asyncio.run_coroutine_threadsafe(wait(), LOOP).result(timeout=100)


# Several times, since the state that the previous test left differs.
@pytest.mark.parametrize("_time", range(3))
@pytest.mark.parametrize("by", [by_pool, by_thread_pool, by_queue, by_loop])
def test_a_wait_in_a_thread_that_is_older(clock, by, _time):
    by(time.sleep, 60)
    assert clock.elapsed == 60


@pytest.mark.parametrize("_time", range(3))
@pytest.mark.parametrize("by", [by_pool, by_thread_pool, by_queue, by_loop])
def test_no_jump_over_an_older_thread_that_is_about_to_run(clock, by, _time):
    by(compute, 0.03)
    assert clock.elapsed < 1


LEAVING = """
import asyncio, os, queue, threading, time
import pytest

pytestmark = pytest.mark.parametrize("_time", range(3))

@pytest.fixture
def clock(extend_api):
    began = os.times().elapsed
    yield extend_api.clock
    assert os.times().elapsed - began < 30

def left(work):
    threading.Thread(target=work, daemon=True).start()

def test_waiting(clock, _time):
    box = queue.Queue()

    def work():
        while True:
            time.sleep(box.get())
            box.task_done()

    left(work)
    for seconds in (10, 20, 30):
        box.put(seconds)
    box.join()
    assert clock.elapsed == 60

def test_polling(clock, _time):
    def work():
        while True:
            try:
                queue.Queue().get(timeout=10)
            except queue.Empty:
                continue

    left(work)
    time.sleep(50)
    assert clock.elapsed == 50

def test_a_loop(clock, _time):
    loop = asyncio.new_event_loop()
    left(loop.run_forever)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(60), loop).result()
    assert clock.elapsed == 60

def test_beside_those_that_others_left(clock, _time):
    thread = threading.Thread(target=time.sleep, args=(60,))
    thread.start()
    thread.join()
    assert clock.elapsed == 60
"""


def test_threads_that_their_tests_leave_behind(pytester):
    pytester.makepyfile(LEAVING)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=12)


BETWEEN = """
import asyncio, threading, time

LOOP = asyncio.new_event_loop()

def test_simulated(extend_api):
    pass

def test_a_loop_begins():
    threading.Thread(target=LOOP.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001), LOOP).result()
    time.sleep(0.05)  # until it waits again

def test_it_is_woken_before_time_jumps(extend_api):
    asyncio.run_coroutine_threadsafe(asyncio.sleep(3), LOOP).result(timeout=5)
    assert extend_api.clock.elapsed == 3
"""


def test_a_loop_that_began_to_wait_between_two_simulated_tests(pytester):
    pytester.makepyfile(BETWEEN)
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=3)


SLEEPING = """
import threading, time
import pytest

THREADS = []

@pytest.mark.parametrize("_time", range(10))
def test_leaves_threads_that_sleep(extend_api, _time):
    for _ in range(20):
        THREADS.append(threading.Thread(target=time.sleep, args=(3600,), daemon=True))
        THREADS[-1].start()
    time.sleep(1)  # time passes when all of them sleep

def test_they_have_ended():
    latest = time.monotonic() + 10
    for thread in THREADS:
        thread.join(max(0, latest - time.monotonic()))
    assert not any(thread.is_alive() for thread in THREADS)
"""


def test_a_thread_that_sleeps_ends_with_its_test_though_the_next_one_begins_at_once(pytester):
    pytester.makepyfile(SLEEPING)
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=11)


def test_a_new_thread_with_a_reused_identity_is_not_older():
    go_on, found = threading.Event(), []
    old = threading.Thread(target=go_on.wait)
    old.start()
    live = LiveThreads([old.ident])
    assert old.ident in live
    go_on.set()
    old.join()
    for _ in range(1_000):
        new = threading.Thread(target=lambda: found.append(threading.get_ident() in live))
        new.start()
        new.join()
        if new.ident == old.ident:
            break
    assert not any(found)


def test_a_sleeping_thread_that_wakes_as_its_test_ends_ends_too(monkeypatch):
    first, second = VirtualTime(VirtualClock()), VirtualTime(VirtualClock())
    first.start()
    jumps, is_out, may_go_on = first.clock.jumps, [], []
    leave = jumps.unlock

    def leave_slowly():
        leave()
        if threading.current_thread() is sleeper:
            is_out.append(True)
            until(may_go_on)

    monkeypatch.setattr(jumps, "unlock", leave_slowly)
    sleeper = threading.Thread(target=first.clock.sleep, args=(3600,), daemon=True)
    jumps.closed = True  # what the end of the test does first
    sleeper.start()
    until(is_out)
    first.stop()
    second.start()
    may_go_on.append(True)
    second.stop()
    sleeper.join(60)
    assert not sleeper.is_alive()


def until(box):
    """Wait in real time until something is in it."""
    gate = allocate_lock()
    raw_acquire(gate)
    while not box:
        raw_acquire(gate, True, 0.001)  # noqa: FBT003 - a lock's own order


def test_a_thread_that_lacks_a_processor_when_a_test_begins_comes_to_rest_first():
    has_gone_on, box = [], queue.SimpleQueue()

    def work():
        FUNCTIONS["sleep"](0.05)  # as one that is not running: nothing shows what it is about to do
        has_gone_on.append(True)
        box.get()

    thread = threading.Thread(target=work)
    thread.start()
    Threads().unregistered.settle()
    assert has_gone_on
    box.put(None)
    thread.join()


def test_between_simulated_tests_threads_wait_as_they_do():
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lambda: (POOL.submit(compute, 0.01).result(), lock.release())).start()
    assert lock.acquire(timeout=60)
    with pytest.raises(queue.Empty):
        queue.SimpleQueue().get(timeout=0.01)
    by_pool(compute, 0.01)


# Threads that wait a second again and again. Each returns a function that ends a wait early.


def turns_of_a_queue(turned):
    box = queue.Queue()

    def work():
        while True:
            try:
                if box.get(timeout=1) is None:
                    return
            except queue.Empty:
                turned()

    return work, lambda: box.put(1), lambda: box.put(None)


def turns_of_a_condition(turned):
    condition, asked = threading.Condition(), []

    def work():
        while None not in asked:
            with condition:
                if not condition.wait_for(asked.copy, timeout=1):
                    turned()
                del asked[: None not in asked]

    def ask(what):
        with condition:
            asked.append(what)
            condition.notify()

    return work, lambda: ask(1), lambda: ask(None)


def turns_of_a_semaphore(turned):
    semaphore, done = threading.Semaphore(0), threading.Event()

    def work():
        while not done.is_set():
            if not semaphore.acquire(timeout=1):
                turned()

    return work, semaphore.release, lambda: (done.set(), semaphore.release())


def turns_of_asyncio(turned):
    loop = asyncio.new_event_loop()

    async def turns():
        while True:
            await asyncio.sleep(1)
            turned()

    def work():
        loop.run_forever()
        loop.close()

    def begin():
        asyncio.run_coroutine_threadsafe(turns(), loop)

    return work, begin, lambda: loop.call_soon_threadsafe(loop.stop)


def turns_of_trio(turned):
    begun, token = threading.Event(), []

    async def turns(asked, scope):
        with scope:
            await asked.wait()
            while True:
                await trio.sleep(1)
                turned()

    async def main():
        asked, scope = trio.Event(), trio.CancelScope()
        token.extend((trio.lowlevel.current_trio_token(), asked, scope))
        begun.set()
        await turns(asked, scope)

    def order(number, call):
        begun.wait()
        token[0].run_sync_soon(getattr(token[number], call))

    return lambda: trio.run(main), lambda: order(1, "set"), lambda: order(2, "cancel")


@pytest.mark.parametrize(
    "kind",
    [
        turns_of_a_queue,
        turns_of_a_condition,
        turns_of_a_semaphore,
        turns_of_asyncio,
        turns_of_trio,
    ],
)
@pytest.mark.usefixtures("taken_over")
def test_a_loops_wait_that_outlives_its_test_keeps_its_length(kind):
    turns, is_over, turned_then = [], threading.Event(), threading.Event()
    has_begun = threading.Event()

    def turned():
        turns.append(1)
        has_begun.set()
        if is_over.is_set():
            turned_then.set()

    work, begin, end = kind(turned)
    thread = threading.Thread(target=work)
    thread.start()
    time_ = VirtualTime(VirtualClock())
    time_.start()
    try:
        begin()
        has_begun.wait()
        time.sleep(600)
    finally:
        time_.stop()
    is_over.set()
    came = turned_then.wait(60)
    end()
    thread.join()
    assert came
    assert len(turns) > 500


# Waits of a hundredth of a second. Each returns what waits, and the condition that it waits at.


def within_a_queue():
    box = queue.Queue()
    return lambda: box.get(timeout=0.01), box.not_empty


def within_a_condition():
    condition = threading.Condition()

    def wait():
        with condition:
            condition.wait_for(bool, timeout=0.01)

    return wait, condition


def within_a_semaphore():
    semaphore = threading.Semaphore(0)
    return lambda: semaphore.acquire(timeout=0.01), semaphore._cond


@pytest.mark.parametrize("within", [within_a_queue, within_a_condition, within_a_semaphore])
@pytest.mark.usefixtures("taken_over")
def test_a_wait_whose_deadline_was_computed_as_the_test_ended_keeps_its_length(within, monkeypatch):
    wait, condition = within()
    has_deadline, may_go_on = [], []
    release = condition._release_save

    def release_slowly():
        has_deadline.append(True)
        until(may_go_on)
        return release()

    def work():
        with contextlib.suppress(queue.Empty):
            wait()

    monkeypatch.setattr(condition, "_release_save", release_slowly)
    time_ = VirtualTime(VirtualClock())
    time_.start()
    time.sleep(600)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until(has_deadline)
    time_.stop()
    may_go_on.append(True)
    thread.join(60)
    assert not thread.is_alive()


def results_of_a_map(pool, jobs):
    return pool.map(lambda job: job(), jobs, timeout=0.3)


def results_as_completed(pool, jobs):
    return as_completed([pool.submit(job) for job in jobs], timeout=0.3)


@pytest.mark.parametrize("results", [results_of_a_map, results_as_completed])
@pytest.mark.usefixtures("taken_over")
def test_the_wait_for_several_results_that_outlives_its_test_keeps_its_length(results):
    first, last = threading.Event(), threading.Event()

    def work():
        with contextlib.suppress(TimeoutError):
            list(results(pool, [first.wait, last.wait]))

    with ThreadPoolExecutor(2) as pool:
        time_ = VirtualTime(VirtualClock())
        time_.start()
        time.sleep(600)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        FUNCTIONS["sleep"](0.05)  # it waits for the first
        time_.stop()
        first.set()
        thread.join(30)
        is_late = thread.is_alive()
        last.set()
    assert not is_late


@pytest.mark.parametrize("by", [by_pool, by_thread_pool, by_queue])
def test_a_thread_that_gets_no_processor_for_long_is_woken_before_time_jumps(
    by, monkeypatch, request
):
    by(compute, 0)  # so that its threads are there, and older than the simulation
    # On a loaded machine the wait may take its real time.
    clock = request.getfixturevalue("extend_api").clock
    # None of these time limits may decide the result.
    monkeypatch.setattr(older_waits, "GRACE_NS", 0)
    monkeypatch.setattr(unregistered_threads, "_MIN_PAUSE_NS", 10**12)
    time.sleep(1)
    by(time.sleep, 60)
    assert clock.elapsed == 61


XDIST = """
def receive():
    steps.append("reads")
    while "begun" not in steps:
        pass
    steps.append("moved")
    read(pipe, 1)
    steps.append("ended")
"""


def test_a_receiver_of_xdist_that_was_at_work_as_the_test_began_is_not_at_work(request):
    pipe, end = os.pipe()
    steps = []
    names = {"__name__": "execnet.gateway_base", "steps": steps, "read": os.read, "pipe": pipe}
    exec(XDIST, names)
    ident = _thread.start_new_thread(names["receive"], ())
    while not steps:
        pass
    try:
        clock = request.getfixturevalue("clock")
        steps.append("begun")
        while "moved" not in steps:
            pass
        frame = sys._current_frames()[ident]
        assert not clock.jumps.threads.unregistered._has_moved(ident, frame)
    finally:
        os.write(end, b"x")
        while "ended" not in steps:
            pass
        os.close(pipe)
        os.close(end)
