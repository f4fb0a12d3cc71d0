"""Event loops in virtual time: tasks overlap, deadlines fire, no real input is jumped over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_parseapi import ALWAYS

URL = "https://api.extend.ai/parse"
HEADERS = {"authorization": "Bearer sk_test_0123456789"}


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


async def parse(number, client=None, sleep=asyncio.sleep, waits=(1, 2, 4)):
    body = {"file": {"url": f"https://files.example.com/{number}.pdf"}}
    for seconds in (*waits, None):
        if client is None:
            async with httpx.AsyncClient() as own:
                reply = await own.post(URL, json=body, headers=HEADERS)
        else:
            reply = await client.post(URL, json=body, headers=HEADERS)
        if reply.is_success or seconds is None:
            return reply.status_code
        await sleep(seconds)
    return None


def waits_of(extend_api, number):
    return [attempt.waited for attempt in extend_api.attempts_for(f"{number}.pdf")]


def test_eight_tasks_back_off_together(extend_api):
    async def main():
        async with httpx.AsyncClient() as client:
            return await asyncio.gather(*[parse(number, client) for number in range(8)])

    for number in range(8):
        extend_api.fail("OCR_ERROR", times=3, document=f"{number}.pdf")
    assert asyncio.run(main()) == [200] * 8
    assert [waits_of(extend_api, number) for number in range(8)] == [[None, 1, 2, 4]] * 8
    assert extend_api.clock.elapsed == 7


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_tasks_back_off_together(extend_api, backend):
    async def main():
        async with httpx.AsyncClient() as client, anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(parse, number, client, anyio.sleep)

    for number in range(8):
        extend_api.fail("OCR_ERROR", times=3, document=f"{number}.pdf")
    anyio.run(main, backend=backend)
    assert [waits_of(extend_api, number) for number in range(8)] == [[None, 1, 2, 4]] * 8
    assert extend_api.clock.elapsed == 7


async def by_timeout(call):
    async with asyncio.timeout(30):
        await call


async def by_wait_for(call):
    await asyncio.wait_for(call, 30)


async def by_anyio(call):
    with anyio.fail_after(30):
        await call


@pytest.mark.parametrize("deadline", [by_timeout, by_wait_for, by_anyio])
def test_a_deadline_around_a_retry_loop(extend_api, deadline):
    extend_api.fail("OCR_ERROR", times=ALWAYS)
    with pytest.raises(TimeoutError):
        asyncio.run(deadline(parse(1, waits=(1, 2, 4, 8, 16, 32))))
    # 1 + 2 + 4 + 8 = 15, and the sixteen seconds after that are cut short.
    assert [attempt.started for attempt in extend_api.attempts] == [0, 1, 3, 7, 15]
    # On a loaded machine it counts what the code took to run, too.
    assert extend_api.clock.elapsed == pytest.approx(30, abs=1)


def test_a_trio_deadline_around_a_retry_loop(extend_api):
    async def main():
        with trio.fail_after(30):
            await parse(1, sleep=trio.sleep, waits=(1, 2, 4, 8, 16, 32))

    extend_api.fail("OCR_ERROR", times=ALWAYS)
    with pytest.raises(trio.TooSlowError):
        trio.run(main)
    assert [attempt.started for attempt in extend_api.attempts] == [0, 1, 3, 7, 15]
    # On a loaded machine it counts what the code took to run, too.
    assert extend_api.clock.elapsed == pytest.approx(30, abs=1)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("deadline", [None, 1000])
def test_many_tasks_that_begin_to_wait_at_once_wake_at_their_times(clock, deadline, debug):
    async def wait(number):
        sum(range(50_000))  # a millisecond's work
        async with asyncio.timeout(deadline):
            await asyncio.sleep(number)
        return clock.elapsed - number

    async def main():
        return await asyncio.gather(*(wait(number) for number in range(400)))

    # In debug mode a loop reads the clock around each callback.
    assert set(asyncio.run(main(), debug=debug)) == {0}


def test_call_later_and_call_at(clock):
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(5, lambda: seen.append(("later", clock.elapsed)))
        loop.call_at(loop.time() + 2, lambda: seen.append(("at", clock.elapsed)))
        before = loop.time()
        await asyncio.sleep(10)
        return loop.time() - before

    assert asyncio.run(main()) == pytest.approx(10, abs=1e-6)
    assert seen == [("at", 2), ("later", 5)]
    assert clock.elapsed == 10


def compute(seconds):
    until = os.times().elapsed + seconds
    while os.times().elapsed < until:
        sum(range(1000))


@pytest.mark.parametrize("name", ["DefaultSelector", "PollSelector", "SelectSelector"])
def test_a_loop_by_any_selector(clock, name):
    if not hasattr(selectors, name):
        pytest.skip("no such selector here")
    with contextlib.closing(asyncio.SelectorEventLoop(getattr(selectors, name)())) as loop:
        loop.run_until_complete(asyncio.sleep(3600))
    assert clock.elapsed == 3600


def test_a_deadline_from_another_clock(clock):
    async def main():
        compute(0.2)
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_at(time.monotonic() + 5, done.set_result, None)
        await done

    asyncio.run(main())
    assert clock.elapsed == pytest.approx(5, abs=0.1)


def test_the_clock_of_a_loop_agrees_with_the_others(clock):
    async def main():
        loop = asyncio.get_running_loop()
        fired = []
        loop.call_later(5, lambda: fired.append(clock.elapsed))
        for _ in range(3):
            compute(0.2)
            assert loop.time() == pytest.approx(time.monotonic(), abs=0.1)
            await asyncio.sleep(1)
        deadline = loop.time() + 10
        loop.call_at(deadline, lambda: fired.append(clock.elapsed))
        async with asyncio.timeout_at(deadline + 10):
            await asyncio.sleep(15)
        assert loop.time() == pytest.approx(time.monotonic(), abs=0.1)
        return fired

    assert asyncio.run(main()) == pytest.approx([5, 13], abs=0.01)
    assert clock.elapsed == pytest.approx(18, abs=0.01)


def test_a_wait_that_is_not_used_up_costs_what_it_took(clock):
    async def main():
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(3, event.set)
        async with asyncio.timeout(3600):
            await event.wait()

    asyncio.run(main())
    assert clock.elapsed == 3


def test_cancelled_waits_cost_nothing(clock):
    async def main():
        task = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert clock.elapsed == 1


def test_conditions_queues_and_semaphores_of_a_loop(clock):
    async def main():
        gate = asyncio.Semaphore(2)
        box: asyncio.Queue = asyncio.Queue()

        async def work(number):
            async with gate:
                await asyncio.sleep(1)
            await box.put((number, clock.elapsed))

        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(work(number))
        return [box.get_nowait() for _ in range(4)]

    assert asyncio.run(main()) == [(0, 1), (1, 1), (2, 2), (3, 2)]


# Loops and threads.


def test_to_thread(extend_api):
    def blocking(number):
        body = {"file": {"url": f"https://files.example.com/{number}.pdf"}}
        with httpx.Client() as client:
            for seconds in (1, 2, 4, 0):
                if client.post(URL, json=body, headers=HEADERS).is_success:
                    return
                time.sleep(seconds)

    async def main():
        await asyncio.gather(*[asyncio.to_thread(blocking, number) for number in range(3)])

    for number in range(3):
        extend_api.fail("OCR_ERROR", times=3, document=f"{number}.pdf")
    asyncio.run(main())
    assert [waits_of(extend_api, number) for number in range(3)] == [[None, 1, 2, 4]] * 3
    assert extend_api.clock.elapsed == 7


def test_run_in_executor_beside_the_loop_s_own_sleep(clock):
    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            slow = loop.run_in_executor(pool, time.sleep, 5)
            await asyncio.sleep(3)
            middle = clock.elapsed
            await slow
        return middle

    assert asyncio.run(main()) == 3
    assert clock.elapsed == 5


def test_no_jump_over_an_executor_s_computation(clock):
    def compute():
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass
        return "done"

    async def main():
        async with asyncio.timeout(3600):
            return await asyncio.to_thread(compute)

    assert asyncio.run(main()) == "done"
    assert clock.elapsed < 3600


def test_no_jump_over_a_child_process(clock):
    async def main():
        async with asyncio.timeout(3600):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", "import time; time.sleep(0.2); print('done')"),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            return output.strip()

    assert asyncio.run(main()) == b"done"
    assert clock.elapsed < 3600


def test_no_jump_over_a_child_process_without_pipes(clock):
    async def main():
        async with asyncio.timeout(3600):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "import time; time.sleep(0.2)"
            )
            return await process.wait()

    assert asyncio.run(main()) == 0
    assert clock.elapsed < 3600


def test_no_jump_over_a_real_connection(clock):
    async def serve(reader, writer):
        await reader.readline()
        # The loop is busy for a while: only the socket shows that a reply comes.
        writer.write(b"pong\n")
        await writer.drain()
        writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, asyncio.timeout(3600):
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"ping\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(2)
            return line

    assert asyncio.run(main()) == b"pong\n"
    assert clock.elapsed == pytest.approx(2, abs=0.5)


def test_a_thread_that_answers_a_loop_over_a_socket(clock):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003

    def answer():
        theirs.recv(4)
        time.sleep(0.1)
        theirs.sendall(b"pong")

    async def main():
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(ours, b"ping")
        return await asyncio.wait_for(loop.sock_recv(ours, 4), 3600)

    with ours, theirs:
        thread = threading.Thread(target=answer)
        thread.start()
        assert asyncio.run(main()) == b"pong"
        thread.join()
    assert clock.elapsed < 3600


def test_loops_in_two_threads(clock):
    seen = []

    def run(seconds):
        async def main():
            for _ in range(3):
                await asyncio.sleep(seconds)
                seen.append((seconds, clock.elapsed))

        asyncio.run(main())

    threads = [threading.Thread(target=run, args=(seconds,)) for seconds in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [(2, 2), (2, 4), (2, 6), (3, 3), (3, 6), (3, 9)]
    assert clock.elapsed == 9


def test_a_loop_that_gets_callbacks_from_a_thread(clock):
    async def main():
        loop = asyncio.get_running_loop()
        came = asyncio.Event()

        def feed():
            time.sleep(4)
            loop.call_soon_threadsafe(came.set)

        thread = threading.Thread(target=feed)
        thread.start()
        await came.wait()
        seen = clock.elapsed
        thread.join()
        return seen

    assert asyncio.run(main()) == 4


def test_a_coroutine_handed_to_another_thread_s_loop(clock):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        future = asyncio.run_coroutine_threadsafe(asyncio.sleep(5, "slept"), loop)
        assert future.result(timeout=60) == "slept"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert clock.elapsed == 5


@pytest.mark.parametrize("debug", [False, True])
def test_a_loop_that_spins_reaches_its_deadline(clock, debug):
    async def main():
        async with asyncio.timeout(0.3):
            while True:  # noqa: ASYNC110 - the case
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        asyncio.run(main(), debug=debug)
    assert clock.elapsed >= 0.3


def test_trio_threads(clock):
    async def main():
        async with trio.open_nursery() as nursery:
            for seconds in (1, 5, 3):
                nursery.start_soon(trio.to_thread.run_sync, time.sleep, seconds)
            await trio.sleep(2)
            assert clock.elapsed == 2

    trio.run(main)
    assert clock.elapsed == 5


def test_no_jump_over_a_trio_thread_that_computes(clock):
    def compute():
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass

    async def main():
        with trio.fail_after(3600):
            await trio.to_thread.run_sync(compute)

    trio.run(main)
    assert clock.elapsed < 3600


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_jump_over_a_child_process_of_anyio(clock, backend):
    async def main():
        with anyio.fail_after(3600):
            done = await anyio.run_process(
                [sys.executable, "-c", "import time; time.sleep(0.2); print('done')"]
            )
            return done.stdout.strip()

    assert anyio.run(main, backend=backend) == b"done"
    assert clock.elapsed < 3600


def test_no_jump_over_a_trio_connection(clock):
    async def main():
        async def serve(stream):
            await stream.receive_some(4)
            await stream.send_all(b"pong")

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, serve, 0)
            with trio.fail_after(3600):
                stream = await trio.testing.open_stream_to_socket_listener(listeners[0])
                await stream.send_all(b"ping")
                assert await stream.receive_some(4) == b"pong"
                await stream.aclose()
                await trio.sleep(2)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert clock.elapsed == pytest.approx(2, abs=0.5)


# Trees of tasks and threads.

# No sleep is so short that it may pass in real time on a loaded machine.
leaves = st.integers(20_000, 100_000).map(lambda milliseconds: milliseconds / 1000)
trees = st.recursive(
    st.lists(leaves, max_size=3),
    lambda inner: st.lists(
        leaves | st.tuples(st.sampled_from(["tasks", "threads"]), st.lists(inner, min_size=1)),
        max_size=3,
    ),
    max_leaves=8,
)


def seconds_of(tree):
    return sum(max(map(seconds_of, part[1])) if isinstance(part, tuple) else part for part in tree)


async def run_tree(tree):
    for part in tree:
        if not isinstance(part, tuple):
            await asyncio.sleep(part)
        elif part[0] == "tasks":
            await asyncio.gather(*map(run_tree, part[1]))
        else:
            await asyncio.gather(*[asyncio.to_thread(sleep_tree, inner) for inner in part[1]])


def sleep_tree(tree):
    """In a thread: a part of threads gets a pool, a part of tasks gets a loop of its own."""
    for part in tree:
        if not isinstance(part, tuple):
            time.sleep(part)
        elif part[0] == "tasks":
            asyncio.run(run_tree([part]))
        else:
            with ThreadPoolExecutor(len(part[1])) as pool:
                list(pool.map(sleep_tree, part[1]))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=trees)
def test_trees_of_tasks_and_threads(clock, tree):
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(32))
        await run_tree(tree)

    before = clock.elapsed
    asyncio.run(main())
    assert clock.elapsed - before == pytest.approx(seconds_of(tree), abs=1e-6)


def test_a_selector_may_outlive_its_loop(pytester):
    pytester.makepyfile(
        """
        import asyncio
        import gc

        kept = []

        async def wait():
            kept.append(asyncio.get_running_loop()._selector)
            await asyncio.sleep(60)

        def test(extend_api):
            asyncio.run(wait())
            gc.collect()
            assert extend_api.clock.elapsed == 60
        """
    )
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-p", "no:rerunfailures"
    ).assert_outcomes(passed=1)
