"""Receives a body in pieces. Of a large body, only the beginning and a digest are kept."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from typing import Any, Final

from pytest_parseapi.model.http import Excerpt
from pytest_parseapi.model.multipart import LargeForm, MalformedBody, Part, boundary_of, read_part

_KEPT: Final = 1024 * 1024
_HEAD: Final = 64 * 1024
_LONGEST_HEADERS: Final = 17 * 1024
_MOST_PARTS: Final = 100


class Intake:
    """Receives one request's body in limited memory.

    Args:
        content_type: the request's Content-Type; a form is read as it arrives.
        kept: up to how many bytes a body, or a part of a form, is kept whole.

    Example:
        >>> intake = Intake("application/pdf")
        >>> intake.feed(b"%PDF-1.7")
        >>> intake.body()
        b'%PDF-1.7'
    """

    def __init__(self, content_type: str, *, kept: int = _KEPT) -> None:
        self._content_type = content_type
        self._limit = kept
        self._kept: list[bytes] = []
        self.size = 0
        self._large: _LargeBody | None = None

    def feed(self, data: bytes) -> None:
        """Receive the next bytes."""
        self.size += len(data)
        if self._large is None:
            self._kept.append(data)
            if self.size <= self._limit:
                return
            self._large = _LargeBody(self._content_type, self._limit)
            data = b"".join(self._kept)
            self._kept.clear()
        self._large.feed(data)

    def body(self) -> bytes:
        """The whole body: its bytes, or an `Excerpt` of them."""
        return b"".join(self._kept) if self._large is None else self._large.excerpt(self.size)


class _LargeBody:
    def __init__(self, content_type: str, kept: int) -> None:
        self._digest = hashlib.sha256()
        self._head = b""
        self._form: _FormReader | None = None
        with contextlib.suppress(MalformedBody):
            self._form = _FormReader(boundary_of(content_type), kept)

    def feed(self, data: bytes) -> None:
        self._digest.update(data)
        if len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
        if self._form is not None:
            self._form.feed(data)

    def excerpt(self, size: int) -> Excerpt:
        digest = self._digest.hexdigest()
        if self._form is None:
            return Excerpt(self._head, size=size, digest=digest)
        form = LargeForm(self._head, size=size, digest=digest)
        form.parts = self._form.end()
        return form


class _FormReader:
    """Reads a form as it arrives, as `parse_multipart` does one in memory."""

    def __init__(self, boundary: bytes, kept: int) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._kept = kept
        self._buffer = b"\r\n"
        self._parts: list[Part] = []
        self._problem: MalformedBody | None = None
        self._read: Any = self._preamble
        self._began = False
        self._content = Intake("", kept=kept)

    def feed(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._read():
                pass
        except MalformedBody as problem:
            self._problem = problem
            self._read = self._ignore

    def end(self) -> tuple[Part, ...] | MalformedBody:
        if self._problem is not None:
            return self._problem
        if not self._began:
            return MalformedBody("The boundary of the Content-Type never appears in the body.")
        if self._read == self._headers:
            try:
                read_part(self._buffer, len(self._parts) + 1)
            except MalformedBody as problem:
                return problem
        if self._read != self._ignore:
            return MalformedBody("The form is cut short: its closing delimiter is missing.")
        return tuple(self._parts)

    # Each of these reads as far as it can, and returns whether it has read something new.

    def _preamble(self) -> bool:
        found = self._buffer.find(self._delimiter)
        if found < 0:
            self._buffer = self._buffer[-len(self._delimiter) :]
            return False
        self._began = True
        self._buffer = self._buffer[found + len(self._delimiter) :]
        self._read = self._headers
        return True

    def _headers(self) -> bool:
        if len(self._buffer) < len(b"--"):
            return False
        if self._buffer.startswith(b"--"):
            self._read = self._ignore
            return True
        end = self._buffer.find(b"\r\n\r\n")
        delimiter = self._buffer.find(self._delimiter)
        needed = _LONGEST_HEADERS if end < 0 else end + len(b"\r\n" + self._delimiter)
        if delimiter < 0 and len(self._buffer) < needed:
            return False
        # The line break of a delimiter is not one that can end headers.
        if end < 0 or 0 <= delimiter < end + 4:
            # This is no part, and raises what is wrong with it.
            read_part(self._buffer[: max(0, delimiter)], len(self._parts) + 1)
        if len(self._parts) == _MOST_PARTS:
            raise MalformedBody(f"The form has more than {_MOST_PARTS} parts.")
        self._parts.append(read_part(self._buffer[: end + 4], len(self._parts) + 1))
        self._buffer = self._buffer[end + 4 :]
        self._content = Intake("", kept=self._kept)
        self._read = self._body
        return True

    def _body(self) -> bool:
        found = self._buffer.find(self._delimiter)
        if found < 0:
            sure = len(self._buffer) - len(self._delimiter) + 1
            if sure > 0:
                self._content.feed(self._buffer[:sure])
                self._buffer = self._buffer[sure:]
            return False
        self._content.feed(self._buffer[:found])
        self._parts[-1] = replace(self._parts[-1], body=self._content.body())
        self._buffer = self._buffer[found + len(self._delimiter) :]
        self._read = self._headers
        return True

    def _ignore(self) -> bool:
        self._buffer = b""
        return False
