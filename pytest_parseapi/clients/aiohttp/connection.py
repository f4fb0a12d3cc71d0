"""A connection for aiohttp without a network: the simulation answers."""

from __future__ import annotations

import asyncio
import http.client
from dataclasses import dataclass
from typing import Any, Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.aresponses import AresponsesRoutes
from pytest_parseapi.model.http import Fault, Reply, Request, Timeouts, shared_timeouts
from pytest_parseapi.record.caller import current_caller
from pytest_parseapi.service.pending import Pending
from pytest_parseapi.service.service import SimulatedService

_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request that was read from the written bytes."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """In the order sent, names in lower case."""
    body: bytes


class RequestReader:
    """Reads one HTTP/1.1 request from the bytes of a client that writes valid HTTP."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: tuple[str, str, tuple[tuple[str, str], ...]] | None = None
        self._chunked = False
        self._length = 0
        self._body = bytearray()

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for a ``100 Continue`` before it writes the body."""
        return self._head is not None and ("expect", "100-continue") in self._head[2]

    def feed(self, data: bytes | bytearray | memoryview) -> ReadRequest | None:
        """Read written bytes. Return the request once it is complete."""
        self._buffer += data
        if self._head is None:
            end = self._buffer.find(_END)
            if end < 0:
                return None
            self._read_head(bytes(self._buffer[:end]).decode("utf-8", "surrogateescape"))
            del self._buffer[: end + len(_END)]
        if not (self._chunks_end() if self._chunked else len(self._buffer) >= self._length):
            return None
        method, target, headers = self._head or ("", "", ())
        body = bytes(self._body if self._chunked else self._buffer)
        return ReadRequest(method, target, headers, body)

    def _read_head(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = []
        for line in lines:
            name, _, value = line.partition(":")
            headers.append((name.lower(), value.strip(" \t")))
        self._head = (method, target, tuple(headers))
        known = dict(headers)
        self._chunked = "chunked" in known.get("transfer-encoding", "").lower()
        self._length = int(known.get("content-length", 0))

    def _chunks_end(self) -> bool:
        """Move complete chunks to the body. Return True after the last one."""
        position = 0
        buffer = self._buffer
        while (end := buffer.find(b"\r\n", position)) >= 0:
            size = int(bytes(buffer[position:end]).partition(b";")[0], 16)
            begin = end + 2
            if len(buffer) < begin + size + 2:
                break
            if not size:
                return True
            self._body += buffer[begin : begin + size]
            position = begin + size + 2
        del buffer[:position]
        return False


class SimulatedTransport(asyncio.Transport):
    """One connection, for one request."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: Any,
        *,
        hosts: SimulatedHosts,
        service: SimulatedService,
        req: Any,
        limits: Any,
        routes: AresponsesRoutes | None,
    ) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._hosts = hosts
        self._service = service
        self._url = req.url
        self._key = req.connection_key
        self._limits = limits
        self._routes = routes
        self._asking: asyncio.Task[None] | None = None
        self._own_bytes: bytes | None = None
        # The body may be written by a task of aiohttp's own.
        self._caller = current_caller()
        self._reader: RequestReader | None = RequestReader()
        self._continued = False
        self._pending: Pending | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Read a part of the request; answer the request once it is complete."""
        if self._reader is None or self._closed:
            return
        try:
            request = self._reader.feed(data)
        except ValueError as error:
            self._protocol.set_exception(error)
            return
        if request is not None:
            self._reader = None
            self._ask(request)
        elif self._reader.expects_continue and not self._continued:
            self._continued = True
            self._loop.call_soon(self._protocol.data_received, b"HTTP/1.1 100 Continue\r\n\r\n")

    def writelines(self, list_of_data: Any) -> None:
        """Read several parts of the request."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Whether one direction can be closed alone; with TLS it cannot."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return 0: no data waits to be sent."""
        return 0

    def pause_reading(self) -> None:
        """Do nothing: a reply arrives at once."""

    def resume_reading(self) -> None:
        """Do nothing: nothing was paused."""

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._closed

    def close(self) -> None:
        """Close it; an exchange under way is given up."""
        self._end(None)

    abort = close

    def _end(self, error: Exception | None) -> None:
        if self._closed:
            return
        self._closed = True
        for under_way in (self._timer, self._asking):
            if under_way is not None:
                under_way.cancel()
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.abandon()
        self._loop.call_soon(self._protocol.connection_lost, error)

    def _ask(self, read: ReadRequest) -> None:
        path, _, query = read.target.partition("?")
        url = self._url.with_fragment(None)
        request = Request(
            method=read.method,
            url=str(url),
            host=url.host,
            path=path,
            query=query,
            headers=read.headers,
            body=read.body,
            client="aiohttp",
            timeouts=timeouts_of(self._limits),
        )
        if self._routes is None:
            self._ask_service(request)
        else:
            self._asking = self._loop.create_task(self._ask_routes(self._routes, request))

    async def _ask_routes(self, routes: AresponsesRoutes, request: Request) -> None:
        try:
            found = await routes.ask(request, self._caller)
        except asyncio.CancelledError:
            raise
        except BaseException as stop:  # noqa: BLE001 - as in `_ask_service`
            self._protocol.set_exception(stop)
            return
        if found is None:
            self._ask_service(request)
        else:
            self._own_bytes, pending = found
            self._wait_for(pending, request)

    def _ask_service(self, request: Request) -> None:
        # Nothing may be raised here: the request is often written by a task of aiohttp's own,
        # and its error would never meet the consumer.
        try:
            pending = self._hosts.receive(self._service, request, self._caller)
        except BaseException as stop:  # noqa: BLE001 - it is raised where the reply is waited for
            self._protocol.set_exception(stop)
            return
        self._wait_for(pending, request)

    def _wait_for(self, pending: Pending, request: Request) -> None:
        self._pending = pending
        seconds = self._ends_after(pending, request.timeouts)
        if seconds:
            self._timer = self._loop.call_later(seconds, self._answer)
        elif seconds == 0:
            self._loop.call_soon(self._answer)

    def _ends_after(self, pending: Pending, limits: Timeouts) -> float | None:
        """When to answer; None if a time-out of aiohttp comes first and closes the connection."""
        if pending.fault == "read_timeout" and limits.read is not None:
            return None
        if pending.fault == "connect_timeout":
            own = _least(self._limits.connect, self._limits.sock_connect)
            if limits.connect is not None and own != limits.connect:
                return None
        return pending.seconds

    def _answer(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        try:
            result = pending.finish()
        except BaseException as stop:  # noqa: BLE001 - it is raised where the reply is waited for
            self._protocol.set_exception(stop)
            return
        if self._own_bytes is not None:
            self._protocol.data_received(self._own_bytes)
            self._end(None)
        elif isinstance(result, Fault):
            self._fail(result)
        else:
            self._protocol.data_received(_as_bytes(result))
            if result.truncated:
                self._end(None)

    def _fail(self, fault: Fault) -> None:
        import aiohttp

        if fault.name == "connect_error":
            refused = ConnectionRefusedError(
                111, f"Connect call failed ({self._url.host!r}, {self._url.port})"
            )
            self._protocol.set_exception(aiohttp.ClientConnectorError(self._key, refused), refused)
        elif fault.name == "connect_timeout":
            late = aiohttp.ConnectionTimeoutError(f"Connection timeout to host {self._url}")
            self._protocol.set_exception(late, TimeoutError())
        elif fault.name == "read_timeout":
            self._protocol.set_exception(
                aiohttp.SocketTimeoutError("Timeout on reading data from socket")
            )
        else:
            self._end(ConnectionResetError(104, "Connection reset by peer"))


def timeouts_of(limits: Any) -> Timeouts:
    """The time-outs of a ``ClientTimeout``: its total limits each of them."""
    return shared_timeouts(
        connect=_least(limits.connect, limits.sock_connect, limits.total),
        read=_least(limits.sock_read, limits.total),
    )


def _least(*limits: float | None) -> float | None:
    """The smallest limit. For aiohttp, zero means no limit."""
    return min((limit for limit in limits if limit), default=None)


def _as_bytes(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {http.client.responses.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if "content-length" not in reply.headers:
        lines.append(f"content-length: {len(reply.body)}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + (reply.body[: len(reply.body) // 2] if reply.truncated else reply.body)
