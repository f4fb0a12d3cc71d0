"""What all tests share."""

from __future__ import annotations

import asyncio
import functools
import importlib
import pkgutil
import sys
import time

import httpcore
import hypothesis
import hypothesis.core
import pytest

import pytest_parseapi
from pytest_parseapi.clients.guard.process import process_guards
from pytest_parseapi.patching import attributes, function_bodies
from pytest_parseapi.patching.attributes import underlying

# No test relies on how long anything takes.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

# pytest-asyncio asks for the thread's loop, to put it back: the first time, asyncio would make one,
# which nobody closes.
asyncio.set_event_loop(None)

# A nested run of pytest in this process forgets what it imported, and would import it all again in
# the next one.
for _client in ("aiohttp", "httpx", "httpx2", "requests", "urllib3"):
    importlib.import_module(_client)
for _module in pkgutil.walk_packages(pytest_parseapi.__path__, "pytest_parseapi."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)

_PLACES = {}
"""Whatever was taken over since the tests began, by owner and name, and what was there before."""


def _record(kind, place_of):
    """Keep what each replacement of a kind finds in its place."""
    init = kind.__init__

    @functools.wraps(init)
    def recorded(patch, *args):
        owner, name = place_of(*args)
        found = None if (id(owner), name) in _PLACES else (owner, _now(owner, name))
        init(patch, *args)
        if found is not None:
            _PLACES.setdefault((id(owner), name), found)

    kind.__init__ = recorded


def _now(owner, name):
    return underlying(vars(owner).get(name)) if name != "__code__" else owner.__code__


_record(attributes._Patch, lambda owner, name, _make: (owner, name))
_record(function_bodies._Body, lambda function, _make: (function, "__code__"))

# respx puts its mocks there, and a test may begin with them before anything is taken over.
for _pool, _name in (
    (httpcore.ConnectionPool, "handle_request"),
    (httpcore.AsyncConnectionPool, "handle_async_request"),
):
    _PLACES[id(_pool), _name] = _pool, _now(_pool, _name)


def _settle(guards):
    """Let threads end that a nested run has left behind."""
    latest = time.monotonic() + 5
    while guards.leftover.is_any_alive() and time.monotonic() < latest:
        time.sleep(0.005)
    guards.settle()


_AT_START = pytest.StashKey()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item):
    """Keep what is in place before a test is simulated, if it is."""
    _settle(process_guards())
    places = {place: _now(owner, place[1]) for place, (owner, _) in _PLACES.items()}
    item.stash[_AT_START] = places, list(sys.meta_path)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item):
    """Whatever a test does, it leaves the libraries as it found them."""
    result = yield
    _settle(process_guards())
    places, finders = item.stash[_AT_START]
    left = [
        (owner, place[1])
        for place, (owner, found) in _PLACES.items()
        if _now(owner, place[1]) is not places.get(place, found)
    ]
    assert left == []
    assert sys.meta_path == finders
    return result


@pytest.fixture(autouse=True)
def outside_ci(monkeypatch):
    """pytest prints more where it finds itself in CI; nested runs print the same everywhere."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def prepared(pytester, monkeypatch):
    """Gives the options of a nested run with this plugin and those named, and no other.

    Whatever else is installed is loaded and rewritten anew by each run, and would be most of it.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def options(plugins):
        if "pytest_asyncio.plugin" in plugins:
            pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
        loaded = [part for name in ("parseapi", *plugins) for part in ("-p", name)]
        return [*loaded, "-p", "no:cacheprovider"]

    return options


@pytest.fixture
def nested(pytester, prepared):
    """Runs pytest in this process on a file of tests, or on what is in its directory."""

    def run(text=None, *options, plugins=()):
        if text is not None:
            pytester.makepyfile(text)
        return pytester.runpytest_inprocess(*prepared(plugins), *options)

    return run


@pytest.fixture
def separate(pytester, prepared):
    """Runs pytest in a process of its own on what is in its directory."""

    def run(*options, plugins=()):
        return pytester.runpytest_subprocess(*prepared(plugins), *options)

    return run
