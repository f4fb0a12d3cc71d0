"""What Extend accepts as a request, and how it words a rejection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.http import Request
from pytest_parseapi.model.multipart import MalformedBody
from pytest_parseapi.model.reading import (
    is_http_url,
    json_object,
    last_segment,
    media_type,
    unique_names,
)
from pytest_parseapi.providers.extend.state import ExtendState, StoredFile, file_type

__all__ = [
    "MEDIA",
    "FileSource",
    "ParseRequest",
    "check_config",
    "check_file",
    "check_metadata",
    "either",
    "invalid",
    "parse_request",
    "query_choice",
    "query_flag",
    "query_text",
    "read_object",
    "store_file",
    "unsupported_type",
]


MEDIA: Final = "Audio and video files cannot be parsed."
"""The message of ``FILE_TYPE_NOT_SUPPORTED``."""


def invalid(message: str) -> Rejected:
    """The rejection of a request that does not pass validation."""
    return Rejected("INVALID_REQUEST", message)


def either(allowed: tuple[str, ...]) -> str:
    """The values to choose from, as a message names them."""
    return ", ".join(allowed[:-1]) + " or " + allowed[-1]


def query_text(request: Request, name: str) -> str | None:
    """A query parameter as it is, the last of several, or None where it is absent."""
    values = _values(request, name)
    return values[-1] if values else None


def query_choice(request: Request, name: str, allowed: tuple[str, ...]) -> str | None:
    """A query parameter that takes one of a few values, or None where it is absent."""
    values = _values(request, name)
    for value in values:
        if value not in allowed:
            raise invalid(f"The query parameter {name} must be {either(allowed)}.")
    return values[-1] if values else None


def query_flag(request: Request, name: str) -> bool:
    """A query parameter that is true or false; requests sends Python's ``True`` as it is."""
    values = [item.lower() for item in _values(request, name)]
    for value in values:
        if value not in ("true", "false"):
            raise invalid(f"The query parameter {name} must be true or false.")
    return values[-1:] == ["true"]


def _values(request: Request, name: str) -> list[str]:
    return parse_qs(request.query, keep_blank_values=True).get(name, [])


_TARGETS: Final = ("markdown", "spatial")
_ENGINES: Final = ("parse_performance", "parse_light", "parse_auto")
_CHUNKINGS: Final = ("page", "document", "section")
_RETENTIONS: Final = ("workspace_default", "zero")
# No page that could be read lists the supported types, so only what cannot be a document counts.
_MEDIA: Final = tuple(
    ".mp4 .m4v .mov .avi .mkv .webm .wmv .mpg .mpeg .mp3 .m4a .wav .flac .ogg".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """The document that a request names: one of ``url``, ``id`` and ``text`` is set."""

    url: str | None = None
    id: str | None = None
    text: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseRequest:
    """A request to parse that passed validation; ``config`` has the defaults applied."""

    file: FileSource
    config: Mapping[str, Any]
    metadata: Mapping[str, Any] | None


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries; raises `Rejected` where it carries none."""
    kind = media_type(request)
    if kind != "application/json":
        raise invalid(f"The Content-Type must be application/json, not {kind or 'missing'}.")
    try:
        return json_object(request.body)
    except MalformedBody as error:
        raise invalid(str(error)) from None


def parse_request(request: Request, state: ExtendState) -> ParseRequest:
    """The body of ``POST /parse`` and ``POST /parse_runs``, checked.

    Args:
        request: the request.
        state: the files known so far.

    Returns:
        The request, with the configuration's defaults applied.

    Raises:
        Rejected: with the documented code for what is wrong.

    See https://docs.extend.ai/parsing/error-handling.
    """
    body = read_object(request)
    source = check_file(body.get("file"), state)
    config = check_config(body.get("config"))
    metadata = check_metadata(body.get("metadata"))
    retention = _optional_object(body, "dataRetention")
    _choice(retention, "mode", _RETENTIONS, where="dataRetention.")
    return ParseRequest(file=source, config=config, metadata=metadata)


def check_file(
    value: object, state: ExtendState, *, where: str = "file", allow_text: bool = False
) -> FileSource:
    """The document that a ``file`` object names; ``allow_text`` as in a batch."""
    if value is None:
        raise invalid(f"{where} is missing.")
    if not isinstance(value, dict):
        raise invalid(f"{where} must be an object.")
    name, url, file_id = (_optional_string(value, key, where) for key in ("name", "url", "id"))
    text = _optional_string(value, "text", where) if allow_text else None
    settings = _optional_object(value, "settings", f"{where}.")
    _optional_string(settings, "password", f"{where}.settings")
    if url is not None:
        # UNABLE_TO_DOWNLOAD_FILE is for a fetch that fails; this URL cannot even be tried.
        if not is_http_url(url):
            raise invalid(f"{where}.url must be an absolute http or https URL.")
        return FileSource(url=url, name=name)
    if file_id is not None:
        if file_id not in state.files:
            # Inferred: no page says what an unknown file id gets; the general table has NOT_FOUND.
            raise Rejected("NOT_FOUND", f"There is no file {file_id!r} in this workspace.")
        return FileSource(id=file_id, name=name)
    if text is not None:
        return FileSource(text=text, name=name)
    raise invalid(f"{where} must have a url or an id{' or a text' if allow_text else ''}.")


def check_config(value: object) -> dict[str, Any]:
    """The ``config`` of a request, with the defaults applied."""
    config = _optional_object({"config": value}, "config")
    target = _choice(config, "target", _TARGETS) or "markdown"
    engine = _choice(config, "engine", _ENGINES) or "parse_performance"
    chunking = _optional_object(config, "chunkingStrategy", "config.")
    kind = _choice(chunking, "type", _CHUNKINGS, where="config.chunkingStrategy.") or "page"
    _optional_string(config, "engineVersion", "config")
    for key in ("blockOptions", "advancedOptions"):
        _optional_object(config, key, "config.")
    if target == "spatial" and kind == "section":
        raise Rejected(
            "INVALID_CONFIG_OPTIONS",
            "config.chunkingStrategy.type 'section' cannot be combined with target 'spatial'.",
        )
    given = {key: item for key, item in config.items() if item is not None}
    strategy = {key: item for key, item in chunking.items() if item is not None}
    return {
        **given,
        "target": target,
        "engine": engine,
        "chunkingStrategy": {**strategy, "type": kind},
    }


def check_metadata(value: object, *, where: str = "metadata") -> dict[str, Any] | None:
    """The ``metadata`` of a request, or None where it has none."""
    if value is not None and not isinstance(value, dict):
        raise invalid(f"{where} must be an object.")
    return value


def unsupported_type(source: FileSource, state: ExtendState) -> bool:
    """Whether the document is of a type that nobody parses, such as a video."""
    stored = state.files.get(source.id or "")
    name = (stored.name if stored else last_segment(source.url or "")) or source.name or ""
    return name.lower().endswith(_MEDIA)


def store_file(call: Call, source: FileSource) -> StoredFile:
    """The file of a document: the known one for an id, else one that is kept on success."""
    state: ExtendState = call.state
    if source.id is not None:
        return state.files[source.id]
    name = source.name or last_segment(source.url or "") or "file"
    if source.text is not None and not name.endswith(".txt"):
        name += ".txt"
    stored = StoredFile(
        id=call.new_id("file_"),
        name=name,
        type=file_type(name),
        url=source.url,
        names=unique_names((source.name,)),
        created=call.now,
    )
    state.keep_file(call, stored)
    return stored


def _optional_object(holder: Mapping[str, Any], key: str, where: str = "") -> dict[str, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{where}{key} must be an object.")
    return value


def _optional_string(holder: Mapping[str, Any], key: str, where: str) -> str | None:
    value = holder.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise invalid(f"{where}.{key} must be a string that is not empty.")
    return value


def _choice(
    holder: Mapping[str, Any], key: str, allowed: tuple[str, ...], where: str = "config."
) -> str | None:
    value = holder.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise invalid(f"{where}{key} must be {either(allowed)}.")
    return value
