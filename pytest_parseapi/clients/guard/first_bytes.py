"""Finds the host in the first bytes of a connection, even if they are sent in several parts.

A proxy is asked for a host by name, a name server for its address, and TLS begins with its name.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, Final

_LINE: Final = re.compile(
    rb"(?:\r?\n){0,9}(?:CONNECT |[!#-'*+.^-z|~A-Z0-9-]{1,20} [a-z][a-z0-9+.-]{0,20}://)"
    rb"(?:[^/ ?#\r\n]{0,500}@)?([^/:?# \r\n]{1,300})",
    re.IGNORECASE,
)
_SOCKS_5: Final = re.compile(rb"\x05[\x01\x03]\x00\x03(.)", re.DOTALL)
_SOCKS_4A: Final = re.compile(
    rb"\x04\x01..\x00\x00\x00[^\x00][^\x00]{0,255}\x00([^\x00]{1,255})\x00", re.DOTALL
)
_QUESTION: Final = re.compile(
    rb"(?:..)?..[\x00-\x07].\x00\x01\x00\x00\x00\x00\x00[\x00\x01]"
    rb"((?:[\x01-\x3f][!-~]{1,63}){1,20})\x00\x00.\x00\x01",
    re.DOTALL,
)
"""A request to a name server; by TCP its length comes before it."""
_HELLO: Final = re.compile(rb"\x16\x03.{3}\x01.{3}\x03\x03.{32}", re.DOTALL)
_ONE_QUESTION: Final = b"\0\1"
"""How many questions a request to a name server has."""
_MAX_BYTES: Final = 65536
_INCOMPLETE: Final = re.compile(
    rb"(?:\r?\n){0,9}+[!#-'*+.^-z|~A-Z0-9-]{0,20}+(?: [^\n]{0,8000}+)?"
    rb"|\x05(?:[\x01\x03](?:\x00(?:\x03.{0,255})?)?)?"
    rb"|\x04(?:\x01.{0,600})?",
    re.DOTALL | re.IGNORECASE,
)
"""What a line or a request of SOCKS may begin with."""


class FirstBytes:
    r"""Collects the first bytes of each connection.

    Example:
        >>> first_bytes = FirstBytes()
        >>> first_bytes.host(5, b"CONNECT ")
        ''
        >>> first_bytes.host(5, b"api.example.com:443 HTTP/1.1\r\n")
        'api.example.com'
    """

    def __init__(self) -> None:
        self._held: dict[int, bytes] = {}

    def host(self, connection: Any, data: Any) -> str:
        """The host in the bytes that are sent; empty if there is none.

        Args:
            connection: the connection, or its file number.
            data: what is sent: bytes, or a list of them.
        """
        new = data if type(data) is bytes else _bytes_of(data)
        # Most bytes that are sent are of no interest: this check must be fast.
        if not new or (
            new[0] not in _READERS
            and new[4:6] != _ONE_QUESTION
            and new[6:8] != _ONE_QUESTION
            and (not self._held or _number(connection) not in self._held)
        ):
            return ""
        host = host_in_first_bytes(new)
        held = self._held.pop(_number(connection), b"") if self._held else b""
        if held:
            held += bytes(new[:_MAX_BYTES])
            host = host or host_in_first_bytes(held)
        if not host:
            for part in (held, new):
                if part and _INCOMPLETE.fullmatch(part):
                    self._held[_number(connection)] = bytes(part)
                    break
        return host


def _number(connection: Any) -> int:
    if isinstance(connection, int):
        return connection
    return connection.fileno() if hasattr(connection, "fileno") else id(connection)


def _bytes_of(data: Any) -> bytes | bytearray | memoryview:
    if isinstance(data, (list, tuple)):
        return b"".join(map(_bytes_of, data[:8]))
    if isinstance(data, (bytes, bytearray)):
        return data
    try:
        return memoryview(data).cast("B")
    except (TypeError, ValueError):
        return b""


def host_in_first_bytes(data: Any) -> str:
    r"""The host in the first bytes of a connection, or in a datagram; empty if there is none.

    That is the first line of a request to a proxy of HTTP, the request of SOCKS 4a and 5, a
    question to a name server, or the first message of TLS.

    Args:
        data: what is sent: bytes, or a list of them.

    Example:
        >>> host_in_first_bytes(b"CONNECT api.example.com:443 HTTP/1.1\r\n")
        'api.example.com'
    """
    data = _bytes_of(data)
    if not data:
        return ""
    for read in (_READERS.get(data[0]), _in_question if data[2:3] else None):
        host = read(data) if read is not None else b""
        if host:
            return host.decode("utf-8", "replace")
    return ""


def _in_line(data: Any) -> bytes:
    found = _LINE.match(data)
    if found is None:
        return b""
    line = bytes(data[found.start(1) : _MAX_BYTES]).partition(b"\n")[0]
    return found[1] if b" HTTP/1." in line else b""


def _in_socks_5(data: Any) -> bytes:
    found = _SOCKS_5.match(data)
    return b"" if found is None else _whole(data[5:], found[1][0])


def _whole(data: Any, length: int) -> bytes:
    return bytes(data[:length]) if len(data) >= length else b""


def _in_socks_4a(data: Any) -> bytes:
    found = _SOCKS_4A.match(data)
    return b"" if found is None else found[1]


def _in_question(data: Any) -> bytes:
    found = _QUESTION.match(data)
    if found is None:
        return b""
    labels, rest = [], found[1]
    while rest:
        labels.append(rest[1 : rest[0] + 1])
        rest = rest[rest[0] + 1 :]
    return b".".join(labels)


def _in_hello(data: Any) -> bytes:
    """The name in the extension ``server_name`` of RFC 6066."""
    found = _HELLO.match(data)
    if found is None:
        return b""
    rest = bytes(data[found.end() : _MAX_BYTES])
    for width in (1, 2, 1):  # session, ciphers, compressions
        rest = rest[width + int.from_bytes(rest[:width], "big") :]
    rest = rest[2:]
    while rest:
        kind, length = rest[:2], int.from_bytes(rest[2:4], "big")
        if kind == b"\0\0":
            return rest[9 : 9 + int.from_bytes(rest[7:9], "big")]
        rest = rest[4 + length :]
    return b""


_READERS: Final[dict[int, Callable[[Any], bytes]]] = {
    **dict.fromkeys(
        (string.ascii_letters + string.digits + "\r\n!#$%&'*+.^_`|~-").encode(), _in_line
    ),
    0x04: _in_socks_4a,
    0x05: _in_socks_5,
    0x16: _in_hello,
}
"""By the first byte."""
