"""httpx, and httpx2, which has the same classes under another name."""

from __future__ import annotations

import functools
import http.client
import sys
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from types import ModuleType
from typing import Any, Final, Generic, TypeVar

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.refusals import PLAIN_METHODS, check_by_httpcore
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.model.http import Fault, Reply, Request, Timeouts
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.service.pending import Pending
from pytest_parseapi.service.service import SimulatedService

__all__ = ["HTTPXInterceptor", "Headers", "KnownHeaders"]


Headers = tuple[tuple[str, str], ...]
Key = TypeVar("Key", bound=Hashable)

_MOST: Final = 256


class KnownHeaders(Generic[Key]):
    """Keeps the headers of the latest requests.

    Args:
        read: makes the headers, with names in lower case, of what a client library has.
    """

    def __init__(self, read: Callable[[Key], Headers]) -> None:
        self._read = read
        self._known: dict[Key, Headers] = {}

    def forget(self, key: Key) -> None:
        """Read them anew the next time."""
        self._known.pop(key, None)

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def of(self, key: Key) -> Headers:
        """The headers of a request.

        Args:
            key: what they are made of.
        """
        known = self._known.get(key)
        if known is None:
            if len(self._known) > _MOST:
                self._known.clear()
            known = self._known[key] = self._read(key)
        return known


_EXCEPTIONS: Final = {
    "connect_error": ("ConnectError", "[Errno 111] Connection refused"),
    "connect_timeout": ("ConnectTimeout", "timed out"),
    "read_timeout": ("ReadTimeout", "The read operation timed out"),
    "connection_reset": ("ReadError", "[Errno 104] Connection reset by peer"),
}
_CONNECT_FAULTS: Final = ("connect_error", "connect_timeout")


class HTTPXInterceptor:
    """Intercepts ``httpx`` or ``httpx2``.

    Args:
        module: the library.
        contexts: TLS contexts to share, since no intercepted call uses one.
    """

    def __init__(self, module: ModuleType, contexts: SharedContexts) -> None:
        self._module: Any = module
        self._contexts = contexts
        self._patches = Patches()
        self._known_headers = KnownHeaders(_headers)
        self._streams = _truncated_streams(module)

    def start(self, hosts: SimulatedHosts) -> None:
        """Intercept from now on."""
        module, put = self._module, self._patches.put
        put(module.HTTPTransport, "handle_request", functools.partial(self._sync, hosts))
        put(
            module.AsyncHTTPTransport,
            "handle_async_request",
            functools.partial(self._async, hosts),
        )
        default = sys.modules.get(f"{module.__name__}._transports.default")
        if hasattr(default, "create_ssl_context"):
            # The transports' own reference alone: whoever calls httpx.create_ssl_context means to
            # change what it gets.
            put(default, "create_ssl_context", self._contexts.sharing)
        if module.__name__ == "httpx":
            self._mocks(hosts)

    def _mocks(self, hosts: SimulatedHosts) -> None:
        """Let pytest-httpx, whose mock takes every request, leave documented hosts to us."""
        mock = getattr(sys.modules.get("pytest_httpx"), "HTTPXMock", None)
        ways = {"_handle_request": self._sync, "_handle_async_request": self._async}
        for name, way in ways.items():
            if hasattr(mock, name):
                ours = way(hosts, None)
                self._patches.put(mock, name, functools.partial(_beside, hosts, ours))

    def stop(self) -> None:
        """Intercept no more."""
        self._patches.stop()

    def _sync(self, hosts: SimulatedHosts, real: Any) -> Any:
        def handle_request(transport: Any, request: Any) -> Any:
            service = hosts.find(request.url.host)
            if service is None:
                return real(transport, request)
            pauses = _connect_pauses(transport)
            while True:
                body = b"".join(request.stream)
                pending = self._receive(hosts, service, request, body)
                result = hosts.wait(pending)
                if _gives_up(result, pauses):
                    return self._respond(request, result)
                hosts.clock.sleep(pauses.pop(0))

        return handle_request

    def _async(self, hosts: SimulatedHosts, real: Any) -> Any:
        async def handle_async_request(transport: Any, request: Any) -> Any:
            service = hosts.find(request.url.host)
            if service is None:
                return await real(transport, request)
            pauses = _connect_pauses(transport)
            while True:
                body = b"".join([chunk async for chunk in request.stream])
                pending = self._receive(hosts, service, request, body)
                result = await hosts.wait_async(pending)
                if _gives_up(result, pauses):
                    return self._respond(request, result)
                import anyio

                await anyio.sleep(pauses.pop(0))

        return handle_async_request

    def _receive(
        self, hosts: SimulatedHosts, service: SimulatedService, request: Any, body: bytes
    ) -> Pending:
        url = request.url
        raw = tuple(request.headers.raw)
        accepted = raw in self._known_headers
        headers = self._known_headers.of(raw)
        path, _, query = url.raw_path.decode("ascii").partition("?")
        limits = request.extensions.get("timeout") or {}
        read = Request(
            method=request.method,
            url=str(url),
            host=url.host,
            path=path,
            query=query,
            headers=headers,
            body=body,
            client=self._module.__name__,
            timeouts=Timeouts(limits.get("connect"), limits.get("read")),
        )
        # A stream that an attempt before has used up is a payload that was lost: checks say so.
        streamed = not isinstance(request.stream, self._module.ByteStream)
        if not (
            accepted
            and request.method in PLAIN_METHODS
            and (streamed or _length(headers) in (None, len(body)))
            and "target" not in request.extensions
        ):
            try:
                check_by_httpcore(self._module, request, None if streamed else body)
            except BaseException:
                self._known_headers.forget(raw)
                service.refused(read)
                raise
        return hosts.receive(service, read)

    def _respond(self, request: Any, result: Reply | Fault) -> Any:
        if isinstance(result, Fault):
            name, text = _EXCEPTIONS[result.name]
            raise getattr(self._module, name)(text, request=request)
        headers = [(name.encode(), value.encode()) for name, value in result.headers.items()]
        headers.append((b"content-length", str(len(result.body)).encode()))
        stream = self._module.ByteStream(result.body)
        if result.truncated:
            stream = self._streams(result.body)
        return self._module.Response(
            result.status, headers=headers, stream=stream, extensions=_extensions(result.status)
        )


def _beside(hosts: SimulatedHosts, ours: Any, real: Any) -> Any:
    def handle_request(mock: Any, transport: Any, request: Any) -> Any:
        if hosts.find(request.url.host) is None:
            return real(mock, transport, request)
        return ours(transport, request)

    return handle_request


def _headers(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)


def _length(headers: Headers) -> int | None:
    """The length of the body that headers tell; None where they tell none."""
    for name, value in headers:
        if name == "content-length":
            return int(value)
    return None


def _extensions(status: int) -> dict[str, Any]:
    reason = http.client.responses.get(status, "")
    return {"http_version": b"HTTP/1.1", "reason_phrase": reason.encode()}


def _connect_pauses(transport: Any) -> list[float]:
    """The pauses of ``HTTPTransport(retries=...)``, which connects again by itself."""
    retries = getattr(getattr(transport, "_pool", None), "_retries", 0)
    return [0.0, *(0.5 * 2**n for n in range(retries - 1))] if retries else []


def _gives_up(result: Reply | Fault, pauses: list[float]) -> bool:
    return not (pauses and isinstance(result, Fault) and result.name in _CONNECT_FAULTS)


def _truncated_streams(module: Any) -> Any:
    class TruncatedStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
        """Half of a body, and then the end of the connection."""

        def __init__(self, body: bytes) -> None:
            self._body = body
            self._half = body[: len(body) // 2]

        def __iter__(self) -> Iterator[bytes]:
            yield self._half
            raise self._error()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._half
            raise self._error()

        def _error(self) -> Exception:
            error: Exception = module.RemoteProtocolError(
                "peer closed connection without sending complete message body "
                f"(received {len(self._half)} bytes, expected {len(self._body)})"
            )
            return error

    return TruncatedStream
