"""The one list of client libraries: which are intercepted, by what, and which have an extra."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Final

from pytest_parseapi.clients.guard.compiled_clients import COMPILED_CLIENTS
from pytest_parseapi.clients.hosts import Interceptor, SimulatedHosts
from pytest_parseapi.clients.mocks.aioresponses import AioresponsesInterceptor
from pytest_parseapi.clients.mocks.betamax import BetamaxInterceptor
from pytest_parseapi.clients.mocks.httmock import HTTMockInterceptor
from pytest_parseapi.clients.mocks.pook import PookInterceptor
from pytest_parseapi.clients.mocks.requests_mock import RequestsMockInterceptor
from pytest_parseapi.clients.mocks.responses import ResponsesInterceptor
from pytest_parseapi.clients.mocks.vcr import VCRInterceptor
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.patching.imports import ImportHook


@dataclass(frozen=True, slots=True)
class ClientLibrary:
    """A client library.

    Args:
        name: as the marker ``parseapi(clients=...)`` and messages name it.
        interceptor: makes what intercepts it; None where nothing does.
        has_extra: whether an extra of this package installs it.
        root: its package, if not of that name.
        through: the client library whose interceptor answers it, too.
    """

    name: str
    interceptor: Callable[[SharedContexts], Interceptor] | None = None
    has_extra: bool = False
    root: str = ""
    through: str = ""

    @property
    def module(self) -> str:
        """The package whose frames on the call stack show that the library sends."""
        return self.root or self.name


def interceptors_for(chosen: Collection[str] | None, contexts: SharedContexts) -> list[Interceptor]:
    """The interceptors of one test.

    Args:
        chosen: the client libraries to intercept; None for every one.
        contexts: TLS contexts to share.

    Raises:
        UsageError: a name is not one of a client library that can be intercepted.
    """
    known = {client.name: client.interceptor for client in CLIENTS if client.interceptor}
    for name in chosen or ():
        if name not in known:
            text = f"unknown client {name!r}: {nearest(name, known)}"
            raise UsageError(text, marker=f"marker parseapi: {text}")
    names = [name for name in known if chosen is None or name in chosen]
    mocks = [make() for name in names for make in _MOCKS.get(name, ())]
    return [*(known[name](contexts) for name in names), *mocks, PookInterceptor(), VCRInterceptor()]


class _WhenImported:
    """An interceptor that starts when its library is imported."""

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
    def make(contexts: SharedContexts) -> Interceptor:
        from pytest_parseapi.clients.httpx.interceptor import HTTPXInterceptor

        return _WhenImported(name, lambda module: HTTPXInterceptor(module, contexts))

    return make


def _urllib3(_contexts: SharedContexts) -> Interceptor:
    from pytest_parseapi.clients.urllib3.interceptor import Urllib3Interceptor

    return Urllib3Interceptor()


def _aiohttp(_contexts: SharedContexts) -> Interceptor:
    from pytest_parseapi.clients.aiohttp.interceptor import AiohttpInterceptor

    return AiohttpInterceptor()


CLIENTS: Final = (
    ClientLibrary("httpx", _httpx("httpx")),
    ClientLibrary("httpx2", _httpx("httpx2"), has_extra=True),
    ClientLibrary("requests", _urllib3, has_extra=True),
    ClientLibrary("aiohttp", _aiohttp, has_extra=True),
    # Not intercepted: messages of the guard only name these.
    *(ClientLibrary(name, through="requests") for name in ("urllib3", "botocore")),
    *(
        ClientLibrary(name)
        for name in (
            *("urllib", "httplib2", "niquests", "tornado", "treq", "twisted"),
            *("websocket", "websockets", "grpc", "tls_client"),
            *("pycurl", "curl_cffi", *COMPILED_CLIENTS),
        )
    ),
    ClientLibrary("http.client", root="http"),
)
"""Every client library that is intercepted, or that a message names."""

_MOCKS: Final[Mapping[str, tuple[Callable[[], Interceptor], ...]]] = MappingProxyType(
    {
        "requests": (
            ResponsesInterceptor,
            RequestsMockInterceptor,
            HTTMockInterceptor,
            BetamaxInterceptor,
        ),
        "aiohttp": (AioresponsesInterceptor,),
    }
)
"""What goes on beside the mocks of a client library; those of httpx are asked by its own."""
