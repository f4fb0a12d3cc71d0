"""What Extend's bodies look like: files, runs in every status, batches."""

from __future__ import annotations

import datetime as dt
import functools
import json
import operator
import re
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any, Final, TypeAlias

from pytest_parseapi.model.behaviour import Call
from pytest_parseapi.model.runs import SimulatedBatch, SimulatedRun
from pytest_parseapi.providers.extend.config import DEFAULT_CONFIG
from pytest_parseapi.providers.extend.file_types import FileKind
from pytest_parseapi.providers.extend.outputs import output_body
from pytest_parseapi.providers.extend.state import (
    ExtendState,
    ParsedDocument,
    StoredFile,
    StoredOutput,
)

OUTPUT_PATH: Final = "/parse_outputs/"
"""Where presigned output URLs lead: the real host is not documented."""

FILE_PATH: Final = "/file_downloads/"
"""Where presigned URLs of files lead."""

_PRESIGNED_SECONDS: Final = 15 * 60
# Fixed, so that bodies are the same in each run of a test.
_MAX_SECONDS: Final = 7_000 * 365 * 86_400.0
_TEST_BEGAN: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode
_Prepared: TypeAlias = tuple[list[str], Callable[[Mapping[str, str]], tuple[str, ...]]]
_SLOT: Final = re.compile("<<([a-z]+)>>")
_PAGED_TYPES: Final = ("PDF", "DOCX")
_CREDITS: Final = 2
_METRICS: Final[Mapping[str, Any]] = {"processingTimeMs": 1234, "pageCount": 1}


@functools.lru_cache(maxsize=64)
def timestamp(seconds: float) -> str:
    """A moment of the test, in virtual seconds, as the API writes it."""
    # Virtual time may run on beyond the last year that a date can have.
    moment = _TEST_BEGAN + dt.timedelta(seconds=min(seconds, _MAX_SECONDS))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def file_body(file: StoredFile) -> dict[str, Any]:
    """A file, as lists show it and runs embed it."""
    return {
        "object": "file",
        "id": file.id,
        "name": file.name,
        "type": file.type,
        "parentFileId": None,
        # Documented for these two types only.
        "metadata": {"pageCount": 1} if file.type in _PAGED_TYPES else {},
        "createdAt": timestamp(file.created),
        "updatedAt": timestamp(file.created),
    }


def uploaded_body(file: StoredFile) -> dict[str, Any]:
    """A file, as its upload replies with it.

    Its contents stay null: they are deprecated, and newer engines fill them no more.
    """
    return {**file_body(file), "contents": None}


def run_body(run_id: str, document: ParsedDocument, status: str, **more: Any) -> dict[str, Any]:
    """A parse run in any status. What it lacks is null, as in the types of extend-ai for npm.

    Args:
        run_id: its id, ``pr_...``.
        document: what it is about.
        status: such as ``"PROCESSING"``.
        **more: further fields, such as ``failureReason``.

    See https://docs.extend.ai/api-reference/endpoints/parse/get-parse-run.
    """
    return {
        "object": "parse_run",
        "id": run_id,
        "batchId": None,
        "file": file_body(document.file),
        "status": status,
        "failureReason": None,
        "failureMessage": None,
        "metadata": None if document.metadata is None else dict(document.metadata),
        "output": None,
        "outputUrl": None,
        "metrics": None,
        "config": dict(document.config),
        "usage": None,
        **more,
    }


def processed_body(
    call: Call, run_id: str, document: ParsedDocument, response_type: str | None, **more: Any
) -> dict[str, Any]:
    """A parse run that succeeded, with its output or, for ``"url"``, a URL to it."""
    output = output_body(run_id, document)
    if response_type == "url":
        return _processed(run_id, document, outputUrl=output_url(call, output), **more)
    return _processed(run_id, document, output=output, **more)


def _processed(run_id: str, document: ParsedDocument, **more: Any) -> dict[str, Any]:
    usage = _usage(run_id, str(document.config["engine"]))
    return run_body(run_id, document, "PROCESSED", metrics=_METRICS, usage=usage, **more)


def _usage(run_id: str, engine: str) -> dict[str, Any]:
    """What a run cost. A parse run makes no other runs, so it is its own breakdown.

    The engine's name as the product, and the number of credits, are inferred.
    """
    charge = {"product": engine, "unit": "page", "quantity": 1, "credits": _CREDITS}
    entry = {"object": "parse_run", "id": run_id, "credits": _CREDITS, "charges": [charge]}
    return {"credits": _CREDITS, "totalCredits": _CREDITS, "breakdown": [entry]}


def processed_text(run_id: str, file: StoredFile) -> bytes:
    """The JSON of `processed_body` for a request that asks for nothing but defaults.

    By far the most frequent reply, so it is written from a prepared text.
    """
    values = {
        "run": run_id.partition("_")[2],
        "file": file.id,
        "name": encode_basestring_ascii(file.name)[1:-1],
        "moment": timestamp(file.created),
    }
    pieces, in_order = _prepared(file.kind, file.converted)
    text = pieces.copy()
    text[1::2] = in_order(values)
    return "".join(text).encode()


@functools.cache
def _prepared(kind: FileKind, converted: bool) -> _Prepared:  # noqa: FBT001 - keywords slow the cache
    """The text of such a reply in pieces, each second one to be filled; and what fills them."""
    file = StoredFile(id="<<file>>", name="<<name>>", kind=kind, converted=converted, created=0.0)
    document = ParsedDocument(file=file, config=DEFAULT_CONFIG, metadata=None)
    body = _processed("pr_<<run>>", document, output=output_body("pr_<<run>>", document))
    body["file"] |= {"createdAt": "<<moment>>", "updatedAt": "<<moment>>"}
    pieces = _SLOT.split(_ENCODE(body))
    return pieces, operator.itemgetter(*pieces[1::2])


def output_url(call: Call, output: Mapping[str, Any]) -> str:
    """A presigned URL to an output; it works for 15 virtual minutes."""
    return _presigned(call, "output_", OUTPUT_PATH, output)


def presigned_url(call: Call, file: StoredFile) -> str:
    """A presigned URL to a file; it works for 15 virtual minutes."""
    return _presigned(call, "download_", FILE_PATH, file)


def _presigned(call: Call, prefix: str, path: str, body: Mapping[str, Any] | StoredFile) -> str:
    state: ExtendState = call.state
    key = call.new_id(prefix)
    stored = StoredOutput(body=body, created=call.now, expires=call.now + _PRESIGNED_SECONDS)
    state.keep_output(call, key, stored)
    return call.base_url.rstrip("/") + path + key


def batch_body(batch: SimulatedBatch, status: str) -> dict[str, Any]:
    """A batch, as the API and its webhooks show it."""
    return {
        "object": "batch_run",
        "id": batch.id,
        "status": status,
        "runCount": len(batch.runs),
        "createdAt": timestamp(batch.created),
    }


def full_body(
    call: Call, run: SimulatedRun, status: str, response_type: str | None
) -> Mapping[str, Any]:
    """A run in a status, with its output where it succeeded."""
    more: dict[str, Any] = {} if run.batch is None else {"batchId": run.batch.id}
    if status == "PROCESSED":
        return processed_body(call, run.id, run.data, response_type, **more)
    return run_body(run.id, run.data, status, **more, **failure_fields(run, status))


def summary(run: SimulatedRun, status: str) -> dict[str, Any]:
    """A run in a status, as a list shows it."""
    body = run_body(run.id, run.data, status, **failure_fields(run, status))
    for name in ("output", "outputUrl", "config"):
        del body[name]
    if run.batch is not None:
        body["batchId"] = run.batch.id
    if status == "PROCESSED":
        body["metrics"] = _METRICS
        body["usage"] = {"credits": _CREDITS, "totalCredits": _CREDITS}
    body["createdAt"] = timestamp(run.created)
    body["updatedAt"] = timestamp(run.created if run.ended is None else run.ended)
    return body


def failure_fields(run: SimulatedRun, status: str) -> dict[str, str]:
    """Why a run failed, where a body shows it in a status."""
    failure = run.failure_shown(status)
    if failure is None:
        return {}
    return {"failureReason": failure.reason, "failureMessage": failure.message}
