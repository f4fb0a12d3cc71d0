"""Waits for sockets and child processes are real, and are counted with their duration."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import queue
import select
import selectors
import socket
import ssl
import subprocess
import sys
import threading
import time
import types

import pytest

FORK = multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")
# As in a consumer's modules: made before any test.
EVENT = FORK.Event()
SOON = 0.1
CHILD = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.settimeout(SOON)
    with ours, theirs:
        yield ours


def receive(name, *arguments):
    def wait(sock):
        with pytest.raises(TimeoutError):
            getattr(sock, name)(*arguments)

    return wait


def read_a_file(sock):
    with sock.makefile("rb") as file, pytest.raises(TimeoutError):
        file.read(1)


def shake_hands(sock):
    context = ssl.create_default_context()
    with pytest.raises(TimeoutError):
        context.wrap_socket(sock, server_hostname="localhost")


def accept(_sock):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SOON)
        with pytest.raises(TimeoutError):
            listener.accept()


def poll_a_connection(_sock):
    ours, _theirs = FORK.Pipe()
    assert not ours.poll(SOON)


def wait_for_connections(_sock):
    ours, _theirs = FORK.Pipe()
    assert multiprocessing.connection.wait([ours], SOON) == []


def get_from_a_queue(_sock):
    with pytest.raises(queue.Empty):
        FORK.Queue().get(timeout=SOON)


def put_into_a_full_queue(_sock):
    box = FORK.Queue(1)
    box.put(1)
    with pytest.raises(queue.Full):
        box.put(2, timeout=SOON)
    assert box.get() == 1


def wait_for_an_event(_sock):
    assert not FORK.Event().wait(SOON)


def wait_for_an_event_of_before(_sock):
    assert not EVENT.wait(SOON)


def wait_for_a_condition(_sock):
    condition = FORK.Condition()
    with condition:
        assert not condition.wait_for(bool, SOON)


def acquire(name):
    def wait(_sock):
        lock = getattr(FORK, name)()
        assert lock.acquire()
        assert not lock.acquire(timeout=SOON)

    return wait


def join_a_process(_sock):
    process = FORK.Process(target=os.read, args=(os.pipe()[0], 1))
    process.start()
    process.join(SOON)
    assert process.is_alive()
    process.kill()
    process.join()


def wait_for_a_child(_sock):
    with subprocess.Popen(CHILD) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(SOON)
        process.kill()


def read_from_a_child(_sock):
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(CHILD, timeout=SOON, capture_output=True, check=False)


WAITS = {
    "recv": receive("recv", 1),
    "recv_into": receive("recv_into", bytearray(1)),
    "recvfrom": receive("recvfrom", 1),
    "sendall": receive("sendall", bytes(10_000_000)),
    "file": read_a_file,
    "encrypted": shake_hands,
    "accept": accept,
    "poll a connection": poll_a_connection,
    "wait for connections": wait_for_connections,
    "get": get_from_a_queue,
    "put": put_into_a_full_queue,
    "event": wait_for_an_event,
    "event of before": wait_for_an_event_of_before,
    "condition": wait_for_a_condition,
    "lock": acquire("Lock"),
    "semaphore": acquire("Semaphore"),
    "join": join_a_process,
    "child": wait_for_a_child,
    "output of a child": read_from_a_child,
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_time_out_that_is_used_up_is_on_record(clock, pair, wait):
    wait(pair)
    assert 0.9 * SOON <= clock.elapsed < 30


def test_what_takes_long_is_on_record(clock):
    ours, theirs = FORK.Pipe()
    box = FORK.Queue()

    def put():
        theirs.poll(0.4)
        box.put(1)

    process = FORK.Process(target=put)
    process.start()
    assert box.get(timeout=60) == 1
    assert 0.25 <= clock.elapsed < 30
    ours.close()
    process.join()


def test_pauses_by_sockets_are_a_backoff(extend_api):
    import httpx

    extend_api.fail("OCR_ERROR", times=2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for pause in (0.1, 0.2, None):
            httpx.post(
                f"{extend_api.base_url}/parse",
                json={"file": {"url": "https://files.example.com/invoice.pdf"}},
                headers={"Authorization": f"Bearer {extend_api.api_key}"},
            )
            if pause:
                ours.settimeout(pause)
                with pytest.raises(TimeoutError):
                    ours.recv(1)
    _, first, second = (attempt.waited for attempt in extend_api.attempts)
    assert 0.09 <= first < second


@pytest.fixture
def consumer(monkeypatch):
    """A consumer's module that was imported before the test."""
    module = types.ModuleType("consumer_of_select")
    exec("from select import select", vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_select_that_was_imported_by_name(consumer, clock, pair):
    consumer.select([pair], [], [], 0.05)
    assert clock.elapsed >= 0.04


def test_no_jump_over_such_a_wait(clock, pair):
    rang = []
    timer = threading.Timer(3600, rang.append, [1])
    timer.start()
    receive("recv", 1)(pair)
    assert (rang, clock.elapsed < 3600) == ([], True)
    timer.cancel()
    timer.join()


# Threads that are older than the test and poll for input.


def by_select(sock, done):
    while not done.is_set():
        select.select([sock], [], [], 0.01)


def by_poll(sock, done):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    while not done.is_set():
        poll.poll(10)


def by_selector(sock, done):
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        while not done.is_set():
            selector.select(0.01)


def by_recv(sock, done):
    sock.settimeout(0.01)
    while not done.is_set():
        with contextlib.suppress(TimeoutError):
            sock.recv(1)


def by_trio(sock, done):
    trio = pytest.importorskip("trio")

    async def main():
        ours = trio.socket.from_stdlib_socket(sock)
        while not done.is_set():
            with trio.move_on_after(0.01):
                await ours.recv(1)

    trio.run(main)


KINDS = [by_select, by_selector, by_recv, by_trio]
KINDS += [by_poll] if hasattr(select, "poll") else []


@pytest.fixture(scope="module", params=KINDS)
def poller(request):
    done = threading.Event()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=request.param, args=(ours, done))
        thread.start()
        yield
        done.set()
        thread.join()


def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("_time", range(2))
def test_time_jumps_over_older_threads_that_poll_for_input(extend_api, _time):
    began = os.times().elapsed
    for _ in range(5):
        time.sleep(20)
        compute(0.03)  # they look meanwhile
    assert extend_api.clock.elapsed == 100
    assert os.times().elapsed - began < 60


def submitted(pool, job, *arguments):
    """The result of a job of either kind of pool."""
    if isinstance(pool, concurrent.futures.Executor):
        return pool.submit(job, *arguments).result(timeout=3600)
    return pool.apply_async(job, arguments).get(timeout=3600)


@pytest.mark.parametrize("begin", [concurrent.futures.ProcessPoolExecutor, multiprocessing.Pool])
def test_time_jumps_beside_a_pool_of_processes_that_has_no_job(clock, begin):
    with begin(1) as pool:
        for _ in range(2):
            assert submitted(pool, abs, -1) == 1
            time.sleep(3600)
    assert 7200 <= clock.elapsed < 9000
