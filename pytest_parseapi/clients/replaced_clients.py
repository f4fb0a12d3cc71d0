"""Finds out whether a test has replaced a function that sends requests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.doubles import find_test_double, is_test_double

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

# How a test replaces something for a part of its body, and the methods that end that part.
_ENDS: Final = (
    ("unittest.mock", "_patch", "__exit__"),
    ("mock.mock", "_patch", "__exit__"),
    ("_pytest.monkeypatch", "MonkeyPatch", "undo"),
)


class EndedMocks:
    """Remembers replacements of sending functions that have ended before a check runs."""

    def __init__(self) -> None:
        self._patches = Patches()
        self.found = ""
        """The first one, or an empty text."""

    def start(self) -> None:
        """Look for replacements whenever a mock ends."""
        for module, owner, name in _ENDS:
            loaded = sys.modules.get(module)
            if loaded is not None:
                self._patches.put(getattr(loaded, owner), name, self._look_first)

    def stop(self) -> None:
        """Stop looking."""
        self._patches.stop()

    def _look_first(self, end: Callable[..., Any]) -> Callable[..., Any]:
        def look_and_end(patch: object, *args: Any) -> Any:
            self.found = self.found or replaced_client()
            return end(patch, *args)

        return look_and_end


def replaced_client() -> str:
    """The name of a sending function that the test has replaced; empty if there is none.

    Example:
        >>> replaced_client()
        ''
    """
    for library, names in _SENDERS.items():
        module = sys.modules.get(library)
        for name in names if module is not None else ():
            found: object = module
            for part in name.split("."):
                # Only the attributes of the class itself: a mock has every attribute.
                found = getattr(found, "__dict__", {}).get(part)
            if is_test_double(found):
                return f"{library}.{name}"
    return find_test_double(_SENDERS)
