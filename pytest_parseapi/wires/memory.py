"""A connection without a network, for clients that write their requests as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ReadRequest", "RequestReader"]

_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request as it was written."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """In the order sent, names in lower case."""
    body: bytes


class RequestReader:
    """Puts one HTTP/1.1 request together from the bytes of a client that writes it correctly."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: tuple[str, str, tuple[tuple[str, str], ...]] | None = None
        self._chunked = False
        self._length = 0
        self._body = bytearray()

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for a ``100 Continue`` before it writes the body."""
        return self._head is not None and ("expect", "100-continue") in self._head[2]

    def feed(self, data: bytes | bytearray | memoryview) -> ReadRequest | None:
        """Take what was written; the request, once it is complete."""
        self._buffer += data
        if self._head is None:
            end = self._buffer.find(_END)
            if end < 0:
                return None
            self._read_head(bytes(self._buffer[:end]).decode("utf-8", "surrogateescape"))
            del self._buffer[: end + len(_END)]
        if not (self._chunks_end() if self._chunked else len(self._buffer) >= self._length):
            return None
        method, target, headers = self._head or ("", "", ())
        body = bytes(self._body if self._chunked else self._buffer)
        return ReadRequest(method, target, headers, body)

    def _read_head(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = []
        for line in lines:
            name, _, value = line.partition(":")
            headers.append((name.lower(), value.strip(" \t")))
        self._head = (method, target, tuple(headers))
        known = dict(headers)
        self._chunked = "chunked" in known.get("transfer-encoding", "").lower()
        self._length = int(known.get("content-length", 0))

    def _chunks_end(self) -> bool:
        """Move whole chunks to the body; True after the last one."""
        position = 0
        buffer = self._buffer
        while (end := buffer.find(b"\r\n", position)) >= 0:
            size = int(bytes(buffer[position:end]).partition(b";")[0], 16)
            begin = end + 2
            if len(buffer) < begin + size + 2:
                break
            if not size:
                return True
            self._body += buffer[begin : begin + size]
            position = begin + size + 2
        del buffer[:position]
        return False
