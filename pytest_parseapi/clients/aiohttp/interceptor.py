"""Intercepts aiohttp at its connections.

``_create_connection`` of its connectors is replaced: it returns a connection without a network.
Everything above it is real: aiohttp writes the request as bytes and parses the reply, so multipart
forms are recorded as they are sent, time-outs run on the loop's clock, and each error is aiohttp's
own. (``aioresponses`` replaces ``ClientSession._request``: it sees no body as bytes, knows no time,
and does not work with each aiohttp: 0.7.9 fails with 3.14.)
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.aiohttp.connection import SimulatedTransport
from pytest_parseapi.clients.custom_transports import noted_connections
from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.aresponses import routes_for
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook
from pytest_parseapi.patching.library_methods import LibraryMethods

_CONNECTORS: Final = ("TCPConnector", "UnixConnector", "NamedPipeConnector")


class AiohttpInterceptor:
    """Intercepts ``aiohttp``."""

    def __init__(self) -> None:
        self._imports = ImportHook()
        self._methods = LibraryMethods()
        self._patches = Patches()

    def start(self, hosts: SimulatedHosts) -> None:
        """Intercept from now on."""
        self._imports.when("aiohttp.connector", lambda module: self._hook(module, hosts))

    def stop(self) -> None:
        """Intercept no more."""
        self._imports.stop()
        self._patches.stop()
        self._methods.stop()

    def _hook(self, module: ModuleType, hosts: SimulatedHosts) -> None:
        aiohttp_connector: Any = module

        def connections(real: Any) -> Any:
            async def create_connection(own: Any, req: Any, traces: Any, limits: Any) -> Any:
                service = hosts.find(req.url.host or "")
                if service is None:
                    return await real(own, req, traces, limits)
                protocol = aiohttp_connector.ResponseHandler(own._loop)
                protocol.connection_made(
                    SimulatedTransport(
                        own._loop,
                        protocol,
                        hosts=hosts,
                        service=service,
                        req=req,
                        limits=limits,
                        routes=routes_for(own, hosts, service),
                    )
                )
                # The session may outlive the test, so its pool must not keep this connection.
                protocol.force_close()
                return protocol

            return create_connection

        def pooled(real: Any) -> Any:
            async def get(own: Any, key: Any, *args: Any) -> Any:
                # The pool may have a connection from before the test.
                return None if hosts.find(key.host) else await real(own, key, *args)

            return get

        for name in _CONNECTORS:
            connector = getattr(aiohttp_connector, name)
            # By a kept reference, the function itself is called, and the guard checks its host.
            self._methods.put(module, connector, "_create_connection", connections)
            self._patches.put(connector, "_create_connection", connections)
        if inspect.iscoroutinefunction(aiohttp_connector.BaseConnector._get):
            self._patches.put(aiohttp_connector.BaseConnector, "_get", pooled)
        requests = sys.modules["aiohttp.client_reqrep"]
        self._methods.put(
            requests,
            vars(requests)["ClientRequest"],
            "send",
            noted_connections(hosts, SimulatedTransport),
        )
