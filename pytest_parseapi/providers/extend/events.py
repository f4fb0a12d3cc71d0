"""Makes webhook events of runs and batches."""

from __future__ import annotations

import json
from typing import Any, Final

from pytest_parseapi.model.lookup import ErrorName
from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.model.reading import names_of_url
from pytest_parseapi.providers.extend.bodies import OUTPUT_PATH, batch_body
from pytest_parseapi.providers.extend.requests import check_config
from pytest_parseapi.providers.extend.state import StoredFile, StoredOutput, file_type
from pytest_parseapi.record.run import Run
from pytest_parseapi.service.run_script import RunFailure, failure_of
from pytest_parseapi.service.runs import BatchRecord, RunBook, RunRecord
from pytest_parseapi.service.service import SimulatedService
from pytest_parseapi.service.webhook_delivery import WRONGS, WebhookDelivery, signed

__all__ = ["EventMaker"]

_ENDS: Final = {"PROCESSED": "processed", "FAILED": "failed"}
_URL_SECONDS: Final = 60 * 60
_UNKNOWN_TYPE: Final = "parse_run.a_type_added_later"
_DOCUMENT: Final = "https://files.example.com/document.pdf"


class EventMaker:
    """Makes deliveries for the runs of one service.

    Args:
        service: the simulated service.
        book: its runs.
    """

    def __init__(self, service: SimulatedService, book: RunBook) -> None:
        self._service = service
        self._book = book

    def subject(
        self,
        error: ErrorName | None,
        run: Run | str | None,
        *,
        document: str | None,
        batch: bool,
        message: str | None,
    ) -> RunRecord | BatchRecord:
        """The ended run or batch that an event tells of; a new one where none is named."""
        failure = None
        if error is not None:
            failure = failure_of(self._service.provider, error, message=message)
        elif message is not None:
            raise UsageError("message belongs to an error: webhook('OCR_ERROR', message=...)")
        if run is None:
            return self._new(failure, document or _DOCUMENT, batch=batch)
        found = self._known(run.id if isinstance(run, Run) else run)
        if isinstance(found, BatchRecord):
            if failure is not None:
                raise UsageError("the event of a batch carries no error: fail its runs by fail_run")
            found.settle(self._service.now)
            for item in found.runs:
                if item.ended is None:
                    item.finish(self._service.now)
        else:
            self._end(found, failure)
        return found

    def delivery(
        self,
        subject: RunRecord | BatchRecord,
        *,
        wrong: str | None = None,
        metadata: dict[str, Any] | None = None,
        signed_url: bool = False,
        url_threshold: int | None = None,
    ) -> WebhookDelivery:
        """A delivery that tells of an ended run or batch."""
        if wrong is not None and wrong not in WRONGS:
            raise UsageError(f"unknown wrong delivery {wrong!r}: {nearest(wrong, WRONGS)}")
        end = _ENDS.get(subject.status)
        if end is None:
            raise UsageError(
                f"no event is documented for a run in status {subject.status}: known: "
                f"{', '.join(_ENDS)}"
            )
        kind = "parse_run" if isinstance(subject, RunRecord) else "batch_parse_run"
        event_type = f"{kind}.{end}" if wrong != "unknown_event_type" else _UNKNOWN_TYPE
        event_id = self._service.new_id("event_")
        payload = _payload(subject, metadata)
        if wrong is None:
            self._book.announced.append(payload.get("failureReason"))
        body = _event(event_id, event_type, payload)
        if signed_url or (url_threshold is not None and len(body) > url_threshold):
            body = _event(event_id, event_type, self._signed_url(subject.id, payload))
        return signed(
            body,
            event_id=event_id,
            event_type=event_type,
            run_id=subject.id,
            now=self._service.wall,
            wrong=wrong,
        )

    def _known(self, run_id: str) -> RunRecord | BatchRecord:
        found = self._book.get(run_id) or self._book.batches.get(run_id)
        if found is None:
            known = [item.id for item in self._book.in_order] + list(self._book.batches)
            raise UsageError(f"unknown run {run_id!r}: {nearest(run_id, known)}")
        return found

    def _new(
        self, failure: RunFailure | None, document: str, *, batch: bool
    ) -> RunRecord | BatchRecord:
        service, now = self._service, self._service.now
        name = names_of_url(document)[-1]
        file = StoredFile(
            id=service.new_id("file_"), name=name, type=file_type(name), url=document, created=now
        )
        names = (*names_of_url(document), file.id)
        if failure is not None:
            # A script of the same failure has met its run.
            self._book.script.take(names, reason=failure.reason)
        whole = BatchRecord(id=service.new_id("bpar_"), created=now) if batch else None
        run = self._book.create(
            service.new_id("pr_"),
            file=file,
            names=names,
            config=check_config(None),
            metadata=None,
            now=now,
            failure=failure,
            scripted=failure is None,
            batch=whole,
        )
        run.finish(now, announced=False)
        if whole is None:
            return run
        self._book.batches[whole.id] = whole
        return whole

    def _end(self, run: RunRecord, failure: RunFailure | None) -> None:
        run.settle(self._service.now)
        if run.ended is None:
            run.failure = failure or run.failure
            run.finish(self._service.now, announced=False)
        elif failure is not None and (run.failure is None or run.failure.reason != failure.reason):
            raise UsageError(f"run {run.id} has ended {run.status}: its event cannot tell another")

    def _signed_url(self, run_id: str, payload: dict[str, Any]) -> dict[str, Any]:
        key = self._service.new_id("payload_")
        expires = self._service.now + _URL_SECONDS
        self._service.state.outputs[key] = StoredOutput(body=payload, expires=expires)
        url = self._service.provider.base_url.rstrip("/") + OUTPUT_PATH + key
        found = {"object": "signed_data_url", "data": url, "id": run_id}
        return found | {key: payload[key] for key in ("metadata",) if key in payload}


def _payload(subject: RunRecord | BatchRecord, metadata: dict[str, Any] | None) -> dict[str, Any]:
    if isinstance(subject, BatchRecord):
        return batch_body(subject, subject.status)
    payload: dict[str, Any] = {
        "object": "parse_run_status",
        "id": subject.id,
        "status": subject.status,
    }
    if subject.status == "FAILED" and subject.failure is not None:
        payload["failureReason"] = subject.failure.reason
        payload["failureMessage"] = subject.failure.message
    given = subject.metadata if metadata is None else metadata
    if given is not None:
        payload["metadata"] = dict(given)
    return payload


def _event(event_id: str, event_type: str, payload: dict[str, Any]) -> bytes:
    event = {"eventId": event_id, "eventType": event_type, "payload": payload}
    return json.dumps(event, separators=(",", ":")).encode()
