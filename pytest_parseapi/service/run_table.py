"""The table of all runs and batches of the simulated service."""

from __future__ import annotations

import math
from _thread import allocate_lock
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.runs import RunDescription, Submission
from pytest_parseapi.record.run import Run
from pytest_parseapi.service.run_script import RunScript
from pytest_parseapi.service.run_states import BatchState, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long runs stay in progress: a number of polls, or of virtual seconds."""

    polls: float = 1
    seconds: float | None = None


class RunTable:
    """Every run and batch of one provider in one test.

    Args:
        description: what the provider documents about runs.
        document_names: finds the names by which requests mean a document.
    """

    def __init__(self, description: RunDescription, document_names: DocumentNames) -> None:
        self.description = description
        self._document_names = document_names
        self.pace = Pace()
        self.script = RunScript(document_names)
        self.batches: dict[str, BatchState] = {}
        self.in_order: list[RunState] = []
        self.announced: list[str | None] = []
        """The failure reason of each webhook event that was made; None for an event without one."""
        self.keys: dict[str, tuple[str, RunState]] = {}
        """By idempotency key: the digest of the request, and its run."""
        self.on_end: Callable[[RunState | BatchState], None] | None = None
        """Called when a run or batch ends; while it is set, runs end by the clock alone."""
        self.on_start: Callable[[RunState | BatchState], None] | None = None
        """Called when a request has made a run or batch."""
        self.on_kept: Callable[[RunTable, RunState], None] | None = None
        """Called when a run was added: a server that runs for days counts them."""
        self.dropped = 0
        """How many runs a server has dropped to keep newer ones."""
        self._lock = allocate_lock()
        self._by_id: dict[str, RunState] = {}
        self._latest: dict[str, RunState] = {}

    def get(self, run_id: str) -> RunState | None:
        """The run with an id, also if it was deleted."""
        return self._by_id.get(run_id)

    def shown(self, now: float) -> list[Run]:
        """Every run, oldest first."""
        for run in self.in_order:
            run.settle(now)
        return [run.shown() for run in self.in_order]

    def latest(self, names: tuple[str, ...]) -> RunState | None:
        """The latest run for a document."""
        return self._latest.get(names[0]) if names else None

    def draft(self, run_id: str, submission: Submission, now: float) -> RunState:
        """Make a run that is not in the table yet; `add` starts it."""
        return RunState(
            description=self.description,
            id=run_id,
            names=self._document_names.names(submission.names),
            data=submission.data,
            failure=submission.failure,
            created=now,
            status=self.description.submitted,
            on_end=self._ended,
            lock=self._lock,
        )

    def add(self, run: RunState, *, scripted: bool = True, batch: BatchState | None = None) -> None:
        """Add a run and start it. It fails by the script, or as its submission fails."""
        step = self.script.take(run.names) if scripted else None
        pace = self.pace if step is None else Pace(polls=step.polls)
        polls: float | None = pace.polls
        seconds = pace.seconds
        if seconds is None and self.on_end is not None:
            # With webhooks there may be no polls: one poll each second is assumed.
            seconds = pace.polls
        if seconds is not None:
            polls = None
        run.polls_needed = polls
        run.ends_at = None if seconds is None else run.created + seconds
        if step is not None:
            run.failure = step.failure
        if batch is not None:
            batch.add(run)
            batch.on_end = self._ended
        self._keep(run)

    def add_ended(self, run: RunState, when: float) -> None:
        """Add a run that succeeded at once."""
        run.status = run.description.succeeded
        run.ended = when
        run.end_shown = True
        self._keep(run)

    def drop(self, run: RunState) -> bool:
        """Drop the oldest run, and its batch; return False if the run is not in the table."""
        if self._by_id.get(run.id) is not run:
            return False
        self.dropped += 1
        self.in_order.remove(run)
        del self._by_id[run.id]
        if run.names and self._latest.get(run.names[0]) is run:
            del self._latest[run.names[0]]
        if run.batch is not None:
            self.batches.pop(run.batch.id, None)
        for key in [key for key, (_, item) in islice(self.keys.items(), 1) if item is run]:
            del self.keys[key]
        return True

    def clear(self) -> None:
        """Remove every run and batch."""
        for runs in (self.batches, self._by_id, self._latest, self.keys):
            runs.clear()
        self.in_order.clear()
        self.on_kept = None

    def adopt(self, run: RunState, status: str) -> None:
        """Add a run of a test's own mock. Only that mock can end it."""
        run.status = status
        run.polls_needed = math.inf
        self._keep(run)

    def begun(self, item: RunState | BatchState) -> None:
        """Note that a request has made a run or batch."""
        if self.on_start is not None:
            self.on_start(item)

    def _keep(self, run: RunState) -> None:
        self._by_id[run.id] = run
        self.in_order.append(run)
        if run.names:
            self._latest[run.names[0]] = run
        if self.on_kept is not None:
            self.on_kept(self, run)

    def _ended(self, item: RunState | BatchState) -> None:
        if self.on_end is not None:
            self.on_end(item)
