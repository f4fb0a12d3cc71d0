"""A lock that virtual time does not take over."""

from __future__ import annotations

import threading

import pytest

from pytest_parseapi.patching.plain_types import plain_lock


def test_one_thread_at_a_time_holds_it():
    acquire, release = plain_lock()
    counted = 0

    def count():
        nonlocal counted
        for _ in range(1000):
            acquire()
            before = counted
            counted = before + 1
            release()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted == 4000


def test_its_methods_are_the_interpreter_s_in_a_simulated_test(extend_api):
    del extend_api
    acquire, release = plain_lock()
    assert [type(item).__name__ for item in (acquire, release)] == [
        "builtin_function_or_method"
    ] * 2


def test_a_lock_that_is_free_is_not_released():
    _, release = plain_lock()
    with pytest.raises(RuntimeError):
        release()
