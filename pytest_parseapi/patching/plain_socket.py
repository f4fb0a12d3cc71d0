"""Python's class of sockets, even if a mock has replaced it."""

from __future__ import annotations

import _socket
import socket


def plain_socket() -> type[socket.socket]:
    """The class that ``socket`` defines, also where a mock such as httpretty has replaced it.

    Example:
        >>> plain_socket().__name__
        'socket'
    """
    kinds = _socket.socket.__subclasses__()
    return next((kind for kind in kinds if kind.__module__ == "socket"), socket.socket)  # type: ignore[return-value]
