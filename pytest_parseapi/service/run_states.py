"""The states of one run, and of one batch of runs, in virtual time."""

from __future__ import annotations

from _thread import LockType, allocate_lock
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_parseapi.model.runs import RunDescription, RunFailure, RunShown
from pytest_parseapi.record.run import Run


@dataclass(slots=True, kw_only=True, eq=False)
class RunState:
    """One run. Call `settle` before reading it: the run may have ended by the clock."""

    description: RunDescription
    """The provider's statuses."""
    id: str
    names: tuple[str, ...]
    data: Any
    created: float
    status: str
    failure: RunFailure | None = None
    polls_needed: float | None = None
    """How many polls find it in progress; None if it ends by the clock alone."""
    ends_at: float | None = None
    batch: BatchState | None = None
    polls: int = 0
    ended: float | None = None
    end_shown: bool = False
    """Whether a reply has shown its end."""
    deleted: bool = False
    submitted: bool = True
    """Whether a request submitted it; False if the test made it."""
    announced: Literal["", "wrong", "right"] = ""
    """Whether webhooks were made about it, and whether one of them was right."""
    on_end: Callable[[RunState], None] | None = None
    lock: LockType = field(default_factory=allocate_lock)
    """The lock of all runs of a table: only one thread can end a run."""

    def settle(self, now: float) -> None:
        """End the run if its time is over."""
        if self.ended is None and self.ends_at is not None and now >= self.ends_at:
            self.finish(self.ends_at)

    def due(self) -> bool:
        """Whether the next poll finds it ended."""
        needed = self.polls_needed
        return self.ended is None and needed is not None and self.polls >= needed

    def poll(self, now: float) -> None:
        """A poll was answered."""
        self.count_poll(now)
        self.end_shown = self.ended is not None

    def count_poll(self, now: float) -> None:
        """Count one poll. Once there were enough, the run ends."""
        if self.due():
            self.finish(now)
        elif self.ended is None:
            self.polls += 1
            self.status = self.description.running

    def status_if_polled(self) -> str:
        """What a poll shows now."""
        if self.due():
            return self.final_status
        return self.status if self.ended is not None else self.description.running

    def failure_shown(self, status: str) -> RunFailure | None:
        """The failure that a body with this status shows; None for none."""
        return self.failure if status == self.description.failed else None

    @property
    def final_status(self) -> str:
        """The status in which the run ends by itself."""
        return self.description.succeeded if self.failure is None else self.description.failed

    def finish(self, when: float, status: str | None = None, *, announced: bool = True) -> None:
        """End the run, once, and call `on_end`, unless the test makes the webhook itself."""
        with self.lock:
            if self.ended is not None:
                return
            self.ended, self.status = when, status or self.final_status
            batch = self.batch
            whole = batch is not None and batch.one_ended(when)
        # Outside the lock: a receiver of webhooks may read runs.
        if self.on_end is not None and announced:
            self.on_end(self)
        if batch is not None and whole and batch.on_end is not None and announced:
            batch.on_end(batch)

    def announce(self, *, right: bool) -> None:
        """Note that a webhook was made for the run."""
        if self.announced != "right":
            self.announced = "right" if right else "wrong"

    def told(self, now: float, status: str, failure: RunFailure | None, *, polled: bool) -> None:
        """Note the status in which a test's own mock has shown the run."""
        if status not in self.description.terminal:
            self.polls += polled and self.ended is None
            self.status = status if self.ended is None else self.status
            return
        if self.ended is None:
            self.failure = failure
            self.finish(now, status, announced=False)
        self.end_shown = True

    def delete(self) -> None:
        """Delete the run: the API does not show it any more, but tests still see it."""
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
            failure_texts=() if failure is None else self.description.failure_texts(failure),
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
class BatchState:
    """A batch of runs. A poll of the batch is a poll of each of its runs."""

    description: RunDescription
    """The provider's statuses."""
    id: str
    created: float
    runs: list[RunState] = field(default_factory=list)
    ended: float | None = None
    end_shown: bool = False
    unfinished: int = 0
    on_end: Callable[[BatchState], None] | None = None

    @property
    def ends_at(self) -> float | None:
        """The time at which the clock ends its last run; None if a run ends by polls."""
        ends = [run.ends_at for run in self.runs]
        return None if None in ends else max(end for end in ends if end is not None)

    def add(self, run: RunState) -> None:
        """Add a run."""
        run.batch = self
        run.status = self.description.waiting or self.description.submitted
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
                run.count_poll(now)
        self.end_shown = self.ended is not None

    def one_ended(self, when: float) -> bool:
        """Note that one of its runs has ended, and return whether the batch has."""
        self.unfinished -= 1
        if not self.unfinished:
            self.ended = max(run.ended or when for run in self.runs)
        return not self.unfinished

    @property
    def status(self) -> str:
        """The status of the batch.

        A batch has succeeded when all its runs have ended, some of them failed perhaps; that only
        one without any success has failed is inferred.
        """
        if self.ended is None:
            waiting = self.description.waiting or self.description.submitted
            begun = any(run.status != waiting for run in self.runs)
            return self.description.running if begun else waiting
        return self._outcome(run.status for run in self.runs)

    def status_if_polled(self) -> str:
        """What a poll shows now."""
        if self.due():
            return self._outcome(
                run.status if run.ended is not None else run.final_status for run in self.runs
            )
        return self.status if self.ended is not None else self.description.running

    def _outcome(self, statuses: Iterable[str]) -> str:
        found = set(statuses)
        return found.pop() if len(found) == 1 else self.description.succeeded


def run_shown(
    description: RunDescription, item_id: str, status: str, failure: RunFailure | None
) -> RunShown:
    """Make the facts that a reply shows of a run or batch.

    Args:
        description: the provider's statuses.
        item_id: the id of the run or batch.
        status: the status that the reply shows.
        failure: why the run failed, where the reply shows that it did.
    """
    return RunShown(
        item_id,
        status,
        None if failure is None else failure.reason,
        ended=status in description.terminal,
        failed=failure is not None,
    )
