"""One connection of the live server: HTTP/1.1 by h11 on a socket that never blocks."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
from http import HTTPStatus
from typing import Any, Final, Protocol

import h11

from pytest_parseapi.exchange import Fault, Reply, Request, Timeouts
from pytest_parseapi.service.large_bodies import Intake
from pytest_parseapi.service.pending import Pending
from pytest_parseapi.wires.server_time import Moment

__all__ = ["Connection", "Office", "has_input"]

_CHUNK: Final = 64 * 1024
_LONGEST_HEAD: Final = 64 * 1024
_MOST_PIPELINED: Final = 1024 * 1024
_LINGER: Final = 1.0
_RESET: Final = struct.pack("ii", 1, 0)
_UNKNOWN: Final = Timeouts(known=False)
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_FRAMING: Final = ("content-length", "transfer-encoding", "connection")
_BODILESS: Final = (204, 304)


class Office(Protocol):
    """What a connection needs of its server."""

    @property
    def selector(self) -> selectors.BaseSelector:
        """Tells when sockets are ready."""

    def receive(self, connection: Connection, request: Request) -> Pending | Reply:
        """Hand a request to the test that runs, or answer it because none does."""

    def finish(self, connection: Connection, pending: Pending) -> Reply | Fault:
        """Put the end of an exchange on record."""

    def abandon(self, connection: Connection, pending: Pending) -> None:
        """Put on record that the client left."""

    def later(self, seconds: float, connection: Connection, pending: Pending | None) -> None:
        """Call `Connection.due` then."""

    def closed(self, connection: Connection) -> None:
        """The connection is no more."""


class Connection:
    """Reads requests, one after the other, and sends what the service replies.

    Args:
        office: the server.
        sock: the accepted socket.
        address: the client's address.
        provider: the name of the provider that lives at this port.
        base_path: the path of the provider's base URL.
    """

    def __init__(
        self, office: Office, sock: socket.socket, address: Any, provider: str, base_path: str
    ) -> None:
        self.address = address
        self.provider = provider
        self.pending: Pending | None = None
        """The exchange whose reply is not yet due."""
        self.began: Moment | None = None
        """When that exchange began."""
        self.outside: bool | None = None
        """Whether the client is another process; None before its first request."""
        self.open = True
        self._office = office
        self._sock = sock
        self._base_path = base_path
        self._http = _reader()
        self._head: h11.Request | None = None
        self._intake = Intake("")
        self._out = b""
        self._waits = False
        """Whether `_out` waits for the client to read."""
        self._ends = False
        """Whether nothing more is sent once what is on its way has left."""
        self._drains = False
        self._pipelined = 0
        sock.setblocking(False)  # noqa: FBT003 - the socket's own order
        # A Unix socket or one that is gone already knows no such option.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        office.selector.register(sock, selectors.EVENT_READ, self.ready)

    @property
    def at_rest(self) -> bool:
        """Whether no exchange is under way."""
        http = self._http
        heard = http.their_state is not h11.IDLE or http.trailing_data[0]
        return not heard and self.pending is None and not self._out

    def has_input(self) -> bool:
        """Whether something came that has not been read."""
        return self.open and has_input(self._sock)

    # An exchange that is over is no caller's business any more: see `callers.Caller.finished`.
    def done(self) -> bool:
        """Whether it makes no further attempt while another connection makes one."""
        return not self.open or self._ends or self.at_rest

    def ready(self, mask: int) -> None:
        """The socket can be read or written."""
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush()
                self._advance()
            elif mask & selectors.EVENT_READ:
                self._read()
        except OSError:
            self.leave()

    def due(self, pending: Pending | None) -> None:
        """The time that was asked for has passed."""
        try:
            if pending is None:
                self.close()
            elif self.open and pending is self.pending:
                self.pending = None
                self._end(self._office.finish(self, pending))
                self._advance()
        except OSError:
            self.leave()

    def leave(self) -> None:
        """The client is gone."""
        if self.pending is not None:
            pending, self.pending = self.pending, None
            self._office.abandon(self, pending)
        self.close()

    def close(self) -> None:
        """Close the socket."""
        if self.open:
            self.open = False
            with contextlib.suppress(KeyError, ValueError):
                self._office.selector.unregister(self._sock)
            self._sock.close()
            self._office.closed(self)

    def reset(self) -> None:
        """Close the socket so that the client sees a reset."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        if self._drains:
            if not data:
                self.close()
            return
        if self.pending is not None:
            self._pipelined += len(data)
            if not data or self._pipelined > _MOST_PIPELINED:
                self.leave()
                return
        try:
            self._http.receive_data(data)
        except RuntimeError:
            # More after the end of what it sent; h11 says no more about it.
            self.close()
            return
        if self.pending is None:
            self._advance()

    def _advance(self) -> None:
        try:
            while self.open and not self._out and not self._ends and self.pending is None:
                http = self._http
                event = http.next_event()
                if event is h11.NEED_DATA:
                    if http.they_are_waiting_for_100_continue:
                        self._send(
                            http.send(h11.InformationalResponse(status_code=100, headers=[]))
                        )
                    return
                if isinstance(event, h11.Data):
                    self._intake.feed(event.data)
                elif isinstance(event, h11.Request):
                    self._head = event
                    self._pipelined = 0
                    self._intake = Intake(_header(event, b"content-type"))
                elif isinstance(event, h11.EndOfMessage):
                    self._exchange()
                elif isinstance(event, h11.ConnectionClosed):
                    self.close()
                    return
                else:
                    return
        except h11.RemoteProtocolError as error:
            self._refuse(error)

    def _exchange(self) -> None:
        assert self._head is not None
        answer = self._office.receive(self, self._request(self._head, self._intake.body()))
        if isinstance(answer, Reply):
            self._end(answer)
        elif answer.hangs:
            self.pending = answer
        elif answer.seconds:
            self.pending = answer
            self._office.later(answer.seconds, self, answer)
        else:
            self._end(self._office.finish(self, answer))

    def _request(self, head: h11.Request, body: bytes) -> Request:
        target = head.target.decode("latin-1")
        if not target.startswith("/") and "://" in target:
            # What a client sends to a proxy.
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        headers = tuple(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
        )
        host = _header(head, b"host")
        return Request(
            method=head.method.decode("latin-1"),
            url=f"http://{host}{target}",
            host=host.rpartition(":")[0] or host,
            path=path,
            query=query,
            headers=headers,
            body=body,
            base_url=f"http://{host}{self._base_path}",
            client="server",
            timeouts=_UNKNOWN,
        )

    def _end(self, result: Reply | Fault) -> None:
        """Send a reply, or let the client meet a fault."""
        if isinstance(result, Fault):
            self.reset()
            return
        assert self._head is not None
        self._ends = result.truncated or not _keeps_alive(self._head)
        head, body = _reply_head(result, ends=self._ends), result.body
        if result.truncated:
            body = body[: len(body) // 2]
        elif self._head.method == b"HEAD" or result.status in _BODILESS:
            body = b""
        # A new reader for each request: h11 would check every reply as it does what clients send.
        rest, closed = self._http.trailing_data
        self._http = _reader()
        if rest:
            self._http.receive_data(rest)
        if closed:
            self._http.receive_data(b"")
        self._send(head + body)

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say what was wrong with bytes that are no HTTP, and hear no more of them."""
        text = f"This is not the HTTP/1.1 that pytest-parseapi reads: {error}\n".encode()
        reply = Reply(
            status=error.error_status_hint, headers={"content-type": "text/plain"}, body=text
        )
        self._ends = True
        self._send(_reply_head(reply, ends=True) + text)

    def _send(self, data: bytes | None) -> None:
        self._out = data or b""
        self._flush()

    def _flush(self) -> None:
        if self._out:
            try:
                sent = self._sock.send(self._out)
            except (BlockingIOError, InterruptedError):
                sent = 0
            self._out = self._out[sent:]
        waits = bool(self._out)
        if waits != self._waits:
            # Whoever does not read its replies is not heard meanwhile.
            mask = selectors.EVENT_WRITE if waits else selectors.EVENT_READ
            self._office.selector.modify(self._sock, mask, self.ready)
            self._waits = waits
        if self._ends and not waits:
            # Closing at once would reset the connection if anything came that was not read.
            self._drains = True
            self._sock.shutdown(socket.SHUT_WR)
            self._office.later(_LINGER, self, None)


def _header(head: h11.Request, name: bytes) -> str:
    for key, value in head.headers:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def has_input(source: Any) -> bool:
    """Whether a socket, or a selector, has something to read."""
    try:
        with selectors.DefaultSelector() as probe:
            probe.register(source, selectors.EVENT_READ)
            return bool(probe.select(0))
    except (OSError, ValueError):
        return False


def _reader() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)


def _keeps_alive(head: h11.Request) -> bool:
    closes = "close" in _header(head, b"connection").lower()
    return head.http_version == b"1.1" and not closes


def _reply_head(reply: Reply, *, ends: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, '')}"]
    lines += [
        f"{name}: {value}" for name, value in reply.headers.items() if name.lower() not in _FRAMING
    ]
    if reply.status not in _BODILESS:
        lines.append(f"content-length: {len(reply.body)}")
    if ends:
        lines.append("connection: close")
    text = "\r\n".join([*lines, "", ""])
    if text.count("\n") != len(lines) + 1:
        raise ValueError(f"a header of the reply has a line break in it: {dict(reply.headers)}")
    return text.encode("latin-1")
