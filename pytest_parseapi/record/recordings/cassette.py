"""Reads the cassettes of VCR.py, which its YAML and its JSON serializer write alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pytest_parseapi.model.http import Reply
from pytest_parseapi.record.recordings.decompress import decompressed
from pytest_parseapi.record.recordings.exchange import RecordedExchange
from pytest_parseapi.record.recordings.fields import (
    UnusableError,
    base64_bytes,
    encoded,
    headers_of,
    items,
    joined,
    mapping,
    request_of,
    status_of,
    text,
)

_MOST_NODES: Final = 100_000


def exchanges_of_cassette(
    data: Mapping[Any, Any], wanted: Callable[[object], bool]
) -> list[RecordedExchange]:
    """The exchanges of a cassette, oldest first; it keeps no durations.

    Args:
        data: the file's object.
        wanted: whether the exchange of a URL is wanted; of others nothing else is read.

    Raises:
        UnusableError: the file is no cassette.
    """
    found = []
    for index, item in enumerate(items(data["interactions"], "interactions")):
        where = f"interactions[{index}]"
        interaction = mapping(item, where)
        request = mapping(interaction.get("request"), f"{where}.request")
        url = text(request.get("uri"), f"{where}.request.uri")
        if wanted(url):
            response = mapping(interaction.get("response"), f"{where}.response")
            found.append(_exchange(request, url, response, where))
    return found


def _exchange(
    request: Mapping[Any, Any], url: str, response: Mapping[Any, Any], where: str
) -> RecordedExchange:
    asked = request_of(
        request.get("method"),
        url,
        headers_of(_pairs(request.get("headers"), f"{where}.request.headers")),
        _bytes(request.get("body"), f"{where}.request.body") or b"",
        f"{where}.request",
    )
    sent = headers_of(_pairs(response.get("headers"), f"{where}.response.headers"))
    headers = joined(sent)
    if "status_code" in response:  # as older versions wrote what httpx had received
        status, body = response["status_code"], response.get("content")
    else:
        status = mapping(response.get("status"), f"{where}.response.status").get("code")
        body = response.get("body")
    raw = _bytes(body, f"{where}.response.body")
    encoding = headers.get("content-encoding", "")
    return RecordedExchange(
        request=asked,
        result=Reply(
            status=status_of(status, f"{where}.response.status.code"),
            headers=headers,
            body=decompressed(raw or b"", encoding, f"{where}.response.body"),
        ),
        has_body=raw is not None,
    )


def _pairs(value: object, where: str) -> Iterator[tuple[object, object]]:
    for name, values in mapping({} if value is None else value, where).items():
        for item in values if isinstance(values, list) else [values]:
            yield name, item


def _bytes(value: object, where: str) -> bytes | None:
    """A body, in any of the formats that versions of VCR.py have written."""
    if isinstance(value, dict):
        if isinstance(value.get("base64_string"), str):
            return base64_bytes(value["base64_string"], f"{where}.base64_string")
        if "string" not in value:
            return _as_json(value, where)
        value = value["string"]
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, list):
        return _as_json(value, where)
    return encoded(text(value, where))


def _as_json(value: object, where: str) -> bytes:
    """A body that aiohttp got as an object, as JSON. YAML may hold an endless or huge object."""
    waiting, count = [value], 0
    while waiting:
        item = waiting.pop()
        count += 1
        if count > _MOST_NODES:
            raise UnusableError(f"{where} must have at most {_MOST_NODES:,} values")
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError):
        raise UnusableError(f"{where} must be a text, or what JSON can hold") from None
