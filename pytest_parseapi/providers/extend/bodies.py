"""What Extend's bodies look like: files, runs in every status, batches."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call
from pytest_parseapi.model.runs import SimulatedBatch, SimulatedRun
from pytest_parseapi.providers.extend.state import (
    ExtendState,
    ParsedDocument,
    StoredFile,
    StoredOutput,
)

__all__ = [
    "OUTPUT_PATH",
    "batch_body",
    "failure_fields",
    "file_body",
    "full_body",
    "output_body",
    "output_url",
    "processed_body",
    "processed_parts",
    "processed_text",
    "run_body",
    "summary",
    "timestamp",
]


OUTPUT_PATH: Final = "/parse_outputs/"
"""Where presigned output URLs lead: the real host is not documented."""

_OUTPUT_SECONDS: Final = 15 * 60
# Fixed, so that bodies are the same in each run of a test.
_LONGEST: Final = 7_000 * 365 * 86_400.0
_TEST_BEGAN: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode
_SLOT: Final = re.compile("<<([a-z]+)>>")
_PAGED_TYPES: Final = ("PDF", "DOCX")


def timestamp(seconds: float) -> str:
    """A moment of the test, in virtual seconds, as the API writes it."""
    # Virtual time may run on beyond the last year that a date can have.
    moment = _TEST_BEGAN + dt.timedelta(seconds=min(seconds, _LONGEST))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def file_body(file: StoredFile) -> dict[str, Any]:
    """A file, as an upload replies with it and a run embeds it."""
    body: dict[str, Any] = {
        "object": "file",
        "id": file.id,
        "name": file.name,
        # Documented for these two types only.
        "metadata": {"pageCount": 1} if file.type in _PAGED_TYPES else {},
        "createdAt": timestamp(file.created),
        "updatedAt": timestamp(file.created),
    }
    return body if file.type is None else {**body, "type": file.type}


def run_body(
    run_id: str,
    file: StoredFile,
    *,
    status: str,
    config: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A parse run in any status.

    Args:
        run_id: its id, ``pr_...``.
        file: its document.
        status: such as ``"PROCESSING"``.
        config: the configuration with its defaults applied.
        metadata: what the request carried as metadata.
        **more: further fields, such as ``failureReason``.

    Returns:
        The body.

    See https://docs.extend.ai/api-reference/endpoints/parse/get-parse-run.
    """
    body: dict[str, Any] = {"object": "parse_run", "id": run_id, "status": status}
    body["file"] = file_body(file)
    if metadata is not None:
        body["metadata"] = dict(metadata)
    return {**body, "config": dict(config), **more}


def processed_body(
    call: Call,
    run_id: str,
    file: StoredFile,
    *,
    config: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    response_type: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A parse run that succeeded, with its output or, for ``"url"``, a URL to it."""
    output = None
    if response_type == "url":
        output = {"outputUrl": output_url(call, output_body(run_id, file, config))}
    return processed_parts(run_id, file, config=config, metadata=metadata, output=output, **more)


def processed_parts(
    run_id: str,
    file: StoredFile,
    *,
    config: Mapping[str, Any],
    output: Mapping[str, Any] | None,
    metadata: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A parse run that succeeded; ``output`` replaces the field of that name."""
    result = {"output": output_body(run_id, file, config)} if output is None else output
    return run_body(
        run_id,
        file,
        status="PROCESSED",
        config=config,
        metadata=metadata,
        **result,
        metrics={"processingTimeMs": 1234, "pageCount": 1},
        usage={"credits": 2},
        **more,
    )


def processed_text(run_id: str, file: StoredFile, config: Mapping[str, Any]) -> bytes:
    """The JSON of `processed_body` for a request that asks for nothing but defaults.

    By far the most frequent reply, so it is written from a prepared text.

    Args:
        run_id: its id.
        file: its document.
        config: the default configuration.
    """
    name, moment = _ENCODE(file.name)[1:-1], timestamp(file.created)
    values = {"run": run_id.partition("_")[2], "file": file.id, "name": name, "moment": moment}
    pieces = _prepared(file.type, _ENCODE(config))
    return "".join(
        [values[item] if index % 2 else item for index, item in enumerate(pieces)]
    ).encode()


@functools.cache
def _prepared(kind: str | None, config: str) -> list[str]:
    """The text between the slots of such a reply, and at each odd place the name of a slot."""
    file = StoredFile(id="<<file>>", name="<<name>>", type=kind, created=0.0)
    body = processed_parts("pr_<<run>>", file, config=json.loads(config), output=None)
    body["file"] |= {"createdAt": "<<moment>>", "updatedAt": "<<moment>>"}
    return _SLOT.split(_ENCODE(body))


def output_body(run_id: str, file: StoredFile, config: Mapping[str, Any]) -> dict[str, Any]:
    """One chunk with one heading: the same for each request for the same run."""
    content = f"# {file.name}"
    suffix = run_id.partition("_")[2]
    block = {
        "object": "block",
        "id": f"block_{suffix}",
        "type": "heading",
        "content": content,
        "details": {"type": "text_details"},
        "metadata": {"page": {"number": 1, "width": 612, "height": 792}},
        "polygon": [
            {"x": 72, "y": 72},
            {"x": 200, "y": 72},
            {"x": 200, "y": 96},
            {"x": 72, "y": 96},
        ],
        "boundingBox": {"left": 72, "top": 72, "right": 200, "bottom": 96},
    }
    chunk = {
        "object": "chunk",
        "id": f"chunk_{suffix}",
        "type": config["chunkingStrategy"]["type"],
        "content": content,
        "metadata": {"pageRange": {"start": 1, "end": 1}},
        "blocks": [block],
    }
    return {"chunks": [chunk]}


def output_url(call: Call, output: Mapping[str, Any]) -> str:
    """A presigned URL to an output; it works for 15 virtual minutes."""
    state: ExtendState = call.state
    key = call.new_id("output_")
    state.keep_output(
        call, key, StoredOutput(body=output, created=call.now, expires=call.now + _OUTPUT_SECONDS)
    )
    return call.base_url.rstrip("/") + OUTPUT_PATH + key


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
    document: ParsedDocument = run.data
    more: dict[str, Any] = {} if run.batch is None else {"batchId": run.batch.id}
    if status == "PROCESSED":
        return processed_body(
            call,
            run.id,
            document.file,
            config=document.config,
            metadata=document.metadata,
            response_type=response_type,
            **more,
        )
    return run_body(
        run.id,
        document.file,
        status=status,
        config=document.config,
        metadata=document.metadata,
        **more,
        **failure_fields(run, status),
    )


def summary(run: SimulatedRun, status: str) -> dict[str, Any]:
    """A run in a status, as a list shows it."""
    document: ParsedDocument = run.data
    body = run_body(run.id, document.file, status=status, config={}, metadata=document.metadata)
    del body["config"]
    if run.batch is not None:
        body["batchId"] = run.batch.id
    body |= failure_fields(run, status)
    if status == "PROCESSED":
        body["metrics"] = {"processingTimeMs": 1234, "pageCount": 1}
        body["usage"] = {"credits": 2}
    body["createdAt"] = timestamp(run.created)
    body["updatedAt"] = timestamp(run.created if run.ended is None else run.ended)
    return body


def failure_fields(run: SimulatedRun, status: str) -> dict[str, str]:
    """Why a run failed, where a body shows it in a status."""
    failure = run.failure_shown(status)
    if failure is None:
        return {}
    return {"failureReason": failure.reason, "failureMessage": failure.message}
