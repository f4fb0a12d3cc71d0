"""One asynchronous run, as tests and checks see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_parseapi.model.errors import Cure
from pytest_parseapi.model.redaction import redacted_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One asynchronous run, in the state that it had when the test read it.

    Example:
        >>> run = extend_api.runs[-1]  # doctest: +SKIP
        >>> run.status, run.failure_reason, run.polls  # doctest: +SKIP
        ('FAILED', 'OCR_ERROR', 1)
    """

    id: str
    document: str | None
    """What it is about: a URL, file name or id."""
    status: str
    """In the provider's word."""
    failed: bool = False
    """Whether it ended with a failure."""
    failure_reason: str | None = None
    """Why it failed: the documented code."""
    failure_message: str | None = None
    failure_texts: tuple[str, ...] = ()
    """The texts by which a log shows why it failed; any one of them is enough."""
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
    cured_by: Cure | None = None
    """What a new submission must have changed in, so that it is none of the same after a final
    failure."""
    submitted: bool = True
    """Whether a request submitted it; False where the test made it for a webhook."""
    announced: Literal["", "wrong", "right"] = ""
    """Whether webhooks were made about it: none, only some that a receiver may not believe, or at
    least one that was right."""

    def __repr__(self) -> str:
        return redacted_repr(self)
