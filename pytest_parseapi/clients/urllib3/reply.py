"""Makes the answer for urllib3 from the service's reply or fault."""

from __future__ import annotations

import http.client
import io
import logging
from typing import Any, Final, NoReturn

from pytest_parseapi.model.http import Fault, Reply, Timeouts

_LOG: Final = logging.getLogger("urllib3.connectionpool")


def answer(reply: Reply, *, pool: Any, method: str, url: str, options: dict[str, Any]) -> Any:
    """Make the result of ``_make_request``.

    Args:
        reply: the service's.
        pool: the connection pool that asks.
        method: the request's.
        url: the request's path and query, as the pool was given it.
        options: the further arguments of ``_make_request``.
    """
    raw = _Raw(reply)
    if _LOG.isEnabledFor(logging.DEBUG):
        _LOG.debug(
            '%s://%s:%s "%s %s %s" %s %s',
            *(pool.scheme, pool.host, pool.port, method, url, "HTTP/1.1", raw.status),
            len(reply.body),
        )
    if "response_conn" not in options:
        return raw  # urllib3 1.26 makes its response of it by itself
    from urllib3.response import HTTPResponse

    response = HTTPResponse(
        body=raw,
        headers=raw.msg,
        status=raw.status,
        version=11,
        reason=raw.reason,
        preload_content=options.get("preload_content", True),
        decode_content=options.get("decode_content", True),
        original_response=raw,  # type: ignore[arg-type]
        enforce_content_length=options.get("enforce_content_length", True),
        request_method=method,
        request_url=url,
        retries=options.get("retries"),
        pool=pool,
        connection=options["response_conn"],
    )
    response.version_string = "HTTP/1.1"
    return response


def fail(fault: Fault, *, pool: Any, conn: Any, url: str, timeouts: Timeouts) -> NoReturn:
    """Raise the exception that urllib3 raises below its retries.

    Args:
        fault: the service's.
        pool: the connection pool that asks.
        conn: its connection.
        url: the request's path and query, as the pool was given it.
        timeouts: the request's, for the messages.
    """
    from urllib3 import exceptions

    if fault.name == "connect_error":
        cause: OSError = ConnectionRefusedError(111, "Connection refused")
        raise exceptions.NewConnectionError(
            conn, f"Failed to establish a new connection: {cause}"
        ) from cause
    if fault.name == "connect_timeout":
        raise exceptions.ConnectTimeoutError(
            conn,
            f"Connection to {pool.host} timed out. (connect timeout={timeouts.connect})",
        ) from TimeoutError("timed out")
    if fault.name == "read_timeout":
        raise exceptions.ReadTimeoutError(
            pool, url, f"Read timed out. (read timeout={timeouts.read})"
        ) from TimeoutError("The read operation timed out")
    raise ConnectionResetError(104, "Connection reset by peer")


class _Message(dict[str, str]):
    """The headers of a reply; requests asks them for cookies, urllib3 1.26 for all."""

    def get_all(self, name: str, default: Any = None) -> Any:
        return [self[name.lower()]] if name.lower() in self else default


class _Raw(io.BytesIO):
    """The replacement of ``http.client.HTTPResponse`` behind a response of urllib3."""

    version = 11

    def __init__(self, reply: Reply) -> None:
        body = reply.body[: len(reply.body) // 2] if reply.truncated else reply.body
        super().__init__(body)
        self.status = reply.status
        self.reason = http.client.responses.get(reply.status, "")
        self.msg = _Message(reply.headers)
        self.msg["content-length"] = str(len(reply.body))
        self._end = None if reply.truncated else len(body)
        self._over = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read more. Only a read at the end shows the end."""
        data = super().read(size)
        self._over = self.tell() == self._end
        return data

    def isclosed(self) -> bool:
        """Whether the whole body was read, so that the connection is free."""
        return self._over or self.closed
