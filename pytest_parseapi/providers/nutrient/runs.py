"""Nutrient's runs: statuses, bodies, and the endpoints under ``/extraction/runs``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.context import Context
from pytest_parseapi.model.request_content import names_of_url, shown
from pytest_parseapi.model.runs import RunDescription, RunFailure, SimulatedRun, Submission
from pytest_parseapi.providers.nutrient.bodies import envelope, parse_output, usage_body
from pytest_parseapi.providers.nutrient.errors import DETAIL_SOURCES
from pytest_parseapi.providers.nutrient.requests import PAGE_CREDITS, ParseOptions
from pytest_parseapi.providers.nutrient.state import Extraction

_UNKNOWN_SOURCE: Final = "unknown_source"
_PAGE_SIZE: Final = 100
_NEXT: Final = "page_"


def run_body(call: Call, run: SimulatedRun, status: str, request_id: str) -> dict[str, Any]:
    """A run in a status, as the submission, a poll, the list and a cancellation show it."""
    extraction: Extraction = run.data
    body: dict[str, Any] = {"runId": run.id, "status": status, "requestId": request_id}
    if status == RUNS.succeeded:
        usage = extraction.pay(call)
        return body if usage is None else {**body, "usage": usage_body(usage)}
    failure = run.failure_shown(status)
    if failure is None:
        return body
    body["errorMessage"] = failure.message
    details = _details(failure)
    return {**body, "errorDetails": details} if details else body


def _details(failure: RunFailure) -> dict[str, str]:
    if failure.error is None:
        return {"source": _UNKNOWN_SOURCE, "code": failure.reason}
    source, code = DETAIL_SOURCES.get(failure.error.code), failure.error.wire_code
    found = {"source": source, "code": code}
    return {name: value for name, value in found.items() if value is not None}


def _failure_texts(failure: RunFailure) -> tuple[str, ...]:
    """What a log can hold of a failure: its code, else its source or its message."""
    details = _details(failure)
    if "code" in details:
        return (details["code"],)
    texts = (details.get("source"), failure.message)
    return tuple(text for text in texts if text)


def _sample(_context: Context, document: str) -> Submission:
    names = names_of_url(document)
    options = ParseOptions(mode="understand", output_format="spatial", words=False)
    output = parse_output(options, names[-1] if names else "Document")
    extraction = Extraction("parse", output, PAGE_CREDITS[options.mode])
    return Submission(names=names, data=extraction)


RUNS: Final = RunDescription(
    submitted="queued",
    running="running",
    succeeded="done",
    failed="error",
    cancelled="cancelled",
    id_prefix="run_",
    failure_field="errorDetails",
    unknown_reason="a_reason_added_later",
    sample=_sample,
    failure_texts=_failure_texts,
)
"""What the pages say of runs; ``cancelled`` is inferred."""


def _list(call: Call, request_id: str) -> Mapping[str, Any]:
    newest_first = call.runs.all()[::-1]
    token = parse_qs(call.request.query, keep_blank_values=True).get("nextPageToken", [None])[-1]
    start = 0 if token is None else _start_of(token, newest_first)
    page, rest = newest_first[start : start + _PAGE_SIZE], newest_first[start + _PAGE_SIZE :]
    # The oldest first, as polls of each.
    statuses = call.runs.look(page[::-1])
    bodies = [
        run_body(call, run, status, request_id)
        for run, status in zip(page, reversed(statuses), strict=True)
    ]
    body: dict[str, Any] = {"runs": bodies, "requestId": request_id}
    # It names a run, so that what is new or deleted moves no page.
    return {**body, "nextPageToken": _NEXT + rest[0].id} if rest else body


def _start_of(token: str, runs: list[SimulatedRun]) -> int:
    for index, run in enumerate(runs):
        if token == _NEXT + run.id:
            return index
    details = f"invalid value: {shown(token)}; must be one that a list gave"
    failing = {"path": "$.nextPageToken", "details": details}
    raise Rejected("invalid_request", details={"failingPaths": [failing]})


def _read(call: Call, request_id: str) -> Mapping[str, Any]:
    run = _run(call)
    return run_body(call, run, call.runs.poll(run), request_id)


def _delete(call: Call, request_id: str) -> Mapping[str, Any]:
    run = _run(call)
    call.runs.delete(run)
    return {"runId": run.id, "requestId": request_id}


def _cancel(call: Call, request_id: str) -> Mapping[str, Any]:
    run = _run(call)
    if run.ended is not None:
        raise Rejected("run_has_ended", f"The run {run.id} has ended: it is {run.status}.")
    return run_body(call, run, call.runs.cancel(run), request_id)


def _result(call: Call, request_id: str) -> Mapping[str, Any]:
    run = _run(call)
    if run.status != RUNS.succeeded:
        raise Rejected("no_result", f"The run {run.id} has no result: it is {run.status}.")
    extraction: Extraction = run.data
    return envelope(request_id, extraction.output, extraction.pay(call), extraction.configuration)


def _run(call: Call) -> SimulatedRun:
    run = call.runs.find(call.params["runId"])
    if run is None:
        raise Rejected("run_not_found", f"There is no run {call.params['runId']!r}.")
    return run


RUN_HANDLERS: Final = MappingProxyType(
    {
        "GET /extraction/runs": _list,
        "GET /extraction/runs/{runId}": _read,
        "DELETE /extraction/runs/{runId}": _delete,
        "POST /extraction/runs/{runId}/cancel": _cancel,
        "GET /extraction/runs/{runId}/assets/result": _result,
    }
)
