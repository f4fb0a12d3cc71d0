"""Calls of a built-in function are redirected for all references, and restored."""

import gc
import inspect
import math
import pickle
import sys
import threading
from math import sqrt as kept

import pytest

from pytest_parseapi.patching.builtin_functions import BuiltinFunction, Trampolines, check
from pytest_parseapi.patching.process import process

TABLE = {math.sqrt: "sqrt"}


def trampolines():
    try:
        return process().part("trampolines of tests", Trampolines)
    except (OSError, RuntimeError):
        pytest.skip("no instructions may be added on this machine")


WAYS = {"instructions": trampolines, "another first argument": lambda: None}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def taken(request):
    made = BuiltinFunction(math.sqrt, request.param())
    made.take()
    yield made
    made.give_back()


def call_default(number, sqrt=math.sqrt):
    return sqrt(number)


@pytest.mark.parametrize(
    "call", [lambda number: call_default(number, math.sqrt), kept, call_default]
)
def test_every_reference_is_reached(taken, call):
    given = []
    for _ in range(50):
        assert call(4) == 2
    taken.redirect(given.append)

    for _ in range(50):
        call(3600)
    assert given == [3600] * 50

    taken.redirect(None)
    assert call(4) == 2
    taken.redirect(given.append)
    taken.give_back()
    assert call(4) == 2
    assert given == [3600] * 50


def test_exceptions_pass(taken):
    def refuse(seconds):
        raise KeyError(seconds)

    taken.redirect(refuse)

    with pytest.raises(KeyError, match="5"):
        math.sqrt(5)
    with pytest.raises(TypeError):
        math.sqrt(1, 2)


def test_it_still_looks_like_itself(taken):
    taken.redirect(print)

    assert repr(math.sqrt) == "<built-in function sqrt>"
    assert math.sqrt.__name__ == math.sqrt.__qualname__ == "sqrt"
    assert math.sqrt.__module__ == "math"
    assert inspect.isbuiltin(math.sqrt)
    assert pickle.loads(pickle.dumps(math.sqrt)) is math.sqrt
    assert math.sqrt == kept


def test_it_keeps_its_hash():
    taken = BuiltinFunction(math.sqrt, trampolines())
    taken.take()
    try:
        taken.redirect(print)
        assert TABLE[math.sqrt] == "sqrt"
        assert math.sqrt.__self__ is math
    finally:
        taken.give_back()


def test_references_are_counted(taken):
    def target(seconds):
        pass

    before = sys.getrefcount(target)
    for _ in range(3):
        taken.redirect(target)
        gc.collect()
        taken.redirect(None)
    gc.collect()

    assert sys.getrefcount(target) == before


def test_other_objects_are_refused():
    with pytest.raises((RuntimeError, AttributeError)):
        BuiltinFunction(call_default, None)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_tests_itself(way):
    check(way())


class Broken(BuiltinFunction):
    def redirect(self, target):
        pass


def test_a_test_of_itself_that_fails_gives_the_function_back(monkeypatch):
    monkeypatch.setattr("pytest_parseapi.patching.builtin_functions.BuiltinFunction", Broken)
    with pytest.raises(RuntimeError, match="did something else"):
        check(None)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_threads_may_call_it_during_the_take_over(way):
    """With a write that other threads can see half of, such a thread ends the interpreter."""
    stop = threading.Event()
    begun = threading.Semaphore(0)
    errors = []

    def work():
        begun.release()
        try:
            while not stop.is_set():
                math.sqrt(0)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    taken = BuiltinFunction(math.sqrt, way())
    interval = sys.getswitchinterval()
    try:
        for thread in threads:
            thread.start()
            begun.acquire()  # two threads at once cannot begin to be measured for coverage
        sys.setswitchinterval(1e-6)
        for _ in range(1000):
            taken.take()
            taken.redirect(lambda seconds: seconds)
            taken.redirect(None)
            taken.give_back()
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
