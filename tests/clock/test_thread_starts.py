"""Threads that are started by ``_thread`` are tracked from their start to their end."""

from __future__ import annotations

import _thread
import hashlib
import os
import queue
import sys
import threading
import time

import pytest


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


def test_no_jump_over_a_bare_thread_before_its_first_step(clock):
    done = []

    def work():
        time.sleep(3)
        done.append(clock.elapsed)

    _thread.start_new_thread(work, ())
    time.sleep(4)
    assert done == [3]


@pytest.mark.parametrize("timeout", [10, 3600])
def test_a_lock_that_a_bare_thread_releases(clock, timeout):
    lock = _thread.allocate_lock()
    lock.acquire()
    _thread.start_new_thread(lock.release, ())
    assert lock.acquire(timeout=timeout)
    assert clock.elapsed == 0


def test_an_item_that_a_bare_thread_puts(clock):
    box = queue.SimpleQueue()
    _thread.start_new_thread(box.put, (7,))
    assert box.get(timeout=10) == 7
    assert clock.elapsed == 0


def test_no_jump_over_a_bare_thread_that_computes_in_c(clock):
    lock = _thread.allocate_lock()
    lock.acquire()
    box = queue.SimpleQueue()
    lists = [sorted, (os.urandom(3_000_000),)]
    _thread.start_new_thread(lambda: (lists[0](*lists[1]), box.put(1)), ())
    _thread.start_new_thread(hashlib.pbkdf2_hmac, ("sha256", b"a", b"b", 300_000))
    assert box.get(timeout=3600) == 1
    assert clock.elapsed < 3600


def test_a_bare_thread_shows_as_its_function(clock, monkeypatch):
    seen = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda found: seen.append(f"{found.err_msg} {found.object!r}")
    )
    ended = threading.Event()

    def work(text, *, which):
        try:
            raise LookupError(text, which)
        finally:
            ended.set()

    _thread.start_new_thread(work, ("a",), {"which": 1})
    assert ended.wait(5)
    time.sleep(1)
    assert len(seen) == 1
    assert repr(work) in seen[0]


@pytest.mark.parametrize(
    "wrong", [(), (print,), (print, []), (print, (), []), (3, ()), (print, (), {}, 1)]
)
def test_a_bare_thread_that_cannot_be_started(clock, wrong):
    with pytest.raises(TypeError):
        _thread.start_new_thread(*wrong)
    time.sleep(5)
    assert clock.elapsed == 5
