"""What Extend accepts as a request, and how it words a rejection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.http import Request
from pytest_parseapi.model.multipart import MalformedBody
from pytest_parseapi.model.request_content import coded, json_object, media_type, parts_of_url
from pytest_parseapi.providers.extend.config import (
    DEFAULT_CONFIG,
    check_config,
    either,
    invalid,
)
from pytest_parseapi.providers.extend.file_types import FileKind, kind_of
from pytest_parseapi.providers.extend.state import ExtendState, StoredFile

_RETENTIONS: Final = ("workspace_default", "zero")


# Not frozen, as every request makes them, and frozen ones take several times as long to make.
@dataclass(slots=True, kw_only=True)
class FileSource:
    """The document that a request names: one of ``url``, ``id`` and ``text`` is set."""

    url: str | None = None
    segment: str = ""
    """The last segment of the URL's path."""
    id: str | None = None
    text: str | None = None
    name: str | None = None
    kind: FileKind
    """By the extension of the file's own name, else by that of the URL's last segment."""


@dataclass(slots=True, kw_only=True)
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
    if request.header("content-encoding") is not None:
        check_not_coded(request)
    try:
        return json_object(request)
    except MalformedBody as error:
        raise invalid(str(error)) from None


def check_not_coded(request: Request) -> None:
    """Raise `Rejected` where the body is compressed."""
    problem = coded(request)
    if problem is not None:
        raise invalid(problem)


def parse_request(request: Request, state: ExtendState) -> ParseRequest:
    """The body of ``POST /parse`` and ``POST /parse_runs``, checked.

    Returns:
        The request, with the configuration's defaults applied.

    Raises:
        Rejected: with the documented code for what is wrong.

    See https://docs.extend.ai/parsing/error-handling.
    """
    body = read_object(request)
    source = check_file(body.get("file"), state)
    config = check_config(body["config"]) if "config" in body else DEFAULT_CONFIG
    metadata = check_metadata(body["metadata"]) if "metadata" in body else None
    if "dataRetention" in body:
        mode = _optional_object(body, "dataRetention").get("mode")
        if mode is not None and mode not in _RETENTIONS:
            raise invalid(f"dataRetention.mode must be {either(_RETENTIONS)}.")
    return ParseRequest(file=source, config=config, metadata=metadata)


def check_file(
    value: object, state: ExtendState, *, where: str = "file", allow_text: bool = False
) -> FileSource:
    """The document that a ``file`` object names; ``allow_text`` as in a batch."""
    if value is None:
        raise invalid(f"{where} is missing.")
    if not isinstance(value, dict):
        raise invalid(f"{where} must be an object.")
    name, url, file_id = _texts(value, ("name", "url", "id"), where)
    text = _texts(value, ("text",), where)[0] if allow_text else None
    if "settings" in value:
        _texts(_optional_object(value, "settings", f"{where}."), ("password",), f"{where}.settings")
    if url is not None:
        # UNABLE_TO_DOWNLOAD_FILE is for a fetch that fails; this URL cannot even be tried.
        is_absolute, segment = parts_of_url(url)
        if not is_absolute:
            raise invalid(f"{where}.url must be an absolute http or https URL.")
        # The name that a request gives is the file's; one without an extension says nothing.
        kind = kind_of(segment if name is None or "." not in name else name)
        return FileSource(url=url, segment=segment, name=name, kind=kind)
    if file_id is not None:
        if file_id not in state.files:
            # Inferred: no page says what an unknown file id gets; the general table has NOT_FOUND.
            raise Rejected("NOT_FOUND", f"There is no file {file_id!r} in this workspace.")
        return FileSource(id=file_id, name=name, kind=state.files[file_id].kind)
    if text is not None:
        return FileSource(text=text, name=name, kind=kind_of(name or ""))
    raise invalid(f"{where} must have a url or an id{' or a text' if allow_text else ''}.")


def check_metadata(value: object, *, where: str = "metadata") -> dict[str, Any] | None:
    """The ``metadata`` of a request, or None where it has none."""
    if value is not None and not isinstance(value, dict):
        raise invalid(f"{where} must be an object.")
    return value


def unsupported_type(source: FileSource) -> Rejected | None:
    """Why a document is rejected that is of a type which nobody parses, such as a video."""
    wrong = source.kind.unsupported
    if not wrong:
        return None
    return Rejected("FILE_TYPE_NOT_SUPPORTED", f"Files of type {wrong} cannot be parsed.")


def store_file(call: Call, source: FileSource) -> StoredFile:
    """The file of a document: the known one for an id, else one that is kept on success."""
    file = file_of(call, source)
    if source.id is None:
        call.state.keep_file(call, file)
    return file


def file_of(call: Call, source: FileSource) -> StoredFile:
    """The file of a document: the known one for an id, else a new one."""
    if source.id is not None:
        known: StoredFile = call.state.files[source.id]
        return known
    name = source.name or source.segment or "file"
    if source.text is not None and not name.endswith(".txt"):
        name += ".txt"
    return StoredFile(
        id=call.new_id("file_"),
        name=name,
        kind=source.kind if source.text is None else kind_of(name),
        url=source.url,
        names=() if source.name is None else (source.name,),
        created=call.now,
    )


def _optional_object(holder: Mapping[str, Any], key: str, where: str = "") -> dict[str, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{where}{key} must be an object.")
    return value


def _texts(holder: Mapping[str, Any], keys: tuple[str, ...], where: str) -> list[Any]:
    """The texts of some keys; None for what is absent or null."""
    found = list(map(holder.get, keys))
    for value in found:
        if value is not None and not (isinstance(value, str) and value):
            key = keys[found.index(value)]
            raise invalid(f"{where}.{key} must be a string that is not empty.")
    return found
