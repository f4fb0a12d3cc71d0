"""The steps that runs and batches share: a document is submitted, and its end is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pytest_parseapi.catalogue.behaviour import Call
from pytest_parseapi.service.extend_files import StoredFile
from pytest_parseapi.service.extend_rejections import MEDIA
from pytest_parseapi.service.extend_requests import FileSource, unsupported_type
from pytest_parseapi.service.extend_state import ExtendState
from pytest_parseapi.service.reading import names_of_url, unique_names
from pytest_parseapi.service.run_records import BatchRecord, RunRecord
from pytest_parseapi.service.run_script import RunFailure

__all__ = ["names_of_document", "poll", "submit"]


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
