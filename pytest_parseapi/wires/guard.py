"""Keeps documented hosts out of reach for whatever is not intercepted."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
from collections.abc import Callable, Collection
from typing import Any, Final

__all__ = ["Guard"]

_EXTRAS: Final = {"requests": "requests", "aiohttp": "aiohttp", "httpx2": "httpx2"}
_LIBRARIES: Final = (*_EXTRAS, "httpx", "urllib3", "urllib", "http")


class Guard:
    """Blocks name look-ups of, and tunnels to, documented hosts before anything leaves the machine.

    Args:
        hosts: the documented hosts.
        block: stops the test with a message.
    """

    def __init__(self, hosts: Callable[[], Collection[str]], block: Callable[[str], Any]) -> None:
        self._hosts = hosts
        self._block = block
        self._undo = contextlib.ExitStack()

    def start(self) -> None:
        """Block from now on."""
        self._wrap(socket, "getaddrinfo", 0)
        self._wrap(socket, "gethostbyname", 0)
        self._wrap(socket, "gethostbyname_ex", 0)
        self._wrap(http.client.HTTPConnection, "set_tunnel", 1)

    def stop(self) -> None:
        """Block no more."""
        self._undo.close()

    def _wrap(self, owner: Any, name: str, position: int) -> None:
        real = getattr(owner, name)

        def guarded(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            host = args[position] if len(args) > position else kwargs.get("host")
            if isinstance(host, bytes):
                host = host.decode("ascii", "replace")
            if isinstance(host, str) and host.lower().rstrip(".") in self._hosts():
                self._block(_message(host))
            return real(*args, **kwargs)

        self._undo.callback(setattr, owner, name, real)
        setattr(owner, name, guarded)


def _message(host: str) -> str:
    library = _library()
    if library in _EXTRAS:
        extra = _EXTRAS[library]
        return (
            f"A request to {host} by {library} was blocked before it left this machine: {library} "
            f"is not intercepted.\nInstall its extra: pip install 'pytest-parseapi[{extra}]'"
        )
    by = f" by {library}" if library else ""
    return (
        f"A request to {host}{by} was blocked before it left this machine: no wire intercepts it.\n"
        f"Send it by httpx, requests or aiohttp, or to the address that api.live_url gives."
    )


def _library() -> str:
    """The client library that asks: the outermost one, since libraries use each other."""
    frame = sys._getframe(2)
    found = ""
    while frame is not None:
        root = (frame.f_globals.get("__name__") or "").partition(".")[0]
        if root in _LIBRARIES and (not found or root in _EXTRAS or found not in _EXTRAS):
            found = root
        frame = frame.f_back  # type: ignore[assignment]
    return found
