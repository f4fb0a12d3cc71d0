"""Runs and batches as the simulated service keeps them: a state machine in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_parseapi.run import Run
from pytest_parseapi.service.extend_files import StoredFile
from pytest_parseapi.service.run_script import RunFailure

__all__ = ["BatchRecord", "RunRecord"]


@dataclass(slots=True, kw_only=True, eq=False)
class RunRecord:
    """One run. What depends on the clock alone is brought up to date by `settle`."""

    id: str
    file: StoredFile
    names: tuple[str, ...]
    config: Mapping[str, Any]
    metadata: Mapping[str, Any] | None
    created: float
    polls_needed: float | None
    """How many polls find it in progress; None where the clock alone decides."""
    ends_at: float | None
    failure: RunFailure | None
    batch: BatchRecord | None = None
    status: str = "PROCESSING"
    polls: int = 0
    ended: float | None = None
    told: bool = False
    """Whether a reply has shown its end."""
    deleted: bool = False
    on_end: Callable[[RunRecord], None] | None = None

    def settle(self, now: float) -> None:
        """End it if its time is over."""
        if self.ended is None and self.ends_at is not None and now >= self.ends_at:
            self.finish(self.ends_at)

    def due(self) -> bool:
        """Whether the next poll finds it ended."""
        polls = self.polls + (self.batch.polls if self.batch is not None else 0)
        return self.ended is None and self.polls_needed is not None and polls >= self.polls_needed

    def poll(self, now: float) -> None:
        """A poll was answered."""
        if self.due():
            self.finish(now)
        elif self.ended is None:
            self.polls += 1
        self.told = self.ended is not None

    def status_if_polled(self) -> str:
        """What a poll shows now."""
        if self.due():
            return self.final_status
        return "PROCESSING" if self.status == "PENDING" else self.status

    @property
    def final_status(self) -> str:
        """How it ends by itself."""
        return "PROCESSED" if self.failure is None else "FAILED"

    def finish(self, when: float, status: str | None = None, *, announced: bool = True) -> None:
        """It ends; where nobody is told of it here, the test makes the webhook itself."""
        self.status = status or self.final_status
        self.ended = when
        if self.on_end is not None and announced:
            self.on_end(self)
        if self.batch is not None:
            self.batch.one_ended(when)

    def shown(self) -> Run:
        """The run as tests see it."""
        failure = self.failure if self.status == "FAILED" else None
        error = None if failure is None else failure.error
        return Run(
            id=self.id,
            document=self.names[0] if self.names else None,
            status=self.status,
            failure_reason=None if failure is None else failure.reason,
            failure_message=None if failure is None else failure.message,
            polls=self.polls,
            created=self.created,
            ended=self.ended,
            batch_id=None if self.batch is None else self.batch.id,
            names=self.names,
            retryable=None if error is None else error.retryable,
        )


@dataclass(slots=True, kw_only=True, eq=False)
class BatchRecord:
    """A batch of runs. A poll of the batch is a poll of each of its runs."""

    id: str
    created: float
    runs: list[RunRecord] = field(default_factory=list)
    polls: int = 0
    ended: float | None = None
    told: bool = False
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
        run.status = "PENDING"
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
                elif run.status == "PENDING":
                    run.status = "PROCESSING"
            self.polls += self.ended is None
        self.told = self.ended is not None

    def one_ended(self, when: float) -> None:
        """One of its runs has ended."""
        self.unfinished -= 1
        if not self.unfinished:
            self.ended = max(run.ended or when for run in self.runs)
            if self.on_end is not None:
                self.on_end(self)

    @property
    def status(self) -> str:
        """The status of the whole.

        A batch is PROCESSED when all its runs have ended, some of them failed perhaps; that only
        one without any success is FAILED is inferred.
        """
        if self.ended is None:
            return "PROCESSING" if any(run.status != "PENDING" for run in self.runs) else "PENDING"
        return self._outcome(run.status for run in self.runs)

    def status_if_polled(self) -> str:
        """What a poll shows now."""
        if self.due():
            return self._outcome(
                run.status if run.ended is not None else run.final_status for run in self.runs
            )
        return "PROCESSING" if self.status == "PENDING" else self.status

    def _outcome(self, statuses: Any) -> str:
        found = set(statuses)
        return found.pop() if len(found) == 1 else "PROCESSED"
