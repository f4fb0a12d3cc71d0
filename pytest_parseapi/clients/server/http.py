"""The HTTP/1.1 of the live server: reads requests by h11, and writes replies as bytes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import h11

from pytest_parseapi.model.http import Reply, Request, Timeouts

_LONGEST_HEAD: Final = 64 * 1024
_UNKNOWN: Final = Timeouts(known=False)
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_FRAMING: Final = ("content-length", "transfer-encoding", "connection")
_BODILESS: Final = (204, 304)


def new_reader() -> h11.Connection:
    """Make the parser of the requests of one client."""
    return h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)


def header(head: h11.Request, name: bytes) -> str:
    """The first header of a name (in lower case), or an empty text."""
    for key, value in head.headers:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def check_version(head: h11.Request) -> None:
    """Refuse a request of another HTTP version; h11 accepts any number.

    Raises:
        RemoteProtocolError: its version is not 1.x.
    """
    if not head.http_version.startswith(b"1."):
        version = head.http_version.decode("latin-1")
        raise h11.RemoteProtocolError(f"the request says HTTP/{version}", error_status_hint=505)


def keeps_alive(head: h11.Request) -> bool:
    """Whether the client may send another request on the same connection."""
    closes = "close" in header(head, b"connection").lower()
    return head.http_version == b"1.1" and not closes


def request_of(head: h11.Request, body: bytes) -> Request:
    """The `Request` of the model for a request of a client."""
    target, host = head.target.decode("latin-1"), header(head, b"host")
    if not target.startswith("/") and "://" in target:
        # The form of a request to a proxy: its host counts, and not that of the header.
        host, _, target = target.partition("://")[2].partition("/")
        target = f"/{target}"
    path, _, query = target.partition("?")
    headers = tuple(
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
    )
    return Request(
        method=head.method.decode("latin-1"),
        url=f"http://{host}{target}",
        host=host.rpartition(":")[0] or host,
        path=path,
        query=query,
        headers=headers,
        body=body,
        base_url=f"http://{host}",
        client="server",
        timeouts=_UNKNOWN,
    )


def reply_bytes(reply: Reply, head: h11.Request, *, ends: bool) -> bytes:
    """The bytes of a reply.

    Args:
        reply: the reply.
        head: the request's head.
        ends: whether the connection is closed after it.
    """
    body = reply.body
    if reply.truncated:
        body = body[: len(body) // 2]
    elif head.method == b"HEAD" or reply.status in _BODILESS:
        body = b""
    return _reply_head(reply, ends=ends) + body


def text_reply(status: int, text: str) -> Reply:
    """Make a reply of the server itself, not of the simulated API."""
    headers = {"content-type": "text/plain; charset=utf-8"}
    body = f"pytest-parseapi: {text}\n".encode(errors="backslashreplace")
    return Reply(status=status, headers=headers, body=body)


def no_http_reply(error: h11.RemoteProtocolError) -> bytes:
    """The reply to bytes that are no HTTP."""
    text = f"This is not the HTTP/1.1 that pytest-parseapi reads: {error}\n".encode()
    reply = Reply(status=error.error_status_hint, headers={"content-type": "text/plain"}, body=text)
    return _reply_head(reply, ends=True) + text


def _reply_head(reply: Reply, *, ends: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, '')}"]
    lines += [
        f"{name}: {value}" for name, value in reply.headers.items() if name.lower() not in _FRAMING
    ]
    if reply.status not in _BODILESS:
        lines.append(f"content-length: {len(reply.body)}")
    if ends:
        lines.append("connection: close")
    text = "\r\n".join([*lines, "", ""])
    if text.count("\n") != len(lines) + 1:
        raise ValueError(f"a header of the reply has a line break in it: {dict(reply.headers)}")
    return text.encode("latin-1")
