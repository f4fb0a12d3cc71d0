"""Answers Extend's endpoints for runs, their list, and batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.context import Context
from pytest_parseapi.model.request_content import names_of_url, unique_names
from pytest_parseapi.model.runs import (
    RunDescription,
    RunFailure,
    RunShown,
    SimulatedRun,
    Submission,
)
from pytest_parseapi.providers.extend.bodies import (
    batch_body,
    full_body,
    processed_body,
    summary,
)
from pytest_parseapi.providers.extend.config import DEFAULT_CONFIG, check_config, invalid
from pytest_parseapi.providers.extend.file_types import kind_of
from pytest_parseapi.providers.extend.listing import Page, query_choice, query_text
from pytest_parseapi.providers.extend.requests import (
    FileSource,
    check_file,
    check_metadata,
    parse_request,
    read_object,
    store_file,
    unsupported_type,
)
from pytest_parseapi.providers.extend.state import (
    ExtendState,
    Handler,
    ParsedDocument,
    StoredFile,
)


def submission(
    source: FileSource,
    file: StoredFile,
    *,
    config: Mapping[str, Any],
    metadata: Mapping[str, Any] | None,
) -> Submission:
    """A document that is submitted to become a run."""
    # The request itself is accepted where the type is not supported: the run fails.
    wrong = unsupported_type(source)
    return Submission(
        names=unique_names((*names_of_url(source.url), source.name, *file.all_names)),
        data=ParsedDocument(file=file, config=config, metadata=metadata),
        failure=None
        if wrong is None
        else RunFailure(reason=wrong.code, message=str(wrong.message)),
    )


def _sample_submission(context: Context, document: str) -> Submission:
    """The submission of a run that no request submitted."""
    name = names_of_url(document)[-1]
    file = StoredFile(
        id=context.new_id("file_"),
        name=name,
        kind=kind_of(name),
        url=document,
        created=context.now,
    )
    parsed = ParsedDocument(file=file, config=DEFAULT_CONFIG, metadata=None)
    return Submission(names=file.all_names, data=parsed)


_STATUSES: Final = ("PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED")
_SOURCES: Final = tuple(
    "API STUDIO WORKFLOW_RUN ADMIN BATCH_PARSER_RUN EDIT_RUN DOCUMENT_PROCESSOR_RUN".split()  # noqa: SIM905
)


def _list_runs(call: Call) -> Mapping[str, Any]:
    """Answers ``GET /parse_runs``."""
    runs = call.runs.all()
    status = query_choice(call.request, "status", _STATUSES)
    page = Page(call)
    matching = {run.id for run in _matching(call, runs)}

    def shown(run: SimulatedRun) -> Mapping[str, Any] | None:
        # A run that the status keeps from the page was looked at, too: it would never end else.
        [its_status] = call.runs.look([run])
        return summary(run, its_status) if status in (None, its_status) else None

    return page.body(runs[::-1], lambda run: run.id in matching, shown)


def _matching(call: Call, runs: list[SimulatedRun]) -> Iterator[SimulatedRun]:
    """The runs that fit the filters, but for their status."""
    batch_id = query_text(call.request, "batchId")
    source = query_choice(call.request, "source", _SOURCES)
    source_id = query_text(call.request, "sourceId")
    part = query_text(call.request, "fileNameContains")
    for run in runs:
        its_batch = None if run.batch is None else run.batch.id
        if part is not None and part not in run.data.file.name:
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


def _create(call: Call) -> Mapping[str, Any]:
    state: ExtendState = call.state
    asked = parse_request(call.request, state)
    file = store_file(call, asked.file)
    run = call.runs.submit(
        submission(asked.file, file, config=asked.config, metadata=asked.metadata)
    )
    return full_body(call, run, run.status, None)


def _retrieve(call: Call) -> Mapping[str, Any]:
    response_type = query_choice(call.request, "responseType", ("json", "url"))
    parsed = _parsed_at_once(call)
    if parsed is not None:
        # As a poll after the end: asking again and again leads nowhere.
        call.counts = "attempts"
        call.shown = RunShown(call.params["id"], "PROCESSED", ended=True)
        return processed_body(call, call.params["id"], parsed, response_type)
    run = _run(call)
    return full_body(call, run, call.runs.poll(run), response_type)


def _delete(call: Call) -> Mapping[str, Any]:
    if _parsed_at_once(call) is not None:
        call.state.forget_parsed(call, call.params["id"])
        return {"id": call.params["id"]}
    run = _run(call)
    call.runs.delete(run)
    return {"id": run.id}


def _cancel(call: Call) -> Mapping[str, Any]:
    at_once = _parsed_at_once(call)
    run = _run(call) if at_once is None else None
    status = "PROCESSED" if run is None else run.status
    if run is None or status != "PROCESSING":
        raise invalid(f"Only runs in status PROCESSING can be cancelled; this one is {status}.")
    return full_body(call, run, call.runs.cancel(run), None)


def _parsed_at_once(call: Call) -> ParsedDocument | None:
    """The run of a ``POST /parse``. It is in no list: no page says whether it would be."""
    state: ExtendState = call.state
    return state.parsed.get(call.params["id"])


def _run(call: Call) -> SimulatedRun:
    run = call.runs.find(call.params["id"])
    if run is None:
        raise Rejected("NOT_FOUND", f"There is no parse run {call.params['id']!r}.")
    return run


RUN_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "POST /parse_runs": _create,
        "GET /parse_runs": _list_runs,
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
    batch = call.runs.submit_batch(
        [
            submission(source, store_file(call, source), config=config, metadata=data)
            for source, data in sources
        ]
    )
    return {**batch_body(batch, batch.status), "runCount": len(sources)}


def _retrieve_batch(call: Call) -> Mapping[str, Any]:
    batch = call.runs.find_batch(call.params["id"])
    if batch is None:
        raise Rejected("NOT_FOUND", f"There is no batch run {call.params['id']!r}.")
    return batch_body(batch, call.runs.poll(batch))


def _check_priority(value: object) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and 1 <= value <= _MOST_PRIORITY):  # type: ignore[operator]
        raise invalid(f"priority must be an integer from 1 to {_MOST_PRIORITY}.")


BATCH_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {"POST /parse_runs/batch": _create_batch, "GET /batch_runs/{id}": _retrieve_batch}
)

RUNS: Final = RunDescription(
    submitted="PROCESSING",
    running="PROCESSING",
    succeeded="PROCESSED",
    failed="FAILED",
    cancelled="CANCELLED",
    waiting="PENDING",
    id_prefix="pr_",
    batch_id_prefix="bpar_",
    failure_field="failureReason",
    # The pages warn of new reasons.
    unknown_reason="A_REASON_ADDED_LATER",
    sample=_sample_submission,
)
"""What the pages say of parse runs and of batches of them."""
