"""Makes the webhook events of runs and batches, by the description of any provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_parseapi.model.lookup import ErrorName
from pytest_parseapi.model.mistakes import UsageError, as_document, check_count, kind, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.runs import RunFailure, Submission
from pytest_parseapi.model.webhooks import UNKNOWN_EVENT_TYPE, WebhookDescription
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.webhook import WebhookDelivery
from pytest_parseapi.service.provider_results import checked_result
from pytest_parseapi.service.run_script import failure_of
from pytest_parseapi.service.run_states import BatchState, RunState
from pytest_parseapi.service.run_table import RunTable
from pytest_parseapi.service.service import SimulatedService
from pytest_parseapi.service.webhook_delivery import signed

_DOCUMENT = "https://files.example.com/document.pdf"


class EventMaker:
    """Makes deliveries for the runs of one service.

    Args:
        service: the simulated service.
        webhooks: what its provider documents about webhooks.
        table: its runs.
    """

    def __init__(
        self, service: SimulatedService, webhooks: WebhookDescription, table: RunTable
    ) -> None:
        self._service = service
        self._webhooks = webhooks
        self._table = table

    def check(
        self,
        *,
        wrong: str | None,
        metadata: object,
        signed_url: bool,
        url_threshold: int | None,
    ) -> None:
        """Check the arguments of a delivery, before a run is made for it.

        Raises:
            UsageError: an argument is wrong.
        """
        webhooks = self._webhooks
        if wrong is not None and wrong not in webhooks.wrong_deliveries:
            known = webhooks.wrong_deliveries
            raise UsageError(f"unknown wrong delivery {wrong!r}: {nearest(wrong, known)}")
        if signed_url and webhooks.signed_url is None:
            raise UsageError(
                f"{self._service.provider.title} documents no URL in place of a payload"
            )
        check_count("url_threshold", url_threshold, 0)
        if not isinstance(metadata, dict | None):
            raise UsageError(f"metadata is a dict, not {kind(metadata)}")
        try:
            json.dumps(metadata, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"metadata must be JSON: {error}") from None

    def subject(
        self,
        error: ErrorName | None,
        run: Run | str | None,
        *,
        document: str | None,
        batch: bool,
        message: str | None,
        others: Iterable[Provider] = (),
    ) -> RunState | BatchState:
        """The ended run or batch of an event; a new one if none is named.

        Args:
            error: why the run failed.
            run: the run or batch.
            document: what a new run is about.
            batch: whether a new batch is made.
            message: the error's text.
            others: more providers, so that a code of theirs is recognized.
        """
        failure = None
        if error is not None:
            failure = failure_of(self._service.provider, error, others=others, message=message)
        elif message is not None:
            raise UsageError("message belongs to an error: webhook('OCR_ERROR', message=...)")
        if run is None:
            return self._new(failure, document or _DOCUMENT, batch=batch)
        found = self._known(run.id if isinstance(run, Run) else run)
        if isinstance(found, BatchState):
            if failure is not None:
                raise UsageError("the event of a batch carries no error: fail its runs by fail_run")
            found.settle(self._service.now)
            for item in found.runs:
                if item.ended is None:
                    item.finish(self._service.now, announced=False)
        else:
            self._end(found, failure)
        return found

    def delivery(
        self,
        subject: RunState | BatchState,
        *,
        wrong: str | None = None,
        metadata: dict[str, Any] | None = None,
        signed_url: bool = False,
        url_threshold: int | None = None,
    ) -> WebhookDelivery:
        """Make the delivery of an event about an ended run or batch."""
        service, webhooks = self._service, self._webhooks
        event_type = self.event_type(subject)
        if event_type is None:
            statuses = ", ".join(self._events(subject)) or "none"
            raise UsageError(
                f"no event is documented for a run in status {subject.status}: known: {statuses}"
            )
        if wrong == UNKNOWN_EVENT_TYPE:
            event_type = webhooks.unknown_event_type
        event_id = service.new_id(webhooks.event_id_prefix)
        context = service.context()
        failure = None
        if isinstance(subject, RunState):
            payload = self._made("payload", webhooks.payload, context, subject, metadata)
            failure = subject.failure_shown(subject.status)
        else:
            assert webhooks.batch_payload is not None
            payload = self._made("batch_payload", webhooks.batch_payload, context, subject)
        if wrong is None:
            self._table.announced.append(None if failure is None else failure.reason)
        runs = [subject] if isinstance(subject, RunState) else subject.runs
        for run in runs:
            run.announce(right=wrong is None)
        names = runs[0].names
        body = self._encoded(event_id, event_type, payload)
        too_long = url_threshold is not None and len(body) > url_threshold
        if webhooks.signed_url is not None and (signed_url or too_long):
            payload = self._made("signed_url", webhooks.signed_url, context, subject.id, payload)
            body = self._encoded(event_id, event_type, payload)
        return signed(
            webhooks,
            body,
            event_id=event_id,
            event_type=event_type,
            run_id=subject.id,
            document=names[0] if names else None,
            now=service.wall,
            wrong=wrong,
        )

    def _made(self, name: str, function: Callable[..., object], *given: object) -> Any:
        """The result of a function of the description, which must be a JSON object."""
        return checked_result(self._service.provider, f"webhooks.{name}", Mapping, function, *given)

    def _encoded(self, event_id: str, event_type: str, payload: object) -> bytes:
        event = self._made("envelope", self._webhooks.envelope, event_id, event_type, payload)
        # No usual serialiser writes it so, that of any other language included: a receiver that
        # signs what it has parsed and serialised again is found by the first delivery.
        try:
            text = json.dumps(event, separators=(", ", ":"), ensure_ascii=False)
        except (TypeError, ValueError) as error:
            name = self._service.provider.name
            raise UsageError(f"provider {name!r}: the event {event_type}: {error}") from error
        # Half of a surrogate pair has no UTF-8 bytes, but can be escaped.
        return text.replace("{", "{ ", 1).encode(errors="backslashreplace")

    def event_type(self, subject: RunState | BatchState) -> str | None:
        """The type of the event for the end of a run or batch; None if there is none."""
        return self._events(subject).get(subject.status)

    def _events(self, subject: RunState | BatchState) -> Mapping[str, str]:
        is_run = isinstance(subject, RunState)
        return self._webhooks.events if is_run else self._webhooks.batch_events

    def _known(self, run_id: str) -> RunState | BatchState:
        if not isinstance(run_id, str):
            raise UsageError(
                f"run is the id of a run or batch, not {kind(run_id)}{as_document(run_id)}"
            )
        found = self._table.get(run_id) or self._table.batches.get(run_id)
        if found is None:
            known = [item.id for item in self._table.in_order] + list(self._table.batches)
            meant = as_document(run_id) or f": {nearest(run_id, known)}"
            raise UsageError(f"unknown run {run_id!r}{meant}")
        return found

    def _new(
        self, failure: RunFailure | None, document: str, *, batch: bool
    ) -> RunState | BatchState:
        service, table, description = self._service, self._table, self._table.description
        now = service.now
        if batch and not self._webhooks.batch_events:
            raise UsageError(f"{service.provider.title} documents no webhooks of batches")
        submission = checked_result(
            service.provider,
            "runs.sample",
            Submission,
            description.sample,
            service.context(),
            document,
        )
        if failure is not None:
            # A script of the same failure is met by this run.
            table.script.take(submission.names, reason=failure.reason)
        whole = None
        if batch:
            batch_id = service.new_id(description.batch_id_prefix or "batch_")
            whole = BatchState(description=description, id=batch_id, created=now)
        run = table.draft(service.new_id(description.id_prefix), submission, now)
        run.submitted = False
        run.failure = failure or run.failure
        table.add(run, scripted=failure is None, batch=whole)
        run.finish(now, announced=False)
        if whole is None:
            return run
        table.batches[whole.id] = whole
        return whole

    def _end(self, run: RunState, failure: RunFailure | None) -> None:
        run.settle(self._service.now)
        if run.ended is None:
            run.failure = failure or run.failure
            run.finish(self._service.now, announced=False)
        elif failure is not None and (run.failure is None or run.failure.reason != failure.reason):
            raise UsageError(f"run {run.id} has ended {run.status}: its event cannot differ")
