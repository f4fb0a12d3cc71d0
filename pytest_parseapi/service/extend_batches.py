"""Answers Extend's endpoints for batches of runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.catalogue.behaviour import Call, Rejected
from pytest_parseapi.service.extend_rejections import invalid
from pytest_parseapi.service.extend_requests import (
    check_config,
    check_file,
    check_metadata,
    read_object,
    store_file,
)
from pytest_parseapi.service.extend_run_bodies import batch_body
from pytest_parseapi.service.extend_run_steps import poll, submit
from pytest_parseapi.service.extend_state import ExtendState, Handler
from pytest_parseapi.service.run_book import RunBook
from pytest_parseapi.service.run_records import BatchRecord

__all__ = ["BATCH_HANDLERS"]

_MOST_INPUTS: Final = 1000
_MOST_PRIORITY: Final = 100


def _create(call: Call) -> Mapping[str, Any]:
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


def _retrieve(call: Call) -> Mapping[str, Any]:
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
    {"POST /parse_runs/batch": _create, "GET /batch_runs/{id}": _retrieve}
)
