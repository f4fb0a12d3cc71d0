"""Replaced functions, also if others replace the same ones."""

from __future__ import annotations

import functools
import sys
import types

import pytest

from pytest_parseapi.patching.attributes import Patches, underlying


def real():
    return ["real"]


def ours(function):
    return lambda: ["ours", *function()]


def theirs(function):
    return lambda: ["theirs", *function()]


@pytest.fixture
def place():
    return types.SimpleNamespace(function=real)


def test_a_function_is_replaced_and_put_back(place):
    patches = Patches()
    patches.put(place, "function", ours)
    assert place.function() == ["ours", "real"]
    patches.stop()
    assert place.function is real


def test_tests_within_tests(place):
    outer, inner = Patches(), Patches()
    outer.put(place, "function", ours)
    inner.put(place, "function", ours)
    assert place.function() == ["ours", "ours", "real"]
    inner.stop()
    assert place.function() == ["ours", "real"]
    outer.stop()
    assert place.function is real


def test_an_inherited_method_is_inherited_again():
    class Base:
        def method(self):
            return "real"

    class Derived(Base):
        pass

    patches = Patches()
    patches.put(Derived, "method", lambda real: lambda self: "ours " + real(self))
    assert Derived().method() == "ours real"
    patches.stop()
    assert "method" not in vars(Derived)
    assert Derived().method() == "real"


def test_a_patch_of_somebody_else_s_stays_until_they_end_it(place):
    patches = Patches()
    patches.put(place, "function", ours)
    found = place.function
    place.function = theirs(found)
    patches.stop()
    assert place.function() == ["theirs", "ours", "real"]
    place.function = found
    assert underlying(place.function) is real


@pytest.mark.parametrize("copies", [False, True], ids=["plain", "functools.wraps"])
def test_leftovers_of_other_patches_do_not_accumulate(place, copies):
    for _ in range(3 * sys.getrecursionlimit()):
        patches = Patches()
        patches.put(place, "function", ours)
        found = place.function
        place.function = functools.wraps(found)(theirs(found)) if copies else theirs(found)
        assert place.function() == ["theirs", "ours", "real"]
        patches.stop()
        place.function = found
    last = Patches()
    last.put(place, "function", ours)
    last.stop()
    assert place.function is real


LATE = """
    import httpx, pytest

    def test_simulated(monkeypatch, extend_api):
        real = httpx.HTTPTransport.handle_request
        with httpx.Client() as client:
            monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda *a: real(*a))
            assert client.post("https://api.extend.ai/parse").status_code == 401
        assert len(extend_api.attempts) == 1

    def test_afterwards(monkeypatch):
        def no_network(*args, **options):
            raise ConnectionRefusedError

        monkeypatch.setattr("socket.create_connection", no_network)
        with httpx.Client() as client, pytest.raises(httpx.ConnectError):
            client.post("https://api.extend.ai/parse")
"""


def test_a_patch_that_outlives_the_simulation_does_not_keep_it(nested):
    assert nested(LATE).parseoutcomes() == {"passed": 2}


def test_a_test_double_without_the_function_is_left_alone():
    stand_in = type("Thread", (), {})
    patches = Patches()
    patches.put(stand_in, "join", lambda real: real)
    patches.stop()
    assert not hasattr(stand_in, "join")
