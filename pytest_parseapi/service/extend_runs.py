"""Answers Extend's endpoints for runs and batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs

from pytest_parseapi.catalogue.behaviour import Call, Rejected
from pytest_parseapi.service.extend_bodies import processed_body, run_body, timestamp
from pytest_parseapi.service.extend_files import StoredFile
from pytest_parseapi.service.extend_requests import (
    FileSource,
    check_config,
    check_file,
    check_metadata,
    invalid,
    parse_request,
    query_choice,
    read_object,
    store_file,
    unsupported_type,
)
from pytest_parseapi.service.extend_state import ExtendState, Handler
from pytest_parseapi.service.reading import names_of_url, unique_names
from pytest_parseapi.service.run_book import RunBook
from pytest_parseapi.service.run_records import BatchRecord, RunRecord
from pytest_parseapi.service.run_script import RunFailure

__all__ = ["RUN_HANDLERS", "batch_body", "run_of_path"]

_STATUSES: Final = ("PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED")
_SOURCES: Final = tuple(
    "API STUDIO WORKFLOW_RUN ADMIN BATCH_PARSER_RUN EDIT_RUN DOCUMENT_PROCESSOR_RUN".split()  # noqa: SIM905
)
_MOST_INPUTS: Final = 1000
_MOST_PRIORITY: Final = 100
# Inferred: no page that could be read gives the default or the maximum.
_PAGE_SIZE: Final = 10
_MOST_PER_PAGE: Final = 1000
_MEDIA_MESSAGE: Final = "Audio and video files cannot be parsed."


def run_of_path(path: str, state: object) -> RunRecord | None:
    """The run that a path such as ``/parse_runs/pr_1/cancel`` is about."""
    parts = path.split("/")
    if not isinstance(state, ExtendState) or len(parts) < 3 or parts[1] != "parse_runs":  # noqa: PLR2004
        return None
    return state.runs.get(parts[2])


def batch_body(batch: BatchRecord, status: str) -> dict[str, Any]:
    """A batch, as the API and its webhooks show it."""
    return {
        "object": "batch_run",
        "id": batch.id,
        "status": status,
        "runCount": len(batch.runs),
        "createdAt": timestamp(batch.created),
    }


def _create(call: Call) -> Mapping[str, Any]:
    state: ExtendState = call.state
    asked = parse_request(call.request, state)
    file = store_file(call, asked.file)
    names = _names(asked.file, file)
    run_id = call.new_id("pr_")

    def create() -> None:
        if names and (latest := state.runs.latest(names)) is not None:
            latest.settle(call.now)
            # Submitting a document again and again that fails each time leads nowhere.
            call.fuse = "attempts" if latest.status == "FAILED" else None
        run = state.runs.create(
            run_id,
            file=file,
            names=names,
            config=asked.config,
            metadata=asked.metadata,
            now=call.now,
            failure=_unreadable(asked.file, state),
        )
        state.runs.begun(run)
        call.run_id = run_id
        call.run_status = "PROCESSING"

    call.effects.append(create)
    return run_body(run_id, file, status="PROCESSING", config=asked.config, metadata=asked.metadata)


def _retrieve(call: Call) -> Mapping[str, Any]:
    run = _run(call)
    response_type = query_choice(call.request, "responseType", ("json", "url"))
    run.settle(call.now)
    status = run.status_if_polled()
    call.run_status = status
    if status == "FAILED" and run.failure is not None:
        call.run_reason = run.failure.reason
    if run.ended is None and not run.due():
        call.fuse = "polls"
    elif run.told:
        call.fuse = "attempts"
    call.effects.append(partial(run.poll, call.now))
    return _full_body(call, run, status, response_type)


def _list(call: Call) -> Mapping[str, Any]:
    runs: RunBook = call.state.runs
    status = query_choice(call.request, "status", _STATUSES)
    start = _page_start(call, len(runs.in_order))
    size = _page_size(call)
    matching = list(_matching(call, runs))
    for run in matching:
        run.settle(call.now)
    if start == len(runs.in_order):
        # The first page is a look at the runs, and so a poll of each; later pages go on with it.
        if any(run.ended is None and not run.due() for run in matching):
            call.fuse = "polls"
        call.effects += [partial(run.poll, call.now) for run in matching if run.ended is None]
        shown = [(run, run.status_if_polled()) for run in matching]
    else:
        shown = [(run, run.status) for run in matching]
    position = {id(run): index for index, run in enumerate(runs.in_order)}
    page: list[dict[str, Any]] = []
    body: dict[str, Any] = {"object": "list", "data": page}
    for run, its_status in reversed(shown):
        index = position[id(run)]
        if index >= start or status not in (None, its_status):
            continue
        if len(page) == size:
            body["nextPageToken"] = f"page_{index + 1}"
            break
        page.append(_summary(run, its_status))
    return body


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
    return _full_body(call, run, "CANCELLED", None)


def _create_batch(call: Call) -> Mapping[str, Any]:
    state: ExtendState = call.state
    body = read_object(call.request)
    config = check_config(body.get("config"))
    _check_priority(body.get("priority"))
    given = body.get("inputs")
    if not isinstance(given, list) or not 1 <= len(given) <= _MOST_INPUTS:
        raise invalid(f"inputs must be a list of 1 to {_MOST_INPUTS:,} items.")
    sources = []
    for index, item in enumerate(given):
        if not isinstance(item, dict):
            raise invalid(f"inputs[{index}] must be an object.")
        where = f"inputs[{index}]."
        source = check_file(item.get("file"), state, where=where + "file", allow_text=True)
        sources.append((source, check_metadata(item.get("metadata"), where=where + "metadata")))
    batch = BatchRecord(id=call.new_id("bpar_"), created=call.now)
    stored = [
        (call.new_id("pr_"), source, store_file(call, source), data) for source, data in sources
    ]

    def create() -> None:
        state.runs.batches[batch.id] = batch
        for run_id, source, file, metadata in stored:
            state.runs.create(
                run_id,
                file=file,
                names=_names(source, file),
                config=config,
                metadata=metadata,
                now=call.now,
                failure=_unreadable(source, state),
                batch=batch,
            )
        state.runs.begun(batch)
        call.run_id = batch.id
        call.run_status = "PENDING"

    call.effects.append(create)
    return {**batch_body(batch, "PENDING"), "runCount": len(stored)}


def _retrieve_batch(call: Call) -> Mapping[str, Any]:
    runs: RunBook = call.state.runs
    batch = runs.batches.get(call.params["id"])
    if batch is None:
        raise Rejected("NOT_FOUND", f"There is no batch run {call.params['id']!r}.")
    batch.settle(call.now)
    status = batch.status_if_polled()
    call.run_id = batch.id
    call.run_status = status
    if batch.ended is None and not batch.due():
        call.fuse = "polls"
    elif batch.told:
        call.fuse = "attempts"
    call.effects.append(partial(batch.poll, call.now))
    return batch_body(batch, status)


def _run(call: Call) -> RunRecord:
    run: RunRecord | None = call.state.runs.get(call.params["id"])
    if run is None or run.deleted:
        raise Rejected("NOT_FOUND", f"There is no parse run {call.params['id']!r}.")
    call.run_id = run.id
    return run


def _unreadable(source: FileSource, state: ExtendState) -> RunFailure | None:
    """Why a run fails although nothing is scripted: the request itself is accepted."""
    if not unsupported_type(source, state):
        return None
    return RunFailure(reason="FILE_TYPE_NOT_SUPPORTED", message=_MEDIA_MESSAGE)


def _names(source: FileSource, file: StoredFile) -> tuple[str, ...]:
    """The document's names; as `names_of_file` has them, and the id that the service gave."""
    known = (*names_of_url(source.url), source.name)
    return unique_names((*known, *names_of_url(file.url), *file.names, file.id))


def _full_body(
    call: Call, run: RunRecord, status: str, response_type: str | None
) -> Mapping[str, Any]:
    more: dict[str, Any] = {} if run.batch is None else {"batchId": run.batch.id}
    if status == "PROCESSED":
        return processed_body(
            call,
            run.id,
            run.file,
            config=run.config,
            metadata=run.metadata,
            response_type=response_type,
            **more,
        )
    return run_body(
        run.id,
        run.file,
        status=status,
        config=run.config,
        metadata=run.metadata,
        **more,
        **_failure(run, status),
    )


def _failure(run: RunRecord, status: str) -> dict[str, str]:
    if status != "FAILED" or run.failure is None:
        return {}
    return {"failureReason": run.failure.reason, "failureMessage": run.failure.message}


def _summary(run: RunRecord, status: str) -> dict[str, Any]:
    body = run_body(run.id, run.file, status=status, config={}, metadata=run.metadata)
    del body["config"]
    if run.batch is not None:
        body["batchId"] = run.batch.id
    body |= _failure(run, status)
    if status == "PROCESSED":
        body["metrics"] = {"processingTimeMs": 1234, "pageCount": 1}
        body["usage"] = {"credits": 2}
    body["createdAt"] = timestamp(run.created)
    body["updatedAt"] = timestamp(run.created if run.ended is None else run.ended)
    return body


def _matching(call: Call, runs: RunBook) -> Iterator[RunRecord]:
    """The runs that fit the filters, but for their status."""
    batch_id = _query_text(call, "batchId")
    source = query_choice(call.request, "source", _SOURCES)
    source_id = _query_text(call, "sourceId")
    part = _query_text(call, "fileNameContains")
    for run in runs.in_order:
        its_batch = None if run.batch is None else run.batch.id
        if run.deleted or (part is not None and part not in run.file.name):
            continue
        if batch_id is not None:
            # A batchId takes precedence: the source is ignored then.
            if its_batch != batch_id:
                continue
        elif source not in (None, "API" if its_batch is None else "BATCH_PARSER_RUN"):
            continue
        if source_id not in (None, its_batch):
            continue
        yield run


def _query_text(call: Call, name: str) -> str | None:
    values = parse_qs(call.request.query, keep_blank_values=True).get(name)
    return values[-1] if values else None


def _page_start(call: Call, count: int) -> int:
    """Where a page begins: the index that the next older run must be below."""
    token = _query_text(call, "nextPageToken")
    if token is None:
        return count
    number = token.removeprefix("page_")
    if number == token or not number.isdecimal() or not 0 < int(number) < count:
        raise invalid("The query parameter nextPageToken is not one that this API gave.")
    return int(number)


def _page_size(call: Call) -> int:
    given = _query_text(call, "maxPageSize")
    if given is None:
        return _PAGE_SIZE
    if not given.isdecimal() or not 1 <= int(given) <= _MOST_PER_PAGE:
        raise invalid(f"The query parameter maxPageSize must be from 1 to {_MOST_PER_PAGE:,}.")
    return int(given)


def _check_priority(value: object) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and 1 <= value <= _MOST_PRIORITY):  # type: ignore[operator]
        raise invalid(f"priority must be a whole number from 1 to {_MOST_PRIORITY}.")


RUN_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "POST /parse_runs": _create,
        "GET /parse_runs": _list,
        "GET /parse_runs/{id}": _retrieve,
        "DELETE /parse_runs/{id}": _delete,
        "POST /parse_runs/{id}/cancel": _cancel,
        "POST /parse_runs/batch": _create_batch,
        "GET /batch_runs/{id}": _retrieve_batch,
    }
)
