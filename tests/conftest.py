"""What all tests share."""

from __future__ import annotations

import asyncio
import asyncio.base_events
import http.client
import importlib
import logging
import pkgutil
import queue
import selectors
import socket
import ssl
import sys
import threading
import time

import aiohttp.connector
import httpx
import httpx2
import hypothesis
import hypothesis.core
import pytest
import requests.sessions
import requests.utils
import urllib3.connectionpool

import pytest_parseapi
from pytest_parseapi.patching.attributes import beneath

# No test relies on how long anything takes.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

# A nested run of pytest in this process forgets what it imported, and would import it all again in
# the next one.
for _module in pkgutil.walk_packages(pytest_parseapi.__path__, "pytest_parseapi."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)

# Whatever a simulation takes over.
_TAKEN_OVER = [
    *(
        getattr(module, name)
        for module in (httpx, httpx2)
        for name in ("HTTPTransport", "AsyncHTTPTransport")
    ),
    *(sys.modules[f"{module.__name__}._transports.default"] for module in (httpx, httpx2)),
    *(requests.sessions, requests.utils, urllib3.HTTPConnectionPool, urllib3.HTTPSConnectionPool),
    *(aiohttp.connector.BaseConnector, aiohttp.connector.TCPConnector),
    *(socket, socket.socket, ssl.SSLContext, http.client.HTTPConnection),
    *(asyncio.base_events.BaseEventLoop, asyncio.events),
    *(kind for kind in vars(selectors).values() if isinstance(kind, type)),
    *(
        logging.Logger,
        logging.Handler,
        threading,
        threading.Thread,
        threading.Condition,
        queue,
        time,
    ),
]


def _taken_over():
    return [dict(vars(owner)) for owner in _TAKEN_OVER]


def _replaced(owner, before, after):
    for name in before.keys() | after.keys():
        old, new = beneath(before.get(name)), beneath(after.get(name))
        own = name == "excepthook"  # pytest's own, around each test
        if old is not new and not own and (callable(old) or callable(new)):
            yield owner, name, old, new


@pytest.fixture(autouse=True)
def nothing_stays_patched():
    """Whatever a test does, it leaves the libraries as it found them."""
    before, finders = _taken_over(), list(sys.meta_path)
    yield
    after = _taken_over()
    if before != after:  # seldom, and telling what has changed takes long
        parts = zip(_TAKEN_OVER, before, after, strict=True)
        assert [change for part in parts for change in _replaced(*part)] == []
    assert sys.meta_path == finders


@pytest.fixture(autouse=True)
def at_a_desk(nothing_stays_patched, monkeypatch):
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
