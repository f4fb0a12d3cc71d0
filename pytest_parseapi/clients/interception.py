"""Every client library that can be intercepted, and the wire that does it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType, ModuleType
from typing import Final

from pytest_parseapi.clients.aiohttp.interception import AiohttpWire
from pytest_parseapi.clients.httpx import HTTPXWire
from pytest_parseapi.clients.switchboard import Switchboard, Wire
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.clients.urllib3.interception import RequestsWire
from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.patching.imports import WhenImported

__all__ = ["CLIENTS", "wires_for"]


def wires_for(chosen: Collection[str] | None, contexts: SharedContexts) -> list[Wire]:
    """The wires of one test.

    Args:
        chosen: the client libraries to intercept; None for every one.
        contexts: TLS contexts to share.

    Raises:
        UsageError: a name is not one of a client library.
    """
    for name in chosen or ():
        if name not in CLIENTS:
            raise UsageError(f"unknown client {name!r}: {nearest(name, CLIENTS)}")
    return [make(contexts) for name, make in CLIENTS.items() if chosen is None or name in chosen]


class _Late:
    """A wire that needs its library, put in place when that is imported."""

    def __init__(self, name: str, make: Callable[[ModuleType], Wire]) -> None:
        self._name = name
        self._make = make
        self._undo = contextlib.ExitStack()

    def start(self, switchboard: Switchboard) -> None:
        def begin(module: ModuleType) -> None:
            wire = self._make(module)
            self._undo.callback(wire.stop)
            wire.start(switchboard)

        waiting = WhenImported(self._name, begin)
        self._undo.callback(waiting.stop)
        waiting.start()

    def stop(self) -> None:
        self._undo.close()


def _httpx(name: str) -> Callable[[SharedContexts], Wire]:
    return lambda contexts: _Late(name, lambda module: HTTPXWire(module, contexts))


CLIENTS: Final[Mapping[str, Callable[[SharedContexts], Wire]]] = MappingProxyType(
    {
        "httpx": _httpx("httpx"),
        "httpx2": _httpx("httpx2"),
        "requests": lambda _contexts: RequestsWire(),
        "aiohttp": lambda _contexts: AiohttpWire(),
    }
)
"""Makers of wires, by the name that the marker ``parseapi(clients=...)`` takes."""
