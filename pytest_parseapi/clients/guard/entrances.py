"""Where a request names its host and no audit event tells: functions that the guard replaces.

Python's own audit events tell of names that are looked up and of ``http.client``. A connection by
a proxy, TLS over a given socket, and libraries that look names up in C need their own entrances.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.guard.named import (
    host_in,
    host_of_connection,
    host_of_line,
    host_of_name,
    host_of_target,
)
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook

__all__ = ["Entrances"]


@dataclass(frozen=True, slots=True)
class _Entrance:
    """A function, and the arguments of it that name a host or a URL."""

    module: str
    owner: str
    """Its class; empty for a function of the module."""
    name: str
    arguments: tuple[tuple[int, str], ...]
    """The position of each, counted from ``self``, and its name."""
    by: str = ""
    """What a message calls the caller where no client library shows; the module's root if empty."""
    read: Callable[[Any], object] = host_in
    """What of an argument names the host."""


def _loop(name: str, *arguments: tuple[int, str]) -> _Entrance:
    return _Entrance("uvloop", "Loop", name, arguments)


_ENTRANCES: Final = (
    # A socket that is told a name looks it up before the audit event.
    _Entrance("socket", "socket", "connect", ((1, "address"),)),
    _Entrance("socket", "socket", "connect_ex", ((1, "address"),)),
    _Entrance("socket", "socket", "sendto", ((-1, "address"),)),
    # A proxy is asked for a host by the first line of a request.
    *(
        _Entrance(module, owner, name, ((1, argument),), read=host_of_line)
        for module, owner in (
            ("socket", "socket"),
            ("gevent._socketcommon", "SocketMixin"),
            ("gevent._socket3", "socket"),
        )
        for name, argument in (("send", "data"), ("sendall", "data"), ("sendmsg", "buffers"))
    ),
    # A loop asks for addresses in another thread, where nothing shows for whom.
    _Entrance("asyncio.base_events", "BaseEventLoop", "getaddrinfo", ((1, "host"),), "asyncio"),
    _loop("getaddrinfo", (1, "host")),
    _loop("create_connection", (2, "host"), (99, "server_hostname")),
    _loop("create_datagram_endpoint", (3, "remote_addr")),
    _loop("sock_connect", (2, "address")),
    _loop("sock_sendto", (3, "address")),
    _loop("start_tls", (99, "server_hostname")),
    # Whatever way a connection came by, TLS is told the name of its host.
    _Entrance("ssl", "SSLContext", "wrap_socket", ((5, "server_hostname"),)),
    _Entrance("ssl", "SSLContext", "wrap_bio", ((4, "server_hostname"),)),
    _Entrance("OpenSSL.SSL", "Connection", "set_tlsext_host_name", ((1, "name"),), "pyOpenSSL"),
    # A connection that is open already needs no address.
    *(
        _Entrance("ssl", owner, name, ((0, ""),), read=host_of_connection)
        for owner, name in (("SSLSocket", "send"), ("SSLSocket", "write"), ("SSLObject", "write"))
    ),
    # By a proxy, and by a connection that is kept open, a host is reached without its address.
    *(
        _Entrance(module, owner, name, ((1, "request"),))
        for module in ("httpcore", "httpcore2")
        for owner, name in (
            ("ConnectionPool", "handle_request"),
            ("AsyncConnectionPool", "handle_async_request"),
        )
    ),
    _Entrance("aiohttp.connector", "BaseConnector", "_get", ((1, "key"),)),
    _Entrance("aiohttp.connector", "TCPConnector", "_create_connection", ((1, "req"),)),
    _Entrance("socks", "socksocket", "connect", ((1, "dest_pair"),), "PySocks"),
    *(
        _Entrance(f"python_socks.{module}._proxy", owner, "connect", ((1, "dest_host"),))
        for module, owner in (
            ("sync", "SyncProxy"),
            ("sync.v2", "SyncProxy"),
            ("async_.asyncio", "AsyncioProxy"),
            ("async_.asyncio.v2", "AsyncioProxy"),
            ("async_.trio", "TrioProxy"),
            ("async_.trio.v2", "TrioProxy"),
            ("async_.anyio", "AnyioProxy"),
            ("async_.anyio.v2", "AnyioProxy"),
        )
    ),
    _Entrance("twisted.web.client", "Agent", "request", ((2, "uri"),)),
    _Entrance("twisted.web.client", "ProxyAgent", "request", ((2, "uri"),)),
    # Those that find addresses by themselves, or in a thread that does not show for whom.
    *(
        _Entrance(module, "", "getaddrinfo", ((0, "host"),))
        for module in ("trio._socket", "trio.socket", "trio._highlevel_open_tcp_stream")
    ),
    *(
        _Entrance(module, "Resolver", "resolve", ((1, "qname"),), "dnspython", host_of_name)
        for module in ("dns.resolver", "dns.asyncresolver")
    ),
    *(
        _Entrance("gevent.resolver", "AbstractResolver", name, ((1, argument),))
        for name, argument in (
            ("gethostbyname", "hostname"),
            ("gethostbyname_ex", "hostname"),
            ("getaddrinfo", "host"),
        )
    ),
    *(
        _Entrance("pycares", "Channel", name, ((1, argument),))
        for name, argument in (
            ("query", "name"),
            ("search", "name"),
            ("gethostbyname", "name"),
            ("getaddrinfo", "host"),
        )
    ),
    # Clients in C, Go and Rust.
    *(
        _Entrance(module, "Channel", "__init__", ((1, "target"),), read=host_of_target)
        for module in ("grpc._channel", "grpc.aio._channel")
    ),
    _Entrance("tls_client.sessions", "Session", "execute_request", ((2, "url"),)),
    _Entrance("tornado.curl_httpclient", "CurlAsyncHTTPClient", "fetch_impl", ((1, "request"),)),
)
_SENDS: Final = re.compile(
    r"(?:pyreqwest_)?(?:request|get|post|put|patch|delete|head|options|trace|stream|websocket)"
    r"|base_url"
)
"""The functions and methods of clients in Rust that take a URL, or the first part of one."""
_COMPILED: Final = {
    "rnet": ("rnet",),
    "wreq": ("wreq", "wreq.wreq"),
    "primp": ("primp",),
    "httpr": ("httpr",),
    "impit": ("impit",),
    "pyreqwest": ("pyreqwest.client", "pyreqwest.simple.request", "pyreqwest.simple.sync_request"),
}
_HEAP_TYPE: Final = 1 << 9
_IMMUTABLE_TYPE: Final = 1 << 8
"""Flags of CPython's types: only one that is on the heap and not immutable takes attributes."""
_URL_ARGUMENTS: Final = ((0, "url"), (1, "url"), (2, "url"), (99, "base_url"))


class Entrances:
    """Has a host judged wherever a request names one.

    Args:
        judge: called with what a caller gave for a host or a URL, and who was called.
    """

    def __init__(self, judge: Callable[[object, str], None]) -> None:
        self._judge = judge
        self._patches = Patches()
        self._imports = ImportHook()

    def start(self) -> None:
        """Replace the functions of what is imported, and of the rest once it is."""
        for entrance in _ENTRANCES:
            self._imports.when(entrance.module, functools.partial(self._replace, entrance))
        for name, modules in _COMPILED.items():
            replace = functools.partial(self._replace_compiled, name)
            for module in modules:
                self._imports.when(module, replace)
        self._imports.when("pycurl", self._replace_pycurl)
        self._imports.when("curl_cffi.curl", self._replace_curl_cffi)

    def stop(self) -> None:
        """Put the functions back."""
        self._imports.stop()
        self._patches.stop()

    def _replace(self, entrance: _Entrance, module: ModuleType) -> None:
        owner = getattr(module, entrance.owner, None) if entrance.owner else module
        if hasattr(owner, entrance.name):
            by = entrance.by or entrance.module.partition(".")[0]
            make = functools.partial(self._judging, entrance.arguments, by, entrance.read)
            self._patches.put(owner, entrance.name, make)

    def _replace_compiled(self, name: str, module: ModuleType) -> None:
        self._replace_senders(name, module)
        for part in list(vars(module).values()):
            # No finder finds the modules that are part of a library in Rust.
            if isinstance(part, ModuleType) and getattr(part, "__file__", None) is None:
                self._replace_senders(name, part)

    def _replace_senders(self, name: str, module: ModuleType) -> None:
        make = functools.partial(self._judging, _URL_ARGUMENTS, name, host_in)
        for attribute, value in list(vars(module).items()):
            if isinstance(value, type):
                if value.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE) != _HEAP_TYPE:
                    continue
                for method in [found for found in vars(value) if _SENDS.fullmatch(found)]:
                    if callable(getattr(value, method)):
                        self._patches.put(value, method, make)
            elif callable(value) and _SENDS.fullmatch(attribute):
                self._patches.put_everywhere(module, attribute, make)

    def _replace_pycurl(self, module: Any) -> None:
        judge = self._judge
        names = {module.URL, getattr(module, "CURLU", module.URL)}

        def make(real: Any) -> Any:
            class Curl(real):  # type: ignore[misc]
                """The type in C takes no attributes."""

                def setopt(self, option: int, value: Any) -> Any:
                    if option in names:
                        judge(getattr(value, "host", value), "pycurl")
                    return super().setopt(option, value)

                def setopt_string(self, option: int, value: str) -> Any:
                    if option in names:
                        judge(value, "pycurl")
                    return super().setopt_string(option, value)

            Curl.__module__, Curl.__qualname__ = real.__module__, real.__qualname__
            return Curl

        self._patches.put_everywhere(module, "Curl", make)

    def _replace_curl_cffi(self, module: Any) -> None:
        judge = self._judge

        def make(real: Any) -> Any:
            @functools.wraps(real)
            def setopt(curl: Any, option: Any, value: Any) -> Any:
                if option == module.CurlOpt.URL:
                    judge(value, "curl_cffi")
                return real(curl, option, value)

            return setopt

        self._patches.put(module.Curl, "setopt", make)

    def _judging(
        self,
        arguments: tuple[tuple[int, str], ...],
        by: str,
        read: Callable[[Any], object],
        real: Any,
    ) -> Any:
        judge = self._judge

        def check(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            for given in _given(arguments, args, kwargs):
                host = read(given)
                if host:
                    judge(host, by)

        if inspect.iscoroutinefunction(real):

            async def judged_async(*args: Any, **kwargs: Any) -> Any:
                check(args, kwargs)
                return await real(*args, **kwargs)

            return _like(judged_async, real)

        def judged(*args: Any, **kwargs: Any) -> Any:
            check(args, kwargs)
            return real(*args, **kwargs)

        return _like(judged, real)


def _like(ours: Any, real: Any) -> Any:
    """Let a replacement show what it replaces, its arguments too: mocks such as respx read them."""
    functools.update_wrapper(ours, real)
    with contextlib.suppress(TypeError, ValueError):  # some functions in C tell none
        ours.__signature__ = inspect.signature(real)
    return ours


def _given(
    arguments: tuple[tuple[int, str], ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[object]:
    for position, name in arguments:
        if -len(args) <= position < len(args):
            yield args[position]
        elif name in kwargs:
            yield kwargs[name]
