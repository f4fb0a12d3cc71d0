"""Reads what providers find in a request: JSON objects, forms, URLs, names."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import unquote, urlsplit

from pytest_parseapi.model.http import HeaderLines, Request, media_type_of
from pytest_parseapi.model.multipart import (
    NAMELESS,
    MalformedBody,
    file_part,
    parameters,
    parse_multipart,
)
from pytest_parseapi.model.printable_text import cut

_MEGABYTE: Final = 1024 * 1024
_MAX_SHOWN_CHARS: Final = 100
_MAX_DEPTH: Final = 3
_MOST_LEVELS: Final = 200
"""How deep JSON may be nested: more would exhaust the stack of whoever walks through it."""


def media_type(request: Request) -> str:
    """The media type that the request declares, in lower case; empty where it declares none."""
    headers = request.headers
    if isinstance(headers, HeaderLines):
        return headers.media_type
    return media_type_of(request.header("content-type") or "")


def coded(request: Request) -> str | None:
    """What is wrong with a body that is compressed: no provider documents that it may be.

    Args:
        request: the request.

    Returns:
        A sentence that names the coding; None for a plain body.
    """
    coding = (request.header("content-encoding") or "").strip()
    if not coding or coding.lower() == "identity":
        return None
    return f"The body has the Content-Encoding {coding}: send it without one."


def json_object(source: Request | bytes | str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Args:
        source: the text, or its bytes, or the request whose body it is: that is read once, however
            often it is asked for.

    Returns:
        The object. That of a request must not be changed.

    Raises:
        MalformedBody: it is empty, no JSON, or not an object.

    Example:
        >>> json_object(b'{"url": "https://files.example.com/a.pdf"}')["url"]
        'https://files.example.com/a.pdf'
    """
    if not isinstance(source, Request):
        return _object_in(source)
    found = source._json
    if found is None:
        found = _object_in(source.body)
        object.__setattr__(source, "_json", found)
    return found


def object_or_none(body: bytes) -> dict[str, Any] | None:
    """The object that a JSON text holds; None where it holds none."""
    try:
        return _object_in(body)
    except MalformedBody:
        return None


def texts_in(value: object, depth: int = _MAX_DEPTH) -> Iterator[str]:
    """The texts in a JSON value, as far as codes stand there.

    Args:
        value: the value.
        depth: how many objects may stand around a text.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth:
        for item in value.values():
            yield from texts_in(item, depth - 1)


def is_too_deep(value: object) -> bool:
    """Whether objects and lists stand within each other more often than any request needs.

    Where Python's own limit is met depends on how many calls are under way, and on its version.

    Args:
        value: what `json.loads` gave.

    Example:
        >>> is_too_deep({"file": {"pages": [1, 2]}})
        False
    """
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _object_in(body: bytes | str) -> dict[str, Any]:
    if not body or body.isspace():
        raise MalformedBody("The JSON is empty.")
    try:
        text = body if isinstance(body, str) else body.decode()
        # Without white space around it, which `JSONDecoder.decode` looks for twice.
        found, end = _SCAN(text, 0) if text[0] == "{" else (None, -1)
        if end != len(text):
            found = _DECODER.decode(text)
    # Deep nesting exhausts the parser's stack, and is no ValueError; nor is a value that is none.
    except (ValueError, RecursionError, StopIteration):
        raise MalformedBody("The JSON cannot be read.") from None
    if not isinstance(found, dict):
        raise MalformedBody("The JSON is not an object.")
    return found


def not_json(constant: str) -> NoReturn:
    """What ``parse_constant`` calls: Python reads ``NaN`` and ``Infinity``, which are not JSON."""
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(parse_constant=not_json)
_SCAN: Final[Callable[[str, int], tuple[Any, int]]] = _DECODER.scan_once  # type: ignore[attr-defined]
_SPACE: Final = re.compile(r"\s")
# Most URLs are as simple as that, and `urlsplit` is slow.
_PLAIN_URL: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?((?:/[A-Za-z0-9._~+=:@!$&'()*,;/-]*)?)(?:[?#][!-Z^-~]*)?"
)


def is_http_url(value: object) -> bool:
    """Whether a value is an absolute http or https URL."""
    return isinstance(value, str) and parts_of_url(value)[0]


@functools.lru_cache(maxsize=64)
def parts_of_url(url: str) -> tuple[bool, str]:
    """Whether it is an absolute http or https URL, and the last segment of its path, decoded."""
    plain = _PLAIN_URL.fullmatch(url)
    if plain is not None:
        return True, plain[1].rstrip("/").rpartition("/")[2]
    try:
        parts = urlsplit(url)
        name = unquote(parts.path.rstrip("/").rpartition("/")[2])
        absolute = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False, ""
    return absolute and _SPACE.search(url) is None, name


def unique_names(names: Iterable[object]) -> tuple[str, ...]:
    """The names worth knowing a document by: strings, each once, in order."""
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def names_of_url(url: object) -> tuple[str, ...]:
    """A URL and its last path segment; nothing where the value is no string."""
    if not isinstance(url, str) or not url:
        return ()
    name = parts_of_url(url)[1]
    return (url, name) if name and name != url else (url,)


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


def shown(value: object) -> str:
    """A refused value, for a message: short, texts in single quotes, all else as JSON.

    Example:
        >>> shown("turbo"), shown(None)
        ("'turbo'", 'null')
    """
    if isinstance(value, str):
        return repr(cut(value, _MAX_SHOWN_CHARS))
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "what is nested too deep to be shown"
    return cut(text, _MAX_SHOWN_CHARS)


def megabytes(size: int) -> str:
    """A size in bytes, for a message: ``"150 MB"``, or ``"10 bytes"`` where it is no whole MB."""
    return f"{size // _MEGABYTE} MB" if size and size % _MEGABYTE == 0 else f"{size} bytes"
