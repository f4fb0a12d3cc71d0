"""Timers of ``signal`` fire in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pytest_parseapi import ALWAYS

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timers here")


KEPT_ALARM = getattr(signal, "alarm", None)
KEPT_SETITIMER = getattr(signal, "setitimer", None)


def compute_for_ever():
    while True:
        sum(range(1000))


class RingError(Exception):
    """What a handler raises."""


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


@pytest.fixture
def rings(clock):
    """A handler that notes when it ran."""
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(clock.elapsed))
    yield seen
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def raises(rings):
    def ring(*_):
        raise RingError

    signal.signal(signal.SIGALRM, ring)


def condition():
    ready = threading.Condition()
    with ready:
        ready.wait(3600)


def pool_result():
    with ThreadPoolExecutor(1) as pool:
        done = threading.Event()
        future = pool.submit(done.wait, 3600)
        try:
            future.result(timeout=1800)
        finally:
            done.set()


WAITS = {
    "sleep": lambda: time.sleep(3600),
    "event": lambda: threading.Event().wait(3600),
    "event_for_ever": lambda: threading.Event().wait(),
    "lock": lambda: [lock := threading.Lock(), lock.acquire(), lock.acquire(timeout=3600)],
    "queue": lambda: queue.Queue().get(timeout=3600),
    "simple_queue": lambda: queue.SimpleQueue().get(timeout=3600),
    "condition": condition,
    "loop": lambda: asyncio.run(asyncio.sleep(3600)),
    "polls": lambda: [time.sleep(0.5) for _ in range(7200)],
    "future": pool_result,
}


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("arm", ["alarm", "setitimer"])
def test_an_alarm_ends_a_wait_at_its_time(clock, raises, wait, arm):
    if arm == "alarm":
        signal.alarm(30)
    else:
        signal.setitimer(signal.ITIMER_REAL, 30)
    with pytest.raises(RingError):
        WAITS[wait]()
    assert clock.elapsed == pytest.approx(30, abs=0.01)


def test_alarms_by_kept_references_fire_too(clock, rings):
    KEPT_ALARM(30)
    time.sleep(60)
    KEPT_SETITIMER(signal.ITIMER_REAL, 1, 100)
    time.sleep(200)
    KEPT_SETITIMER(signal.ITIMER_REAL, 0)
    assert rings == pytest.approx([30, 61, 161], abs=0.2)


def test_a_pause_ends_with_the_alarm(clock, rings):
    signal.alarm(3600)
    signal.pause()
    assert rings == [3600]
    signal.setitimer(signal.ITIMER_REAL, 60, 60)
    for _ in range(3):
        signal.pause()
    assert rings == [3600, 3660, 3720, 3780]


def test_a_wait_continues_after_a_handler_that_returns(clock, rings):
    signal.alarm(5)
    time.sleep(60)
    assert rings == [5]
    assert clock.elapsed == 60


def test_a_timer_that_repeats(clock, rings):
    signal.setitimer(signal.ITIMER_REAL, 1, 10)
    time.sleep(60)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert rings == [1, 11, 21, 31, 41, 51]
    time.sleep(60)
    assert len(rings) == 6


def test_a_timer_with_the_deadline_of_the_wait_fires_first(clock, rings):
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    time.sleep(10)
    signal.setitimer(signal.ITIMER_REAL, 0)
    rung = len(rings)
    assert rung in {19, 20}
    clock.advance(5)
    assert len(rings) == rung


def test_getitimer_shows_the_virtual_time_left(clock, rings):
    signal.alarm(100)
    time.sleep(30)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert left == pytest.approx(70, abs=0.5)
    assert signal.alarm(0) == 70
    time.sleep(3600)
    assert rings == []
    assert signal.alarm(7) == 0
    assert signal.alarm(9) == 7


def test_an_alarm_that_is_set_again(clock, rings):
    signal.alarm(10)
    time.sleep(5)
    signal.alarm(10)
    time.sleep(60)
    assert rings == [15]


def test_an_alarm_fires_during_real_work(clock, raises):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(RingError):
        compute_for_ever()


def test_an_alarm_that_fired_in_real_time_does_not_fire_again(clock, rings):
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while not rings:
        sum(range(1000))
    time.sleep(60)
    assert len(rings) == 1


def test_a_handler_that_waits_and_sends_requests(extend_api, rings):
    clock = extend_api.clock

    def handler(*_):
        time.sleep(3)
        httpx.get("https://api.extend.ai/files/x", headers={"authorization": "Bearer k"})
        rings.append(clock.elapsed)

    signal.signal(signal.SIGALRM, handler)
    signal.alarm(4)
    time.sleep(5)
    assert rings == [7]


def test_a_deadline_around_a_retry_loop(extend_api, raises):
    extend_api.fail("OCR_ERROR", times=ALWAYS)
    body = {"file": {"url": "https://files.example.com/a.pdf"}}
    headers = {"authorization": "Bearer k"}

    def parse():
        for wait in (1, 2, 4, 8, 16, 32):
            httpx.post("https://api.extend.ai/parse", json=body, headers=headers)
            time.sleep(wait)

    signal.alarm(20)
    with pytest.raises(RingError):
        parse()
    assert [attempt.started for attempt in extend_api.attempts] == [0, 1, 3, 7, 15]
    assert extend_api.clock.elapsed == 20


def test_the_handler_runs_in_the_main_thread(clock, rings):
    where = []
    signal.signal(signal.SIGALRM, lambda *_: where.append(threading.current_thread()))
    thread = threading.Thread(target=time.sleep, args=(3600,))
    thread.start()
    signal.alarm(10)
    thread.join()
    assert where == [threading.main_thread()]
    assert clock.elapsed == 3600


def test_others_keep_their_deadlines(clock, rings):
    ended = []

    def work(seconds):
        time.sleep(seconds)
        ended.append((seconds, clock.elapsed))

    signal.setitimer(signal.ITIMER_REAL, 2, 2)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, (3, 5, 7)))
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert ended == [(3, 3), (5, 5), (7, 7)]
    assert rings == [2, 4, 6]


def test_a_loop_that_handles_the_signal(clock, rings):
    async def main():
        rang = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGALRM, rang.set)
        signal.alarm(40)
        async with asyncio.timeout(3600):
            await rang.wait()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGALRM)

    asyncio.run(main())
    assert clock.elapsed == 40


def test_an_advance_reaches_it(clock, rings):
    signal.alarm(40)
    clock.advance(39)
    assert rings == []
    clock.advance(2)
    assert rings == [41]


@pytest.mark.parametrize("which", ["ITIMER_VIRTUAL", "ITIMER_PROF"])
def test_timers_of_the_processor_are_left_alone(clock, rings, which):
    signal.setitimer(getattr(signal, which), 30)
    time.sleep(3600)
    signal.setitimer(getattr(signal, which), 0)
    assert rings == []


@pytest.mark.parametrize("call", [lambda: signal.alarm("1"), lambda: signal.setitimer(99, 1)])
def test_a_wrong_use_fails_as_it_does_for_real(clock, rings, call):
    with pytest.raises((TypeError, OSError)):
        call()
    time.sleep(60)
    assert clock.elapsed == 60


def test_a_timer_left_at_the_end_of_the_test_becomes_real(pytester):
    pytester.makepyfile(
        """
        import signal, time

        def test_sets(extend_api):
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            signal.alarm(100)
            time.sleep(10)

        def test_sees():
            assert 85 < signal.getitimer(signal.ITIMER_REAL)[0] <= 90
            signal.alarm(0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:timeout").assert_outcomes(passed=2)


def test_a_time_out_of_pytest_s_own_stays_real(pytester):
    pytest.importorskip("pytest_timeout")
    pytester.makepyfile(
        """
        import time

        def test_sleeps(extend_api):
            time.sleep(3600)
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:randomly", "--timeout=30", "--timeout-method=signal"
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_busy_machine_turns_no_time_out_of_pytest_s_own_into_a_virtual_one(pytester, late):
    pytest.importorskip("pytest_timeout")
    pytester.makeconftest(
        f"""
        import itertools, select, signal

        count, read = itertools.count(), signal.getitimer

        def late(which):
            found = read(which)
            if next(count) == {late}:
                select.select([], [], [], 0.1)
            return found

        signal.getitimer = late
        """
    )
    pytester.makepyfile(
        """
        import time

        def test_sleeps(extend_api):
            time.sleep(1800)
            time.sleep(1800)
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:randomly", "--timeout=30", "--timeout-method=signal"
    )
    result.assert_outcomes(passed=1)


def test_a_child_of_a_fork_has_none(clock, rings):
    multiprocessing = pytest.importorskip("multiprocessing")
    context = multiprocessing.get_context("fork")
    signal.alarm(30)
    with contextlib.closing(context.Process(target=time.sleep, args=(0.1,))) as child:
        child.start()
        child.join()
        assert child.exitcode == 0
