"""What clocks show: consumers see one virtual time, tools the real time; all is restored."""

from __future__ import annotations

import _thread
import calendar
import contextlib
import dataclasses
import datetime as dt
import email.utils
import gc
import http.client
import logging
import random
import select as system
import selectors
import socket
import sys
import textwrap
import threading
import time
import types
from _queue import SimpleQueue
from unittest import mock

import httpx
import pytest
import trio  # noqa: F401 - so that its loop is in the picture

from pytest_parseapi import VirtualClock
from pytest_parseapi.clock.loops import LoopWaits
from pytest_parseapi.clock.virtual_time import VirtualTime

# References that were taken before any test began.
KEPT_TIME = time.time


def kept_monotonic(clock=time.monotonic):
    return clock()


class Aware(dt.datetime):
    """A consumer's own kind of datetime."""


@dataclasses.dataclass
class Stamp:
    """A class that keeps the method as a default factory."""

    at: dt.datetime = dataclasses.field(default_factory=dt.datetime.now)


KEPT_METHODS = [dt.datetime.now for _ in range(100)]
KEPT_UTCNOW, KEPT_OF_SUBCLASS, KEPT_TODAY = dt.datetime.utcnow, Aware.now, dt.datetime.today

CLOCKS = {
    "time": time.time,
    "kept time": KEPT_TIME,
    "time_ns": lambda: time.time_ns() / 1e9,
    "monotonic": time.monotonic,
    "default argument": kept_monotonic,
    "monotonic_ns": lambda: time.monotonic_ns() / 1e9,
    "perf_counter": time.perf_counter,
    "perf_counter_ns": lambda: time.perf_counter_ns() / 1e9,
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_REALTIME),
    "clock_gettime_ns": lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1e9,
    "datetime.now": lambda: dt.datetime.now().timestamp(),  # noqa: DTZ005 - the case
    "datetime.now(tz)": lambda: dt.datetime.now(dt.UTC).timestamp(),
    "datetime.utcnow": lambda: dt.datetime.utcnow().replace(tzinfo=dt.UTC).timestamp(),  # noqa: DTZ003
    "a kept now": lambda: KEPT_METHODS[0]().timestamp(),
    "the last of many": lambda: KEPT_METHODS[-1](tz=dt.UTC).timestamp(),
    "a default factory": lambda: Stamp().at.timestamp(),  # noqa: PLW0108 - a new one each time
    "a kept utcnow": lambda: KEPT_UTCNOW().replace(tzinfo=dt.UTC).timestamp(),
    "a kept now of a subclass": lambda: KEPT_OF_SUBCLASS(dt.UTC).timestamp(),
    "a kept today": lambda: KEPT_TODAY().timestamp(),
    "datetime.today": lambda: dt.datetime.today().timestamp(),  # noqa: DTZ002
    "a subclass's now": lambda: Aware.now(dt.UTC).timestamp(),
    "gmtime": lambda: calendar.timegm(time.gmtime()),
    "localtime": lambda: time.mktime(time.localtime()),
    "ctime": lambda: time.mktime(time.strptime(time.ctime())),
    "asctime": lambda: time.mktime(time.strptime(time.asctime())),
    "strftime": lambda: time.mktime(
        time.strptime(time.strftime("%Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S")
    ),
    "email's date": lambda: email.utils.parsedate_to_datetime(email.utils.formatdate()).timestamp(),
    "a log record": lambda: logging.makeLogRecord({}).created,
}


@pytest.mark.parametrize("read", CLOCKS.values(), ids=CLOCKS)
def test_every_clock_advances_by_the_sleep(extend_api, read):
    before = read()
    time.sleep(3600)
    # Some clocks show whole seconds only, and real time continues.
    assert 3599 <= read() - before <= 3630
    extend_api.clock.advance(86_400)
    assert 89_999 <= read() - before <= 90_030


@pytest.mark.parametrize(
    "read",
    [
        time.process_time,
        time.thread_time,
        lambda: time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID),
    ],
)
def test_processor_time_is_real(extend_api, read):
    before = read()
    time.sleep(3600)
    assert read() - before < 60


def test_clocks_agree(extend_api):
    time.sleep(10_000)
    now = time.time()
    readings = [
        time.time_ns() / 1e9,
        time.clock_gettime(time.CLOCK_REALTIME),
        dt.datetime.now().timestamp(),  # noqa: DTZ005
        dt.datetime.now(dt.timezone(dt.timedelta(hours=5))).timestamp(),
    ]
    assert readings == pytest.approx([now] * 4, abs=30)
    assert dt.date.today().isoformat() == time.strftime("%Y-%m-%d")  # noqa: DTZ011


def test_types_are_kept(extend_api):
    time.sleep(5)
    assert isinstance(time.time(), float)
    assert isinstance(time.time_ns(), int)
    assert isinstance(time.monotonic_ns(), int)
    assert isinstance(time.perf_counter_ns(), int)
    assert isinstance(time.clock_gettime_ns(time.CLOCK_REALTIME), int)
    assert type(Aware.now()) is Aware
    assert type(dt.datetime.now(dt.UTC)) is dt.datetime
    assert dt.datetime.now().tzinfo is None  # noqa: DTZ005
    assert dt.datetime.now(dt.UTC).tzinfo is dt.UTC


def test_functions_of_a_given_time_are_not_changed(extend_api):
    time.sleep(3600)
    assert time.gmtime(0).tm_year == 1970
    assert time.localtime(86_400 * 365).tm_year == 1971
    assert time.strftime("%Y", time.gmtime(0)) == "1970"
    assert time.ctime(0).endswith("1970")
    assert time.asctime(time.gmtime(0)).endswith("1970")
    assert dt.datetime.fromtimestamp(0, dt.UTC).year == 1970


def test_time_never_goes_back(extend_api):
    last = [time.time(), time.monotonic(), time.perf_counter()]
    for _ in range(200):
        time.sleep(random.random() / 100)
        now = [time.time(), time.monotonic(), time.perf_counter()]
        assert all(a <= b for a, b in zip(last, now, strict=True))
        last = now


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "1", None])
def test_advance_refuses(extend_api, wrong):
    with pytest.raises(BaseException, match=r"^clock\.advance\(\) takes seconds >= 0, not "):
        extend_api.clock.advance(wrong)
    assert extend_api.clock.elapsed == 0


def test_advance_ends_waits(extend_api):
    ended = []

    def work():
        time.sleep(10)
        ended.append(extend_api.clock.elapsed)

    thread = threading.Thread(target=work)
    blocker_ours, blocker_theirs = socket.socketpair()
    blocker = threading.Thread(target=blocker_ours.recv, args=(1,))
    blocker.start()
    thread.start()
    while not extend_api.clock.jumps.deadlines.heap:
        pass
    extend_api.clock.advance(10)
    thread.join()
    blocker_theirs.sendall(b"x")
    blocker.join()
    blocker_ours.close()
    blocker_theirs.close()
    assert ended == [10]


@pytest.mark.parseapi(real_time=True)
def test_real_time(extend_api):
    before = time.monotonic()
    time.sleep(0.02)
    assert time.monotonic() - before >= 0.02
    assert extend_api.clock.elapsed >= 0.02
    with pytest.raises(
        BaseException,
        match=r"^clock\.advance\(\) needs virtual time, and this test has real_time=True$",
    ):
        extend_api.clock.advance(1)


def test_a_thread_whose_first_call_is_the_clock_function(extend_api, monkeypatch):
    errors = []
    monkeypatch.setattr(sys, "unraisablehook", errors.append)
    _thread.start_new_thread(time.sleep, (1,))
    time.sleep(2)
    threading.Event().wait(0.5)
    assert errors == []
    assert extend_api.clock.elapsed >= 2.5


def mocked(real):
    return mock.Mock(side_effect=real)


def passed_on_by_a_plugin(real):
    module = types.ModuleType("pytest_somebody")
    exec("def call(*args): return real(*args)", vars(module) | {"real": real}, vars(module))
    return module.call


@pytest.mark.parametrize("wrap", [mocked, passed_on_by_a_plugin])
def test_a_helper_counts_as_its_caller(extend_api, monkeypatch, wrap):
    monkeypatch.setattr(time, "sleep", wrap(time.sleep))
    monkeypatch.setattr(time, "monotonic", wrap(time.monotonic))
    before = time.monotonic()
    time.sleep(3600)
    assert time.monotonic() - before >= 3600
    assert extend_api.clock.elapsed == 3600


def test_select_is_on_record_with_what_it_took(extend_api):
    system.select([], [], [], 0.05)
    assert 0.05 <= extend_api.clock.elapsed < 30
    system.select([], [], [], 0)


KEPT_POLL = getattr(system, "poll", None)


@pytest.mark.skipif(KEPT_POLL is None, reason="no poll here")
@pytest.mark.parametrize("make", ["poll", "kept"])
def test_poll_is_on_record_with_what_it_took(extend_api, make):
    make = system.poll if make == "poll" else KEPT_POLL
    make().poll(50)
    assert 0.05 <= extend_api.clock.elapsed < 30
    make().poll(0)
    with pytest.raises(TypeError):
        make().poll("soon")


@pytest.mark.skipif(not hasattr(system, "epoll"), reason="no epoll here")
def test_epoll_is_on_record_with_what_it_took(extend_api):
    with system.epoll() as queue:
        queue.poll(timeout=0.05)
    assert 0.05 <= extend_api.clock.elapsed < 30


@pytest.mark.parametrize("name", ["DefaultSelector", "PollSelector", "SelectSelector"])
def test_a_selector_is_on_record_with_what_it_took(extend_api, name):
    if not hasattr(selectors, name):
        pytest.skip("no such selector here")
    with getattr(selectors, name)() as selector:
        selector.select(0.05)
    assert 0.05 <= extend_api.clock.elapsed < 30


# Nothing stays replaced.


def world():
    """Everything that a simulated test replaces."""
    datetime_methods = gc.get_referents(dt.datetime.__dict__)[0]
    return {
        "time": {name: getattr(time, name) for name in dir(time)},
        "selves": {
            name: getattr(value, "__self__", None)
            for name, value in vars(time).items()
            if callable(value)
        },
        "datetime": dict(datetime_methods),
        "locks": [dict(vars(kind)) for kind in (type(threading.Lock()), type(threading.RLock()))],
        "queue": dict(vars(SimpleQueue)),
        "threading": dict(vars(threading)),
        "Thread": dict(vars(threading.Thread)),
        "selectors": [
            dict(vars(getattr(selectors, name)))
            for name in dir(selectors)
            if name[0].isupper()
            if isinstance(getattr(selectors, name), type)
        ],
        "select": dict(vars(system)),
        "socket": dict(vars(socket)),
        "http.client": dict(vars(http.client.HTTPConnection)),
        "httpx": dict(vars(httpx)),
        "transports": [dict(vars(httpx.HTTPTransport)), dict(vars(httpx.AsyncHTTPTransport))],
        "TLS": sys.modules["httpx._transports.default"].create_ssl_context,
        "trio": dict(vars(sys.modules["trio"]._core._run.TheIOManager))
        if "trio" in sys.modules
        else {},
        "logging": dict(vars(logging.Logger)),
        "root handlers": list(logging.getLogger().handlers),
        "random": random.getstate(),
    }


def differences(before, after):
    return [key for key in before if before[key] != after[key]]


SIMULATED = """
    import random, threading, time, asyncio
    import httpx, pytest

    def use():
        time.sleep(5)
        random.random()
        try:
            httpx.post("https://api.extend.ai/parse")
        except httpx.HTTPError:
            pass
        asyncio.run(asyncio.sleep(1))
"""

ENDINGS = {
    "passed": "def test(extend_api): use()",
    "failed": "def test(extend_api): use(); assert False",
    "skipped": "def test(extend_api): use(); pytest.skip('later')",
    "interrupted": "def test(extend_api): use(); raise KeyboardInterrupt",
    "exited": "def test(extend_api): use(); raise SystemExit(3)",
    "session exited": "def test(extend_api): use(); pytest.exit('enough')",
    "stopped": "def test(extend_api): use(); httpx.get('https://api.extend.ai/nowhere')",
    "usage": "def test(extend_api): use(); extend_api.fail('OCR')",
    "unused": "def test(extend_api): use(); extend_api.fail('OCR_ERROR')",
    "cancelled": """
def test(extend_api):
    use()
    async def main():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)
    asyncio.run(main())
""",
    "set-up failed": """
@pytest.fixture
def broken(extend_api):
    use()
    raise RuntimeError
def test(broken): pass
""",
    "tear-down failed": """
@pytest.fixture
def broken(extend_api):
    yield
    use()
    raise RuntimeError
def test(broken): use()
""",
    "marker wrong": "@pytest.mark.parse_error('OCR')\ndef test(): use()",
    "client wrong": "@pytest.mark.parseapi(clients=['htpx'])\ndef test(extend_api): use()",
    "thread asleep": """
def test(extend_api):
    use()
    threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()
""",
}


# Plugins that start threads or seed for themselves.
WITHOUT = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:rerunfailures")


@pytest.mark.parametrize("body", ENDINGS.values(), ids=ENDINGS)
def test_everything_is_restored(pytester, body):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(textwrap.dedent(SIMULATED) + body)
    state = random.getstate()
    before = world()
    threads = set(threading.enumerate())
    with contextlib.suppress(KeyboardInterrupt):
        pytester.inline_run(*WITHOUT, no_reraise_ctrlc=True)
    after = world()
    assert differences(before, after) == []
    random.setstate(state)
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
    assert set(threading.enumerate()) <= threads


def test_a_start_that_fails_half_way_is_undone(monkeypatch):
    before = world()
    time_ = VirtualTime(VirtualClock())

    def fail():
        raise OSError("no")

    monkeypatch.setattr(LoopWaits, "start", lambda _self: fail())
    with pytest.raises(OSError, match="no"):
        time_.start()
    time_.stop()
    monkeypatch.undo()
    assert differences(before, world()) == []


def test_a_simulated_test_within_a_simulated_test(extend_api, pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(
        """
        import time
        import httpx

        def test_inner(extend_api):
            time.sleep(100)
            assert extend_api.clock.elapsed == 100
            extend_api.fail("OCR_ERROR")
            assert httpx.post(
                "https://api.extend.ai/parse", json={"file": {"url": "https://x/y.pdf"}},
                headers={"authorization": "Bearer key"},
            ).status_code == 500
        """
    )
    time.sleep(7)
    pytester.inline_run(*WITHOUT).assertoutcome(passed=1)
    time.sleep(3)
    assert extend_api.clock.elapsed == 10
    assert extend_api.attempts == []
