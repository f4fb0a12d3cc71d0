"""Intercepts requests, and all other libraries that send by urllib3.

``HTTPConnectionPool._make_request`` is replaced: the only call by which urllib3 sends a request.
Everything above it is real: sessions, adapters, ``urllib3.util.Retry`` with its own waits, and the
conversion of errors by requests. (``responses`` works above the retries, and retries without a
wait.) ``responses`` may be active in the same test: it answers the requests that it mocks, and its
other requests to documented hosts are answered here.
"""

from __future__ import annotations

import inspect
import re
import sys
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.custom_transports import noted_adapters
from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.vcr import recorded
from pytest_parseapi.clients.urllib3.reply import answer, fail
from pytest_parseapi.clients.urllib3.request import RequestReader
from pytest_parseapi.model.http import Fault
from pytest_parseapi.patching.attributes import Patches, set_on
from pytest_parseapi.patching.imports import ImportHook
from pytest_parseapi.patching.library_methods import LibraryMethods

_HOST: Final = re.compile(r"[a-z]+://(?:[^/?#@]*@)?([^/?#:]+)", re.IGNORECASE)


class Urllib3Interceptor:
    """Intercepts ``requests`` and ``urllib3`` (1.26 and 2)."""

    def __init__(self) -> None:
        self._imports = ImportHook()
        self._methods = LibraryMethods()
        self._patches = Patches()
        self._requests = RequestReader()

    def start(self, hosts: SimulatedHosts) -> None:
        """Intercept from now on."""
        when = self._imports.when
        when("requests.sessions", lambda module: self._sessions(module, hosts))
        when("urllib3.connectionpool", lambda module: self._pools(module, hosts))

    def stop(self) -> None:
        """Intercept no more."""
        self._imports.stop()
        self._methods.stop()
        self._patches.stop()

    def _pools(self, module: Any, hosts: SimulatedHosts) -> None:
        def requests(real: Any) -> Any:
            # urllib3 1.26 and 2 differ in what follows the URL.
            names = list(inspect.signature(real).parameters)[4:]

            def make_request(
                pool: Any, conn: Any, method: str, url: str, *args: Any, **named: Any
            ) -> Any:
                host, target = _address(pool, url)
                service = hosts.find(host)
                if service is None:
                    return real(pool, conn, method, url, *args, **named)
                options = {**dict(zip(names, args, strict=False)), **named}
                set_on(pool, "num_requests", pool.num_requests + 1)
                request = self._requests.read(pool, method, target, options, service.keep_secrets)
                result = recorded(conn, request) or hosts.wait(hosts.receive(service, request))
                if isinstance(result, Fault):
                    fail(result, pool=pool, conn=conn, url=target, timeouts=request.timeouts)
                return answer(result, pool=pool, method=method, url=target, options=options)

            return make_request

        def tunnels(real: Any) -> Any:
            def prepare_proxy(pool: Any, conn: Any) -> None:
                if hosts.find(pool.host) is None:
                    real(pool, conn)
                else:
                    set_on(conn, "_has_connected_to_proxy", value=True)

            return prepare_proxy

        self._methods.put(module, module.HTTPConnectionPool, "_make_request", requests)
        self._methods.put(module, module.HTTPSConnectionPool, "_prepare_proxy", tunnels)

    def _sessions(self, module: ModuleType, hosts: SimulatedHosts) -> None:
        def none(real: Any) -> Any:
            def get_environ_proxies(url: str, *args: Any, **options: Any) -> Any:
                # A proxy of this machine's own has no part in what the simulation answers, and a
                # fault would become one of the proxy.
                if hosts.find(_host_of(url)) is not None:
                    return {}
                return real(url, *args, **options)

            return get_environ_proxies

        session = vars(module)["Session"]
        self._patches.put(session, "get_adapter", noted_adapters(hosts, module))
        self._patches.put(module, "get_environ_proxies", none)
        self._patches.put(sys.modules["requests.utils"], "get_environ_proxies", none)


def _address(pool: Any, url: str) -> tuple[str, str]:
    """The host, and the rest of the URL. The pool of a forwarding proxy has the proxy's name."""
    return (pool.host, url) if url.startswith("/") else (_host_of(url), url)


def _host_of(url: str) -> str:
    found = _HOST.match(url)
    return found[1].lower() if found else ""
