"""Reads a ``multipart/form-data`` body that is already in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from pytest_parseapi.model.http import Excerpt, media_type_of, size_of

NAMELESS: Final = frozenset({"document", "upload", "file", "blob"})
"""What clients call content that has no file name, so that it names no document."""

_SAMPLE: Final = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="document.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n%PDF-1.7\r\n--b--\r\n"
)
UPLOAD_SAMPLE: Final = ("multipart/form-data; boundary=b", _SAMPLE)
"""The content type and the body of a form with a small file."""

_LONGEST_BOUNDARY: Final = 70
_LONGEST_HEADERS: Final = 16 * 1024
_PARAMETER: Final = re.compile(r"[;\s]*([^\s=;\"]+)\s*=\s*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE: Final = re.compile(r'[^;\s"]*')
# Only these two are escapes: Windows paths arrive with single backslashes.
_ESCAPED: Final = re.compile(r'\\(["\\])')
# Browsers, httpx and urllib3 write a quote or a control character of a name this way.
_FORM_ESCAPED: Final = re.compile(r"%(?:22|[01][0-9A-Fa-f])")


class MalformedBody(ValueError):  # noqa: N818 - it describes the body
    """A body is not in the format it claims; the text says what is wrong, in a sentence."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    content_type: str | None
    headers: tuple[tuple[str, str], ...]
    """In the order sent, names in lower case."""
    body: bytes

    @property
    def size(self) -> int:
        """How many bytes were sent, also where only the first of them were kept."""
        return size_of(self.body)


class LargeForm(Excerpt):
    """A form that was read as it arrived: its large parts are excerpts."""

    parts: tuple[Part, ...] | MalformedBody


def parse_multipart(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts of a form, in the order sent.

    Args:
        content_type: the request's Content-Type, which names the boundary.
        body: the whole body.

    Returns:
        The parts; none for an empty form.

    Raises:
        MalformedBody: the body is not a complete form.

    Example:
        >>> parse_multipart("multipart/form-data; boundary=b", b"--b--")
        ()
    """
    boundary = boundary_of(content_type)
    if isinstance(body, LargeForm):
        if isinstance(body.parts, MalformedBody):
            raise body.parts
        return body.parts
    # A delimiter belongs to the line break before it, which the first one may lack.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) == 1:
        raise MalformedBody("The boundary of the Content-Type never appears in the body.")
    parts: list[Part] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return tuple(parts)
        parts.append(read_part(piece, len(parts) + 1))
    raise MalformedBody("The form is cut short: its closing delimiter is missing.")


def file_part(parts: tuple[Part, ...], name: str = "file") -> Part | None:
    """The first part of that name with a file name: servers take one without for a text field."""
    return next((item for item in parts if item.name == name and item.filename is not None), None)


def parameters(header: str) -> dict[str, str]:
    """The parameters of a header such as ``form-data; name="file"; filename="a.pdf"``.

    Args:
        header: the header's value.

    Returns:
        The parameters, names in lower case; ``filename*`` (RFC 5987) replaces ``filename``.

    Raises:
        MalformedBody: a quoted value does not end.

    Example:
        >>> parameters("attachment; filename*=UTF-8''na%C3%AFve.pdf")["filename"]
        'naïve.pdf'
    """
    found: dict[str, str] = {}
    position = header.find(";")
    while position >= 0 and (match := _PARAMETER.match(header, position)):
        name, start = match[1].lower(), match.end()
        if header.startswith('"', start):
            quoted = _QUOTED.match(header, start)
            if quoted is None:
                raise MalformedBody(f"The value of {name!r} has no closing quote.")
            value, end = _ESCAPED.sub(r"\1", quoted[1]), quoted.end()
            value = _FORM_ESCAPED.sub(lambda escaped: chr(int(escaped[0][1:], 16)), value)
        else:
            bare = _BARE.match(header, start)
            value, end = (bare[0], bare.end()) if bare else ("", start)
        if name.endswith("*"):
            charset, _, rest = value.partition("'")
            found[name[:-1]] = _decode_extended(charset, rest.partition("'")[2])
        else:
            found.setdefault(name, value)
        position = header.find(";", end)
    return found


def _decode_extended(charset: str, value: str) -> str:
    try:
        return unquote(value, encoding=charset or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return unquote(value)


def boundary_of(content_type: str) -> bytes:
    """The boundary that a form's Content-Type names; raises `MalformedBody` where it names none."""
    media_type = media_type_of(content_type)
    if media_type != "multipart/form-data":
        raise MalformedBody(
            f"The Content-Type is {media_type or 'missing'}, not multipart/form-data."
        )
    boundary = parameters(content_type).get("boundary", "")
    if not boundary:
        raise MalformedBody("The Content-Type names no boundary.")
    if len(boundary) > _LONGEST_BOUNDARY:
        raise MalformedBody(f"The boundary is longer than {_LONGEST_BOUNDARY} characters.")
    return boundary.encode("utf-8", "replace")


def read_part(piece: bytes, number: int) -> Part:
    """The part between two delimiters; raises `MalformedBody` where it is none."""
    block, end, body = piece.lstrip(b" \t").partition(b"\r\n\r\n")
    if not end or not (block == b"" or block.startswith(b"\r\n")):
        raise MalformedBody(f"Part {number} of the form is malformed: its headers do not end.")
    if len(block) > _LONGEST_HEADERS:
        raise MalformedBody(f"Part {number} of the form has headers of more than 16 KB.")
    headers = []
    for line in _text(block).split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            headers.append((key.strip().lower(), value.strip()))
    known = dict(headers)
    disposition = parameters(known.get("content-disposition", ""))
    if "name" not in disposition:
        raise MalformedBody(f"Part {number} of the form has no Content-Disposition with a name.")
    return Part(
        name=disposition["name"],
        filename=disposition.get("filename"),
        content_type=known.get("content-type"),
        headers=tuple(headers),
        body=body,
    )


def _text(block: bytes) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError:
        return block.decode("latin-1")
