"""Answers Extend's endpoints for runs, their list, and batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.reading import names_of_url, unique_names
from pytest_parseapi.providers.extend.bodies import batch_body, full_body, run_body, summary
from pytest_parseapi.providers.extend.requests import (
    MEDIA,
    FileSource,
    check_config,
    check_file,
    check_metadata,
    invalid,
    parse_request,
    query_choice,
    query_text,
    read_object,
    store_file,
    unsupported_type,
)
from pytest_parseapi.providers.extend.state import ExtendState, Handler, StoredFile
from pytest_parseapi.service.run_script import RunFailure
from pytest_parseapi.service.runs import BatchRecord, RunBook, RunRecord

__all__ = [
    "BATCH_HANDLERS",
    "RUN_HANDLERS",
    "list_runs",
    "names_of_document",
    "poll",
    "run_of_path",
    "submit",
]


def names_of_document(source: FileSource, file: StoredFile) -> tuple[str, ...]:
    """A document's names; as `names_of_file` has them, and the id that the service gave."""
    known = (*names_of_url(source.url), source.name)
    return unique_names((*known, *names_of_url(file.url), *file.names, file.id))


def submit(
    call: Call,
    run_id: str,
    source: FileSource,
    file: StoredFile,
    *,
    config: Mapping[str, Any],
    metadata: Mapping[str, Any] | None,
    batch: BatchRecord | None = None,
) -> RunRecord:
    """A new run of a document."""
    state: ExtendState = call.state
    return state.runs.create(
        run_id,
        file=file,
        names=names_of_document(source, file),
        config=config,
        metadata=metadata,
        now=call.now,
        failure=_unreadable(source, state),
        batch=batch,
    )


def poll(call: Call, item: RunRecord | BatchRecord) -> str:
    """The status that a poll shows, and what the poll changes and counts toward."""
    item.settle(call.now)
    status = item.status_if_polled()
    call.run_id = item.id
    call.run_status = status
    if item.ended is None and not item.due():
        call.fuse = "polls"
    elif item.told:
        call.fuse = "attempts"
    call.effects.append(partial(item.poll, call.now))
    return status


def _unreadable(source: FileSource, state: ExtendState) -> RunFailure | None:
    """Why a run fails although nothing is scripted: the request itself is accepted."""
    if not unsupported_type(source, state):
        return None
    return RunFailure(reason="FILE_TYPE_NOT_SUPPORTED", message=MEDIA)


_STATUSES: Final = ("PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED")
_SOURCES: Final = tuple(
    "API STUDIO WORKFLOW_RUN ADMIN BATCH_PARSER_RUN EDIT_RUN DOCUMENT_PROCESSOR_RUN".split()  # noqa: SIM905
)

# Inferred: no page that could be read gives the default or the maximum.
_PAGE_SIZE: Final = 10
_MOST_PER_PAGE: Final = 1000


def list_runs(call: Call) -> Mapping[str, Any]:
    """Answers ``GET /parse_runs``."""
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
        page.append(summary(run, its_status))
    return body


def _matching(call: Call, runs: RunBook) -> Iterator[RunRecord]:
    """The runs that fit the filters, but for their status."""
    batch_id = query_text(call.request, "batchId")
    source = query_choice(call.request, "source", _SOURCES)
    source_id = query_text(call.request, "sourceId")
    part = query_text(call.request, "fileNameContains")
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


def _page_start(call: Call, count: int) -> int:
    """Where a page begins: the index that the next older run must be below."""
    token = query_text(call.request, "nextPageToken")
    if token is None:
        return count
    number = token.removeprefix("page_")
    if number == token or not number.isdecimal() or not 0 < int(number) < count:
        raise invalid("The query parameter nextPageToken is not one that this API gave.")
    return int(number)


def _page_size(call: Call) -> int:
    given = query_text(call.request, "maxPageSize")
    if given is None:
        return _PAGE_SIZE
    if not given.isdecimal() or not 1 <= int(given) <= _MOST_PER_PAGE:
        raise invalid(f"The query parameter maxPageSize must be from 1 to {_MOST_PER_PAGE:,}.")
    return int(given)


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


_MOST_INPUTS: Final = 1000
_MOST_PRIORITY: Final = 100


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
            submit(call, run_id, source, file, config=config, metadata=metadata, batch=batch)
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
    return batch_body(batch, poll(call, batch))


def _check_priority(value: object) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and 1 <= value <= _MOST_PRIORITY):  # type: ignore[operator]
        raise invalid(f"priority must be a whole number from 1 to {_MOST_PRIORITY}.")


BATCH_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {"POST /parse_runs/batch": _create_batch, "GET /batch_runs/{id}": _retrieve_batch}
)
