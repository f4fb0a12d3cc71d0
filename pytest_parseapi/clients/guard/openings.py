"""Which host the first bytes of a connection ask for, whoever writes them, in however many parts.

A proxy is asked for a host by name, a name server for its address, and TLS begins with its name.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Openings", "host_of_opening"]

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
_ONE: Final = b"\0\1"
"""The number of questions to a name server."""
_LONGEST: Final = 65536
_PART: Final = re.compile(
    rb"(?:\r?\n){0,9}+[!#-'*+.^-z|~A-Z0-9-]{0,20}+(?: [^\n]{0,8000}+)?"
    rb"|\x05(?:[\x01\x03](?:\x00(?:\x03.{0,255})?)?)?"
    rb"|\x04(?:\x01.{0,600})?",
    re.DOTALL | re.IGNORECASE,
)
"""What a line or a request of SOCKS may begin with."""


class Openings:
    r"""Puts together what connections begin with.

    Example:
        >>> openings = Openings()
        >>> openings.host(5, b"CONNECT "), openings.host(5, b"api.example.com:443 HTTP/1.1\r\n")
        ('', 'api.example.com')
    """

    def __init__(self) -> None:
        self._begun: dict[int, bytes] = {}

    def host(self, sender: Any, data: Any) -> str:
        """The host that what is sent asks for; empty where it asks for none.

        Args:
            sender: the connection, or its file number.
            data: what is sent: bytes, or a list of them.
        """
        opening = data if type(data) is bytes else _bytes_of(data)
        # Most of what is sent begins with nothing of interest, and must cost next to nothing.
        if not opening or (
            opening[0] not in _READS
            and opening[4:6] != _ONE
            and opening[6:8] != _ONE
            and (not self._begun or _number(sender) not in self._begun)
        ):
            return ""
        host = host_of_opening(opening)
        begun = self._begun.pop(_number(sender), b"") if self._begun else b""
        if begun:
            begun += bytes(opening[:_LONGEST])
            host = host or host_of_opening(begun)
        if not host:
            for part in (begun, opening):
                if part and _PART.fullmatch(part):
                    self._begun[_number(sender)] = bytes(part)
                    break
        return host


def _number(sender: Any) -> int:
    if isinstance(sender, int):
        return sender
    return sender.fileno() if hasattr(sender, "fileno") else id(sender)


def _bytes_of(data: Any) -> bytes | bytearray | memoryview:
    if isinstance(data, (list, tuple)):
        return b"".join(map(_bytes_of, data[:8]))
    if isinstance(data, (bytes, bytearray)):
        return data
    try:
        return memoryview(data).cast("B")
    except (TypeError, ValueError):
        return b""


def host_of_opening(data: Any) -> str:
    r"""The host that the first bytes of a connection, or a datagram, ask for; empty for others.

    That is the first line of a request to a proxy of HTTP, the request of SOCKS 4a and 5, a
    question to a name server, or the first message of TLS.

    Args:
        data: what is sent: bytes, or a list of them.

    Example:
        >>> host_of_opening(b"CONNECT api.example.com:443 HTTP/1.1\r\n")
        'api.example.com'
    """
    opening = _bytes_of(data)
    if not opening:
        return ""
    for read in (_READS.get(opening[0]), _in_question if opening[2:3] else None):
        host = read(opening) if read is not None else b""
        if host:
            return host.decode("utf-8", "replace")
    return ""


def _in_line(opening: Any) -> bytes:
    found = _LINE.match(opening)
    if found is None:
        return b""
    line = bytes(opening[found.start(1) : _LONGEST]).partition(b"\n")[0]
    return found[1] if b" HTTP/1." in line else b""


def _in_socks_5(opening: Any) -> bytes:
    found = _SOCKS_5.match(opening)
    return b"" if found is None else _whole(opening[5:], found[1][0])


def _whole(data: Any, length: int) -> bytes:
    return bytes(data[:length]) if len(data) >= length else b""


def _in_socks_4a(opening: Any) -> bytes:
    found = _SOCKS_4A.match(opening)
    return b"" if found is None else found[1]


def _in_question(opening: Any) -> bytes:
    found = _QUESTION.match(opening)
    if found is None:
        return b""
    labels, rest = [], found[1]
    while rest:
        labels.append(rest[1 : rest[0] + 1])
        rest = rest[rest[0] + 1 :]
    return b".".join(labels)


def _in_hello(opening: Any) -> bytes:
    """The name in the extension ``server_name`` of RFC 6066."""
    found = _HELLO.match(opening)
    if found is None:
        return b""
    rest = bytes(opening[found.end() : _LONGEST])
    for width in (1, 2, 1):  # session, ciphers, compressions
        rest = rest[width + int.from_bytes(rest[:width], "big") :]
    rest = rest[2:]
    while rest:
        kind, length = rest[:2], int.from_bytes(rest[2:4], "big")
        if kind == b"\0\0":
            return rest[9 : 9 + int.from_bytes(rest[7:9], "big")]
        rest = rest[4 + length :]
    return b""


_READS: Final[dict[int, Callable[[Any], bytes]]] = {
    **dict.fromkeys(
        (string.ascii_letters + string.digits + "\r\n!#$%&'*+.^_`|~-").encode(), _in_line
    ),
    0x04: _in_socks_4a,
    0x05: _in_socks_5,
    0x16: _in_hello,
}
"""By the first byte."""
