"""No time jumps over a child process that is polled until it ends."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import httpx
import pytest

from pytest_parseapi.clock import child_polls

# How long a child runs, in real seconds.
RUN = 0.2
CHILD = [sys.executable, "-S", "-c", f"import time; time.sleep({RUN})"]


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


@pytest.fixture
def for_long():
    """A child process that runs until the test is over."""
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    yield child
    child.communicate(b"\n")


def work():
    end = os.times().elapsed + RUN
    while os.times().elapsed < end:
        pass


def process():
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")
    begun = context.Process(target=work)
    begun.start()
    return begun


def poll_by_sleeps():
    child = subprocess.Popen(CHILD)
    while child.poll() is None:
        time.sleep(0.01)


def poll_by_an_event():
    child, stop = subprocess.Popen(CHILD), threading.Event()
    while child.poll() is None:
        stop.wait(0.01)


def poll_within_a_deadline():
    child, end = subprocess.Popen(CHILD), time.monotonic() + 3600
    while child.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)


def poll_in_a_loop():
    child = subprocess.Popen(CHILD)

    async def poll():
        while child.poll() is None:  # noqa: ASYNC110 - as some do
            await asyncio.sleep(0.01)

    asyncio.run(poll())


def poll_in_a_loop_beside_shorter_waits():
    child = subprocess.Popen(CHILD)

    async def tick():
        while child.returncode is None:  # noqa: ASYNC110 - as some do
            await asyncio.sleep(0.005)

    async def poll():
        while child.poll() is None:  # noqa: ASYNC110 - as some do
            await asyncio.sleep(0.05)

    async def main():
        await asyncio.gather(tick(), poll())

    asyncio.run(main())


def poll_in_an_executor():
    child = subprocess.Popen(CHILD)

    async def poll():
        while await asyncio.to_thread(child.poll) is None:  # noqa: ASYNC110 - as some do
            await asyncio.sleep(0.01)

    asyncio.run(poll())


def poll_two():
    children = [subprocess.Popen(CHILD), subprocess.Popen(["true"])]
    while None in [child.poll() for child in children]:
        time.sleep(0.01)


def poll_in_a_thread():
    thread = threading.Thread(target=poll_by_sleeps)
    thread.start()
    time.sleep(RUN / 2)
    thread.join()


def wait_by_number():
    child = subprocess.Popen(CHILD)
    while os.waitpid(child.pid, os.WNOHANG) == (0, 0):
        time.sleep(0.01)
    child.returncode = 0


def is_alive():
    child = process()
    while child.is_alive():
        time.sleep(0.01)


def has_no_exit_code():
    child = process()
    while child.exitcode is None:
        time.sleep(0.01)


WAYS = [
    *(poll_by_sleeps, poll_by_an_event, poll_within_a_deadline, poll_in_a_loop, poll_in_a_thread),
    *(poll_in_a_loop_beside_shorter_waits, poll_in_an_executor, is_alive, has_no_exit_code),
]
if sys.platform != "win32":
    WAYS += [poll_two, wait_by_number]


@pytest.mark.parametrize("wait", WAYS)
def test_no_jump_over_a_child_process_that_is_polled(clock, wait):
    began = os.times().elapsed
    wait()
    # A child takes its time to begin, too.
    assert 0 < clock.elapsed <= os.times().elapsed - began + 0.1


def test_a_wait_is_jumped_over_once_the_child_has_ended(clock):
    child = subprocess.Popen(CHILD)
    assert child.poll() is None
    time.sleep(3600)
    assert clock.elapsed == 3600
    assert child.poll() == 0


def test_a_poll_counts_for_the_next_wait_only(clock, for_long):
    assert for_long.poll() is None
    time.sleep(0.01)
    time.sleep(3600)
    assert clock.elapsed == 3600.01


def test_a_poll_before_an_endless_wait_does_not_count(clock, for_long):
    came = threading.Event()

    def sleep():
        time.sleep(3600)
        came.set()

    threading.Thread(target=sleep).start()
    assert for_long.poll() is None
    came.wait()
    assert clock.elapsed == 3600


def test_a_poll_before_a_request_does_not_count(extend_api, for_long):
    assert for_long.poll() is None
    httpx.post(
        f"{extend_api.base_url}/parse",
        json={"file": {"url": "https://files.example.com/invoice.pdf"}},
        headers={"Authorization": f"Bearer {extend_api.api_key}"},
    )
    time.sleep(3600)
    assert extend_api.clock.elapsed == 3600


def test_a_poll_of_an_ended_thread_does_not_count(clock, for_long):
    thread = threading.Thread(target=for_long.poll)
    thread.start()
    thread.join()
    time.sleep(3600)
    assert clock.elapsed == 3600


def test_a_child_that_runs_for_long_is_not_waited_for(clock, for_long, monkeypatch):
    monkeypatch.setattr(child_polls, "_MAX_RUN_NS", 0)
    for _ in range(3):
        assert for_long.poll() is None
        time.sleep(3600)
    assert clock.elapsed == 3 * 3600
