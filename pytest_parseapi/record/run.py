"""One asynchronous parse run, as tests and checks see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["IN_PROGRESS", "Run"]

IN_PROGRESS: Final = ("PENDING", "PROCESSING")
"""The statuses of a run or batch that has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One asynchronous parse run, as it was when the test asked.

    Example:
        >>> run = extend_api.runs[-1]  # doctest: +SKIP
        >>> run.status, run.failure_reason, run.polls  # doctest: +SKIP
        ('FAILED', 'OCR_ERROR', 1)
    """

    id: str
    document: str | None
    """What it is about: a URL, file name or id."""
    status: str
    """PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED."""
    failure_reason: str | None = None
    """The ``failureReason`` of a failed run."""
    failure_message: str | None = None
    polls: int = 0
    """How many polls found it in progress."""
    created: float = 0.0
    """Virtual seconds since the test began."""
    ended: float | None = None
    """Virtual seconds since the test began; None while it is in progress."""
    batch_id: str | None = None
    """The batch that it belongs to."""
    names: tuple[str, ...] = ()
    """Every name of the document, best first."""
    retryable: bool | None = None
    """Whether the provider advises to submit a document again after this failure; None where the
    run has not failed, or for a reason that no page documents."""

    @property
    def failed(self) -> bool:
        """Whether it ended ``FAILED``."""
        return self.status == "FAILED"
