"""Reads what providers find in a request: JSON objects, forms, URLs, names."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pytest_parseapi.model.http import Request
from pytest_parseapi.model.multipart import (
    NAMELESS,
    MalformedBody,
    file_part,
    parameters,
    parse_multipart,
)

__all__ = [
    "is_http_url",
    "json_object",
    "last_segment",
    "media_type",
    "megabytes",
    "names_of_disposition",
    "names_of_upload",
    "names_of_url",
    "unique_names",
]

_MEGABYTE: Final = 1024 * 1024


def media_type(request: Request) -> str:
    """The media type that the request declares, in lower case; empty where it declares none."""
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def json_object(body: bytes | str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Args:
        body: the text, or its bytes.

    Returns:
        The object.

    Raises:
        MalformedBody: it is empty, no JSON, or not an object.

    Example:
        >>> json_object(b'{"url": "https://files.example.com/a.pdf"}')["url"]
        'https://files.example.com/a.pdf'
    """
    if not body or body.isspace():
        raise MalformedBody("The JSON is empty.")
    try:
        found = _DECODER.decode(body if isinstance(body, str) else body.decode())
    # Deep nesting exhausts the parser's stack, and is no ValueError.
    except (ValueError, RecursionError):
        raise MalformedBody("The JSON cannot be read.") from None
    if not isinstance(found, dict):
        raise MalformedBody("The JSON is not an object.")
    return found


def _refuse(constant: str) -> Any:
    """Python reads ``NaN`` and ``Infinity``, which are not JSON."""
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
_SPACE: Final = re.compile(r"\s")


def is_http_url(value: object) -> bool:
    """Whether a value is an absolute http or https URL."""
    if not isinstance(value, str) or _SPACE.search(value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


@functools.lru_cache(maxsize=64)
def last_segment(url: str) -> str:
    """The last segment of a URL's path, decoded; empty where the path has none."""
    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def unique_names(names: Iterable[object]) -> tuple[str, ...]:
    """The names worth knowing a document by: strings, each once, in order."""
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def names_of_url(url: object) -> tuple[str, ...]:
    """A URL and its last path segment; nothing where the value is no string."""
    return unique_names((url, last_segment(url))) if isinstance(url, str) else ()


def names_of_upload(request: Request) -> tuple[str, ...]:
    """The file name of a form's part ``file``, also without the percent signs aiohttp adds."""
    try:
        part = file_part(parse_multipart(request.header("content-type") or "", request.body))
    except MalformedBody:
        return ()
    return _names_of_file(None if part is None else part.filename)


def names_of_disposition(header: str | None) -> tuple[str, ...]:
    """The file name of a request's own Content-Disposition."""
    try:
        return _names_of_file(parameters(header or "").get("filename"))
    except MalformedBody:
        return ()


def _names_of_file(name: str | None) -> tuple[str, ...]:
    return () if name is None or name in NAMELESS else unique_names((name, unquote(name)))


def megabytes(size: int) -> str:
    """A size in bytes, for a message: ``"150 MB"``, or ``"10 bytes"`` where it is no whole MB."""
    return f"{size // _MEGABYTE} MB" if size and size % _MEGABYTE == 0 else f"{size} bytes"
