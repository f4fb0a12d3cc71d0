"""Answers Extend's endpoints for single runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.catalogue.behaviour import Call, Rejected
from pytest_parseapi.service.extend_bodies import run_body
from pytest_parseapi.service.extend_query import query_choice
from pytest_parseapi.service.extend_rejections import invalid
from pytest_parseapi.service.extend_requests import parse_request, store_file
from pytest_parseapi.service.extend_run_bodies import full_body
from pytest_parseapi.service.extend_run_list import list_runs
from pytest_parseapi.service.extend_run_steps import names_of_document, poll, submit
from pytest_parseapi.service.extend_state import ExtendState, Handler
from pytest_parseapi.service.run_records import RunRecord

__all__ = ["RUN_HANDLERS", "run_of_path"]


def run_of_path(path: str, state: object) -> RunRecord | None:
    """The run that a path such as ``/parse_runs/pr_1/cancel`` is about."""
    parts = path.split("/")
    if not isinstance(state, ExtendState) or len(parts) < 3 or parts[1] != "parse_runs":  # noqa: PLR2004
        return None
    return state.runs.get(parts[2])


def _create(call: Call) -> Mapping[str, Any]:
    state: ExtendState = call.state
    asked = parse_request(call.request, state)
    file = store_file(call, asked.file)
    names = names_of_document(asked.file, file)
    run_id = call.new_id("pr_")

    def create() -> None:
        if names and (latest := state.runs.latest(names)) is not None:
            latest.settle(call.now)
            # Submitting a document again and again that fails each time leads nowhere.
            call.fuse = "attempts" if latest.status == "FAILED" else None
        run = submit(call, run_id, asked.file, file, config=asked.config, metadata=asked.metadata)
        state.runs.begun(run)
        call.run_id = run_id
        call.run_status = "PROCESSING"

    call.effects.append(create)
    return run_body(run_id, file, status="PROCESSING", config=asked.config, metadata=asked.metadata)


def _retrieve(call: Call) -> Mapping[str, Any]:
    run = _run(call)
    response_type = query_choice(call.request, "responseType", ("json", "url"))
    status = poll(call, run)
    if status == "FAILED" and run.failure is not None:
        call.run_reason = run.failure.reason
    return full_body(call, run, status, response_type)


def _delete(call: Call) -> Mapping[str, Any]:
    run = _run(call)

    def delete() -> None:
        run.deleted = True

    call.effects.append(delete)
    return {"id": run.id}


def _cancel(call: Call) -> Mapping[str, Any]:
    run = _run(call)
    run.settle(call.now)
    if run.status != "PROCESSING":
        raise invalid(f"Only runs in status PROCESSING can be cancelled; this one is {run.status}.")
    call.run_status = "CANCELLED"
    call.effects.append(partial(run.finish, call.now, "CANCELLED"))
    return full_body(call, run, "CANCELLED", None)


def _run(call: Call) -> RunRecord:
    run: RunRecord | None = call.state.runs.get(call.params["id"])
    if run is None or run.deleted:
        raise Rejected("NOT_FOUND", f"There is no parse run {call.params['id']!r}.")
    call.run_id = run.id
    return run


RUN_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "POST /parse_runs": _create,
        "GET /parse_runs": list_runs,
        "GET /parse_runs/{id}": _retrieve,
        "DELETE /parse_runs/{id}": _delete,
        "POST /parse_runs/{id}/cancel": _cancel,
    }
)
