"""Lists the functions of other libraries that get the host of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.guard.host_readers import (
    host_in,
    host_of_connection,
    host_of_options,
    host_of_quic,
    host_of_target,
)


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A function, and the arguments of it that name a host or a URL."""

    module: str
    owner: str
    """Its class; empty for a function of the module."""
    name: str
    arguments: tuple[tuple[int, str], ...]
    """The position of each, counted from ``self``, and its name."""
    by: str = ""
    """What to call it in messages; the module's root if empty."""
    read: Callable[[Any], object] = host_in
    """What of an argument names the host."""

    @property
    def called(self) -> str:
        """Its name in messages, if no client library is found."""
        return self.by or self.module.partition(".")[0]

    def owner_in(self, module: ModuleType) -> Any:
        """Its class or module; None if there is no such function."""
        owner = getattr(module, self.owner, None) if self.owner else module
        return owner if hasattr(owner, self.name) else None


def _loop(name: str, *arguments: tuple[int, str]) -> HostFunction:
    return HostFunction("uvloop", "Loop", name, arguments)


HOST_FUNCTIONS: Final = (
    # A socket that is given a name looks it up before the audit event.
    HostFunction("socket", "socket", "connect", ((1, "address"),)),
    HostFunction("socket", "socket", "connect_ex", ((1, "address"),)),
    # A loop looks addresses up in another thread, which does not show the caller.
    HostFunction("asyncio.base_events", "BaseEventLoop", "getaddrinfo", ((1, "host"),), "asyncio"),
    _loop("getaddrinfo", (1, "host")),
    _loop("create_connection", (2, "host"), (99, "server_hostname")),
    _loop("create_datagram_endpoint", (3, "remote_addr")),
    _loop("sock_connect", (2, "address")),
    _loop("sock_sendto", (3, "address")),
    _loop("start_tls", (99, "server_hostname")),
    # TLS gets the name of the host for any kind of connection.
    HostFunction("ssl", "SSLContext", "wrap_socket", ((5, "server_hostname"),)),
    HostFunction("ssl", "SSLContext", "wrap_bio", ((4, "server_hostname"),)),
    HostFunction("OpenSSL.SSL", "Connection", "set_tlsext_host_name", ((1, "name"),), "pyOpenSSL"),
    # An open connection needs no address.
    *(
        HostFunction("ssl", owner, name, ((0, ""),), read=host_of_connection)
        for owner, name in (("SSLSocket", "send"), ("SSLSocket", "write"), ("SSLObject", "write"))
    ),
    # By a proxy or a kept connection, a host is reached without its address.
    *(
        HostFunction(module, owner, name, ((1, "request"),))
        for module in ("httpcore", "httpcore2")
        for owner, name in (
            ("ConnectionPool", "handle_request"),
            ("AsyncConnectionPool", "handle_async_request"),
        )
    ),
    HostFunction("aiohttp.connector", "BaseConnector", "_get", ((1, "key"),)),
    HostFunction("aiohttp.connector", "TCPConnector", "_create_connection", ((1, "req"),)),
    HostFunction("socks", "socksocket", "connect", ((1, "dest_pair"),), "PySocks"),
    *(
        HostFunction(f"python_socks.{module}._proxy", owner, "connect", ((1, "dest_host"),))
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
    HostFunction("twisted.web.client", "Agent", "request", ((2, "uri"),)),
    # The host of a WebSocket, also over a given connection.
    HostFunction("websockets.sync.client", "", "connect", ((0, "uri"),)),
    HostFunction("websockets.asyncio.client", "connect", "__init__", ((1, "uri"),)),
    HostFunction("websockets.legacy.client", "Connect", "__init__", ((1, "uri"),)),
    HostFunction("websocket._core", "WebSocket", "connect", ((1, "url"),)),
    HostFunction("twisted.web.client", "ProxyAgent", "request", ((2, "uri"),)),
    # Clients that resolve names themselves, or in a thread that does not show its caller.
    *(
        HostFunction(module, "", "getaddrinfo", ((0, "host"),))
        for module in ("trio._socket", "trio.socket", "trio._highlevel_open_tcp_stream")
    ),
    *(
        HostFunction(module, "Resolver", "resolve", ((1, "qname"),), "dnspython", str)
        for module in ("dns.resolver", "dns.asyncresolver")
    ),
    *(
        HostFunction("gevent.resolver", "AbstractResolver", name, ((1, argument),))
        for name, argument in (
            ("gethostbyname", "hostname"),
            ("gethostbyname_ex", "hostname"),
            ("getaddrinfo", "host"),
        )
    ),
    *(
        HostFunction(module, "", name, ((0, argument),), "eventlet")
        for module in ("eventlet.support.greendns", "eventlet.green.socket")
        for name, argument in (
            ("getaddrinfo", "host"),
            ("gethostbyname", "hostname"),
            ("gethostbyname_ex", "hostname"),
        )
    ),
    HostFunction(
        "eventlet.green.ssl",
        "GreenSSLContext",
        "wrap_socket",
        ((5, "server_hostname"),),
        "eventlet",
    ),
    *(
        HostFunction("pycares", "Channel", name, ((1, argument),))
        for name, argument in (
            ("query", "name"),
            ("search", "name"),
            ("gethostbyname", "name"),
            ("getaddrinfo", "host"),
        )
    ),
    # Clients in C, Go and Rust.
    *(
        HostFunction(module, "Channel", "__init__", ((1, "target"),), read=host_of_target)
        for module in ("grpc._channel", "grpc.aio._channel")
    ),
    *(
        HostFunction(module, "Channel", "__init__", ((2, "options"),), read=host_of_options)
        for module in ("grpc._channel", "grpc.aio._channel")
    ),
    HostFunction("zmq.sugar.socket", "Socket", "connect", ((1, "addr"),)),
    HostFunction(
        "aioquic.quic.connection", "QuicConnection", "connect", ((0, ""),), "", host_of_quic
    ),
    *(
        HostFunction("niquests.adapters", owner, "send", ((1, "request"),))
        for owner in ("HTTPAdapter", "AsyncHTTPAdapter")
    ),
    HostFunction("tls_client.sessions", "Session", "execute_request", ((2, "url"),)),
    HostFunction("noble_tls.sessions", "Session", "execute_request", ((2, "url"),)),
    HostFunction("tornado.curl_httpclient", "CurlAsyncHTTPClient", "fetch_impl", ((1, "request"),)),
)
