"""The clock functions are taken over once a session, keep their appearance, and are given back."""

from __future__ import annotations

import concurrent.futures
import inspect
import pickle
import sys
import threading
import time
from types import SimpleNamespace as stand_in  # noqa: N813

import pytest

from pytest_parseapi import VirtualClock, plugin
from pytest_parseapi.clock import platform_support
from pytest_parseapi.clock.clock_state import clock_state
from pytest_parseapi.clock.takeover import take_over
from pytest_parseapi.clock.virtual_time import VirtualTime

# Made before any test: dictionaries find their keys by hash.
TABLE = {time.sleep: "sleep", time.monotonic: "monotonic", time.time: "time"}
WITHOUT = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:rerunfailures")


@pytest.mark.parametrize("name", ["sleep", "monotonic", "time", "gmtime", "strftime"])
def test_a_function_still_looks_like_itself(extend_api, name):
    function = getattr(time, name)
    assert repr(function) == f"<built-in function {name}>"
    assert function.__name__ == function.__qualname__ == name
    assert function.__module__ == "time"
    assert inspect.isbuiltin(function)
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.skipif(sys.platform != "linux", reason="another first argument changes the hash")
def test_a_function_keeps_its_hash(extend_api):
    assert TABLE[time.sleep] == "sleep"
    assert TABLE[time.monotonic] == "monotonic"
    assert TABLE[time.time] == "time"
    assert time.sleep.__self__ is time


def test_a_child_process_gets_the_function(extend_api):
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        assert pool.submit(abs, -1).result() == 1
        assert pool.submit(time.gmtime, 0).result().tm_year == 1970


def test_a_session_in_real_time_takes_nothing_over(pytester):
    pytester.makepyfile(
        """
        import sys, pytest

        @pytest.mark.parseapi(real_time=True)
        def test_real(extend_api):
            assert "pytest_parseapi.patching.builtin_functions" not in sys.modules
            assert "pytest_parseapi.patching.builtin_type_methods" not in sys.modules
        """
    )
    pytester.runpytest_subprocess(*WITHOUT).assert_outcomes(passed=1)


def test_between_two_tests_of_a_session_time_is_real(pytester):
    pytester.makepyfile(
        """
        import time
        from pytest_parseapi.clock.takeover import take_over

        def test_first(extend_api):
            time.sleep(3600)

        def test_between():
            before = time.monotonic()
            time.sleep(0.01)
            assert 0.01 <= time.monotonic() - before < 60
            assert take_over()._is_taken

        def test_second(extend_api):
            time.sleep(3600)
            assert extend_api.clock.elapsed == 3600
        """
    )
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.inline_run(*WITHOUT).assertoutcome(passed=3)


def test_a_take_over_while_a_test_has_frozen_time_takes_the_real_class(pytester):
    pytester.makepyfile(
        """
        import datetime as dt
        import pytest
        from freezegun import freeze_time

        @pytest.fixture
        def frozen():
            with freeze_time("2031-05-06"):
                yield

        def test_frozen_before_the_first_take_over(frozen, extend_api):
            assert dt.datetime.now().year == 2031

        @freeze_time("2031-05-06", tick=True)
        def test_frozen_later(extend_api):
            assert dt.datetime.now().year == 2031
        """
    )
    pytester.runpytest_subprocess(*WITHOUT).assert_outcomes(passed=2)


def test_sessions_share_one_take_over():
    functions = take_over()
    functions.hold()
    functions.hold()
    functions.release()
    assert functions._is_taken
    functions.release()


# Platforms where nothing can be taken over in place.


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("sys", stand_in(implementation=stand_in(name="pypy"))), "is not CPython"),
        (("sysconfig", stand_in(get_config_var=lambda _name: 1)), "this Python is free-threaded"),
        (
            ("sys", stand_in(implementation=sys.implementation, version_info=(3, 99, 0))),
            "Python 3.99 was not tried",
        ),
    ],
    ids=["PyPy", "free-threaded", "later version"],
)
def test_the_header_says_what_is_lost(monkeypatch, change, why):
    assert platform_support.why_not_in_place() == ""
    monkeypatch.setattr(platform_support, *change)
    reason = platform_support.why_not_in_place()
    line = platform_support.limits_line(reason)
    monkeypatch.undo()
    assert why in reason
    assert line == (
        f"parseapi: {reason}, so virtual time reaches clock functions by name only: references "
        "kept in default arguments or containers, datetime.now() and locks made before a test "
        "stay real"
    )


def test_the_header_says_nothing_where_nothing_is_lost():
    assert plugin.pytest_report_header() is None


UNTRIED = """
    from pytest_parseapi.clock import platform_support

    platform_support.why_not_in_place = lambda: "nobody tried it"
"""


def test_names_are_replaced_where_nothing_is_taken_over_in_place(pytester):
    pytester.makeconftest(UNTRIED)
    pytester.makepyfile(
        """
        import asyncio, contextlib, pickle, queue, sys, threading, time
        from concurrent.futures import ThreadPoolExecutor
        from time import sleep as kept
        import pytest
        with contextlib.suppress(ImportError):
            import uvloop  # The guard changes its types in memory elsewhere.

        def test_nothing_of_the_interpreter_is_touched(extend_api):
            assert "pytest_parseapi.patching.builtin_functions" not in sys.modules
            assert "pytest_parseapi.patching.builtin_type_methods" not in sys.modules

        def test_waits(extend_api):
            before = time.monotonic()
            time.sleep(3600)
            kept(60)
            asyncio.run(asyncio.sleep(5))
            assert threading.Event().wait(7) is False
            with pytest.raises(queue.Empty):
                queue.SimpleQueue().get(timeout=3)
            lock = threading.Lock()
            lock.acquire()
            assert lock.acquire(timeout=2) is False
            assert extend_api.clock.elapsed == 3600 + 60 + 5 + 7 + 3 + 2
            assert time.monotonic() - before >= 3600
            assert pickle.loads(pickle.dumps(time.sleep)) is time.sleep

        def test_threads(extend_api):
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(time.sleep, [1, 2, 3, 4]))
            assert extend_api.clock.elapsed == 4
        """
    )
    result = pytester.runpytest_subprocess(*WITHOUT)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines([platform_support.limits_line("nobody tried it")])


def test_threads_that_read_clocks_while_tests_begin_and_end():
    stop = threading.Event()
    errors = []

    def work():
        lock = threading.Lock()
        try:
            while not stop.is_set():
                time.localtime()
                time.strftime("%H")
                with lock:
                    time.monotonic()
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(20):
            time_ = VirtualTime(VirtualClock())
            time_.start()
            time_.stop()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert clock_state().clock is None


REPLACED = """
import _thread

REAL = _thread.allocate_lock

def allocate_lock():
    return REAL()

allocate_lock.__module__ = "gevent.thread"
"""
WHY = (
    "gevent has put its own threads in the place of Python's, which virtual time needs: "
    "call gevent.monkey.patch_all(thread=False) where tests run"
)


def test_threads_that_are_replaced_before_the_first_test_are_named(pytester, separate):
    replaced = f"{REPLACED}_thread.allocate_lock = allocate_lock\n"
    pytester.makepyfile(
        test_simulated=f"{replaced}\ndef test_it(extend_api): pass",
        test_plain=f"{replaced}\ndef test_it(): pass",
    )
    result = separate()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"ERROR: parseapi: {WHY}")
    separate("test_plain.py").assert_outcomes(passed=1)


def test_threads_that_are_replaced_by_a_fixture_are_named(nested):
    result = nested(
        f"""
{REPLACED}
import pytest

@pytest.fixture
def replaced(monkeypatch):
    monkeypatch.setattr(_thread, "allocate_lock", allocate_lock)

def test_virtual(replaced, extend_api): pass

@pytest.mark.parseapi(real_time=True)
def test_real(replaced, extend_api): pass

def test_after(extend_api): pass
        """
    )
    result.assert_outcomes(errors=1, passed=2)
    result.stdout.fnmatch_lines(f"*{WHY}, or mark the test real_time=True")
