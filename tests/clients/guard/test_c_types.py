"""Methods of libraries in C, and what other plugins put in the place of such a library."""

from __future__ import annotations

from types import ModuleType

import pytest

from pytest_parseapi.clients.guard.c_types import CTypes


class Curl:
    """As pytest-recording has it: it holds the real one, and has no option of its own."""

    def __getattr__(self, name):
        raise AttributeError(name)


def _check_host(*_arguments):
    raise AssertionError


@pytest.mark.parametrize("names", [("Curl",), ("Curl", "CurlMulti"), ()])
def test_a_stand_in_of_another_plugin_is_left_alone(names):
    module = ModuleType("pycurl")
    for name in names:
        setattr(module, name, Curl)
    before = dict(vars(Curl))
    types = CTypes(_check_host)
    types.replace(module)
    assert dict(vars(Curl)) == before
    types.stop()
