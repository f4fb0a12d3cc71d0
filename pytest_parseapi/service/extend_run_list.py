"""Lists Extend's runs: filters, pages, and what a look at the first page changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from pytest_parseapi.catalogue.behaviour import Call
from pytest_parseapi.service.extend_query import query_choice, query_text
from pytest_parseapi.service.extend_rejections import invalid
from pytest_parseapi.service.extend_run_bodies import summary
from pytest_parseapi.service.run_book import RunBook
from pytest_parseapi.service.run_records import RunRecord

__all__ = ["list_runs"]

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
