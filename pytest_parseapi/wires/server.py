"""A real HTTP server on loopback: the simulated APIs for every client that is not intercepted.

One thread serves every connection of a session. Each provider has a port of its own, and a request
goes to the test that runs when it arrives. The server lives in real time, as sockets do. What waits
in virtual time meanwhile does not jump while an exchange is under way, nor while a client of
another process is connected.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import selectors
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.callers import Caller
from pytest_parseapi.catalogue.model import Provider
from pytest_parseapi.errors import SimulationStopped
from pytest_parseapi.exchange import Fault, Reply, Request
from pytest_parseapi.service.pending import Pending
from pytest_parseapi.wires.server_connection import Connection, has_input
from pytest_parseapi.wires.server_peers import LocalPeers
from pytest_parseapi.wires.server_time import ServerTime
from pytest_parseapi.wires.switchboard import Switchboard

__all__ = ["LiveServer"]

_BACKLOG: Final = 1024
_ACCEPTED_AT_ONCE: Final = 64
_PATIENCE: Final = 5.0
_NOTED: Final = 0.1


class LiveServer:
    """Serves providers on ports of their own, from the first `url` to `stop`.

    Args:
        host: the address to listen at.

    Example:
        >>> server = LiveServer()  # doctest: +SKIP
        >>> server.attach(switchboard)  # doctest: +SKIP
        >>> server.url(provider)  # doctest: +SKIP
        'http://127.0.0.1:40123'
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.selector = selectors.DefaultSelector()
        self._host = host
        self._ports: dict[str, int] = {}
        self._listeners: list[socket.socket] = []
        self._peers = LocalPeers(self._ports.values())
        self._time: ServerTime | None = None
        self._connections: dict[Any, Connection] = {}
        self._switchboard: Switchboard | None = None
        self._lock = threading.Lock()
        self._orders: deque[Callable[[], None]] = deque()
        self._bell, self._hearer = socket.socketpair()
        self._timers: list[tuple[float, int, Connection, Pending | None]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._works = False
        self._waiting = 0
        self._outside = 0
        self._stopping = False

    def url(self, provider: Provider, port: int = 0) -> str:
        """The base URL of a provider, who is served from now on.

        Args:
            provider: which one.
            port: where to listen; any free port where 0.

        Raises:
            OSError: the port is taken.
        """
        with self._lock:
            if provider.name not in self._ports:
                self._listen(provider, port)
            if self._thread is None:
                self._hearer.setblocking(False)  # noqa: FBT003 - the socket's own order
                self.selector.register(self._hearer, selectors.EVENT_READ, self._hear)
                self._thread = threading.Thread(
                    target=self.serve_forever, name="parseapi live server", daemon=True
                )
                self._thread.start()
                if self._switchboard is not None:
                    self._peers.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._ports[provider.name]}{_base_path(provider)}"

    def attach(self, switchboard: Switchboard) -> None:
        """Send requests to this test from now on."""
        self._time = ServerTime(switchboard.clock)
        self._switchboard = switchboard
        switchboard.clock.real_work = self.busy
        if self._thread is not None:
            self._peers.start()

    def detach(self, switchboard: Switchboard) -> None:
        """The test is over: what it did not finish is cut off, and nobody is served."""
        if self._switchboard is not switchboard:
            return
        self._switchboard = None
        # Within the test that others, who replace the same methods, put theirs back after.
        self._peers.stop()
        if self._thread is not None:
            self._order(self._cut_off)

    def stop(self) -> None:
        """Close every connection, and end the thread."""
        if self._thread is not None:
            self._stopping = True
            self._ring()
            self._thread.join(_PATIENCE)
        for connection in list(self._connections.values()):
            connection.close()
        for sock in (*self._listeners, self._bell, self._hearer):
            sock.close()
        self.selector.close()

    def busy(self) -> bool:
        """Whether anything real is under way here, so that virtual time must not jump."""
        if self._thread is None or self._stopping:
            return False
        return self._works or self._waiting > 0 or self._outside > 0 or self._has_input()

    def is_idle(self, key: selectors.SelectorKey) -> bool:
        """Whether a loop's selector key is a connection to this server with nothing under way."""
        if self._thread is None or key.events & selectors.EVENT_WRITE:
            return False
        try:
            with socket.fromfd(key.fd, socket.AF_INET, socket.SOCK_STREAM) as sock:
                connection = self._connections.get(sock.getsockname())
        except OSError:
            return False
        # A reply that has arrived may not yet be noted as sent.
        patience = time.monotonic() + _NOTED
        while self._works and time.monotonic() < patience:
            time.sleep(0.0001)
        return connection is not None and connection.at_rest and not connection.has_input()

    # The name tells the clock that a thread which waits in here waits for nothing of its test's.
    def serve_forever(self) -> None:
        """Serve until the server is stopped."""
        while not self._stopping:
            events = self.selector.select(self._until_next())
            self._works = True
            for key, mask in events:
                self._guarded(key.data, mask)
            while self._timers and self._timers[0][0] <= time.monotonic():
                _, _, connection, pending = heapq.heappop(self._timers)
                self._guarded(connection.due, pending)
            self._works = False

    def receive(self, connection: Connection, request: Request) -> Pending | Reply:
        """Hand a request to the test that runs, or answer it because none does."""
        switchboard, clock = self._switchboard, self._time
        if switchboard is None or clock is None:
            return _text(503, "The test that this address was for is over, and no other one runs.")
        if connection.outside is None:
            connection.outside = connection.address not in self._peers
            self._outside += connection.outside
        if connection.outside:
            clock.count_outside()
        service = switchboard.at_port(connection.provider)
        try:
            pending = switchboard.receive(service, request, Caller(0, connection))
        except SimulationStopped as stopped:
            return _text(501, f"{stopped}")
        except Exception:  # noqa: BLE001 - the other connections are to be served
            switchboard.stops.message = switchboard.stops.message or (
                f"The simulation of {service.provider.title} broke at {request.method} "
                f"{request.path}:\n{traceback.format_exc()}"
            )
            return _text(500, switchboard.stops.message)
        if pending.seconds:
            self._waiting += 1
            connection.began = clock.now()
        return pending

    def finish(self, connection: Connection, pending: Pending) -> Reply | Fault:
        """Put the end of an exchange on record."""
        self._over(connection, pending)
        return pending.finish()

    def abandon(self, connection: Connection, pending: Pending) -> None:
        """Put on record that the client left: over a socket, that is how a time-out looks."""
        self._over(connection, pending)
        pending.abandon("read_timeout")

    def later(self, seconds: float, connection: Connection, pending: Pending | None) -> None:
        """Call `Connection.due` then."""
        entry = (time.monotonic() + seconds, next(self._numbers), connection, pending)
        heapq.heappush(self._timers, entry)

    def closed(self, connection: Connection) -> None:
        """The connection is no more."""
        self._connections.pop(connection.address, None)
        self._peers.forget(connection.address)
        self._outside -= bool(connection.outside)

    def _over(self, connection: Connection, pending: Pending) -> None:
        clock = self._time
        if pending.seconds:
            self._waiting -= 1
            if clock is not None and connection.outside:
                clock.count_outside()
            elif clock is not None and connection.began is not None:
                clock.count_since(connection.began)

    def _listen(self, provider: Provider, port: int) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, port), family=family, backlog=_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the socket's own order
        self._listeners.append(listener)
        self._ports[provider.name] = listener.getsockname()[1]
        path = _base_path(provider)

        def accept(_mask: int) -> None:
            self._accept(listener, provider.name, path)

        self.selector.register(listener, selectors.EVENT_READ, accept)

    def _accept(self, listener: socket.socket, provider: str, base_path: str) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                    # They stay in the backlog until a connection is closed.
                    time.sleep(0.01)
                return
            self._connections[address] = Connection(self, sock, address, provider, base_path)

    def _guarded(self, call: Callable[[Any], None], argument: Any) -> None:
        """Whatever one connection brings, the others are served."""
        try:
            call(argument)
        except Exception:  # noqa: BLE001 - the other connections are to be served
            switchboard, owner = self._switchboard, getattr(call, "__self__", None)
            if switchboard is not None and switchboard.stops.message is None:
                switchboard.stops.message = f"The live server broke:\n{traceback.format_exc()}"
            if isinstance(owner, Connection):
                owner.close()

    def _cut_off(self) -> None:
        for connection in list(self._connections.values()):
            if connection.pending is not None:
                connection.leave()

    def _order(self, call: Callable[[], None]) -> None:
        """Let the server's thread do something, and wait for it."""
        done = threading.Event()

        def carry_out() -> None:
            call()
            done.set()

        self._orders.append(carry_out)
        self._ring()
        done.wait(_PATIENCE)

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _hear(self, _mask: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._hearer.recv(1024)
        while self._orders:
            self._orders.popleft()()

    def _until_next(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _has_input(self) -> bool:
        """Whether anything arrived that the server's thread has not yet seen."""
        return has_input(self.selector)


def _base_path(provider: Provider) -> str:
    path = provider.base_url.partition("://")[2].partition("/")[2].rstrip("/")
    return f"/{path}" if path else ""


def _text(status: int, text: str) -> Reply:
    headers = {"content-type": "text/plain; charset=utf-8"}
    return Reply(status=status, headers=headers, body=f"pytest-parseapi: {text}\n".encode())
