"""Calls of a built-in go elsewhere, wherever it is kept, and nothing is left behind."""

import gc
import sys
import threading
import time
from time import sleep as kept

import pytest

from pytest_parseapi.patching.functions import Redirect


@pytest.fixture
def redirect():
    made = Redirect(time.sleep)
    yield made
    made.undo()


def call_default(seconds, sleep=time.sleep):
    return sleep(seconds)


@pytest.mark.parametrize(
    "call", [lambda seconds: call_default(seconds, time.sleep), kept, call_default]
)
def test_every_reference_is_reached(redirect, call):
    slept = []
    redirect.to(slept.append)

    call(3600)
    assert slept == [3600]

    redirect.undo()
    call(0)
    assert slept == [3600]


def test_exceptions_pass(redirect):
    def refuse(seconds):
        raise KeyError(seconds)

    redirect.to(refuse)

    with pytest.raises(KeyError, match="5"):
        time.sleep(5)
    with pytest.raises(TypeError, match="exactly one argument"):
        time.sleep()


def test_references_are_counted(redirect):
    def target(seconds):
        pass

    before = sys.getrefcount(target)
    for _ in range(3):
        redirect.to(target)
        gc.collect()
        redirect.undo()
        redirect.undo()
        redirect.again()
        redirect.undo()

    assert sys.getrefcount(target) == before + 1  # the redirect keeps its last target


def test_a_redirect_within_another_outlives_it():
    slept = []

    def redirect_twice():
        outer = Redirect(time.sleep)
        outer.to(slept.append)
        inner = Redirect(time.sleep)
        inner.to(lambda seconds: inner.original(seconds + 1))
        time.sleep(1)
        inner.undo()
        outer.undo()
        return inner.original

    original = redirect_twice()
    gc.collect()

    original(5)

    assert slept == [2, 5]


def test_what_is_no_built_in_is_refused():
    with pytest.raises((RuntimeError, AttributeError)):
        Redirect(call_default)


def test_threads_that_call_it_meanwhile():
    """With two writes in turn, such a thread ends the interpreter within a second or two."""
    stop = threading.Event()
    errors = []

    def work():
        try:
            while not stop.is_set():
                time.gmtime(0)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for _ in range(2000):
            redirect = Redirect(time.gmtime)
            redirect.to(redirect.original)
            redirect.undo()
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
