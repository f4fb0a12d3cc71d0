"""Timers of libraries that stay real count with their duration, and are reported once a session."""

from __future__ import annotations

import asyncio
import importlib.util

import pytest

HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None
HAS_GEVENT = importlib.util.find_spec("gevent") is not None
needs_uvloop = pytest.mark.skipif(not HAS_UVLOOP, reason="uvloop is not installed")
needs_gevent = pytest.mark.skipif(not HAS_GEVENT, reason="gevent is not installed")


def run(make):
    import uvloop

    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(make())
    finally:
        loop.close()


async def overlapping():
    await asyncio.gather(asyncio.sleep(0.1), asyncio.sleep(0.2))


async def timed_out():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.Event().wait()


async def called_later():
    called = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, called.set)
    await called.wait()


async def called_at():
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    loop.call_at(loop.time() + 0.2, called.set)
    await called.wait()


async def cancelled():
    asyncio.get_running_loop().call_later(5, print).cancel()
    await asyncio.sleep(0.2)


@needs_uvloop
@pytest.mark.parametrize("make", [overlapping, timed_out, called_later, called_at, cancelled])
def test_what_a_timer_of_uvloop_took(extend_api, make):
    run(make)
    assert 0.19 <= extend_api.clock.elapsed < 2


@needs_uvloop
@pytest.mark.parametrize("delay", [0, -1])
def test_uvloops_zero_wait_takes_no_time(extend_api, delay):
    run(lambda: asyncio.sleep(delay))
    assert extend_api.clock.elapsed < 0.1


@needs_gevent
def test_what_a_sleep_of_gevent_took(pytester):
    pytester.makepyfile(
        """
        import gevent, gevent.event, gevent.queue
        import pytest

        def sleeps():
            gevent.joinall([gevent.spawn(gevent.sleep, 0.2), gevent.spawn(gevent.sleep, 0.1)])

        def event():
            assert not gevent.event.Event().wait(0.2)

        def queue():
            with pytest.raises(gevent.queue.Empty):
                gevent.queue.Queue().get(timeout=0.2)

        def block():
            with pytest.raises(gevent.Timeout), gevent.Timeout(0.2):
                gevent.event.Event().wait()

        @pytest.mark.parametrize("wait", [sleeps, event, queue, block])
        def test_gevent(extend_api, wait):
            wait()
            assert 0.19 <= extend_api.clock.elapsed < 2
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, warnings=1)
    result.stdout.fnmatch_lines("*parseapi: timers of gevent are real. *")


@needs_uvloop
def test_the_warning_is_shown_once_whatever_the_filters(pytester):
    pytester.makepyfile(
        """
        import asyncio, uvloop
        import pytest

        @pytest.mark.parametrize("_time", range(3))
        def test_uvloop(extend_api, _time):
            loop = uvloop.new_event_loop()
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()
        """
    )
    result = pytester.runpytest_subprocess(
        "-W", "error", "-p", "no:asyncio", "-p", "no:cacheprovider"
    )
    result.assert_outcomes(passed=3, warnings=1)
    told = "parseapi: timers of uvloop are real. Its waits take the time that they say, and are on"
    assert result.stdout.str().count(told) == 1
