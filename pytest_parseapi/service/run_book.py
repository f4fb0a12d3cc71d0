"""Runs and batches as the simulated service keeps them: a state machine in virtual time."""

from __future__ import annotations

import math
from _thread import LockType, allocate_lock
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.runs import RunDescription, RunFailure, Submission
from pytest_parseapi.record.run import Run
from pytest_parseapi.service.run_script import RunScript

__all__ = ["BatchRecord", "Pace", "RunBook", "RunRecord"]


@dataclass(slots=True, kw_only=True, eq=False)
class RunRecord:
    """One run. What depends on the clock alone is brought up to date by `settle`."""

    words: RunDescription
    """The provider's statuses."""
    id: str
    names: tuple[str, ...]
    data: Any
    created: float
    status: str
    failure: RunFailure | None = None
    polls_needed: float | None = None
    """How many polls find it in progress; None where the clock alone decides."""
    ends_at: float | None = None
    batch: BatchRecord | None = None
    polls: int = 0
    ended: float | None = None
    end_shown: bool = False
    """Whether a reply has shown its end."""
    deleted: bool = False
    submitted: bool = True
    """Whether a request submitted it; False where the test made it."""
    announced: Literal["", "wrong", "right"] = ""
    """Whether webhooks were made about it, and whether one of them was right."""
    on_end: Callable[[RunRecord], None] | None = None
    lock: LockType = field(default_factory=allocate_lock)
    """One for all runs of a book: whoever ends one, in whatever thread, does so once."""

    def settle(self, now: float) -> None:
        """End it if its time is over."""
        if self.ended is None and self.ends_at is not None and now >= self.ends_at:
            self.finish(self.ends_at)

    def due(self) -> bool:
        """Whether the next poll finds it ended."""
        needed = self.polls_needed
        return self.ended is None and needed is not None and self.polls >= needed

    def poll(self, now: float) -> None:
        """A poll was answered."""
        if self.due():
            self.finish(now)
        elif self.ended is None:
            self.polls += 1
            self.status = self.words.running
        self.end_shown = self.ended is not None

    def status_if_polled(self) -> str:
        """What a poll shows now."""
        if self.due():
            return self.final_status
        return self.status if self.ended is not None else self.words.running

    def failure_shown(self, status: str) -> RunFailure | None:
        """Why it failed, for a body that shows it in a status."""
        return self.failure if status == self.words.failed else None

    @property
    def final_status(self) -> str:
        """How it ends by itself."""
        return self.words.succeeded if self.failure is None else self.words.failed

    def finish(self, when: float, status: str | None = None, *, announced: bool = True) -> None:
        """It ends, once; where nobody is told of it here, the test makes the webhook itself."""
        with self.lock:
            if self.ended is not None:
                return
            self.ended, self.status = when, status or self.final_status
            batch = self.batch
            whole = batch is not None and batch.one_ended(when)
        # A receiver of webhooks may ask about runs.
        if self.on_end is not None and announced:
            self.on_end(self)
        if batch is not None and whole and batch.on_end is not None and announced:
            batch.on_end(batch)

    def announce(self, *, right: bool) -> None:
        """A webhook tells of it."""
        if self.announced != "right":
            self.announced = "right" if right else "wrong"

    def told(self, now: float, status: str, failure: RunFailure | None, *, polled: bool) -> None:
        """A mock of the test's own has shown it in a status."""
        if status not in self.words.terminal:
            self.polls += polled and self.ended is None
            self.status = status if self.ended is None else self.status
            return
        if self.ended is None:
            self.failure = failure
            self.finish(now, status, announced=False)
        self.end_shown = True

    def delete(self) -> None:
        """The API shows it no more; tests still see it."""
        self.deleted = True

    def shown(self) -> Run:
        """The run as tests see it."""
        failure = self.failure_shown(self.status)
        error = None if failure is None else failure.error
        return Run(
            id=self.id,
            document=self.names[0] if self.names else None,
            status=self.status,
            failed=failure is not None,
            failure_reason=None if failure is None else failure.reason,
            failure_message=None if failure is None else failure.message,
            failure_texts=() if failure is None else self.words.failure_texts(failure),
            polls=self.polls,
            created=self.created,
            ended=self.ended,
            batch_id=None if self.batch is None else self.batch.id,
            names=self.names,
            retryable=None if error is None else error.retryable,
            cured_by=None if error is None else error.cured_by,
            submitted=self.submitted,
            announced=self.announced,
        )


@dataclass(slots=True, kw_only=True, eq=False)
class BatchRecord:
    """A batch of runs. A poll of the batch is a poll of each of its runs."""

    words: RunDescription
    """The provider's statuses."""
    id: str
    created: float
    runs: list[RunRecord] = field(default_factory=list)
    ended: float | None = None
    end_shown: bool = False
    unfinished: int = 0
    on_end: Callable[[BatchRecord], None] | None = None

    @property
    def ends_at(self) -> float | None:
        """When the clock ends the last of its runs; None where polls end one."""
        ends = [run.ends_at for run in self.runs]
        return None if None in ends else max(end for end in ends if end is not None)

    def add(self, run: RunRecord) -> None:
        """One more run."""
        run.batch = self
        run.status = self.words.waiting or self.words.submitted
        self.runs.append(run)
        self.unfinished += 1

    def settle(self, now: float) -> None:
        """End the runs whose time is over."""
        if self.ended is None:
            for run in self.runs:
                run.settle(now)

    def due(self) -> bool:
        """Whether the next poll finds it ended."""
        return self.ended is None and all(run.ended is not None or run.due() for run in self.runs)

    def poll(self, now: float) -> None:
        """A poll was answered."""
        if self.ended is None:
            for run in self.runs:
                if run.due():
                    run.finish(now)
                elif run.ended is None:
                    run.polls += 1
                    run.status = self.words.running
        self.end_shown = self.ended is not None

    def one_ended(self, when: float) -> bool:
        """One of its runs has ended; whether the whole has."""
        self.unfinished -= 1
        if not self.unfinished:
            self.ended = max(run.ended or when for run in self.runs)
        return not self.unfinished

    @property
    def status(self) -> str:
        """The status of the whole.

        A batch has succeeded when all its runs have ended, some of them failed perhaps; that only
        one without any success has failed is inferred.
        """
        if self.ended is None:
            waiting = self.words.waiting or self.words.submitted
            begun = any(run.status != waiting for run in self.runs)
            return self.words.running if begun else waiting
        return self._outcome(run.status for run in self.runs)

    def status_if_polled(self) -> str:
        """What a poll shows now."""
        if self.due():
            return self._outcome(
                run.status if run.ended is not None else run.final_status for run in self.runs
            )
        return self.status if self.ended is not None else self.words.running

    def _outcome(self, statuses: Iterable[str]) -> str:
        found = set(statuses)
        return found.pop() if len(found) == 1 else self.words.succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long runs stay in progress: a number of polls, or of virtual seconds."""

    polls: float = 1
    seconds: float | None = None


class RunBook:
    """Every run and batch of one provider in one test.

    Args:
        words: what the provider documents about runs.
        document_names: what signs a link, and so tells nothing about its document.
    """

    def __init__(self, words: RunDescription, document_names: DocumentNames) -> None:
        self.words = words
        self._document_names = document_names
        self.pace = Pace()
        self.script = RunScript(document_names)
        self.batches: dict[str, BatchRecord] = {}
        self.in_order: list[RunRecord] = []
        self.announced: list[str | None] = []
        """The failure reason of each webhook event made, None where it tells of no failure."""
        self.keys: dict[str, tuple[str, RunRecord]] = {}
        """What was submitted by an idempotency key: the digest of the request, and the run."""
        self.on_end: Callable[[RunRecord | BatchRecord], None] | None = None
        """Called when a run or batch ends; while it is set, runs end by the clock alone."""
        self.on_start: Callable[[RunRecord | BatchRecord], None] | None = None
        """Called when a request has made a run or batch."""
        self.on_kept: Callable[[RunRecord], None] | None = None
        """Called when there is one more run, which a server that runs for days counts."""
        self.dropped = 0
        """How many runs there are no longer, because a server kept newer ones."""
        self._lock = allocate_lock()
        self._by_id: dict[str, RunRecord] = {}
        self._latest: dict[str, RunRecord] = {}

    def get(self, run_id: str) -> RunRecord | None:
        """The run of an id, deleted ones too."""
        return self._by_id.get(run_id)

    def shown(self, now: float) -> list[Run]:
        """Every run, oldest first."""
        for run in self.in_order:
            run.settle(now)
        return [run.shown() for run in self.in_order]

    def latest(self, names: tuple[str, ...]) -> RunRecord | None:
        """The latest run for a document."""
        return self._latest.get(names[0]) if names else None

    def draft(self, run_id: str, submission: Submission, now: float) -> RunRecord:
        """A run that does not count yet; `add` lets it begin."""
        return RunRecord(
            words=self.words,
            id=run_id,
            names=self._document_names.names(submission.names),
            data=submission.data,
            failure=submission.failure,
            created=now,
            status=self.words.submitted,
            on_end=self._ended,
            lock=self._lock,
        )

    def add(
        self, run: RunRecord, *, scripted: bool = True, batch: BatchRecord | None = None
    ) -> None:
        """Let a run begin; it fails as the script says, else as its submission does."""
        step = self.script.take(run.names) if scripted else None
        pace = self.pace if step is None else Pace(polls=step.polls)
        polls: float | None = pace.polls
        seconds = pace.seconds
        if seconds is None and self.on_end is not None:
            # Nobody may ever poll where webhooks tell: a poll each second is assumed.
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

    def add_ended(self, run: RunRecord, when: float) -> None:
        """Keep a run that succeeded at once."""
        run.status = run.words.succeeded
        run.ended = when
        run.end_shown = True
        self._keep(run)

    def drop(self, run: RunRecord) -> bool:
        """Forget the oldest run, and its batch; False where the run is not here any more."""
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
        """Forget every run and batch: nobody asks for them any more."""
        for runs in (self.batches, self._by_id, self._latest, self.keys):
            runs.clear()
        self.in_order.clear()
        self.on_kept = None

    def adopt(self, run: RunRecord, status: str) -> None:
        """Keep a run that a mock of the test's own has made: only that mock ends it."""
        run.status = status
        run.polls_needed = math.inf
        self._keep(run)

    def begun(self, item: RunRecord | BatchRecord) -> None:
        """A request has made it."""
        if self.on_start is not None:
            self.on_start(item)

    def _keep(self, run: RunRecord) -> None:
        self._by_id[run.id] = run
        self.in_order.append(run)
        if run.names:
            self._latest[run.names[0]] = run
        if self.on_kept is not None:
            self.on_kept(run)

    def _ended(self, item: RunRecord | BatchRecord) -> None:
        if self.on_end is not None:
            self.on_end(item)
