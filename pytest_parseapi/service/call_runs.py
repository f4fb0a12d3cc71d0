"""The runs of one test for the functions of a provider: ``call.runs``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, cast

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.runs import (
    RunShown,
    RunStore,
    SimulatedBatch,
    SimulatedRun,
    Submission,
)
from pytest_parseapi.record.payload import payload_of
from pytest_parseapi.service.run_states import BatchState, RunState, run_shown
from pytest_parseapi.service.run_table import RunTable


class CallRuns:
    """Reads and changes the runs in one call; see `RunStore`.

    Args:
        table: the test's runs.
        call: the call, whose effects and whose reply's run are set here.
        idempotency_header: the header that makes a second submission harmless, if any.
    """

    __slots__ = ("_call", "_header", "_table")

    def __init__(self, table: RunTable, call: Call, idempotency_header: str | None) -> None:
        self._table = table
        self._call = call
        self._header = idempotency_header

    def submit(self, submission: Submission) -> SimulatedRun:
        """Make a run, or return that of an earlier request with the same idempotency key."""
        table, call = self._table, self._call
        key = None if self._header is None else call.request.header(self._header.lower())
        digest = ""
        if key:
            digest = self._digest()
            known = table.keys.get(key)
            # A key does not return a deleted run, since that could not be fetched.
            if known is not None and not known[1].deleted:
                return self._submitted_before(key, digest, *known)
        run = table.draft(call.new_id(table.description.id_prefix), submission, call.now)

        def create() -> None:
            latest = table.latest(run.names)
            if latest is not None:
                latest.settle(call.now)
                # Repeated submissions of a document that always fails make no progress.
                call.counts = "attempts" if latest.status == table.description.failed else None
            table.add(run)
            if key:
                # Moved to the end, since the oldest are dropped first.
                table.keys.pop(key, None)
                table.keys[key] = (digest, run)
            table.begun(run)

        self._change(create)
        call.shown = RunShown(run.id, run.status)
        return run

    def submit_batch(self, submissions: Iterable[Submission]) -> SimulatedBatch:
        """Make a batch with a new run for each submission."""
        table, call = self._table, self._call
        description = table.description
        batch = BatchState(
            description=description,
            id=call.new_id(description.batch_id_prefix or "batch_"),
            created=call.now,
        )
        runs = [
            table.draft(call.new_id(description.id_prefix), submission, call.now)
            for submission in submissions
        ]

        def create() -> None:
            table.batches[batch.id] = batch
            for run in runs:
                table.add(run, batch=batch)
            table.begun(batch)

        self._change(create)
        call.shown = RunShown(batch.id, description.waiting or description.submitted)
        return batch

    def store(self, submission: Submission) -> SimulatedRun:
        """Make a run that has already succeeded."""
        run = self._table.draft(
            self._call.new_id(self._table.description.id_prefix), submission, self._call.now
        )
        self._change(partial(self._table.add_ended, run, self._call.now))
        return run

    def find(self, run_id: str) -> SimulatedRun | None:
        """The run with an id; None if there is none, or if it was deleted."""
        run = self._table.get(run_id)
        if run is None or run.deleted:
            return None
        run.settle(self._call.now)
        self._call.shown = RunShown(run.id)
        return run

    def find_batch(self, batch_id: str) -> SimulatedBatch | None:
        """The batch with an id; None if there is none."""
        batch = self._table.batches.get(batch_id)
        if batch is not None:
            self._call.shown = RunShown(batch.id)
        return batch

    def all(self) -> list[SimulatedRun]:
        """Every run that was not deleted, oldest first."""
        found = [run for run in self._table.in_order if not run.deleted]
        for run in found:
            run.settle(self._call.now)
        return list[SimulatedRun](found)

    def poll(self, item: SimulatedRun | SimulatedBatch) -> str:
        """The status that this reply shows; it counts as one poll."""
        call = self._call
        kept = cast("RunState | BatchState", item)
        kept.settle(call.now)
        status = kept.status_if_polled()
        if kept.ended is None and not kept.due():
            call.counts = "polls"
        elif kept.end_shown:
            call.counts = "attempts"
        call.effects.append(partial(kept.poll, call.now))
        call.shown = self._shown(kept, status)
        if isinstance(kept, BatchState):
            call.listed += [self._shown(run, run.status_if_polled()) for run in kept.runs]
        return status

    def look(self, runs: Iterable[SimulatedRun]) -> list[str]:
        """The statuses that a list shows; it counts as one poll of each unfinished run."""
        call = self._call
        kept = [cast("RunState", run) for run in runs]
        unfinished = [run for run in kept if run.ended is None]
        if any(not run.due() for run in unfinished):
            call.counts = "polls"
        call.effects += [partial(run.poll, call.now) for run in unfinished]
        statuses = [run.status_if_polled() for run in kept]
        call.listed += map(self._shown, kept, statuses)
        return statuses

    def cancel(self, run: SimulatedRun) -> str:
        """Cancel a run that is in progress; its new status."""
        kept = cast("RunState", run)
        status = self._table.description.cancelled
        if status is None:
            raise SimulationStopped("RunDescription.cancelled is None, so no run can be cancelled")
        self._change(partial(kept.finish, self._call.now, status))
        self._call.shown = RunShown(kept.id, status, ended=True)
        return status

    def delete(self, run: SimulatedRun) -> None:
        """Delete a run."""
        kept = cast("RunState", run)
        self._change(kept.delete)
        self._call.shown = RunShown(kept.id)

    def _submitted_before(self, key: str, digest: str, before: str, run: RunState) -> SimulatedRun:
        if digest != before:
            raise Rejected(
                "idempotency_conflict",
                f"{self._header} {key!r} was used for another request.",
            )
        run.settle(self._call.now)
        self._call.shown = self._shown(run, run.status)
        if run.status == self._table.description.failed:
            self._call.counts = "attempts"
        return run

    def _shown(self, item: RunState | BatchState, status: str) -> RunShown:
        description = self._table.description
        failure = item.failure_shown(status) if isinstance(item, RunState) else None
        return run_shown(description, item.id, status, failure)

    def _digest(self) -> str:
        """A digest of the payload and the endpoint that belong to an idempotency key."""
        request = self._call.request
        payload = payload_of(request.header("content-type") or "", request.body)
        return f"{self._call.endpoint} {payload.digest}"

    def _change(self, change: Callable[[], object]) -> None:
        self._call.effects.append(cast("Callable[[], None]", change))


if TYPE_CHECKING:
    # Type checkers verify here that the class fits the protocol that providers see.

    def _is_a_store(runs: CallRuns) -> RunStore:
        return runs
