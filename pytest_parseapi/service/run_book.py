"""The book of runs and batches in one test: their pace, their script, and where they are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_parseapi.run import Run
from pytest_parseapi.service.extend_files import StoredFile
from pytest_parseapi.service.run_records import BatchRecord, RunRecord
from pytest_parseapi.service.run_script import RunFailure, RunScript

__all__ = ["Pace", "RunBook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long runs stay in progress: a number of polls, or of virtual seconds."""

    polls: float = 1
    seconds: float | None = None


class RunBook:
    """Every run and batch of one provider in one test."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.script = RunScript()
        self.batches: dict[str, BatchRecord] = {}
        self.in_order: list[RunRecord] = []
        self.announced: list[str | None] = []
        """The failure reason of each webhook event made, None where it tells of no failure."""
        self.on_end: Callable[[RunRecord | BatchRecord], None] | None = None
        """Called when a run or batch ends; while it is set, runs end by the clock alone."""
        self.on_start: Callable[[RunRecord | BatchRecord], None] | None = None
        """Called when a request has made a run or batch."""
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

    def create(
        self,
        run_id: str,
        *,
        file: StoredFile,
        names: tuple[str, ...],
        config: Mapping[str, Any],
        metadata: Mapping[str, Any] | None,
        now: float,
        failure: RunFailure | None = None,
        scripted: bool = True,
        batch: BatchRecord | None = None,
    ) -> RunRecord:
        """A new run; it fails as the script says, else with ``failure`` where one is given."""
        step = self.script.take(names) if scripted else None
        pace = self.pace if step is None else Pace(polls=step.polls)
        polls: float | None = pace.polls
        seconds = pace.seconds
        if seconds is None and self.on_end is not None:
            # Nobody may ever poll where webhooks tell: a poll each second is assumed.
            seconds = pace.polls
        if seconds is not None:
            polls = None
        run = RunRecord(
            id=run_id,
            file=file,
            names=names,
            config=config,
            metadata=metadata,
            created=now,
            polls_needed=polls,
            ends_at=None if seconds is None else now + seconds,
            failure=failure if step is None else step.failure,
            on_end=self._ended,
        )
        if batch is not None:
            batch.add(run)
            batch.on_end = self._ended
        self._by_id[run_id] = run
        self.in_order.append(run)
        if names:
            self._latest[names[0]] = run
        return run

    def begun(self, item: RunRecord | BatchRecord) -> None:
        """A request has made it."""
        if self.on_start is not None:
            self.on_start(item)

    def _ended(self, item: RunRecord | BatchRecord) -> None:
        if self.on_end is not None:
            self.on_end(item)
