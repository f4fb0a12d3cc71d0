"""The sockets of the live server, and which of them come from this process."""

from __future__ import annotations

import contextlib
import functools
import selectors
import socket
import struct
from collections.abc import Callable, Collection
from typing import Any, Final

from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.plain_types import plain_socket

_CHUNK: Final = 64 * 1024
_RESET: Final = struct.pack("ii", 1, 0)


class ServerSocket:
    """Reads input, and keeps output that the client has not read yet.

    Args:
        selector: tells when the socket is ready.
        sock: an accepted socket.
        ready: called with the events for which it is ready.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        sock: socket.socket,
        ready: Callable[[int], None],
    ) -> None:
        self.unsent = b""
        """What waits to be sent."""
        self._selector = selector
        self._sock = sock
        self._ready = ready
        self._waits = False
        """Whether `unsent` waits for the client to read."""
        sock.setblocking(False)  # noqa: FBT003 - the socket's own order
        # A Unix socket, or a closed one, has no such option.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ, ready)

    def has_input(self) -> bool:
        """Whether there is unread input."""
        return has_input(self._sock)

    def read(self) -> bytes | None:
        """Read input. Empty means the end of it, None that there is no input now."""
        try:
            return self._sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return None

    def send(self, data: bytes) -> None:
        """Send bytes; those that do not fit are kept until `flush`."""
        self.unsent = data
        self.flush()

    def flush(self) -> None:
        """Send as many of the kept bytes as possible."""
        if self.unsent:
            try:
                sent = self._sock.send(self.unsent)
            except (BlockingIOError, InterruptedError):
                sent = 0
            self.unsent = self.unsent[sent:]
        waits = bool(self.unsent)
        if waits != self._waits:
            # From a client that does not read its replies, nothing is read meanwhile.
            mask = selectors.EVENT_WRITE if waits else selectors.EVENT_READ
            self._selector.modify(self._sock, mask, self._ready)
            self._waits = waits

    def end(self) -> None:
        """Tell the client that nothing more is sent."""
        self._sock.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool) -> None:
        """Close it.

        Args:
            reset: whether the client is to see a reset.
        """
        if reset:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._sock)
        self._sock.close()


def has_input(source: Any) -> bool:
    """Whether a socket, or a selector, has something to read."""
    try:
        with selectors.DefaultSelector() as probe:
            probe.register(source, selectors.EVENT_READ)
            return bool(probe.select(0))
    except (OSError, ValueError):
        return False


class LocalClients:
    """Notes the address of every socket of this process that connects to one of some ports.

    Args:
        ports: the live server's ports, which may grow.
    """

    def __init__(self, ports: Collection[int]) -> None:
        self._ports = ports
        self._addresses: set[Any] = set()
        self._patches = Patches()

    def __contains__(self, address: object) -> bool:
        return address in self._addresses

    def forget(self, address: object) -> None:
        """Forget the address of a closed connection: another process may get the port."""
        self._addresses.discard(address)

    def start(self) -> None:
        """Note connections from now on."""
        for name in ("connect", "connect_ex"):
            self._patches.put(plain_socket(), name, self._noting)

    def stop(self) -> None:
        """Stop noting connections."""
        self._patches.stop()

    def _noting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def connect(sock: socket.socket, address: Any) -> Any:
            try:
                return real(sock, address)
            finally:
                if isinstance(address, tuple) and address[1:2] and address[1] in self._ports:
                    # A non-blocking socket has its own address before it is connected.
                    with contextlib.suppress(OSError):
                        self._addresses.add(sock.getsockname())

        return connect
