"""Whether a test has put something of its own in place of the functions that send."""

from __future__ import annotations

import sys
from typing import Final

from pytest_parseapi.patching.stand_ins import is_stand_in, stand_in

__all__ = ["replaced_client"]

_VERBS: Final = ("request", "post", "get")
_HTTPX: Final = (
    *_VERBS,
    "stream",
    *(
        f"{owner}.{name}"
        for owner in ("Client", "AsyncClient")
        for name in ("send", *_VERBS, "stream", "_send_single_request", "_transport_for_url")
    ),
    "Client",
    "AsyncClient",
    "HTTPTransport.handle_request",
    "AsyncHTTPTransport.handle_async_request",
)
_SENDERS: Final = {
    "httpx": _HTTPX,
    "httpx2": _HTTPX,
    "requests": (
        *_VERBS,
        *(f"Session.{name}" for name in ("send", *_VERBS, "get_adapter")),
        "Session",
        "adapters.HTTPAdapter.send",
    ),
    "urllib3": ("PoolManager.request", "PoolManager.urlopen", "HTTPConnectionPool.urlopen"),
    "aiohttp": (*(f"ClientSession.{name}" for name in ("_request", *_VERBS)), "ClientSession"),
}


def replaced_client() -> str:
    """The function that sends and was replaced by the test, or an empty text.

    Example:
        >>> replaced_client()
        ''
    """
    for library, names in _SENDERS.items():
        module = sys.modules.get(library)
        for name in names if module is not None else ():
            found: object = module
            for part in name.split("."):
                # Of a class what it has itself: a mock has every attribute.
                found = getattr(found, "__dict__", {}).get(part)
            if is_stand_in(found):
                return f"{library}.{name}"
    return stand_in(_SENDERS)
