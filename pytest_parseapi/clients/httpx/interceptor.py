"""Intercepts httpx and httpx2 at their transports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from pytest_parseapi.clients.custom_transports import noted_transports
from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.httpx.exchanges import HTTPXExchanges
from pytest_parseapi.clients.mocks.mock_transport import MockTransports
from pytest_parseapi.clients.mocks.pytest_httpx import PytestHTTPX
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.function_bodies import FunctionBodies
from pytest_parseapi.patching.library_methods import LibraryMethods


class HTTPXInterceptor:
    """Intercepts ``httpx`` or ``httpx2``.

    Args:
        module: the library.
        contexts: TLS contexts to share, since no intercepted call uses one.
    """

    def __init__(self, module: ModuleType, contexts: SharedContexts) -> None:
        self._module: Any = module
        self._contexts = contexts
        self._function_bodies = FunctionBodies()
        self._methods = LibraryMethods()
        self._patches = Patches()

    def start(self, hosts: SimulatedHosts) -> None:
        """Intercept from now on."""
        module = self._module
        exchanges = HTTPXExchanges(module, hosts)
        transports = _Transports(exchanges)
        mocks = MockTransports(exchanges)
        self._take("default", module.HTTPTransport, "handle_request", transports.sync)
        self._take(
            "default", module.AsyncHTTPTransport, "handle_async_request", transports.asynchronous
        )
        self._take("mock", module.MockTransport, "handle_request", mocks.sync)
        self._take("mock", module.MockTransport, "handle_async_request", mocks.asynchronous)
        for client in (module.Client, module.AsyncClient):
            place = sys.modules.get(f"{module.__name__}._client")
            self._methods.put(place, client, "_transport_for_url", noted_transports(hosts, module))
        default = sys.modules.get(f"{module.__name__}._transports.default")
        if hasattr(default, "create_ssl_context"):
            # The transports' own reference alone: code that calls httpx.create_ssl_context means to
            # change what it gets.
            self._patches.put(default, "create_ssl_context", self._contexts.sharing)
        mock = getattr(sys.modules.get("pytest_httpx"), "HTTPXMock", None)
        if mock is not None and module.__name__ == "httpx":
            beside = PytestHTTPX(exchanges)
            self._function_bodies.put(vars(mock)["_handle_request"], beside.sync)
            self._function_bodies.put(vars(mock)["_handle_async_request"], beside.asynchronous)

    def stop(self) -> None:
        """Intercept no more."""
        self._function_bodies.stop()
        self._methods.stop()
        self._patches.stop()

    def _take(self, place: str, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        module = sys.modules.get(f"{self._module.__name__}._transports.{place}")
        self._methods.put(module, owner, name, make)


class _Transports:
    """What takes the place of the transports' methods."""

    def __init__(self, exchanges: HTTPXExchanges) -> None:
        self._exchanges = exchanges

    def sync(self, real: Any) -> Any:
        exchanges = self._exchanges

        def handle_request(transport: Any, request: Any) -> Any:
            service = exchanges.hosts.find(request.url.host)
            if service is None:
                return real(transport, request)
            return exchanges.run(service, transport, request, b"".join(request.stream))

        return handle_request

    def asynchronous(self, real: Any) -> Any:
        exchanges = self._exchanges

        async def handle_async_request(transport: Any, request: Any) -> Any:
            service = exchanges.hosts.find(request.url.host)
            if service is None:
                return await real(transport, request)
            stream = request.stream
            # Bytes can be read either way, and this one is quicker.
            if isinstance(stream, exchanges.module.ByteStream):
                body = b"".join(stream)
            else:
                body = b"".join([chunk async for chunk in stream])
            return await exchanges.run_async(service, transport, request, body)

        return handle_async_request
