"""One connection of the live server: it reads requests, one after the other, and replies."""

from __future__ import annotations

import selectors
import socket
from typing import Any, Final, Protocol

import h11

from pytest_parseapi.clients.server.http import (
    check_version,
    header,
    keeps_alive,
    new_reader,
    no_http_reply,
    reply_bytes,
    request_of,
    text_reply,
)
from pytest_parseapi.clients.server.large_bodies import Intake
from pytest_parseapi.clients.server.real_time import Moment
from pytest_parseapi.clients.server.sockets import ServerSocket
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.record.caller import Caller
from pytest_parseapi.service.pending import Pending

_MOST_PIPELINED: Final = 1024 * 1024
_LINGER_SECONDS: Final = 1.0


class Dispatcher(Protocol):
    """What a connection needs from its server."""

    @property
    def selector(self) -> selectors.BaseSelector:
        """Shows which sockets are ready."""

    def receive(self, connection: Connection, request: Request) -> Pending | Reply:
        """Hand a request to the test that runs, or answer it because none does."""

    def finish(self, connection: Connection, pending: Pending) -> Reply | Fault:
        """Record the end of an exchange."""

    def abandon(self, connection: Connection, pending: Pending) -> None:
        """Record that the client closed the connection."""

    def later(self, seconds: float, connection: Connection, pending: Pending | None) -> None:
        """Call `Connection.due` after so many seconds."""

    def closed(self, connection: Connection) -> None:
        """Forget a connection that was closed."""


class Connection:
    """Reads requests, one after the other, and sends the replies of the service.

    Args:
        dispatcher: the server.
        sock: the accepted socket.
        address: the client's address.
        provider: the name of the provider that lives at this port.
        base_path: the path of the provider's base URL.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        sock: socket.socket,
        address: Any,
        provider: str,
        base_path: str,
    ) -> None:
        self.address = address
        self.provider = provider
        self.base_path = base_path
        self.pending: Pending | None = None
        """The exchange whose reply is not yet due."""
        self.began: Moment | None = None
        """When that exchange began."""
        self.outside: bool | None = None
        """Whether the client is another process; None before its first request."""
        self.open = True
        self.caller = Caller(0, self)
        """The caller of every request that comes over this connection."""
        self._dispatcher = dispatcher
        self._http = new_reader()
        self._head: h11.Request | None = None
        self._intake = Intake("")
        self._ends = False
        """Whether nothing more is sent once what is on its way has left."""
        self._drains = False
        self._pipelined = 0
        self._socket = ServerSocket(dispatcher.selector, sock, self.ready)

    @property
    def at_rest(self) -> bool:
        """Whether no exchange is under way."""
        http = self._http
        received = http.their_state is not h11.IDLE or http.trailing_data[0]
        return not received and self.pending is None and not self._socket.unsent

    def has_input(self) -> bool:
        """Whether there is unread input."""
        return self.open and self._socket.has_input()

    # An exchange that is over does not make its caller busy: see `Caller.is_idle`.
    def done(self) -> bool:
        """Whether it makes no further attempt while another connection makes one."""
        return not self.open or self._ends or self.at_rest

    def ready(self, mask: int) -> None:
        """Read or write: the socket is ready."""
        try:
            if mask & selectors.EVENT_WRITE:
                self._socket.flush()
                self._sent()
                self._advance()
            elif mask & selectors.EVENT_READ:
                self._read()
        except OSError:
            self.leave()

    def due(self, pending: Pending | None) -> None:
        """Continue after the seconds that `Dispatcher.later` was called with."""
        try:
            if pending is None:
                self.close()
            elif self.open and pending is self.pending:
                self.pending = None
                self._end(self._dispatcher.finish(self, pending))
                self._advance()
        except OSError:
            self.leave()

    def leave(self) -> None:
        """Note that the client has closed the connection."""
        if self.pending is not None:
            pending, self.pending = self.pending, None
            self._dispatcher.abandon(self, pending)
        self.close()

    def close(self, *, reset: bool = False) -> None:
        """Close the socket.

        Args:
            reset: whether the client is to see a reset.
        """
        if self.open:
            self.open = False
            self._socket.close(reset=reset)
            self._dispatcher.closed(self)

    def _read(self) -> None:
        data = self._socket.read()
        if data is None:
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
            # The client sends more after the end of its requests: h11 raises that without details.
            self.close()
            return
        if self.pending is None:
            self._advance()

    def _advance(self) -> None:
        try:
            while self.open and not self._socket.unsent and not self._ends and self.pending is None:
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
                    check_version(event)
                    self._head = event
                    self._pipelined = 0
                    self._intake = Intake(header(event, b"content-type"))
                elif isinstance(event, h11.EndOfMessage):
                    self._exchange()
                elif isinstance(event, h11.ConnectionClosed):
                    self.close()
                    return
                else:
                    return
        except h11.RemoteProtocolError as error:
            # Bytes that are no HTTP may be followed by anything: nothing more is read.
            self._ends = True
            self._send(no_http_reply(error))

    def _exchange(self) -> None:
        assert self._head is not None
        request = request_of(self._head, self._intake.body())
        answer = self._dispatcher.receive(self, request)
        if isinstance(answer, Reply):
            self._end(answer)
        elif answer.hangs:
            self.pending = answer
        elif answer.seconds:
            self.pending = answer
            self._dispatcher.later(answer.seconds, self, answer)
        else:
            self._end(self._dispatcher.finish(self, answer))

    def _end(self, result: Reply | Fault) -> None:
        """Send a reply, or let the client meet a fault."""
        if isinstance(result, Fault):
            self.close(reset=True)
            return
        assert self._head is not None
        self._ends = result.truncated or not keeps_alive(self._head)
        try:
            data = reply_bytes(result, self._head, ends=self._ends)
        except ValueError as error:
            # A header that is invalid in HTTP, from a provider of a third party.
            data = reply_bytes(text_reply(500, str(error)), self._head, ends=self._ends)
        # A new reader for each request, since h11 would also check the replies of the old one.
        rest, closed = self._http.trailing_data
        self._http = new_reader()
        if rest:
            self._http.receive_data(rest)
        if closed:
            self._http.receive_data(b"")
        self._send(data)

    def _send(self, data: bytes) -> None:
        self._socket.send(data)
        self._sent()

    def _sent(self) -> None:
        """Continue after data was sent: after a last reply, wait until the client closes."""
        if self._ends and not self._socket.unsent:
            # To close at once would reset the connection if there is unread input.
            self._drains = True
            self._socket.end()
            self._dispatcher.later(_LINGER_SECONDS, self, None)
