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
import hypothesis.core  # noqa: F401
import pytest
import requests.sessions
import requests.utils
import urllib3.connectionpool

import pytest_parseapi
from pytest_parseapi.patches import beneath

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
    held = {
        (str(owner), name): beneath(value)
        for owner in _TAKEN_OVER
        for name, value in vars(owner).items()
        if callable(value) and name != "excepthook"  # pytest's own, around each test
    }
    return {**held, **{("sys.meta_path", index): item for index, item in enumerate(sys.meta_path)}}


@pytest.fixture(autouse=True)
def nothing_stays_patched():
    """Whatever a test does, it leaves the libraries as it found them."""
    before = _taken_over()
    yield
    after = _taken_over()
    changed = {
        place: (before.get(place), after.get(place))
        for place in before.keys() | after.keys()
        if before.get(place) is not after.get(place)
    }
    assert not changed


@pytest.fixture(autouse=True)
def at_a_desk(nothing_stays_patched, monkeypatch):
    """pytest prints more where it finds itself in CI; nested runs print the same everywhere."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def nested(pytester):
    """Runs pytest in this process on a file of tests, without plugins that disturb."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")

    def run(text, *options):
        pytester.makepyfile(text)
        quiet = ("randomly", "rerunfailures", "cacheprovider")
        off = [option for name in quiet for option in ("-p", f"no:{name}")]
        return pytester.runpytest_inprocess(*off, *options)

    return run
