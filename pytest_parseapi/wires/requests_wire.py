"""requests, and whatever else sends by urllib3.

The wire sits on ``HTTPConnectionPool._make_request``, the one call by which urllib3 puts a request
on a connection. Everything above it is real: sessions, adapters, ``urllib3.util.Retry`` with its
own waits (``responses`` sits above the retries, and retries at once), and the way in which each
error becomes one of requests'. ``responses`` itself may be active in the same test: what it mocks
is its own, and requests to documented hosts that it does not know come here.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import re
import socket
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final, NoReturn

from pytest_parseapi.exchange import Fault, Reply, Request, Timeouts
from pytest_parseapi.patches import Patches
from pytest_parseapi.service.service import SimulatedService
from pytest_parseapi.wires.late import WhenImported
from pytest_parseapi.wires.switchboard import Switchboard

__all__ = ["RequestsWire"]

_BLOCK: Final = 16_384
_HOST: Final = re.compile(r"[a-z]+://(?:[^/?#@]*@)?([^/?#:]+)", re.IGNORECASE)
_LOG: Final = logging.getLogger("urllib3.connectionpool")


class RequestsWire:
    """Intercepts ``requests`` and ``urllib3`` (1.26 and 2)."""

    def __init__(self) -> None:
        self._undo = contextlib.ExitStack()
        self._patches = Patches()

    def start(self, switchboard: Switchboard) -> None:
        """Intercept from now on."""
        hooks = {
            "requests.sessions": lambda module: self._proxies(module, switchboard),
            "urllib3.connectionpool": lambda module: self._pools(module, switchboard),
            "responses": lambda module: self._mocks(module, switchboard),
        }
        for name, hook in hooks.items():
            waiting = WhenImported(name, hook)
            self._undo.callback(waiting.stop)
            waiting.start()

    def stop(self) -> None:
        """Intercept no more."""
        self._undo.close()
        self._patches.stop()

    def _pools(self, module: Any, switchboard: Switchboard) -> None:
        def requests(real: Any) -> Any:
            def make_request(
                pool: Any, conn: Any, method: str, url: str, *args: Any, **options: Any
            ) -> Any:
                __tracebackhide__ = True
                host, target = _address(pool, url)
                service = switchboard.find(host)
                if service is None or args:
                    return real(pool, conn, method, url, *args, **options)
                return _exchange(
                    switchboard,
                    service,
                    pool=pool,
                    conn=conn,
                    method=method,
                    url=target,
                    options=options,
                )

            return make_request

        def tunnels(real: Any) -> Any:
            def prepare_proxy(pool: Any, conn: Any) -> None:
                if switchboard.find(pool.host) is None:
                    real(pool, conn)
                else:
                    conn._has_connected_to_proxy = True

            return prepare_proxy

        self._patches.put(module.HTTPConnectionPool, "_make_request", requests)
        self._patches.put(module.HTTPSConnectionPool, "_prepare_proxy", tunnels)

    def _proxies(self, module: ModuleType, switchboard: Switchboard) -> None:
        def none(real: Any) -> Any:
            def get_environ_proxies(url: str, *args: Any, **options: Any) -> Any:
                # A proxy of this machine's own has no part in what the simulation answers, and a
                # fault would become one of the proxy.
                if switchboard.find(_host_of(url)) is not None:
                    return {}
                return real(url, *args, **options)

            return get_environ_proxies

        self._patches.put(module, "get_environ_proxies", none)
        self._patches.put(sys.modules["requests.utils"], "get_environ_proxies", none)

    def _mocks(self, module: ModuleType, switchboard: Switchboard) -> None:
        responses: Any = module

        def beside(real: Any) -> Any:
            def find_match(mock: Any, request: Any) -> Any:
                match, reasons = real(mock, request)
                if match is None and switchboard.find(_host_of(request.url)) is not None:
                    match = responses.PassthroughResponse(request.method, request.url)
                return match, reasons

            return find_match

        self._patches.put(responses.RequestsMock, "_find_match", beside)


class _Message(dict[str, str]):
    """The headers of a reply; requests asks them for cookies, urllib3 1.26 for all."""

    def get_all(self, name: str, default: Any = None) -> Any:
        return [self[name.lower()]] if name.lower() in self else default


class _Raw(io.BytesIO):
    """What stands for ``http.client.HTTPResponse`` behind a response of urllib3."""

    version = 11

    def __init__(self, reply: Reply) -> None:
        body = reply.body[: len(reply.body) // 2] if reply.truncated else reply.body
        super().__init__(body)
        self.status = reply.status
        self.reason = http.client.responses.get(reply.status, "")
        self.msg = _Message(reply.headers)
        self.msg["content-length"] = str(len(reply.body))
        self._end = None if reply.truncated else len(body)
        self._over = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on; the end is only known once it was read."""
        data = super().read(size)
        self._over = self.tell() == self._end
        return data

    def isclosed(self) -> bool:
        """Whether the whole of the announced body was read, so that the connection is free."""
        return self._over or self.closed


def _exchange(
    switchboard: Switchboard,
    service: SimulatedService,
    *,
    pool: Any,
    conn: Any,
    method: str,
    url: str,
    options: dict[str, Any],
) -> Any:
    """One attempt, as ``_make_request`` makes it."""
    __tracebackhide__ = True
    pool.num_requests += 1
    timeouts = _timeouts(options["timeout"])
    body = _sent(options.get("body"))
    path, _, query = url.partition("?")
    request = Request(
        method=method,
        url=f"{pool.scheme}://{pool.host}{url}" if url.startswith("/") else url,
        host=pool.host,
        path=path,
        query=query,
        headers=_headers(pool, options, len(body)),
        body=body,
        client=_library(),
        timeouts=timeouts,
    )
    result = switchboard.wait(switchboard.receive(service, request))
    if isinstance(result, Fault):
        _fail(result, pool, conn, url, timeouts)
    raw = _Raw(result)
    if _LOG.isEnabledFor(logging.DEBUG):
        _LOG.debug(
            '%s://%s:%s "%s %s %s" %s %s',
            *(pool.scheme, pool.host, pool.port, method, url, "HTTP/1.1", raw.status),
            len(result.body),
        )
    if "response_conn" not in options:
        return raw  # urllib3 1.26 makes its response of it by itself
    from urllib3.response import HTTPResponse

    response = HTTPResponse(
        body=raw,
        headers=raw.msg,
        status=raw.status,
        version=11,
        reason=raw.reason,
        preload_content=options.get("preload_content", True),
        decode_content=options.get("decode_content", True),
        original_response=raw,  # type: ignore[arg-type]
        enforce_content_length=options.get("enforce_content_length", True),
        request_method=method,
        request_url=url,
        retries=options.get("retries"),
        pool=pool,
        connection=options["response_conn"],
    )
    response.version_string = "HTTP/1.1"
    return response


def _fail(fault: Fault, pool: Any, conn: Any, url: str, timeouts: Timeouts) -> NoReturn:
    """Raise what urllib3 raises below its retries."""
    __tracebackhide__ = True
    from urllib3 import exceptions

    if fault.name == "connect_error":
        cause: OSError = ConnectionRefusedError(111, "Connection refused")
        raise exceptions.NewConnectionError(
            conn, f"Failed to establish a new connection: {cause}"
        ) from cause
    if fault.name == "connect_timeout":
        raise exceptions.ConnectTimeoutError(
            conn,
            f"Connection to {pool.host} timed out. (connect timeout={timeouts.connect})",
        ) from TimeoutError("timed out")
    if fault.name == "read_timeout":
        raise exceptions.ReadTimeoutError(
            pool, url, f"Read timed out. (read timeout={timeouts.read})"
        ) from TimeoutError("The read operation timed out")
    raise ConnectionResetError(104, "Connection reset by peer")


def _address(pool: Any, url: str) -> tuple[str, str]:
    """The host and the rest of it; the pool of a forwarding proxy is named by the proxy."""
    return (pool.host, url) if url.startswith("/") else (_host_of(url), url)


def _host_of(url: str) -> str:
    found = _HOST.match(url)
    return found[1].lower() if found else ""


def _timeouts(limits: Any) -> Timeouts:
    """What a ``urllib3.util.Timeout`` comes to: its total limits both, and no time has passed."""
    connect, read, total = map(_seconds, (limits.connect_timeout, limits._read, limits.total))
    if total is not None:
        read = total if read is None else min(read, total)
    return Timeouts(connect, read)


def _seconds(limit: Any) -> float | None:
    """A limit of ``urllib3.util.Timeout``, where an object of its own stands for the default."""
    if limit is None or isinstance(limit, (int, float)):
        return limit
    return socket.getdefaulttimeout()


def _sent(body: Any) -> bytes:
    """The body, read as urllib3 reads it: what is spent stays spent."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        blocks = []
        while block := body.read(_BLOCK):
            blocks.append(_bytes(block))
        return b"".join(blocks)
    try:
        return bytes(memoryview(body))
    except TypeError:
        return b"".join(_bytes(chunk) for chunk in body)


def _bytes(chunk: Any) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else bytes(chunk)


def _headers(pool: Any, options: dict[str, Any], size: int) -> tuple[tuple[str, str], ...]:
    """The headers as sent, with those that urllib3 adds."""
    given = [(_text(name).lower(), _text(value)) for name, value in _items(options.get("headers"))]
    names = {name for name, _ in given}
    headers = [] if "host" in names else [("host", pool.host)]
    if options.get("chunked"):
        if "transfer-encoding" not in names:
            headers.append(("transfer-encoding", "chunked"))
    elif not names & {"content-length", "transfer-encoding"} and (size or options.get("body")):
        headers.append(("content-length", str(size)))
    # urllib3.util.SKIP_HEADER says that a header is left out.
    return (*headers, *((name, value) for name, value in given if value != "@@@SKIP_HEADER@@@"))


def _items(headers: Any) -> Iterable[tuple[Any, Any]]:
    return () if headers is None else headers.items()


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not value.isascii():
        value.encode("latin-1")  # raises what http.client raises
    return value


def _library() -> str:
    """Who sends by urllib3."""
    frame = sys._getframe(3)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("urllib3."):
        frame = frame.f_back
    return "requests" if frame.f_globals.get("__name__") == "requests.adapters" else "urllib3"
