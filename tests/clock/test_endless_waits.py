"""A consumer that would never end is stopped, with a reason."""

import asyncio
import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import httpx
import pytest

from pytest_parseapi import ALWAYS
from pytest_parseapi.clock import blocked_wait, endless_waits
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.service import fuse

STUCK = (
    "The consumer would hang forever: its only thread waits without a time-out, and nothing is "
    "left that could end the wait.\n"
    "  expected  a wait that ends\n"
    "  next      give the wait a time-out, and handle its end"
)

pytestmark = pytest.mark.parseapi(strict=False)


@contextlib.contextmanager
def stopped(api, match=None):
    with pytest.raises(SimulationStopped, match=match) as stop:
        yield stop
    # The stop was checked here, so the test itself must not fail.
    api._simulation.stops.message = None


def post():
    return httpx.post(
        "https://api.extend.ai/parse",
        json={"file": {"url": "https://files.example.com/a.pdf"}},
        headers={"authorization": "Bearer key"},
    )


async def sleep_for_ever():
    while True:  # noqa: ASYNC110 - that is the consumer's fault here
        await asyncio.sleep(1)


def test_sleeps_without_end(extend_api, monkeypatch):
    monkeypatch.setattr(endless_waits, "MAX_WAITS", 50)

    with stopped(extend_api) as stop:
        while True:
            time.sleep(2)

    assert str(stop.value) == (
        "The consumer does not stop: it has waited 50 times in a row without asking the API for "
        "anything, 100 virtual seconds in all.\n"
        "  expected  a request, or an end\n"
        "  next      end the loop that waits after some turns or by a deadline"
    )


def test_a_loop_that_sleeps_without_end(extend_api, monkeypatch):
    monkeypatch.setattr(endless_waits, "MAX_WAITS", 50)

    with stopped(extend_api, match="it has waited 50 times in a row"):
        asyncio.run(sleep_for_ever())

    assert extend_api._simulation.stops.site == line_of(sleep_for_ever, 2)


def test_a_request_between_sleeps_is_progress(extend_api, monkeypatch):
    monkeypatch.setattr(endless_waits, "MAX_WAITS", 3)

    for _ in range(5):
        time.sleep(1)
        time.sleep(1)
        post()

    assert len(extend_api.attempts) == 5


@pytest.mark.parametrize(
    "wait",
    [
        lambda: threading.Event().wait(),
        lambda: queue.Queue().get(),
        lambda: asyncio.run(asyncio.Queue().get()),
    ],
    ids=["event", "queue", "loop"],
)
def test_the_only_thread_waits_without_an_end(extend_api, monkeypatch, wait):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)

    with stopped(extend_api) as stop:
        wait()

    assert str(stop.value) == STUCK


async def wait_for_nothing():
    await asyncio.Event().wait()


async def gather_two():
    await asyncio.gather(wait_for_nothing(), wait_for_nothing())


async def a_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(wait_for_nothing())


async def a_deadline_without_an_end():
    await asyncio.wait_for(wait_for_nothing(), None)


async def wait_in_a_thread():
    threading.Event().wait()


async def many_tasks():
    waits = (wait_for_nothing, a_deadline_without_an_end, gather_two, a_group)
    await asyncio.gather(*(wait() for wait in waits))


def line_of(function, more=1):
    """The text of a line of a function in this file, as in messages."""
    code = function.__code__
    return f"{os.path.relpath(code.co_filename)}:{code.co_firstlineno + more} in {code.co_name}"


NOTHING = line_of(wait_for_nothing)


@pytest.mark.parametrize(
    ("run", "lines"),
    [
        (lambda: asyncio.run(wait_for_nothing()), [NOTHING]),
        (lambda: asyncio.run(gather_two()), [line_of(gather_two), NOTHING]),
        (lambda: asyncio.run(a_group()), [line_of(a_group), NOTHING]),
        (lambda: asyncio.run(a_deadline_without_an_end()), [NOTHING]),
        (lambda: asyncio.run(wait_in_a_thread()), [line_of(wait_in_a_thread)]),
    ],
)
def test_the_line_that_waits_is_named_also_in_coroutines(extend_api, monkeypatch, run, lines):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
    with stopped(extend_api):
        run()
    assert extend_api._simulation.stops.site == ", ".join(sorted(lines))


# In its own process: trio treats the stop as an internal error, and leaves its tasks behind.
@pytest.mark.parametrize(
    ("function", "lines"),
    [
        ("wait_for_nothing", ["app.py:4 in wait_for_nothing"]),
        ("two_in_a_nursery", ["app.py:4 in wait_for_nothing", "app.py:7 in two_in_a_nursery"]),
    ],
)
def test_the_line_that_waits_is_named_also_in_trio(pytester, function, lines):
    pytester.makepyfile(
        app="""
        import trio

        async def wait_for_nothing():
            await trio.Event().wait()

        async def two_in_a_nursery():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.Event().wait)
                nursery.start_soon(wait_for_nothing)
        """,
        test_app=f"""
        import app, trio

        def test_it(extend_api):
            trio.run(app.{function})
        """,
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.stdout.fnmatch_lines(["The consumer *", f"  from      {', '.join(lines)}"])


# In its own process: the threads of a consumer that hangs continue to wait.
def test_the_lines_of_other_threads_that_wait_are_named(pytester):
    pytester.makepyfile(
        app="""
        import queue, threading

        JOBS = queue.Queue()

        def take():
            JOBS.get()

        def wait_beside_two_workers():
            for _ in range(2):
                threading.Thread(target=take, daemon=True).start()
            threading.Event().wait()
        """,
        test_app="""
        import app

        def test_it(extend_api):
            app.wait_beside_two_workers()
        """,
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly", timeout=60)
    text = result.stdout.str()
    first = STUCK.splitlines()[0]
    assert first.replace("its only thread", "each of its 3 threads") in text
    # The thread that detects the hang is named first.
    (line,) = {line for line in result.outlines if line.startswith("  from      ")}
    sites = line.removeprefix("  from      ").split(", ")
    assert set(sites) == {"app.py:6 in take", "app.py:11 in wait_beside_two_workers"}


def test_of_many_lines_that_wait_three_are_named(extend_api, monkeypatch):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
    with stopped(extend_api):
        asyncio.run(many_tasks())
    known = sorted(map(line_of, (wait_for_nothing, gather_two, a_group)))
    known.append(line_of(many_tasks, 2))
    assert extend_api._simulation.stops.site == f"{', '.join(sorted(known)[:3])} and 1 more"


def test_a_wait_for_another_thread_can_end(extend_api, monkeypatch):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 300_000_000)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
    done = threading.Event()
    thread = threading.Thread(target=lambda: (time.sleep(60), done.set()))
    thread.start()

    assert done.wait()

    thread.join()
    assert extend_api.clock.elapsed == 60


def test_a_wait_for_a_thread_with_a_child_process_can_end(extend_api, monkeypatch):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
    command = [sys.executable, "-c", "import time; time.sleep(0.2)"]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(subprocess.run, command, check=True).result().returncode == 0


class Server:
    """A server of a test suite's own: its thread waits for connections, and queues what comes."""

    def __init__(self):
        self.came = queue.Queue()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve).start()

    def _serve(self):
        while True:
            connection, _ = self._socket.accept()
            with connection:
                message = connection.recv(100)
            if message == b"stop":
                return
            self.came.put(message)

    def stop(self):
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"stop")
        self._socket.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.mark.parametrize("fixtures", [("server", "extend_api"), ("extend_api", "server")])
def test_a_server_without_clients_cannot_end_a_wait(request, monkeypatch, fixtures):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 0)
    if fixtures[0] == "server":
        monkeypatch.setattr(blocked_wait, "_OUTSIDE_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
    given = {name: request.getfixturevalue(name) for name in fixtures}

    with stopped(given["extend_api"]) as stop:
        given["server"].came.get()

    assert str(stop.value) == STUCK


CALL = """
import socket, sys, time
time.sleep(0.3)
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendall(b"here")
"""


@pytest.mark.parametrize("fixtures", [("server", "extend_api"), ("extend_api", "server")])
def test_a_child_process_may_call_a_server(request, monkeypatch, fixtures):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
    given = {name: request.getfixturevalue(name) for name in fixtures}
    child = subprocess.Popen([sys.executable, "-c", CALL, str(given["server"].port)])

    assert given["server"].came.get() == b"here"

    assert child.wait() == 0


def test_a_child_process_that_calls_no_server_is_not_waited_for_without_end(
    server, extend_api, monkeypatch
):
    monkeypatch.setattr(blocked_wait, "_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_OUTSIDE_GRACE_NS", 0)
    monkeypatch.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    with stopped(extend_api), child:
        try:
            server.came.get()
        finally:
            child.communicate(b"\n")


def test_a_bare_except_around_a_stop_ends_at_its_next_sleep(extend_api):
    extend_api.fail("OCR_ERROR", times=ALWAYS)

    with stopped(extend_api, match="failed 100 times in a row"):
        while True:
            try:
                post().raise_for_status()
            except:  # noqa: E722 - that is the consumer's fault here
                time.sleep(1)

    assert len(extend_api.attempts) == 100


def test_repeating_a_request_after_every_success(extend_api, monkeypatch):
    monkeypatch.setattr(fuse, "MAX_POLLS", 20)

    with stopped(extend_api) as stop:
        while True:
            post()
            time.sleep(1)

    assert str(stop.value).startswith(
        "The consumer does not stop: POST /parse  https://files.example.com/a.pdf was asked 20 "
        "times, with waits between them, and was about to be tried again (the limit is 20 polls).\n"
        "  expected  a consumer that gives up\n"
        "  next      end the loop after some requests or by a deadline\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
    )


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (
            "OCR_ERROR",
            "end the loop of retries after some attempts or by a deadline; where more attempts are "
            "right, raise the ini value parseapi_max_attempts",
        ),
        ("CORRUPT_FILE", "do not retry CORRUPT_FILE: it is not retryable"),
    ],
)
def test_what_to_do_about_retries_without_end_depends_on_the_error(extend_api, code, advice):
    extend_api.fail(code, times=ALWAYS)

    with stopped(extend_api) as stop:
        while True:
            post()
            time.sleep(1)

    assert str(stop.value).startswith(
        "The consumer does not stop: POST /parse  https://files.example.com/a.pdf failed 100 times "
        "in a row and was about to be tried again (parseapi_max_attempts = 100).\n"
        "  expected  a consumer that gives up\n"
        f"  next      {advice}\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
    )


def test_many_documents_in_a_row_are_no_loop(extend_api, monkeypatch):
    monkeypatch.setattr(fuse, "MAX_POLLS", 20)

    for _ in range(40):
        post()

    assert len(extend_api.attempts) == 40


def test_beside_a_pool_of_processes_which_then_can_be_shut_down(extend_api, monkeypatch):
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(abs, -1).result() == 1
        with monkeypatch.context() as patched:
            patched.setattr(blocked_wait, "_GRACE_NS", 0)
            patched.setattr(blocked_wait, "_UNTIMED_SLICE_SECONDS", 0.001)
            with stopped(extend_api) as stop:
                threading.Event().wait()
    assert "hang forever" in str(stop.value)
