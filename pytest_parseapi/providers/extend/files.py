"""Answers Extend's endpoints for files and for parsing in one request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.multipart import MalformedBody, file_part, parse_multipart
from pytest_parseapi.model.reading import megabytes, names_of_upload
from pytest_parseapi.providers.extend.bodies import (
    OUTPUT_PATH,
    file_body,
    processed_body,
    processed_text,
)
from pytest_parseapi.providers.extend.requests import (
    MEDIA,
    check_config,
    invalid,
    parse_request,
    query_choice,
    query_flag,
    store_file,
    unsupported_type,
)
from pytest_parseapi.providers.extend.state import ExtendState, Handler, StoredFile, file_type

__all__ = ["FILE_HANDLERS", "OUTPUT_ENDPOINT"]

OUTPUT_ENDPOINT: Final = Endpoint(method="GET", path=OUTPUT_PATH + "{id}", result=True, public=True)
"""Serves what an ``outputUrl`` leads to; no page documents the host or path of such URLs."""


_DEFAULTS: Final = check_config(None)


def _parse(call: Call) -> Mapping[str, Any] | bytes:
    state: ExtendState = call.state
    asked = parse_request(call.request, state)
    response_type = query_choice(call.request, "responseType", ("json", "url"))
    if unsupported_type(asked.file, state):
        raise Rejected("FILE_TYPE_NOT_SUPPORTED", MEDIA)
    file = store_file(call, asked.file)
    run_id = call.new_id("pr_")
    if response_type != "url" and asked.metadata is None and asked.config == _DEFAULTS:
        return processed_text(run_id, file, _DEFAULTS)
    return processed_body(
        call,
        run_id,
        file,
        config=asked.config,
        metadata=asked.metadata,
        response_type=response_type,
    )


def _upload(call: Call) -> Mapping[str, Any]:
    state: ExtendState = call.state
    to_pdf = query_flag(call.request, "convertToPdf")
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
    stored = StoredFile(
        id=call.new_id("file_"),
        name=name,
        type="PDF" if to_pdf else file_type(name),
        created=call.now,
        names=names_of_upload(call.request),
    )
    state.keep_file(call, stored)
    return file_body(stored)


def _output(call: Call) -> Mapping[str, Any]:
    stored = call.state.outputs.get(call.params["id"])
    if stored is None:
        raise Rejected("NOT_FOUND", "There is no such output.")
    if call.now >= stored.expires:
        # Inferred: storage services reply with a 403 of their own format to an expired URL.
        raise Rejected("FORBIDDEN", "This URL expired after 15 minutes.")
    return dict(stored.body)


FILE_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "POST /parse": _parse,
        "POST /files/upload": _upload,
        str(OUTPUT_ENDPOINT): _output,
    }
)
