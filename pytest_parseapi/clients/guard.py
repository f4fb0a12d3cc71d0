"""Keeps documented hosts out of reach for whatever is not intercepted."""

from __future__ import annotations

import asyncio.base_events
import functools
import http.client
import socket
import ssl
import sys
from collections.abc import Callable, Collection
from typing import Any, Final

from pytest_parseapi.patching.attributes import Patches

__all__ = ["Guard", "blocked_in_session", "blocked_in_test"]

_EXTRAS: Final = ("requests", "aiohttp", "httpx2")
_LIBRARIES: Final = (*_EXTRAS, "httpx", "urllib3", "urllib", "http")
# What is called, and which of its arguments names the host.
_DOORS: Final[tuple[tuple[Any, str, int, str], ...]] = (
    (socket, "getaddrinfo", 0, "host"),
    (socket, "gethostbyname", 0, "hostname"),
    (socket, "gethostbyname_ex", 0, "hostname"),
    # A socket resolves a name by itself.
    (socket.socket, "connect", 1, "address"),
    (socket.socket, "connect_ex", 1, "address"),
    # A loop asks for addresses in another thread, where nothing shows for whom.
    (asyncio.base_events.BaseEventLoop, "getaddrinfo", 1, "host"),
    # By a proxy, and by loops that resolve names outside Python, a host is reached without
    # its address; but never without TLS.
    (http.client.HTTPConnection, "set_tunnel", 1, "host"),
    (ssl.SSLContext, "wrap_socket", 5, "server_hostname"),
    (ssl.SSLContext, "wrap_bio", 4, "server_hostname"),
)


class Guard:
    """Blocks documented hosts before anything is sent to them.

    Args:
        hosts: the documented hosts.
        block: stops the test; called with a host, and the client library that asks for it.
    """

    def __init__(
        self, hosts: Callable[[], Collection[str]], block: Callable[[str, str], Any]
    ) -> None:
        self._hosts = hosts
        self._block = block
        self._patches = Patches()

    def start(self) -> None:
        """Block from now on."""
        for owner, name, position, keyword in _DOORS:
            self._patches.put(owner, name, self._guarding(position, keyword))

    def stop(self) -> None:
        """Block no more."""
        self._patches.stop()
        self._hosts = frozenset

    def _guarding(self, position: int, keyword: str) -> Callable[[Any], Any]:
        def make(real: Any) -> Any:
            @functools.wraps(real)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                asked = args[position] if len(args) > position else kwargs.get(keyword)
                host = asked[0] if isinstance(asked, tuple) and asked else asked
                if isinstance(host, (bytes, bytearray)):
                    host = host.decode("ascii", "replace")
                if isinstance(host, str) and host.lower().rstrip(".") in self._hosts():
                    self._block(host, _library())
                return real(*args, **kwargs)

            return guarded

        return make


def blocked_in_test(host: str, library: str, chosen: Collection[str] | None) -> str:
    """Why a request of a simulated test was blocked.

    Args:
        host: the documented host.
        library: the client library, or nothing where it is not known.
        chosen: the client libraries that the test's marker names; None for every one.
    """
    what = _request(host, library)
    if library in (*_EXTRAS, "httpx") and chosen is not None and library not in chosen:
        return f"{what} this test's parseapi(clients=...) leaves {library} out."
    if library in _EXTRAS:
        return (
            f"{what} {library} is not intercepted.\n"
            f"Install its extra: pip install 'pytest-parseapi[{library}]'"
        )
    return (
        f"{what} nothing intercepts it.\n"
        f"Send it by httpx, requests or aiohttp, or to the address that api.live_url gives."
    )


def blocked_in_session(host: str, library: str) -> str:
    """Why a request outside simulated tests was blocked."""
    return (
        f"{_request(host, library)} parseapi_guard is on, and no simulation is under way.\n"
        f"Let the test request a fixture such as extend_api, or turn parseapi_guard off."
    )


def _request(host: str, library: str) -> str:
    by = f" by {library}" if library else ""
    return f"A request to {host}{by} was blocked before it left this machine:"


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
