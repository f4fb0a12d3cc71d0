"""Reads the request that urllib3 is about to send, as urllib3 does."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pytest_parseapi.clients.header_cache import HeaderCache
from pytest_parseapi.clients.refusals import PLAIN_METHODS, check_by_urllib3
from pytest_parseapi.model.http import HeaderLines, Request, Timeouts, shared_timeouts

_BETWEEN: Final = 6
_BLOCK: Final = 16_384
_ODD: Final = re.compile(r"[^!-~]")


class _Sent(NamedTuple):
    """The values that the headers of a request depend on."""

    host: str
    given: tuple[tuple[str | bytes, str | bytes], ...]
    chunked: bool
    size: int | None  # of the body, if there is one


class RequestReader:
    """Reads the arguments of ``HTTPConnectionPool._make_request``."""

    def __init__(self) -> None:
        self._header_cache = HeaderCache(_headers)

    def read(
        self,
        pool: Any,
        method: str,
        url: str,
        options: dict[str, Any],
        refused: Callable[[Request], object],
    ) -> Request:
        """Read the request.

        Args:
            pool: the connection pool.
            method: the request's.
            url: its path and query; the whole URL where a proxy forwards it.
            options: the further arguments.
            refused: called with a request that urllib3 itself refuses to send.
        """
        given = options.get("body")
        body = _sent(given)
        path, _, query = url.partition("?")
        headers = options.get("headers")
        sent = _Sent(
            pool.host,
            () if headers is None else tuple(headers.items()),
            bool(options.get("chunked")),
            len(body) if body or given else None,
        )
        accepted = sent in self._header_cache
        request = Request(
            method=method,
            url=f"{pool.scheme}://{pool.host}{url}" if url.startswith("/") else url,
            host=pool.host,
            path=path,
            query=query,
            headers=self._header_cache[sent],
            body=body,
            client=_library(),
            timeouts=_timeouts(options["timeout"]),
        )
        if not accepted or method not in PLAIN_METHODS or _ODD.search(url):
            target = url if url.startswith("/") else "/"
            written = body if body or given else None
            try:
                check_by_urllib3(pool.host, method, target, headers, written)
            except BaseException:
                self._header_cache.forget(sent)
                refused(request)
                raise
        return request


def _timeouts(limits: Any) -> Timeouts:
    """The time-outs of a ``urllib3.util.Timeout``: its total limits both."""
    connect, read, total = map(_seconds, (limits.connect_timeout, limits._read, limits.total))
    if total is not None:
        read = total if read is None else min(read, total)
    return shared_timeouts(connect, read)


def _seconds(limit: Any) -> float | None:
    """A limit of ``urllib3.util.Timeout``, where an object of its own stands for the default."""
    if limit is None or isinstance(limit, (int, float)):
        return limit
    return socket.getdefaulttimeout()


def _sent(body: Any) -> bytes:
    """The body, read as urllib3 reads it: a spent stream stays spent."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        blocks = []
        while block := body.read(_BLOCK):
            blocks.append(_bytes(block))
        return b"".join(blocks)
    try:
        return bytes(memoryview(body))
    except TypeError:
        return b"".join(_bytes(chunk) for chunk in body)


def _bytes(chunk: Any) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else bytes(chunk)


def _headers(sent: _Sent) -> HeaderLines:
    """The headers as sent, with those that urllib3 adds."""
    given = [(_text(name).lower(), _text(value)) for name, value in sent.given]
    names = {name for name, _ in given}
    headers = [] if "host" in names else [("host", sent.host)]
    if sent.chunked:
        if "transfer-encoding" not in names:
            headers.append(("transfer-encoding", "chunked"))
    elif sent.size is not None and not names & {"content-length", "transfer-encoding"}:
        headers.append(("content-length", str(sent.size)))
    # urllib3.util.SKIP_HEADER says that a header is left out.
    headers += [(name, value) for name, value in given if value != "@@@SKIP_HEADER@@@"]
    return HeaderLines(headers)


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not value.isascii():
        value.encode("latin-1")  # raises what http.client raises
    return value


def _library() -> str:
    """The library that sends by urllib3."""
    frame = sys._getframe(3)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("urllib3."):
        frame = frame.f_back
    # Frames of a tracer or a mock may be between requests and urllib3.
    for _ in range(_BETWEEN):
        if frame.f_globals.get("__name__") == "requests.adapters":
            return "requests"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "urllib3"
