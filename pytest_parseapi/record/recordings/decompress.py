"""Decompresses bodies that a recording holds as they were sent, with content encoding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from pytest_parseapi.record.recordings.fields import UnusableError

_GZIP: Final = b"\x1f\x8b"
_CODINGS: Final = ("deflate", "br", "zstd")
# Even the most compressible data expands a piece to about 200 MB at most.
_PIECE_BYTES: Final = 64
_GZIP_PIECE_BYTES: Final = 65_536
_MAX_BYTES: Final = 256 * 1024 * 1024


def decompressed(body: bytes, encoding: str, where: str) -> bytes:
    """A body without its content encoding, if it still has one.

    Most recorders write the decompressed text and leave the header as it was, so the header alone
    proves nothing.

    Args:
        body: what the file has.
        encoding: the reply's ``Content-Encoding``.
        where: the place in the file, for messages.

    Raises:
        UnusableError: the body is too large.
    """
    encoding = encoding.strip().lower()
    if body.startswith(_GZIP):
        encoding = "gzip"
    elif encoding not in _CODINGS or _is_json(body):
        return body
    import httpx

    pieces = []
    size = 0
    reply = httpx.Response(
        200, headers={"content-encoding": encoding}, content=_pieces(body, encoding)
    )
    try:
        for piece in reply.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_BYTES:
                limit = _MAX_BYTES // 1024**2
                raise UnusableError(f"{where} is larger than {limit} MB when it is decompressed")
    except httpx.DecodingError:
        return body
    return b"".join(pieces)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _pieces(body: bytes, encoding: str) -> Iterator[bytes]:
    size = _GZIP_PIECE_BYTES if encoding == "gzip" else _PIECE_BYTES
    for start in range(0, len(body), size):
        yield body[start : start + size]
