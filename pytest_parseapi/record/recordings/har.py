"""Reads HAR 1.2, as browsers, Playwright and proxies write it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_parseapi.model.http import Fault, Reply, Request
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

_MAX_SECONDS: Final = 86_400.0
_NO_REPLY: Final = (0, -1)
_BOUNDARY: Final = "parseapi-recording"
_BODILESS: Final = (204, 304)
# The errors that browsers write for an entry without a reply.
_ERRORS: Final = {
    "REFUSED": "connect_error",
    "NAME_NOT_RESOLVED": "connect_error",
    "UNREACHABLE": "connect_error",
    "CONNECTION_TIMED_OUT": "connect_timeout",
    "TIMED_OUT": "read_timeout",
    "TIMEOUT": "read_timeout",
}


def exchanges_of_har(
    data: Mapping[Any, Any], wanted: Callable[[object], bool], folder: Path
) -> list[RecordedExchange]:
    """The exchanges of a HAR file, oldest first.

    Args:
        data: the file's object.
        wanted: whether the exchange of a URL is wanted; of others nothing else is read.
        folder: where the file is: Playwright keeps bodies in files beside it.

    Raises:
        UnusableError: the file is not HAR.
    """
    log = mapping(data["log"], "log")
    found = []
    for index, entry in enumerate(items(log.get("entries"), "log.entries")):
        where = f"log.entries[{index}]"
        entry = mapping(entry, where)  # noqa: PLW2901 - the same entry
        request = mapping(entry.get("request"), f"{where}.request")
        url = text(request.get("url"), f"{where}.request.url")
        # A preflight request of a browser (CORS) is no exchange with the API.
        if wanted(url) and request.get("method") != "OPTIONS":
            found.append(_exchange(entry, request, url, where, folder))
    if all(item.began is not None for item in found):
        found.sort(key=lambda item: item.began or 0.0)
    return found


def _exchange(
    entry: Mapping[Any, Any], request: Mapping[Any, Any], url: str, where: str, folder: Path
) -> RecordedExchange:
    asked = _request(request, url, f"{where}.request", folder)
    response = mapping(entry.get("response"), f"{where}.response")
    seconds = _seconds(entry.get("time"), f"{where}.time")
    began = _moment(entry.get("startedDateTime"))
    status = response.get("status")
    if status in _NO_REPLY and not isinstance(status, bool):
        return RecordedExchange(
            request=asked, result=_fault(entry, response), seconds=seconds, began=began
        )
    headers = joined(_headers(response.get("headers"), f"{where}.response.headers"))
    checked = status_of(status, f"{where}.response.status")
    body = _body(response.get("content"), checked, headers, f"{where}.response.content", folder)
    return RecordedExchange(
        request=asked,
        result=Reply(status=checked, headers=headers, body=body or b""),
        seconds=seconds,
        began=began,
        has_body=body is not None,
    )


def _request(request: Mapping[Any, Any], url: str, where: str, folder: Path) -> Request:
    headers = _headers(request.get("headers"), f"{where}.headers")
    body = b""
    if request.get("postData") is not None:
        sent = mapping(request["postData"], f"{where}.postData")
        body, kind = _sent(sent, f"{where}.postData", folder)
        if kind and not any(name == "content-type" for name, _ in headers):
            headers = (*headers, ("content-type", kind))
    return request_of(request.get("method"), url, headers, body, where)


def _sent(sent: Mapping[Any, Any], where: str, folder: Path) -> tuple[bytes, str]:
    """The body of a request, and its type."""
    kind = sent.get("mimeType")
    kind = kind if isinstance(kind, str) and kind.isascii() and kind.isprintable() else ""
    if isinstance(sent.get("_file"), str):
        return _beside(folder, sent["_file"], "", where) or b"", kind
    written = sent.get("text")
    if written is not None and (written or not sent.get("params")):
        found = text(written, f"{where}.text")
        if sent.get("encoding") == "base64":
            return base64_bytes(found, f"{where}.text"), kind
        return encoded(found), kind
    params = items(sent.get("params") or [], f"{where}.params")
    if not params or "multipart" not in kind:
        return b"", kind
    # Some recorders keep the parts of a form, and not its text: the name of its file is enough.
    parts = [_part(mapping(item, f"{where}.params[{index}]")) for index, item in enumerate(params)]
    end = f"--{_BOUNDARY}--\r\n".encode()
    return b"".join(parts) + end, f"multipart/form-data; boundary={_BOUNDARY}"


def _part(item: Mapping[Any, Any]) -> bytes:
    def quoted(key: str) -> str:
        value = item.get(key)
        value = value if isinstance(value, str) else ""
        return "".join(char for char in value if char.isprintable() and char not in '"\\')

    line = f'Content-Disposition: form-data; name="{quoted("name")}"'
    if item.get("fileName") is not None:
        line += f'; filename="{quoted("fileName")}"'
    value = item.get("value")
    body = encoded(value) if isinstance(value, str) else b""
    return encoded(f"--{_BOUNDARY}\r\n{line}\r\n\r\n") + body + b"\r\n"


def _headers(value: object, where: str) -> tuple[tuple[str, str], ...]:
    def pairs() -> Iterator[tuple[object, object]]:
        for index, item in enumerate(items(value, where)):
            header = mapping(item, f"{where}[{index}]")
            yield header.get("name"), header.get("value")

    return () if value is None else headers_of(pairs())


def _body(
    value: object, status: int, headers: Mapping[str, str], where: str, folder: Path
) -> bytes | None:
    """The body of a reply; None if the file does not contain it."""
    if value is None:
        return b"" if status in _BODILESS else None
    content = mapping(value, where)
    written = content.get("text")
    if written is None:
        beside = content.get("_file")
        if isinstance(beside, str):
            return _beside(folder, beside, headers.get("content-encoding", ""), where)
        empty = content.get("size") == 0 or status in _BODILESS
        return b"" if empty else None
    found = text(written, f"{where}.text")
    if content.get("encoding") == "base64":
        raw = base64_bytes(found, f"{where}.text")
    else:
        raw = encoded(found)
    return decompressed(raw, headers.get("content-encoding", ""), where)


def _beside(folder: Path, name: str, encoding: str, where: str) -> bytes | None:
    """A body that Playwright wrote into a file of its own, in the same folder."""
    if not name or Path(name).name != name:
        raise UnusableError(f"{where}._file must be the name of a file in the same folder")
    try:
        raw = (folder / name).read_bytes()
    except (OSError, ValueError):
        return None
    return decompressed(raw, encoding, where)


def _seconds(value: object, where: str) -> float | None:
    if value is None or value == -1:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableError(f"{where} must be a number of milliseconds")
    if not 0 <= value <= _MAX_SECONDS * 1000:
        raise UnusableError(f"{where} must be milliseconds from 0 to {_MAX_SECONDS * 1000:.0f}")
    return value / 1000


def _moment(value: object) -> float | None:
    try:
        moment = dt.datetime.fromisoformat(value)  # type: ignore[arg-type]
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _fault(entry: Mapping[Any, Any], response: Mapping[Any, Any]) -> Fault:
    """Why no reply arrived, if the recorder says so."""
    texts = [*(entry.get(key) for key in ("_error", "comment"))]
    texts += [response.get(key) for key in ("_error", "_failureText", "statusText", "comment")]
    said = " ".join(item for item in texts if isinstance(item, str)).upper().replace(" ", "_")
    name = next((fault for word, fault in _ERRORS.items() if word in said), "connection_reset")
    return Fault(name, "the recording has no reply here")
