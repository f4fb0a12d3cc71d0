"""Functions that are taken over in place are redirected for all references."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import weakref
from unittest import mock

import pytest

from pytest_parseapi.patching.function_bodies import FunctionBodies, function_behind


class Library:
    """What a library defines."""

    def send(self, request, *rest, timeout=5, **options):
        return ("real", request, rest, timeout, options)

    async def send_later(self, request):
        return ("real", request)


@pytest.fixture
def bodies():
    bodies = FunctionBodies()
    yield bodies
    bodies.stop()


def ours(real):
    def send(own, request, *rest, **options):
        return ("ours", real(own, request, *rest, **options))

    return send


def test_kept_references_and_wrappers_lead_to_the_other_body(bodies):
    kept, bound = Library.send, Library().send
    wrapped = functools.wraps(Library.send)(lambda *args: ("traced", Library.send(*args)))
    bodies.put(Library.send, ours)
    expected = ("ours", ("real", "a", (), 5, {}))
    assert kept(Library(), "a") == bound("a") == Library().send("a") == expected
    assert wrapped(Library(), "a") == ("traced", expected)


def test_arguments_are_handed_on_as_given(bodies):
    bodies.put(Library.send, ours)
    assert Library().send("a", "b", timeout=9, tls=True) == (
        *("ours", ("real", "a", ("b",), 9, {"tls": True})),
    )


def test_coroutine_functions_stay_coroutine_functions(bodies):
    def later(real):
        async def send_later(own, request):
            return ("ours", await real(own, request))

        return send_later

    bodies.put(Library.send_later, later)
    assert inspect.iscoroutinefunction(Library.send_later)
    assert asyncio.run(Library().send_later("a")) == ("ours", ("real", "a"))


def test_a_function_looks_as_before_and_is_as_before_after_it(bodies):
    function, code = Library.send, Library.send.__code__
    look = (str(inspect.signature(function)), function.__name__, function.__qualname__)
    bodies.put(function, ours)
    assert (str(inspect.signature(function)), function.__name__, function.__qualname__) == look
    assert function.__code__ is not code
    bodies.stop()
    assert function.__code__ is code


def test_bodies_may_be_restored_in_another_order():
    code = Library.send.__code__
    first, second = FunctionBodies(), FunctionBodies()
    first.put(Library.send, ours)
    second.put(Library.send, ours)
    assert Library().send("a") == ("ours", ("ours", ("real", "a", (), 5, {})))
    first.stop()
    second.stop()
    assert Library.send.__code__ is code


def test_replaced_bodies_are_freed():
    library = Library()
    gone = weakref.ref(library)
    bodies = FunctionBodies()
    bodies.put(Library.send, lambda _real, kept=library: lambda *_given, **_named: kept)
    assert Library().send("a") is library
    bodies.stop()
    del library, bodies
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda function: function,
        functools.partial,
        lambda function: functools.wraps(function)(lambda *args: (function(*args),)),
        lambda function: lambda *args: (function(*args),),
        lambda function: mock.Mock(wraps=function),
        lambda function: mock.Mock(side_effect=function),
        lambda function: mock.create_autospec(function, side_effect=function),
        lambda function: functools.wraps(function)(
            functools.partial(lambda own, *args: own(*args), lambda *args: (function(*args),))
        ),
    ],
)
def test_a_function_is_found_behind_what_stands_before_it(wrap):
    assert function_behind(wrap(Library.send), __file__, "Library.send") is Library.send


@pytest.mark.parametrize("other", [None, len, mock.Mock(), lambda: None, Library.send_later])
def test_other_callables_have_no_function_behind(other):
    assert function_behind(other, __file__, "Library.send") is None
