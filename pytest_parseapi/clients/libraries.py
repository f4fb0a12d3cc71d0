"""Every client library that can be intercepted, and what intercepts it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType, ModuleType
from typing import Final

from pytest_parseapi.clients.aiohttp.interceptor import AiohttpInterceptor
from pytest_parseapi.clients.hosts import Interceptor, SimulatedHosts
from pytest_parseapi.clients.httpx.interceptor import HTTPXInterceptor
from pytest_parseapi.clients.mocks.aioresponses import AioresponsesInterceptor
from pytest_parseapi.clients.mocks.requests_mock import RequestsMockInterceptor
from pytest_parseapi.clients.mocks.responses import ResponsesInterceptor
from pytest_parseapi.clients.mocks.vcr import VCRInterceptor
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.clients.urllib3.interceptor import Urllib3Interceptor
from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.patching.imports import ImportHook

__all__ = ["CLIENTS", "interceptors_for"]


def interceptors_for(chosen: Collection[str] | None, contexts: SharedContexts) -> list[Interceptor]:
    """The interceptors of one test.

    Args:
        chosen: the client libraries to intercept; None for every one.
        contexts: TLS contexts to share.

    Raises:
        UsageError: a name is not one of a client library.
    """
    for name in chosen or ():
        if name not in CLIENTS:
            raise UsageError(f"unknown client {name!r}: {nearest(name, CLIENTS)}")
    names = [name for name in CLIENTS if chosen is None or name in chosen]
    mocks = [make() for name in names for make in _MOCKS.get(name, ())]
    return [*(CLIENTS[name](contexts) for name in names), *mocks, VCRInterceptor()]


class _Late:
    """An interceptor that needs its library, put in place when that is imported."""

    def __init__(self, name: str, make: Callable[[ModuleType], Interceptor]) -> None:
        self._name = name
        self._make = make
        self._imports = ImportHook()
        self._begun: list[Interceptor] = []

    def start(self, hosts: SimulatedHosts) -> None:
        def begin(module: ModuleType) -> None:
            interceptor = self._make(module)
            self._begun.append(interceptor)
            interceptor.start(hosts)

        self._imports.when(self._name, begin)

    def stop(self) -> None:
        self._imports.stop()
        while self._begun:
            self._begun.pop().stop()


def _httpx(name: str) -> Callable[[SharedContexts], Interceptor]:
    return lambda contexts: _Late(name, lambda module: HTTPXInterceptor(module, contexts))


CLIENTS: Final[Mapping[str, Callable[[SharedContexts], Interceptor]]] = MappingProxyType(
    {
        "httpx": _httpx("httpx"),
        "httpx2": _httpx("httpx2"),
        "requests": lambda _contexts: Urllib3Interceptor(),
        "aiohttp": lambda _contexts: AiohttpInterceptor(),
    }
)
"""Makers of interceptors, by the name that the marker ``parseapi(clients=...)`` takes."""

_MOCKS: Final[Mapping[str, tuple[Callable[[], Interceptor], ...]]] = MappingProxyType(
    {
        "requests": (ResponsesInterceptor, RequestsMockInterceptor),
        "aiohttp": (AioresponsesInterceptor,),
    }
)
"""What goes on beside the mocks of a client library; those of httpx are asked by its own."""
