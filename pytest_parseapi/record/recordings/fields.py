"""Checks the fields of a recording: a field of a wrong type is an error that names it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_parseapi.model.http import Request, Timeouts
from pytest_parseapi.model.mistakes import json_type

_LOWEST_STATUS: Final = 200
_HIGHEST_STATUS: Final = 999
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_METHOD: Final = re.compile(r"[A-Za-z]{1,32}")


class UnusableError(Exception):
    """A file is not what its format says; the message says where."""


def _wrong(where: str, wanted: str, value: object) -> UnusableError:
    return UnusableError(f"{where} must be {wanted}, not {json_type(value)}")


def mapping(value: object, where: str) -> Mapping[Any, Any]:
    """A value that must be an object."""
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    return value


def items(value: object, where: str) -> list[Any]:
    """A value that must be a list."""
    if not isinstance(value, list):
        raise _wrong(where, "a list", value)
    return value


def text(value: object, where: str) -> str:
    """A value that must be a text."""
    if not isinstance(value, str):
        raise _wrong(where, "a text", value)
    return value


def status_of(value: object, where: str) -> int:
    """A value that must be the status of a final reply."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(where, "an HTTP status", value)
    if not _LOWEST_STATUS <= value <= _HIGHEST_STATUS:
        raise UnusableError(
            f"{where} must be an HTTP status from {_LOWEST_STATUS} to {_HIGHEST_STATUS}"
        )
    return value


def encoded(value: str) -> bytes:
    """A text as UTF-8 bytes; half a surrogate pair, which has no bytes, becomes ``?``."""
    return value.encode("utf-8", "replace")


def base64_bytes(value: str, where: str) -> bytes:
    """A text that must be base64."""
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableError(f"{where} must be base64") from None


def headers_of(pairs: Iterable[tuple[object, object]]) -> tuple[tuple[str, str], ...]:
    """The headers that are valid in HTTP, with names in lower case."""
    found = []
    for name, value in pairs:
        if isinstance(value, bytes):
            value = value.decode("latin-1")  # noqa: PLW2901 - the same value
        if not isinstance(name, str) or not isinstance(value, str) or not _TOKEN.fullmatch(name):
            continue
        # Browsers write several values of one name into one, with line breaks.
        joined = ", ".join(part.strip() for part in value.split("\n"))
        if joined.isascii() and not _CONTROL.search(joined):
            found.append((name.lower(), joined))
    return tuple(found)


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name; several values of one name in one, as HTTP joins them."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def host_of(url: object) -> str:
    """The host of a URL in lower case; empty where it has none."""
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return ""
    return (host or "").rstrip(".")


def request_of(
    method: object, url: str, headers: tuple[tuple[str, str], ...], body: bytes, where: str
) -> Request:
    """A recorded request as a `Request` of the model."""
    name = text(method, f"{where}.method")
    if not _METHOD.fullmatch(name):
        raise UnusableError(f"{where}.method must be an HTTP method")
    parts = urlsplit(url)
    return Request(
        method=name.upper(),
        url=url,
        host=host_of(url),
        path=parts.path or "/",
        query=parts.query,
        headers=headers,
        body=body,
        client="recording",
        timeouts=Timeouts(known=False),
    )
