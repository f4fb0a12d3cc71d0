"""Which connections to the live server come from this process: only those live in virtual time."""

from __future__ import annotations

import contextlib
import functools
import socket
from collections.abc import Callable, Collection
from typing import Any

from pytest_parseapi.patches import Patches

__all__ = ["LocalPeers"]


class LocalPeers:
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
        """Its connection is closed, and the port may become another process's."""
        self._addresses.discard(address)

    def start(self) -> None:
        """Take note from now on."""
        for name in ("connect", "connect_ex"):
            self._patches.put(socket.socket, name, self._noting)

    def stop(self) -> None:
        """Take note no more."""
        self._patches.stop()

    def _noting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def connect(peer: socket.socket, address: Any) -> Any:
            try:
                return real(peer, address)
            finally:
                if isinstance(address, tuple) and address[1:2] and address[1] in self._ports:
                    # One that does not block has its own address before it is connected.
                    with contextlib.suppress(OSError):
                        self._addresses.add(peer.getsockname())

        return connect
