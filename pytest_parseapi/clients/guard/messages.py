"""The messages about blocked requests, and which client library sent them."""

from __future__ import annotations

import sys
from collections.abc import Collection
from traceback import walk_stack

from pytest_parseapi.clients.libraries import CLIENTS, ClientLibrary


def blocked_in_test(host: str, library: str, chosen: Collection[str] | None) -> str:
    """The message about a request of a simulated test.

    Args:
        host: the documented host.
        library: the client library, or what else was called.
        chosen: the client libraries that the test's marker names; None for every one.
    """
    what = _request(host, library)
    client = next((client for client in CLIENTS if client.name == library), None)
    if client is not None and chosen is not None:
        with_it = f", and {library} with it" if client.through else ""
        by = client.through or library
        if (client.interceptor or client.through) and by not in chosen:
            return f"{what} this test's parseapi(clients=...) leaves {by} out{with_it}."
    if client is not None and client.has_extra:
        return (
            f"{what} {library} is not intercepted.\n"
            f"Install its extra: pip install 'pytest-parseapi[{library}]'. Where that is done, a "
            f"transport, adapter or connector of the consumer's own opens the connection."
        )
    return (
        f"{what} nothing intercepts it.\n"
        f"Send it by httpx, requests or aiohttp, or to the address that api.live_url gives."
    )


def blocked_in_session(host: str, library: str) -> str:
    """The message about a request outside simulated tests."""
    return (
        f"{_request(host, library)} parseapi_guard is on, and no simulation is under way.\n"
        "Let the test request the fixture of a simulated API, or turn parseapi_guard off."
    )


def blocked_after_test(host: str, library: str) -> str:
    """The message about a request of a thread that a simulated test left behind."""
    return (
        f"{_request(host, library)} it comes from a thread that a simulated test began and did "
        f"not end."
    )


def _request(host: str, library: str) -> str:
    return f"A request to {host} by {library} was blocked before it left this machine:"


def calling_library(default: str) -> str:
    """The client library that sends: the outermost one, since libraries use each other.

    Args:
        default: the answer where none shows.
    """
    roots = {client.module: client for client in CLIENTS}
    found: ClientLibrary | None = None
    for frame, _ in walk_stack(sys._getframe(1)):
        client = roots.get((frame.f_globals.get("__name__") or "").partition(".")[0])
        if client is not None and (found is None or client.has_extra or not found.has_extra):
            found = client
    return default if found is None else found.name
