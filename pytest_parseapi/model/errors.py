"""The errors and the advice that a provider documents, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_parseapi.model.frozen import keep_as_tuples

Basis = Literal["documented", "client", "inferred"]
Surface = Literal["http", "run", "webhook"]
Cure = Literal["password", "config", "file", "url", "credential"]
"""What a request must change in before it may be sent again after a final error."""
Topic = Literal[
    "retryable",
    "backoff",
    "retry_after",
    "server_errors",
    "rate_limits",
    "final_errors",
    "timeout",
    "request_id",
    "polling",
    "idempotency",
    "webhook",
]
"""What a provider's advice can be about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedError:
    """One failure that a provider documents.

    Args:
        provider: the name of the provider, such as ``"extend"``.
        code: the name that tests use; the documented code where there is one.
        status: the HTTP status.
        retryable: whether the provider advises to send the request again.
        message: the text the simulated service sends unless a script says otherwise.
        wire_code: what the body carries as its code: ``code`` unless another is given; None for
            none.
        surfaces: where it can appear: ``"http"`` replies, ``"run"`` failures, ``"webhook"`` events.
        endpoints: path templates that document it; empty for every endpoint.
        source: the page that documents it.
        source_read: the date on which that page was read, as ``"2026-11-25"``.
        basis: ``"documented"``, ``"client"`` (only the official client shows it) or ``"inferred"``.
        description: what it means, in a sentence.
        cured_by: what a new request must have changed in, so that it is no retry of this one: the
            ``"password"``, the ``"config"`` (any option), the ``"file"``, its ``"url"`` or the
            ``"credential"``. None where no change of the request helps.

    Example:
        >>> DocumentedError(provider="acme", code="BUSY", status=503, retryable=True,
        ...                 message="Try later.").code
        'BUSY'
    """

    provider: str
    code: str
    status: int
    retryable: bool
    message: str
    wire_code: str | None = ""
    surfaces: tuple[Surface, ...] = ("http",)
    endpoints: tuple[str, ...] = ()
    source: str = ""
    source_read: str = ""
    basis: Basis = "documented"
    description: str = ""
    cured_by: Cure | None = None

    def __post_init__(self) -> None:
        keep_as_tuples(self, "surfaces", "endpoints")
        if self.wire_code == "":
            object.__setattr__(self, "wire_code", self.code)

    def __hash__(self) -> int:
        # Every failed exchange needs it, and a hash of all fields takes long.
        return hash((self.provider, self.code))

    def __str__(self) -> str:
        return f"{self.provider}-{self.code}"

    def documented_for(self, path: str) -> bool:
        """Whether an endpoint documents it, named by its path template.

        Example:
            >>> DocumentedError(provider="acme", code="BUSY", status=503, retryable=True,
            ...                 message="Try later.", endpoints=("/read",)).documented_for("/jobs")
            False
        """
        return not self.endpoints or path in self.endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One piece of a provider's advice for clients, and the page that gives it.

    Args:
        topic: what it is about: ``"retryable"`` (which errors to send again), ``"backoff"``,
            ``"retry_after"``, ``"server_errors"`` (that any 5xx is to be sent again),
            ``"rate_limits"`` (how a 429 is sent again), ``"final_errors"`` (what to do where an
            error is not to be sent again), ``"timeout"``, ``"request_id"``, ``"polling"``,
            ``"idempotency"`` or ``"webhook"``.
        text: the advice, in a sentence.
        source: the page that gives it.
        source_read: the date on which that page was read.
    """

    topic: Topic
    text: str
    source: str
    source_read: str = ""
