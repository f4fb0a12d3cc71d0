"""A loop that waits only for time runs its turns exactly as asyncio does."""

from __future__ import annotations

import asyncio
import random
import selectors
import sys
import threading
from unittest import mock

import pytest


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


class AskingSelector(selectors.DefaultSelector):
    """A loop has to call its ``select`` in each turn: it may do anything."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def select(self, timeout=None):
        self.asked.append(timeout)
        return super().select(timeout)


def called_by(loop, clock, seed):
    """What a loop calls, by number and in its order."""
    choices, called, handles = random.Random(seed), [], [mock.Mock()]
    # With cancelled timers, a loop has more to do.
    cancels_timers = seed % 2

    def call(number, left):
        called.append(number)
        for more in range(left):
            call_next = (call, number * 10 + more, left - 1)
            if choices.randrange(3):
                # No two at the same time, which is a fraction: the clock's own differs.
                seconds = choices.choice((0, -1, choices.random() * choices.choice((9, 200_000))))
                timer = loop.call_later(seconds, *call_next)
                if cancels_timers:
                    handles.append(timer)
            else:
                handles.append(loop.call_soon(*call_next))
        if choices.randrange(4) == 0:
            choices.choice(handles).cancel()

    began = clock.elapsed
    loop.call_soon(call, 1, 5)
    loop.call_later(900_000, loop.stop)
    loop.run_forever()
    loop.close()
    assert round(clock.elapsed - began) == 900_000
    return called


@pytest.mark.parametrize("seed", range(10))
def test_calls_come_in_the_order_of_asyncio_s_own_turns(clock, seed):
    calls = called_by(asyncio.SelectorEventLoop(), clock, seed)
    assert len(calls) > 50
    asking = AskingSelector()
    assert called_by(asyncio.SelectorEventLoop(asking), clock, seed) == calls
    assert len(asking.asked) > 30


def test_a_clock_that_somebody_else_has_put_on_a_loop(clock):
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1)
        with mock.patch.object(loop, "time", wraps=loop.time) as asked:
            await asyncio.sleep(1)
        return asked.call_count

    assert asyncio.run(main()) > 2


def test_a_selector_with_a_method_of_its_own(clock):
    async def main():
        for _ in range(3):
            await asyncio.sleep(1)

    asking = AskingSelector()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(asking)) as runner:
        runner.run(main())
    assert [seconds for seconds in asking.asked if seconds] == [pytest.approx(1)] * 3
    assert clock.elapsed == 3


def test_an_exception_in_a_callback_does_not_stop_the_others(clock):
    called = []
    loop = asyncio.new_event_loop()
    loop.call_later(1, sys.exit, 3)
    loop.call_later(1, called.append, 1)
    loop.call_later(2, called.append, 2)
    loop.call_later(3, loop.stop)
    with pytest.raises(SystemExit):
        loop.run_forever()
    loop.run_forever()
    loop.close()
    assert called == [1, 2]
    assert clock.elapsed == 3


def test_a_loop_that_is_stopped_ends_after_its_turn(clock):
    called = []
    loop = asyncio.new_event_loop()
    loop.call_later(1, loop.stop)
    loop.call_later(1, loop.call_soon, called.append, "next turn")
    loop.run_forever()
    assert (called, clock.elapsed) == ([], 1)
    loop.stop()
    loop.run_forever()
    assert called == ["next turn"]
    loop.call_later(60, called.append, "much later")
    loop.stop()
    loop.run_forever()
    loop.close()
    assert (called, clock.elapsed) == (["next turn"], 1)


def test_a_thread_that_begins_while_a_loop_waits(clock):
    async def main():
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        await asyncio.sleep(5)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(came.set,))
        loop.call_later(1, thread.start)
        await asyncio.wait_for(came.wait(), 60)
        thread.join()

    asyncio.run(main())
    assert clock.elapsed == 6


def test_the_frame_of_a_quiet_turn_looks_like_asyncios(clock):
    async def main():
        await asyncio.sleep(1)
        frame = sys._getframe()
        while frame is not None and frame.f_code.co_name != "_run_once":
            frame = frame.f_back
        return frame.f_globals["__name__"]

    assert asyncio.run(main()) == "asyncio.base_events"
