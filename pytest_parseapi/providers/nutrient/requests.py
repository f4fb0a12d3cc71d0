"""What Nutrient accepts as a request, and the paths it names where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_parseapi.model.behaviour import Rejected
from pytest_parseapi.model.http import Request, size_of
from pytest_parseapi.model.multipart import MalformedBody, file_part, parse_multipart
from pytest_parseapi.model.reading import is_http_url, json_object, media_type, megabytes
from pytest_parseapi.providers.nutrient.schema import schema_problem

__all__ = [
    "EXTRACT_MODES",
    "PARSE_MODES",
    "ExtractOptions",
    "ParseOptions",
    "extract_options",
    "parse_options",
    "read_request",
]

PARSE_MODES: Final = ("text", "structure", "understand", "agentic")
EXTRACT_MODES: Final = PARSE_MODES[1:]
_FORMATS: Final = ("spatial", "markdown")
_LONGEST_INSTRUCTIONS: Final = 10_000

# HEIC images are in the same container as MP4 videos, and are supported.
_IMAGE_BRANDS: Final = (b"hei", b"hev", b"mif", b"msf", b"avi")
_MEDIA: Final = {
    b"\x1aE\xdf\xa3": "video/webm",
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
    b"fLaC": "audio/flac",
}
_RIFF_MEDIA: Final = {b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseOptions:
    """How to parse, with the server's defaults applied."""

    mode: str
    output_format: str
    words: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractOptions:
    """How to extract, with the server's defaults applied."""

    mode: str
    schema: Mapping[str, Any]
    citations: bool


class _Problems:
    """Collects every path of a request that fails, because the API names them all."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def add(self, path: str, details: str) -> None:
        self._found.append({"path": path, "details": details})

    def choice(self, path: str, value: object, allowed: tuple[str, ...], default: str) -> str:
        if value is None:
            return default
        if isinstance(value, str) and value in allowed:
            return value
        self.add(path, f"must be one of {', '.join(allowed)}")
        return default

    def flag(self, path: str, value: object, *, default: bool = False) -> bool:
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.add(path, "must be true or false")
        return default

    def object(self, path: str, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None:
            self.add(path, "must be an object")
        return {}

    def stop_if_any(self) -> None:
        if self._found:
            raise _rejected(self._found)


def _rejected(found: list[dict[str, str]]) -> Rejected:
    text = "; ".join(f"{item['path']} {item['details']}" for item in found)
    return Rejected(
        "invalid_request",
        f"The request does not pass validation: {text}.",
        details={"failingPaths": found},
    )


def _fail(path: str, details: str) -> Rejected:
    return _rejected([{"path": path, "details": details}])


def read_request(request: Request, *, max_file_bytes: int, raw: bool) -> dict[str, Any]:
    """The options of a request whose document is there, supported and small enough.

    Args:
        request: the request.
        max_file_bytes: the limit for the document.
        raw: whether the endpoint takes a document as the whole body.

    Returns:
        The options as sent; empty where the request has none.

    Raises:
        Rejected: with the documented code and failing paths.

    See https://www.nutrient.io/guides/dws-data-extraction/parsing.md.
    """
    kind = media_type(request)
    if kind == "multipart/form-data":
        return _read_form(request, max_file_bytes)
    if kind == "application/json":
        return _read_json(request)
    # What curl declares for --data-binary: a server reads a form in it, and finds no file.
    if not raw or kind == "application/x-www-form-urlencoded":
        accepted = "multipart/form-data with a file, or application/json with a url"
        raise _fail("$.file", f"is missing: send {accepted}")
    _check_document(request.body, max_file_bytes)
    return {}


def _read_form(request: Request, max_file_bytes: int) -> dict[str, Any]:
    try:
        parts = parse_multipart(request.header("content-type") or "", request.body)
    except MalformedBody as error:
        raise _fail("$", f"cannot be read: {str(error).rstrip('.')}") from None
    document = file_part(parts)
    if document is None:
        raise _fail("$.file", "is missing: the form needs a part 'file' with a file name")
    _check_document(document.body, max_file_bytes)
    instructions = next((part for part in parts if part.name == "instructions"), None)
    if instructions is None:
        return {}
    try:
        return json_object(instructions.body)
    except MalformedBody as error:
        raise _fail("$.instructions", f"cannot be read: {str(error).rstrip('.')}") from None


def _read_json(request: Request) -> dict[str, Any]:
    try:
        body = json_object(request.body)
    except MalformedBody as error:
        raise _fail("$", f"cannot be read: {str(error).rstrip('.')}") from None
    if body.get("url") is None:
        raise _fail("$.url", "is missing")
    if not is_http_url(body["url"]):
        raise _fail("$.url", "must be an absolute http or https URL")
    return body


def _check_document(body: bytes, max_file_bytes: int) -> None:
    if not body:
        raise _fail("$.file", "is empty")
    if size_of(body) > max_file_bytes:
        raise Rejected(
            "payload_too_large",
            f"The file has {size_of(body)} bytes; the limit is {megabytes(max_file_bytes)}.",
        )
    media = _media_of(body)
    if media is not None:
        raise _fail("$.file", f"is of the unsupported type {media}")


def _media_of(body: bytes) -> str | None:
    """The type of content that is surely no document; the API looks at the content alone."""
    if body[4:8] == b"ftyp":
        return None if body[8:11] in _IMAGE_BRANDS else "video/mp4"
    if body[:4] == b"RIFF":
        return _RIFF_MEDIA.get(body[8:12])
    return next((media for magic, media in _MEDIA.items() if body.startswith(magic)), None)


def parse_options(sent: Mapping[str, Any]) -> ParseOptions:
    """The options of ``/extraction/parse``; raises `Rejected` with every path that fails."""
    problems = _Problems()
    output = problems.object("$.output", sent.get("output"))
    options = problems.object("$.options", sent.get("options"))
    mode = problems.choice("$.mode", sent.get("mode"), PARSE_MODES, "understand")
    # Inferred: text mode has one format only, so it is taken where the request names none.
    natural = "markdown" if mode == "text" else "spatial"
    output_format = problems.choice("$.output.format", output.get("format"), _FORMATS, natural)
    if mode == "text" and output_format == "spatial":
        problems.add("$.output.format", "must be markdown in mode text")
    # The pages that could be read name this option without saying where it stands.
    words = [
        problems.flag(path, holder.get("includeWords"))
        for path, holder in (
            ("$.includeWords", sent),
            ("$.output.includeWords", output),
            ("$.options.includeWords", options),
        )
    ]
    problems.stop_if_any()
    return ParseOptions(mode=mode, output_format=output_format, words=any(words))


def extract_options(sent: Mapping[str, Any]) -> ExtractOptions:
    """The options of ``/extraction/extract``; raises `Rejected` with every path that fails."""
    problems = _Problems()
    schema = sent.get("schema")
    problem = schema_problem(schema)
    if problem is not None:
        problems.add(*problem)
    text = sent.get("instructions")
    if text is not None and not isinstance(text, str):
        problems.add("$.instructions", "must be a string")
    elif text is not None and len(text) > _LONGEST_INSTRUCTIONS:
        problems.add("$.instructions", f"must have at most {_LONGEST_INSTRUCTIONS} characters")
    config = problems.object("$.parseConfig", sent.get("parseConfig"))
    mode = problems.choice("$.parseConfig.mode", config.get("mode"), EXTRACT_MODES, "understand")
    options = problems.object("$.options", sent.get("options"))
    citations = problems.flag(
        "$.options.includeCitations", options.get("includeCitations"), default=True
    )
    problems.flag("$.storeRun", sent.get("storeRun"))
    problems.stop_if_any()
    assert isinstance(schema, dict)
    return ExtractOptions(mode=mode, schema=schema, citations=citations)
