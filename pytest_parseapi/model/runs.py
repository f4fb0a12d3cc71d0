"""The description of a provider's asynchronous runs, and the interface to simulated runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, cast

from pytest_parseapi.model.context import Context
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.request_content import names_of_url


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailure:
    """Why a run fails.

    Args:
        reason: the documented code, or one that no page documents.
        message: the text beside it.
        error: the documented error; None for a reason that the catalogue lacks.
    """

    reason: str
    message: str
    error: DocumentedError | None = None


@dataclass(frozen=True, slots=True)
class RunShown:
    """What one reply shows of a run or batch.

    Args:
        id: the run's id.
        status: its status; None where the reply shows none.
        reason: why it failed, where the reply shows that.
        ended: whether the reply shows that it has ended.
        failed: whether the reply shows that it failed.
    """

    id: str
    status: str | None = None
    reason: str | None = None
    ended: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A document that is submitted to become a run.

    Args:
        names: every name of the document, best first: its URL, file name, id.
        data: what the provider keeps of it for the run's bodies; nobody else looks at it.
        failure: why the run fails unless a script says otherwise; None where it succeeds.
    """

    names: tuple[str, ...]
    data: Any = None
    failure: RunFailure | None = None

    def __post_init__(self) -> None:
        """Refuse what would name each letter a document, or break when the run fails."""
        if not isinstance(self.names, tuple) or not all(
            isinstance(item, str) for item in self.names
        ):
            raise TypeError(f"Submission.names must be a tuple of texts, not {self.names!r}")
        if not isinstance(self.failure, RunFailure | None):
            raise TypeError(f"Submission.failure must be a RunFailure, not {self.failure!r}")


class SimulatedRun(Protocol):
    """One run, as a provider's handlers see it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of its document, best first."""

    @property
    def data(self) -> Any:
        """What the provider gave as `Submission.data`."""

    @property
    def status(self) -> str:
        """Its status now, in the provider's word; a poll may show a later one."""

    def failure_shown(self, status: str) -> RunFailure | None:
        """Why it failed, for a body that shows it in a status; None for any other status."""

    @property
    def created(self) -> float:
        """Virtual seconds since the test began."""

    @property
    def ended(self) -> float | None:
        """Virtual seconds since the test began; None while it is in progress."""

    @property
    def batch(self) -> SimulatedBatch | None:
        """The batch that it belongs to."""


class SimulatedBatch(Protocol):
    """A batch of runs, as a provider's handlers see it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def runs(self) -> Sequence[SimulatedRun]:
        """Its runs."""

    @property
    def status(self) -> str:
        """Its status now, in the provider's word."""

    @property
    def created(self) -> float:
        """Virtual seconds since the test began."""


class RunStore(Protocol):
    """The runs of one test, as ``call.runs`` gives them to a handler.

    What a method changes takes place if the request succeeds, and not where a script makes it fail.
    """

    def submit(self, submission: Submission) -> SimulatedRun:
        """A new run.

        Where the request repeats the idempotency key of an earlier one (see
        `Provider.idempotency_header`), it is the run of that one.

        Raises:
            Rejected: the key was used for another request.
        """

    def submit_batch(self, submissions: Iterable[Submission]) -> SimulatedBatch:
        """A batch with a new run for each submission."""

    def store(self, submission: Submission) -> SimulatedRun:
        """A run that has succeeded already: the record of a synchronous request."""

    def find(self, run_id: str) -> SimulatedRun | None:
        """The run of an id, or None where there is none, or no more."""

    def find_batch(self, batch_id: str) -> SimulatedBatch | None:
        """The batch of an id, or None."""

    def all(self) -> list[SimulatedRun]:
        """Every run that was not deleted, oldest first."""

    def poll(self, item: SimulatedRun | SimulatedBatch) -> str:
        """The status that this reply shows; it counts as one poll of the run or batch."""

    def look(self, runs: Iterable[SimulatedRun]) -> list[str]:
        """The statuses that a list shows; it counts as one poll of each unfinished run."""

    def cancel(self, run: SimulatedRun) -> str:
        """Cancel a run that is in progress; its new status."""

    def delete(self, run: SimulatedRun) -> None:
        """Delete a run."""


class NoRuns:
    """Stands in ``call.runs`` where `Provider.runs` is None."""

    def __getattr__(self, name: str) -> NoReturn:
        raise SimulationStopped(f"call.runs.{name} needs Provider.runs, which is None")


def no_runs() -> RunStore:
    """What ``call.runs`` is where `Provider.runs` is None."""
    return cast("RunStore", NoRuns())


def _named_by_url(context: Context, document: str) -> Submission:  # noqa: ARG001 - others need it
    return Submission(names=names_of_url(document))


def _reason(failure: RunFailure) -> tuple[str, ...]:
    return (failure.reason,)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription:
    """What a provider documents about its asynchronous runs.

    Args:
        submitted: the status of a run that was just submitted.
        running: the status that a poll shows while the run is in progress.
        succeeded: the status of a run that succeeded.
        failed: the status of a run that failed.
        cancelled: the status of a run that was cancelled; None where that is not documented.
        waiting: the status of a run that was submitted in a batch; `submitted` where None.
        id_prefix: what the ids of runs start with.
        batch_id_prefix: what the ids of batches start with; None where there are none.
        failure_field: what the bodies call the reason of a failure, for messages.
        unknown_reason: the reason of ``fail_run("unknown_code")``: one that no page lists.
        sample: makes the submission of a run that no request submitted (for a webhook event), from
            a document's URL.
        failure_texts: the texts by which a log shows why a run failed; any one of them is enough.

    Example:
        >>> RunDescription(submitted="queued", running="running", succeeded="done",
        ...                failed="error").terminal
        ('done', 'error')
    """

    submitted: str
    running: str
    succeeded: str
    failed: str
    cancelled: str | None = None
    waiting: str | None = None
    id_prefix: str = "run_"
    batch_id_prefix: str | None = None
    failure_field: str = "failureReason"
    unknown_reason: str = "A_REASON_ADDED_LATER"
    sample: Callable[[Context, str], Submission] = _named_by_url
    failure_texts: Callable[[RunFailure], tuple[str, ...]] = _reason

    @property
    def terminal(self) -> tuple[str, ...]:
        """The statuses of a run that has ended."""
        ends = (self.succeeded, self.failed, self.cancelled)
        return tuple(status for status in ends if status is not None)

    @property
    def in_progress(self) -> tuple[str, ...]:
        """The statuses of a run that has not ended."""
        going = (self.waiting, self.submitted, self.running)
        return tuple(dict.fromkeys(status for status in going if status is not None))
