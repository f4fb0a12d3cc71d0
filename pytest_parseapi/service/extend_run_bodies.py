"""What the runs and batches that the service keeps look like on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_parseapi.catalogue.behaviour import Call
from pytest_parseapi.service.extend_bodies import processed_body, run_body, timestamp
from pytest_parseapi.service.run_records import BatchRecord, RunRecord

__all__ = ["batch_body", "full_body", "summary"]


def batch_body(batch: BatchRecord, status: str) -> dict[str, Any]:
    """A batch, as the API and its webhooks show it."""
    return {
        "object": "batch_run",
        "id": batch.id,
        "status": status,
        "runCount": len(batch.runs),
        "createdAt": timestamp(batch.created),
    }


def full_body(
    call: Call, run: RunRecord, status: str, response_type: str | None
) -> Mapping[str, Any]:
    """A run in a status, with its output where it succeeded."""
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


def summary(run: RunRecord, status: str) -> dict[str, Any]:
    """A run in a status, as a list shows it."""
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


def _failure(run: RunRecord, status: str) -> dict[str, str]:
    if status != "FAILED" or run.failure is None:
        return {}
    return {"failureReason": run.failure.reason, "failureMessage": run.failure.message}
