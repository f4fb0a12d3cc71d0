"""Waits of several threads overlap: each takes exactly its own time, and none ends early."""

from __future__ import annotations

import contextlib
import functools
import gc
import multiprocessing
import multiprocessing.pool
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from concurrent.futures import TimeoutError as FutureTimeoutError

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_parseapi.clock import blocked_wait
from pytest_parseapi.clock.blocking import Sleep

URL = "https://api.extend.ai/parse"
HEADERS = {"authorization": "Bearer sk_test_0123456789"}


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


def started(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    return threads


def parse(number, client=None, sleep=time.sleep):
    post = httpx.post if client is None else client.post
    body = {"file": {"url": f"https://files.example.com/{number}.pdf"}}
    for seconds in (1, 2, 4, None):
        reply = post(URL, json=body, headers=HEADERS)
        if reply.is_success or seconds is None:
            return reply.status_code
        sleep(seconds)
    return None


def waits_of(extend_api, number):
    attempts = extend_api.attempts_for(f"{number}.pdf")
    return [attempt.waited for attempt in attempts]


@pytest.mark.parametrize("shared", [True, False], ids=["one client", "new clients"])
def test_eight_workers_back_off_together(extend_api, shared):
    for number in range(8):
        extend_api.fail("OCR_ERROR", times=3, document=f"{number}.pdf")
    with httpx.Client() as client, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: parse(n, client if shared else None), range(8)))
    assert found == [200] * 8
    assert [waits_of(extend_api, number) for number in range(8)] == [[None, 1, 2, 4]] * 8
    assert extend_api.clock.elapsed == 7


def test_more_work_than_workers(clock):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(time.sleep, [1, 2, 3, 4]))
    # One worker sleeps 1 and 3, the other 2 and 4.
    assert clock.elapsed == 6


def test_pools_within_pools(clock):
    def outer(seconds):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(time.sleep, [seconds, 2 * seconds]))
        time.sleep(1)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(outer, [1, 2, 3]))
    assert clock.elapsed == 7


def test_as_completed_comes_in_order_of_time(clock):
    with ThreadPoolExecutor(4) as pool:
        futures = {pool.submit(time.sleep, seconds): seconds for seconds in (3, 1, 4, 2)}
        order = [(futures[future], clock.elapsed) for future in as_completed(futures)]
    assert order == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_as_completed_gives_up_at_its_deadline(clock):
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(time.sleep, 20)]
        with pytest.raises(FutureTimeoutError):
            list(as_completed(futures, timeout=5))
        assert clock.elapsed == 5


@pytest.mark.parametrize("sleeps", [[], [3]])
def test_as_completed_without_any_time_left_gives_up_at_once(clock, sleeps):
    list(map(time.sleep, sleeps))
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(time.sleep, 20)]
        for _ in range(10):
            with pytest.raises(FutureTimeoutError):
                list(as_completed(futures, timeout=0))
        assert clock.elapsed == sum(sleeps)


def test_as_completed_gives_up_where_its_caller_used_up_the_time(clock):
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(time.sleep, seconds) for seconds in (1, 20)]
        ended = as_completed(futures, timeout=5)
        next(ended)
        time.sleep(4)
        with pytest.raises(FutureTimeoutError):
            next(ended)
        assert clock.elapsed == 5


@pytest.mark.parametrize("seconds", [5, 0.1, 1 / 3, 3600])
def test_as_completed_gives_up_again_and_again_where_another_wait_was_given_up(clock, seconds):
    with ThreadPoolExecutor(1) as pool:
        work = [pool.submit(time.sleep, 50_000)]
        wait(work, timeout=seconds)
        for number in range(2, 12):
            with pytest.raises(FutureTimeoutError):
                list(as_completed(work, timeout=seconds))
            assert clock.elapsed == pytest.approx(number * seconds, abs=1e-8)


def test_the_supervisor_of_a_thread_pool_is_at_rest(clock):
    with multiprocessing.pool.ThreadPool(2) as pool:
        pool.map(time.sleep, [3600, 1800, 7200])
    assert clock.elapsed == 9000


def test_a_pool_of_threads_of_multiprocessing(extend_api):
    for number in range(2):
        extend_api.fail("OCR_ERROR", times=3, document=f"{number}.pdf")
    with multiprocessing.pool.ThreadPool(2) as pool:
        assert pool.map(parse, range(2)) == [200, 200]
        pool.map(time.sleep, [1, 1])
    assert [waits_of(extend_api, number) for number in range(2)] == [[None, 1, 2, 4]] * 2


def test_a_pool_of_threads_has_time_outs(clock):
    with multiprocessing.pool.ThreadPool(1) as pool:
        slow = pool.apply_async(time.sleep, (4,))
        with pytest.raises(multiprocessing.TimeoutError):
            slow.get(timeout=2)
    assert clock.elapsed >= 2


# Waits with a time-out.


def wait_on_event(seconds):
    assert threading.Event().wait(seconds) is False


def wait_on_queue(seconds):
    with pytest.raises(queue.Empty):
        queue.Queue().get(timeout=seconds)


def wait_on_full_queue(seconds):
    full = queue.Queue(1)
    full.put(1)
    with pytest.raises(queue.Full):
        full.put(2, timeout=seconds)


def wait_on_simple_queue(seconds):
    with pytest.raises(queue.Empty):
        queue.SimpleQueue().get(timeout=seconds)


def wait_on_semaphore(seconds):
    assert threading.Semaphore(0).acquire(timeout=seconds) is False


def wait_on_barrier(seconds):
    with pytest.raises(threading.BrokenBarrierError):
        threading.Barrier(2).wait(timeout=seconds)


def wait_on_condition(seconds):
    condition = threading.Condition()
    with condition:
        assert condition.wait(seconds) is False


def wait_for_condition(seconds):
    condition = threading.Condition()
    with condition:
        assert condition.wait_for(lambda: False, timeout=seconds) is False


def wait_on_lock(seconds):
    lock = threading.Lock()
    lock.acquire()
    assert lock.acquire(timeout=seconds) is False


def wait_on_rlock(seconds):
    lock = threading.RLock()
    done = threading.Event()
    ready = threading.Event()

    def hold():
        with lock:
            ready.set()
            done.wait()

    (thread,) = started(hold)
    ready.wait()
    assert lock.acquire(timeout=seconds) is False
    done.set()
    thread.join()


def wait_on_future(seconds):
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(done.wait)
        with pytest.raises(FutureTimeoutError):
            future.result(timeout=seconds)
        done.set()


def wait_on_futures(seconds):
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        _, pending = wait([pool.submit(done.wait)], timeout=seconds)
        assert len(pending) == 1
        done.set()


def wait_on_map(seconds):
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(FutureTimeoutError):
            list(pool.map(lambda _: done.wait(), [1], timeout=seconds))
        done.set()


def wait_on_join(seconds):
    done = threading.Event()
    (thread,) = started(done.wait)
    thread.join(timeout=seconds)
    assert thread.is_alive()
    done.set()
    thread.join()


def wait_on_timer(seconds):
    came = threading.Event()
    timer = threading.Timer(seconds, came.set)
    timer.start()
    assert came.wait() is True
    timer.join()


TIMED = [
    *(wait_on_event, wait_on_queue, wait_on_full_queue, wait_on_simple_queue, wait_on_semaphore),
    *(wait_on_barrier, wait_on_condition, wait_for_condition, wait_on_lock, wait_on_rlock),
    *(wait_on_future, wait_on_futures, wait_on_map, wait_on_join, wait_on_timer),
]


@pytest.mark.parametrize("seconds", [5, 0.25])
@pytest.mark.parametrize("waits", TIMED)
def test_time_outs(clock, waits, seconds):
    waits(seconds)
    assert clock.elapsed == seconds


@pytest.mark.parametrize("waits", TIMED)
def test_time_outs_in_a_thread_while_another_sleeps(clock, waits):
    failures = []

    def run():
        try:
            waits(5)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = started(run, lambda: time.sleep(3))
    for thread in threads:
        thread.join()
    assert failures == []
    assert clock.elapsed == 5


@pytest.mark.parametrize("timeout", [60, None])
def test_events_before_the_time_out(clock, timeout):
    came = threading.Event()
    box = queue.Queue()

    def produce():
        time.sleep(2)
        came.set()
        time.sleep(3)
        box.put("work")

    (thread,) = started(produce)
    assert came.wait(timeout) is True
    assert clock.elapsed == 2
    assert box.get(timeout=timeout) == "work"
    assert clock.elapsed == 5
    thread.join(timeout)
    assert clock.elapsed == 5


def test_a_lock_held_while_sleeping(clock):
    lock = threading.Lock()
    starts = []

    def limited():
        with lock:
            starts.append(clock.elapsed)
            time.sleep(1)

    for thread in started(*[limited] * 5):
        thread.join()
    assert starts == [0, 1, 2, 3, 4]
    assert clock.elapsed == 5


def test_a_semaphore_that_lets_two_through(clock):
    gate = threading.Semaphore(2)

    def limited():
        with gate:
            time.sleep(1)

    for thread in started(*[limited] * 6):
        thread.join()
    assert clock.elapsed == 3


def test_a_barrier_waits_for_the_slowest(clock):
    barrier = threading.Barrier(3)
    passed = []

    def run(seconds):
        time.sleep(seconds)
        barrier.wait(timeout=30)
        passed.append(clock.elapsed)

    for thread in started(*[lambda s=s: run(s) for s in (1, 5, 3)]):
        thread.join()
    assert passed == [5, 5, 5]


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_that_poll_a_queue_take_a_step_for_each_poll(clock, workers):
    jobs: queue.Queue[int] = queue.Queue()
    stop = threading.Event()
    polls = [0] * workers

    def poll(number):
        while not stop.is_set():
            polls[number] += 1
            with contextlib.suppress(queue.Empty):
                jobs.get(timeout=0.05)

    threads = [threading.Thread(target=poll, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    time.sleep(10)
    stop.set()
    for thread in threads:
        thread.join()
    # A loop that waits again for the rest of a rounded deadline spins until real time counts.
    assert all(190 <= count <= 210 for count in polls)


def test_a_thread_that_runs_the_method_of_a_lock_is_the_consumer_s(clock):
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(3, lock.release).start()
    assert lock.acquire(timeout=10)
    assert clock.elapsed == pytest.approx(3, abs=0.02)


def test_a_consumer_and_a_producer(clock):
    box = queue.Queue(maxsize=1)
    got = []

    def consume():
        while (item := box.get()) is not None:
            got.append((item, clock.elapsed))
            time.sleep(2)

    (thread,) = started(consume)
    for item in (1, 2, 3):
        box.put(item)
        time.sleep(1)
    box.put(None)
    thread.join()
    assert got == [(1, 0), (2, 2), (3, 4)]
    assert clock.elapsed == 6


# Real work.


def compute(seconds, clock_function=time.thread_time):
    """Keep a processor busy: thread_time moves by real work alone."""
    end = clock_function() + seconds
    while clock_function() < end:
        pass


def test_no_jump_over_a_computing_thread(clock):
    done = threading.Event()

    def work():
        compute(0.15)
        done.set()

    (thread,) = started(work)
    assert done.wait(3600) is True
    thread.join()
    assert clock.elapsed < 3600


def test_no_jump_over_a_thread_that_waits_for_a_socket(clock):
    ours, theirs = socket.socketpair()
    came = threading.Event()

    def receive():
        assert ours.recv(4) == b"work"
        came.set()

    def send():
        compute(0.1)
        theirs.sendall(b"work")

    with ours, theirs:
        threads = started(receive, send)
        assert came.wait(3600) is True
        for thread in threads:
            thread.join()
    assert clock.elapsed < 3600


class Local:
    """An object among the local variables of a thread."""


@pytest.mark.usefixtures("clock")
def test_a_look_at_the_threads_leaves_nothing_of_them_to_the_garbage_collector(older):
    kept = []
    done = threading.Event()

    def hold():
        local = Local()
        kept.append(weakref.ref(local))
        done.wait()

    def work(number):
        parse(number)
        time.sleep(3600)

    gc.collect()
    gc.disable()
    try:
        held = older.submit(hold)
        with ThreadPoolExecutor(2) as pool:
            pool.submit(hold)
            for future in [pool.submit(work, number) for number in range(4)]:
                future.result()
            done.set()
        held.result()
        assert [local() for local in kept] == [None, None]
    finally:
        gc.enable()


@pytest.fixture(scope="module")
def older():
    """A pool whose worker is older than the test."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        yield pool


def test_no_jump_over_an_older_thread_that_works_for_the_test(older, clock):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        future = older.submit(ours.recv, 4)
        threading.Thread(target=lambda: (compute(0.05), theirs.sendall(b"work"))).start()
        assert future.result(timeout=3600) == b"work"
    assert clock.elapsed < 3600
    older.submit(time.sleep, 5).result(timeout=60)
    assert 5 <= clock.elapsed < 60


def test_an_older_thread_that_waits_for_something_else_is_at_rest(foreign_thread, clock):
    before = time.perf_counter()
    time.sleep(3600)
    assert clock.elapsed == 3600
    assert time.perf_counter() - before < 3630


@pytest.fixture
def foreign_thread():
    """A thread that waits for a socket before the test begins, and all through it."""
    ours, theirs = socket.socketpair()
    (thread,) = started(lambda: ours.recv(4))
    while thread.ident is None or not thread.is_alive():
        pass
    time.sleep(0.02)
    yield
    theirs.sendall(b"work")
    thread.join()
    ours.close()
    theirs.close()


def test_no_jump_over_a_child_process(clock):
    came = threading.Event()

    def call():
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.2)"], check=True)
        came.set()

    (thread,) = started(call)
    assert came.wait(3600) is True
    thread.join()
    assert clock.elapsed < 3600


def test_a_child_process_s_time_out_is_real(clock):
    process = subprocess.run(
        [sys.executable, "-c", "print('done')"], timeout=60, capture_output=True, check=True
    )
    assert process.stdout.strip() == b"done"
    assert clock.elapsed == 0
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(
            [sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.1, check=True
        )


def test_a_wait_ends_by_real_time_where_no_jump_is_possible(clock):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        (thread,) = started(lambda: ours.recv(1))
        assert threading.Event().wait(0.05) is False
        theirs.sendall(b"x")
        thread.join()
    assert clock.elapsed == 0.05


def answered_in_time():
    """Whether a server that takes a moment answers before its client gives it up."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0.24)

    def answer():
        time.sleep(0.01)
        theirs.sendall(b"x")

    with ours, theirs:
        (thread,) = started(answer)
        try:
            return ours.recv(1) == b"x"
        except TimeoutError:
            return False
        finally:
            thread.join()


@pytest.mark.usefixtures("clock")
def test_a_short_wait_beside_a_real_one_ends_in_time():
    # A busy machine may take longer for once.
    assert any(answered_in_time() for _ in range(10))


def test_of_many_threads_that_wait_few_look_at_the_clock(clock, monkeypatch):
    looks = []
    block = Sleep.block

    def counted(gate, seconds):
        looks.append(seconds)
        return block(gate, seconds)

    monkeypatch.setattr(Sleep, "block", counted)
    threads = started(*[functools.partial(time.sleep, 3600 + number) for number in range(100)])
    compute(0.3)
    for thread in threads:
        thread.join()
    assert clock.elapsed == 3699
    assert len(looks) < 1500


def test_a_busy_loop_on_a_deadline_is_a_wait(clock):
    began = os.times().elapsed
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    # On a busy machine, the real time of the call counts, too.
    assert 0.25 <= clock.elapsed <= 0.5 + os.times().elapsed - began


def test_a_few_looks_at_the_clock_in_each_of_many_threads_are_no_busy_loop(clock):
    done, looked = threading.Event(), threading.Barrier(51)

    def look():
        for _ in range(10):
            time.monotonic()
        looked.wait()
        done.wait()

    threads = started(*[look] * 50)
    looked.wait()
    compute(0.3, time.process_time)
    time.sleep(1)
    elapsed = clock.elapsed
    done.set()
    for thread in threads:
        thread.join()
    assert elapsed == 1


def test_running_code_is_no_wait(clock):
    compute(0.3, time.process_time)
    time.sleep(1)
    assert clock.elapsed == 1


# Trees of threads: each thread's own waits are exact, and the longest path is what elapses.

leaves = st.floats(min_value=0.001, max_value=10).map(lambda s: round(s, 3))
trees = st.recursive(
    st.lists(leaves, max_size=3),
    lambda inner: st.lists(leaves | st.lists(inner, min_size=1, max_size=3).map(tuple), max_size=3),
    max_leaves=6,
)


def nanoseconds(tree):
    """How long a tree takes: sleeps in a row; a tuple is a set of threads, all waited for."""
    total = 0
    for part in tree:
        if isinstance(part, tuple):
            total += max(map(nanoseconds, part))
        else:
            total += round(part * 1e9)
    return total


def run_tree(tree, clock, wrong):
    for part in tree:
        before = clock.elapsed_ns
        if isinstance(part, tuple):
            threads = started(*[lambda t=t: run_tree(t, clock, wrong) for t in part])
            for thread in threads:
                thread.join()
            took, expected = clock.elapsed_ns - before, max(map(nanoseconds, part))
        else:
            time.sleep(part)
            took, expected = clock.elapsed_ns - before, round(part * 1e9)
        if took != expected:
            wrong.append((part, took, expected))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=trees)
def test_trees_of_threads(clock, monkeypatch, tree):
    # If the machine pauses for the length of a wait, that wait has passed.
    monkeypatch.setattr(blocked_wait, "FREE_NS", 3600 * blocked_wait.SECOND_NS)
    wrong: list = []
    before = clock.elapsed_ns
    run_tree(tree, clock, wrong)
    assert wrong == []
    assert clock.elapsed_ns - before == nanoseconds(tree)


# Forked children.


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_ends_well(clock):
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(0.01,))
    child.start()
    child.join()
    assert child.exitcode == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(clock):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs would take the test with it
        done = threading.Event()
        thread = threading.Thread(target=done.set)
        thread.start()
        os._exit(0 if done.wait(60) and thread.join(60) is None else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_replaced_classes_of_the_stdlib_do_not_break_a_simulation(nested):
    nested(
        """
        import ssl, subprocess, threading
        import httpx, pytest

        @pytest.fixture(params=[threading.Thread, subprocess.Popen, ssl.SSLSocket])
        def replaced(request, monkeypatch):
            kind = request.param
            monkeypatch.setattr(__import__(kind.__module__), kind.__name__, type("Own", (), {}))

        def test_it(replaced, extend_api):
            assert httpx.post("https://api.extend.ai/parse").status_code == 401
        """
    ).assert_outcomes(passed=3)


def test_a_timer_that_calls_what_waits_for_something_real(extend_api):
    receiver, sender = multiprocessing.Pipe(duplex=False)
    timer = threading.Timer(5, sender.send, ("done",))
    timer.start()
    timer.join()
    assert receiver.recv() == "done"
    assert extend_api.clock.elapsed == 5
    receiver.close()
    sender.close()
