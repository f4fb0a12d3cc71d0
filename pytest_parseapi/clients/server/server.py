"""A real HTTP server on loopback: the simulated APIs for every client that is not intercepted."""

from __future__ import annotations

import errno
import selectors
import socket
import threading
import time
from collections.abc import Iterable
from typing import Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.server.allowed_hosts import AllowedHosts
from pytest_parseapi.clients.server.dispatcher import RequestDispatcher
from pytest_parseapi.clients.server.loop import ServerLoop
from pytest_parseapi.clients.server.sockets import LocalClients, has_input
from pytest_parseapi.model.provider import Provider, path_of

_BACKLOG: Final = 1024
_ACCEPTED_AT_ONCE: Final = 64
_NOTE_SECONDS: Final = 0.1


class LiveServer:
    """Serves each provider on its own port, from the first use of `url` until `stop`.

    Args:
        host: the address to listen at.
        allowed: names that a ``Host`` header may have besides the loopback ones.
        strict: whether every request by another name is refused, not only those to the control.

    Example:
        >>> server = LiveServer()  # doctest: +SKIP
        >>> server.attach(hosts)  # doctest: +SKIP
        >>> server.url(provider)  # doctest: +SKIP
        'http://127.0.0.1:40123'
    """

    def __init__(
        self, host: str = "127.0.0.1", allowed: Iterable[str] = (), *, strict: bool = False
    ) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._ports: dict[str, int] = {}
        self._listeners: list[socket.socket] = []
        self._local_clients = LocalClients(self._ports.values())
        self._loop = ServerLoop()
        self._dispatcher = RequestDispatcher(
            self._loop, self._local_clients, AllowedHosts(allowed), strict=strict
        )

    def url(self, provider: Provider, port: int = 0) -> str:
        """The base URL of a provider, which is served from now on.

        Args:
            provider: which one.
            port: where to listen; any free port where 0.

        Raises:
            OSError: the port is taken.
        """
        with self._lock:
            if provider.name not in self._ports:
                self._listen(provider, port)
            if not self._loop.started:
                self._loop.start(self._dispatcher.failed)
                if self._dispatcher.attached:
                    self._local_clients.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._ports[provider.name]}{path_of(provider.base_url)}"

    def attach(self, hosts: SimulatedHosts) -> None:
        """Send requests to this test from now on."""
        self._dispatcher.attach(hosts)
        hosts.clock.jumps.real_work = self.busy
        if self._loop.started:
            self._local_clients.start()

    def detach(self, hosts: SimulatedHosts) -> None:
        """Note that the test is over: its open exchanges are abandoned, and nobody is served."""
        if not self._dispatcher.detach(hosts):
            return
        # Before the end of the test: others that replace the same methods restore theirs later.
        self._local_clients.stop()
        if self._loop.started:
            self._loop.order(self._dispatcher.cut_off)

    def stop(self) -> None:
        """Close every connection, and end the thread."""
        self._loop.stop()
        self._dispatcher.close()
        for listener in self._listeners:
            listener.close()
        self._loop.close()

    def busy(self) -> bool:
        """Whether the server is at work, so that virtual time must not jump."""
        loop = self._loop
        if not loop.started or loop.stopping:
            return False
        return loop.works or self._dispatcher.busy or has_input(loop.selector)

    def is_idle(self, key: selectors.SelectorKey) -> bool:
        """Whether a loop's selector key is a connection to this server with nothing under way."""
        if not self._loop.started or key.events & selectors.EVENT_WRITE:
            return False
        try:
            with socket.fromfd(key.fd, socket.AF_INET, socket.SOCK_STREAM) as sock:
                connection = self._dispatcher.connection_of(sock.getsockname())
        except OSError:
            return False
        # A reply may have arrived before it is noted as sent.
        patience = time.monotonic() + _NOTE_SECONDS
        while self._loop.works and time.monotonic() < patience:
            time.sleep(0.0001)
        return connection is not None and connection.at_rest and not connection.has_input()

    def _listen(self, provider: Provider, port: int) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, port), family=family, backlog=_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the socket's own order
        self._listeners.append(listener)
        self._ports[provider.name] = listener.getsockname()[1]
        path = path_of(provider.base_url)

        def accept(_mask: int) -> None:
            self._accept(listener, provider.name, path)

        self._loop.selector.register(listener, selectors.EVENT_READ, accept)

    def _accept(self, listener: socket.socket, provider: str, base_path: str) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                    # New connections stay in the backlog until one is closed.
                    time.sleep(0.01)
                return
            self._dispatcher.accept(sock, address, provider, base_path)


class SharedServer:
    """A live server that starts at the first use of `url`."""

    def __init__(self) -> None:
        self._server: LiveServer | None = None
        self._hosts: SimulatedHosts | None = None

    def url(self, provider: Provider) -> str:
        """The base URL of a provider on the live server, which runs from now on."""
        if self._server is None:
            self._server = LiveServer()
            if self._hosts is not None:
                self._server.attach(self._hosts)
        return self._server.url(provider)

    def attach(self, hosts: SimulatedHosts) -> None:
        """Send requests to the test that begins."""
        self._hosts = hosts
        if self._server is not None:
            self._server.attach(hosts)

    def detach(self, hosts: SimulatedHosts) -> None:
        """Note that the test is over."""
        self._hosts = None
        if self._server is not None:
            self._server.detach(hosts)

    def is_idle(self, key: selectors.SelectorKey) -> bool:
        """Whether a loop's selector key is a connection to the server with nothing under way."""
        return self._server is not None and self._server.is_idle(key)

    def stop(self) -> None:
        """Stop the server. Called when the session is over."""
        if self._server is not None:
            self._server.stop()
            self._server = None
