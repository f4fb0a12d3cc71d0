"""Detects mocks that answer at the socket, which no request of a simulated test reaches.

A test that relies on such a mock would get the simulation's answer instead.
"""

from __future__ import annotations

import sys
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_parseapi.model.http import Request

_HTTPRETTY: Final = "httpretty.core"
_MOCKET: Final = "mocket.mocket"
SOCKET_MOCKS: Final = frozenset({_HTTPRETTY, _MOCKET})
"""The modules of these mocks. Where none of them is loaded, no mock has to be asked."""


def unasked_mock(request: Request) -> str:
    """The mock that has an answer for a request, but does not get it; empty if there is none.

    Args:
        request: what the simulation is about to answer.
    """
    loaded = sys.modules
    if _HTTPRETTY in loaded and _httpretty_answers(loaded[_HTTPRETTY], request):
        return "httpretty"
    if _MOCKET in loaded and _mocket_answers(loaded[_MOCKET], request):
        return "mocket"
    return ""


def _httpretty_answers(core: Any, request: Request) -> bool:
    if not core.httpretty.is_enabled():
        return False
    matcher, _ = core.httpretty.match_uriinfo(core.URIInfo.from_uri(request.url, None))
    entries = () if matcher is None else matcher.entries
    return any(entry.method == request.method for entry in entries)


def _mocket_answers(module: Any, request: Request) -> bool:
    parts = urlsplit(request.url)
    # Entries are removed when mocket is disabled. An entry that is not of HTTP fits every request.
    entries = module.Mocket._entries.get((request.host, parts.port or 443), ())
    return any(
        getattr(entry, "method", request.method) == request.method
        and getattr(entry, "path", request.path) == request.path
        for entry in entries
    )
