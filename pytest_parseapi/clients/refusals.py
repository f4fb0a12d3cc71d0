"""Runs the checks by which a client library refuses to send a request.

An intercepted request never reaches the code that writes it to a socket, where illegal headers,
methods and lengths are refused. So that code runs here, with nothing behind it.
"""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any, Final

PLAIN_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Methods that no library refuses."""


def check_by_httpcore(module: Any, request: Any, body: bytes | None) -> None:
    """Let httpx write a request, and raise its exceptions.

    Args:
        module: ``httpx`` or ``httpx2``.
        request: its request.
        body: its body; None where its length is not to be compared.
    """
    core: Any = importlib.import_module(module.__name__.replace("httpx", "httpcore"))
    default = sys.modules[f"{module.__name__}._transports.default"]
    url = request.url
    with default.map_httpcore_exceptions():
        sent = core.Request(
            method=request.method,
            url=core.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=[body] if body else [],
            extensions={
                name: value for name, value in request.extensions.items() if name != "trace"
            },
        )
        connection = core.HTTP11Connection(sent.url.origin, _Stream())
        # Only a part of it: respx and others replace the whole.
        connection._send_request_headers(sent)
        if body is not None:
            connection._send_request_body(sent)


class _Stream:
    """A stream of httpcore that sends nothing."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send nothing."""

    def close(self) -> None:
        """Nothing is open."""

    def get_extra_info(self, _info: str) -> None:
        """Nothing is known."""


def check_by_urllib3(host: str, method: str, path: str, headers: Any, body: bytes | None) -> None:
    """Let urllib3 write a request, and raise its exceptions, or those of ``http.client``.

    Args:
        host: where it goes.
        method: its method.
        path: its path and query.
        headers: as the pool was given them.
        body: its body; None where there is none.
    """
    if "urllib3.backend" in sys.modules:
        # niquests replaces urllib3 by urllib3-future, whose code needs a network to write.
        return
    from urllib3.connection import HTTPConnection

    connection: Any = HTTPConnection(host)
    connection.sock = _Socket()
    connection.request(method, path, body=body, headers=headers or {})


class _Socket(io.BytesIO):
    """A socket that sends nothing."""

    def sendall(self, data: bytes) -> None:
        """Send nothing."""

    def settimeout(self, seconds: float | None) -> None:
        """Never wait."""
