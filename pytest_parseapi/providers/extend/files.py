"""Answers Extend's endpoints for files and for parsing in one request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.multipart import MalformedBody, file_part, parse_multipart
from pytest_parseapi.model.request_content import megabytes, names_of_upload
from pytest_parseapi.providers.extend.bodies import (
    FILE_PATH,
    OUTPUT_PATH,
    file_body,
    presigned_url,
    processed_body,
    processed_text,
    uploaded_body,
)
from pytest_parseapi.providers.extend.config import DEFAULT_CONFIG, invalid
from pytest_parseapi.providers.extend.file_types import kind_of
from pytest_parseapi.providers.extend.listing import Page, query_choice, query_flag, query_text
from pytest_parseapi.providers.extend.requests import (
    check_not_coded,
    file_of,
    parse_request,
    unsupported_type,
)
from pytest_parseapi.providers.extend.state import (
    UNSEEN,
    ExtendState,
    Handler,
    ParsedDocument,
    StoredFile,
    StoredOutput,
)

_OUTPUT: Final = Endpoint(method="GET", path=OUTPUT_PATH + "{id}", result=True, public=True)
_DOWNLOAD: Final = Endpoint(method="GET", path=FILE_PATH + "{id}", result=True, public=True)

PRESIGNED_ENDPOINTS: Final = (_OUTPUT, _DOWNLOAD)
"""Serve what an ``outputUrl`` and a ``presignedUrl`` lead to; no page documents where that is."""

_MOST_KEPT: Final = 1024 * 1024
"""How many bytes of an upload stay, to be downloaded again."""

_SAMPLE: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
"""What is downloaded of a file whose bytes were not kept."""


def _parse(call: Call) -> Mapping[str, Any] | bytes | Reply:
    state: ExtendState = call.state
    asked = parse_request(call.request, state)
    response_type = query_choice(call.request, "responseType", ("json", "url"))
    unsupported = unsupported_type(asked.file)
    if unsupported is not None:
        raise unsupported
    run_id = call.new_id("pr_")
    if call.reply_replaced:
        return UNSEEN
    file = file_of(call, asked.file)
    parsed = ParsedDocument(file=file, config=asked.config, metadata=asked.metadata)
    state.keep_parsed(call, run_id, parsed)
    if response_type != "url" and asked.metadata is None and asked.config is DEFAULT_CONFIG:
        return processed_text(run_id, file)
    return processed_body(call, run_id, parsed, response_type)


def _upload(call: Call) -> Mapping[str, Any]:
    state: ExtendState = call.state
    to_pdf = query_flag(call.request, "convertToPdf")
    check_not_coded(call.request)
    try:
        parts = parse_multipart(call.request.header("content-type") or "", call.request.body)
    except MalformedBody as error:
        raise invalid(str(error)) from None
    part = file_part(parts)
    if part is None:
        raise invalid("The form has no part 'file' with a file name.")
    # Inferred, and worth it: a retry that sends a file handle read to its end uploads nothing.
    if not part.body:
        raise invalid("The part 'file' is empty.")
    if part.size > state.max_file_bytes:
        raise Rejected(
            "FILE_SIZE_TOO_LARGE",
            f"The file has {part.size} bytes; the limit is {megabytes(state.max_file_bytes)}.",
        )
    name = part.filename or "file"
    kind = kind_of(name)
    converted = kind.office or (to_pdf and not kind.text)
    # What was converted is no longer what was uploaded.
    kept = not converted and part.size <= _MOST_KEPT
    stored = StoredFile(
        id=call.new_id("file_"),
        name=name,
        kind=kind,
        converted=converted,
        created=call.now,
        names=names_of_upload(call.request),
        content=part.body if kept else b"",
    )
    state.keep_file(call, stored)
    return uploaded_body(stored)


def _list(call: Call) -> Mapping[str, Any]:
    state: ExtendState = call.state
    newest_first = query_choice(call.request, "sortDir", ("asc", "desc")) != "asc"
    part = query_text(call.request, "nameContains") or ""
    files = list(state.files.values())
    page = Page(call)
    ordered = files[::-1] if newest_first else files
    return page.body(ordered, lambda file: part in file.name, file_body)


def _retrieve(call: Call) -> Mapping[str, Any]:
    file = _file(call)
    # Deprecated: they do nothing for what newer engines parsed.
    for name in ("rawText", "markdown", "html"):
        query_flag(call.request, name)
    return {**uploaded_body(file), "presignedUrl": presigned_url(call, file)}


def _delete(call: Call) -> Mapping[str, Any]:
    file = _file(call)
    call.state.forget_file(call, file)
    return {"id": file.id}


def _file(call: Call) -> StoredFile:
    state: ExtendState = call.state
    found = state.files.get(call.params["id"])
    if found is None:
        raise Rejected("NOT_FOUND", f"There is no file {call.params['id']!r} in this workspace.")
    return found


def _presigned(call: Call) -> StoredOutput:
    stored: StoredOutput | None = call.state.outputs.get(call.params["id"])
    if stored is None:
        raise Rejected("NOT_FOUND", "There is no such output.")
    if call.now >= stored.expires:
        # Inferred: storage services reply with a 403 of their own format to an expired URL.
        raise Rejected("FORBIDDEN", "This URL expired after 15 minutes.")
    return stored


def _output(call: Call) -> Mapping[str, Any]:
    body = _presigned(call).body
    if isinstance(body, StoredFile):
        raise Rejected("NOT_FOUND", "There is no such output.")
    return dict(body)


def _download(call: Call) -> Reply:
    file = _presigned(call).body
    if not isinstance(file, StoredFile):
        raise Rejected("NOT_FOUND", "There is no such output.")
    mime = (file.content and file.kind.mime) or "application/pdf"
    return Reply(status=200, headers={"content-type": mime}, body=file.content or _SAMPLE)


FILE_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "POST /parse": _parse,
        "POST /files/upload": _upload,
        "GET /files": _list,
        "GET /files/{id}": _retrieve,
        "DELETE /files/{id}": _delete,
        str(_OUTPUT): _output,
        str(_DOWNLOAD): _download,
    }
)
