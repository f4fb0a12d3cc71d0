"""What Nutrient accepts as a request, and the paths it names where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pytest_parseapi.model.behaviour import Rejected
from pytest_parseapi.model.http import Request, size_of
from pytest_parseapi.model.multipart import MalformedBody, Part, file_part, parse_multipart
from pytest_parseapi.model.request_content import (
    coded,
    is_http_url,
    json_object,
    media_type,
    megabytes,
)
from pytest_parseapi.providers.nutrient.schema import schema_problems, wrong

PAGE_CREDITS: Final[Mapping[str, float]] = {
    "text": 1,
    "structure": 1.5,
    "understand": 9,
    "agentic": 18,
}
"""The modes, and what a page costs to parse in each, in credits."""
EXTRACT_SURCHARGE: Final = 6
"""Credits a page that an extraction costs on top."""

_PARSE_MODES: Final = tuple(PAGE_CREDITS)
_EXTRACT_MODES: Final = _PARSE_MODES[1:]
_FORMATS: Final = ("spatial", "markdown")
_LONGEST_INSTRUCTIONS: Final = 10_000
_MOST_TOLD: Final = 10
"""How many failing paths the text names: all of them are in ``failingPaths``."""

DOCUMENTS: Final = "a PDF, an image or an office document"
"""What a file must be, as messages say it."""

# HEIC images are in the same container as MP4 videos, and are supported.
_IMAGE_BRANDS: Final = (b"hei", b"hev", b"mif", b"msf", b"avi")
_OTHERS: Final = {
    b"\x1aE\xdf\xa3": "video/webm",
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
    b"fLaC": "audio/flac",
    b"\xff\xfb": "audio/mpeg",
    b"FLV\x01": "video/x-flv",
    b"MZ\x90\x00": "application/vnd.microsoft.portable-executable",
    b"\x7fELF": "application/x-executable",
    # Not plain zip: office documents are zips, too.
    b"\x1f\x8b\x08": "application/gzip",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"Rar!\x1a\x07": "application/vnd.rar",
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


class Problems:
    """Collects every path of a request that fails, because the API names them all."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def add(self, path: str, details: str) -> None:
        """One path fails."""
        self._found.append({"path": path, "details": details})

    def choice(self, path: str, value: object, allowed: tuple[str, ...], default: str) -> str:
        """A value that is one of a few; the default where it is absent or wrong."""
        if value is None:
            return default
        if isinstance(value, str) and value in allowed:
            return value
        self.add(path, wrong(value, f"one of {', '.join(allowed)}"))
        return default

    def flag(self, path: str, value: object, *, default: bool = False) -> bool:
        """A value that is true or false; the default where it is absent or wrong."""
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.add(path, wrong(value, "true or false"))
        return default

    def object(self, path: str, value: object) -> dict[str, Any]:
        """A value that is an object; an empty one where it is absent or wrong."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.add(path, wrong(value, "an object"))
        return {}

    def stop_if_any(self) -> None:
        """Raise `Rejected` where a path fails."""
        if not self._found:
            return
        told = [f"{item['path']} {item['details']}" for item in self._found[:_MOST_TOLD]]
        more = len(self._found) - len(told)
        text = "; ".join([*told, f"and {more} more"] if more else told)
        raise Rejected(
            "invalid_request",
            f"The request does not pass validation: {text}.",
            details={"failingPaths": self._found},
        )

    def stop(self, path: str, details: str) -> NoReturn:
        """Raise `Rejected`, because nothing more of the request can be read."""
        self.add(path, details)
        self.stop_if_any()
        raise AssertionError


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRules:
    """Which documents an endpoint takes.

    Args:
        max_file_bytes: the limit for a document.
        raw: whether a document may be the whole body.
        assets: the uploaded documents, where the endpoint takes them.
    """

    max_file_bytes: int
    raw: bool
    assets: Mapping[str, object] | None = None


def read_request(request: Request, rules: DocumentRules, problems: Problems) -> dict[str, Any]:
    """The options of a request; what is wrong with its document is added to the problems.

    Args:
        request: the request.
        rules: which documents the endpoint takes.
        problems: collects the failing paths.

    Returns:
        The options as sent; empty where the request has none.

    Raises:
        Rejected: nothing more can be read, or the document is too large.

    See https://www.nutrient.io/guides/dws-data-extraction/parsing.md.
    """
    _check_not_coded(request, problems)
    kind = media_type(request)
    if kind == "multipart/form-data":
        return _read_form(request, rules, problems)
    if kind == "application/json":
        return _read_json(request, rules, problems)
    # What curl declares for --data-binary: a server reads a form in it, and finds no file.
    if not rules.raw or kind == "application/x-www-form-urlencoded":
        accepted = "multipart/form-data with a file, or application/json with a url"
        problems.stop("$.file", f"is missing: send {accepted}")
    if _is_json(request.body):
        declared = kind or "missing"
        problems.stop(
            "$.file", f"is JSON: the Content-Type must be application/json, not {declared}"
        )
    _check_document(request.body, rules.max_file_bytes, problems)
    return {}


def _is_json(body: bytes) -> bool:
    """Whether a raw document is a JSON object, whose Content-Type the client left out."""
    if not body[:64].lstrip().startswith(b"{"):
        return False
    try:
        json_object(body)
    except MalformedBody:
        return False
    return True


def check_upload(request: Request, max_file_bytes: int) -> None:
    """Check the form of ``POST /extraction/uploads``; raises `Rejected`."""
    problems = Problems()
    _check_not_coded(request, problems)
    if media_type(request) != "multipart/form-data":
        problems.stop("$.file", "is missing: send multipart/form-data with a file")
    _form_document(request, max_file_bytes, problems)
    problems.stop_if_any()


def _check_not_coded(request: Request, problems: Problems) -> None:
    problem = coded(request)
    if problem is not None:
        problems.stop("$", f"cannot be read: {problem.rstrip('.')}")


def _form_document(request: Request, max_file_bytes: int, problems: Problems) -> tuple[Part, ...]:
    try:
        parts = parse_multipart(request.header("content-type") or "", request.body)
    except MalformedBody as error:
        problems.stop("$", f"cannot be read: {str(error).rstrip('.')}")
    document = file_part(parts)
    if document is None:
        problems.add("$.file", "is missing: the form needs a part 'file' with a file name")
    else:
        _check_document(document.body, max_file_bytes, problems)
    return parts


def _read_form(request: Request, rules: DocumentRules, problems: Problems) -> dict[str, Any]:
    parts = _form_document(request, rules.max_file_bytes, problems)
    instructions = next((part for part in parts if part.name == "instructions"), None)
    if instructions is None:
        return {}
    try:
        return json_object(instructions.body)
    except MalformedBody as error:
        problems.stop("$.instructions", f"cannot be read: {str(error).rstrip('.')}")


def _read_json(request: Request, rules: DocumentRules, problems: Problems) -> dict[str, Any]:
    try:
        body = json_object(request)
    except MalformedBody as error:
        problems.stop("$", f"cannot be read: {str(error).rstrip('.')}")
    asset = None if rules.assets is None else body.get("assetId")
    if asset is not None and rules.assets is not None:
        if not isinstance(asset, str) or asset not in rules.assets:
            problems.add("$.assetId", wrong(asset, "the id of an uploaded asset"))
    elif not is_http_url(body.get("url")):
        problems.add("$.url", wrong(body.get("url"), "an absolute http or https URL"))
    return body


def _check_document(body: bytes, max_file_bytes: int, problems: Problems) -> None:
    if size_of(body) > max_file_bytes:
        raise Rejected(
            "payload_too_large",
            f"The file has {size_of(body)} bytes; the limit is {megabytes(max_file_bytes)}.",
        )
    media = _media_of(body)
    if not body:
        problems.add("$.file", f"is empty; must be {DOCUMENTS}")
    elif media is not None:
        problems.add("$.file", f"is of the unsupported type {media}; must be {DOCUMENTS}")


def _media_of(body: bytes) -> str | None:
    """The type of content that is surely no document; the API looks at the content alone."""
    if body[4:8] == b"ftyp":
        return None if body[8:11] in _IMAGE_BRANDS else "video/mp4"
    if body[:4] == b"RIFF":
        return _RIFF_MEDIA.get(body[8:12])
    return next((media for magic, media in _OTHERS.items() if body.startswith(magic)), None)


def parse_options(sent: Mapping[str, Any], problems: Problems) -> ParseOptions:
    """The options of ``/extraction/parse``."""
    output = problems.object("$.output", sent.get("output"))
    options = problems.object("$.options", sent.get("options"))
    mode = problems.choice("$.mode", sent.get("mode"), _PARSE_MODES, "understand")
    # Inferred: text mode has one format only, so it is taken where the request names none.
    natural = "markdown" if mode == "text" else "spatial"
    output_format = problems.choice("$.output.format", output.get("format"), _FORMATS, natural)
    if mode == "text" and output_format == "spatial":
        problems.add("$.output.format", "must be markdown in mode text, not 'spatial'")
    # The pages that could be read name this option without saying where it stands.
    words = [
        problems.flag(path, holder.get("includeWords"))
        for path, holder in (
            ("$.includeWords", sent),
            ("$.output.includeWords", output),
            ("$.options.includeWords", options),
        )
    ]
    return ParseOptions(mode=mode, output_format=output_format, words=any(words))


def extract_options(sent: Mapping[str, Any], problems: Problems) -> ExtractOptions:
    """The options of ``/extraction/extract``."""
    schema = sent.get("schema")
    for path, details in schema_problems(schema):
        problems.add(path, details)
    check_instructions(sent, problems)
    config = problems.object("$.parseConfig", sent.get("parseConfig"))
    mode = problems.choice("$.parseConfig.mode", config.get("mode"), _EXTRACT_MODES, "understand")
    options = problems.object("$.options", sent.get("options"))
    citations = problems.flag(
        "$.options.includeCitations", options.get("includeCitations"), default=True
    )
    checked = schema if isinstance(schema, dict) else {}
    return ExtractOptions(mode=mode, schema=checked, citations=citations)


def check_instructions(sent: Mapping[str, Any], problems: Problems) -> None:
    """The one option that a page shows of ``/extraction/classify`` and ``split``, too."""
    text = sent.get("instructions")
    if text is not None and not isinstance(text, str):
        problems.add("$.instructions", wrong(text, "a string"))
    elif text is not None and len(text) > _LONGEST_INSTRUCTIONS:
        length = f"{len(text):,}"
        problems.add(
            "$.instructions",
            f"must have at most {_LONGEST_INSTRUCTIONS:,} characters, not {length}",
        )
