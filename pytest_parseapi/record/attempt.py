"""One HTTP exchange with a simulated provider, as it is on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Timeouts, moment_of
from pytest_parseapi.model.lookup import name_of
from pytest_parseapi.model.redaction import redacted_repr
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.record.payload import Payload, payload_of

_MIN_SECRET_CHARS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RequestFacts:
    """The facts of a request. Equal requests share one object, which saves memory."""

    method: str
    url: str
    path: str
    endpoint: str
    client: str
    timeouts: Timeouts
    headers: tuple[tuple[str, str], ...]
    """As they were sent."""
    secrets: tuple[str, ...]
    document_names: DocumentNames


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFacts:
    """The facts that only some replies have. Attempts with equal values share one object."""

    retry_after: str | None = None
    shown: RunShown | None = None
    listed: tuple[RunShown, ...] = ()
    mock: str | None = None
    contradiction: str | None = None
    rejection: str | None = None


# What a failing comparison of attempts prints: no bodies, and no credential.
_SHOWN: Final = (
    *("number", "method", "url", "path", "endpoint", "document", "request_id", "status", "error"),
    *("started", "ended", "waited", "wall_started", "wall_ended", "retry_after", "client"),
    *("timeouts", "names", "shown", "mock", "contradiction"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Attempt:
    """One HTTP exchange with a simulated provider.

    Example:
        >>> attempt = extend_api.attempts[-1]  # doctest: +SKIP
        >>> attempt.status, attempt.error.code, attempt.waited  # doctest: +SKIP
        (500, 'OCR_ERROR', 1.0)
    """

    number: int
    """Counts from 1."""
    request_id: str | None
    """The id of the request that the reply carried, such as its ``requestId``."""
    status: int | None
    """None for a network fault."""
    error: DocumentedError | str | None
    """The documented error, the name of the network fault, or None for a success."""
    started: float
    """Virtual seconds since the test began."""
    ended: float
    """Virtual seconds since the test began, when the reply or fault arrived."""
    waited: float | None
    """Virtual seconds since the end of this caller's previous attempt at the same operation."""
    wall_started: float
    """What ``time.time()`` showed the consumer when the attempt began."""
    wall_ended: float
    body: bytes
    """What was sent."""
    names: tuple[str, ...]
    """Every name of the document, best first."""
    _request: RequestFacts
    _reply: ReplyFacts

    def __repr__(self) -> str:
        return redacted_repr(self, _SHOWN)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self._request.method

    @property
    def url(self) -> str:
        """The URL of the request."""
        return self._request.url

    @property
    def path(self) -> str:
        """The path of the URL."""
        return self._request.path

    @property
    def endpoint(self) -> str:
        """The path's template, such as ``/parse_runs/{id}``."""
        return self._request.endpoint

    @property
    def document(self) -> str | None:
        """What the request was about: a URL, file name or id; None where it named none."""
        return self.names[0] if self.names else None

    @property
    def client(self) -> str:
        """The client library that sent it, such as ``"httpx"``."""
        return self._request.client

    @property
    def timeouts(self) -> Timeouts:
        """The time-outs that the client was set to."""
        return self._request.timeouts

    @property
    def retry_after(self) -> str | None:
        """The reply's ``Retry-After`` header."""
        return self._reply.retry_after

    @property
    def shown(self) -> RunShown | None:
        """What the reply shows of the run or batch that the attempt is about."""
        return self._reply.shown

    @property
    def listed(self) -> tuple[RunShown, ...]:
        """What the reply shows of each run, where it lists several."""
        return self._reply.listed

    @property
    def mock(self) -> str | None:
        """The test's own mock that answered, as ``"respx route"``; None for the simulation."""
        return self._reply.mock

    @property
    def contradiction(self) -> str | None:
        """How that mock's answer contradicts the documentation; None where it does not."""
        return self._reply.contradiction

    @property
    def rejection(self) -> str | None:
        """Why the API rejected the request by itself, without a script."""
        return self._reply.rejection

    @property
    def run_id(self) -> str | None:
        """The run or batch that it created, polled or changed."""
        return None if self.shown is None else self.shown.id

    @property
    def run_status(self) -> str | None:
        """The status of the run as the reply shows it; None where it shows none."""
        return None if self.shown is None else self.shown.status

    @property
    def run_reason(self) -> str | None:
        """Why the run failed, where the reply shows that."""
        return None if self.shown is None else self.shown.reason

    @property
    def headers(self) -> dict[str, str]:
        """The headers that were sent, with names in lower case. The credential is masked."""
        request = self._request
        return {name: _masked(name, value, request.secrets) for name, value in request.headers}

    @property
    def error_name(self) -> str | None:
        """The code of its documented error, or the name of its network fault."""
        return None if self.error is None else name_of(self.error)

    @property
    def failed(self) -> bool:
        """Whether it met an error or a network fault."""
        return self.error is not None

    @property
    def payload(self) -> Payload:
        """The content of the body, without multipart boundaries, which always differ."""
        return payload_of(self.header("content-type") or "", self.body, self._document_names)

    @property
    def nameless_file(self) -> str | None:
        """A digest of the file's bytes, sent or uploaded, if the file has no name of its own."""
        if not self.names:
            return self.payload.content
        upload = self._document_names.upload(self.names[0])
        return None if upload is None else upload.content

    @property
    def part(self) -> str | None:
        """The part of the document that was asked for; None for the whole document."""
        option = self._document_names.part_option_in(self.body)
        return self.payload.option(option) if option else None

    @property
    def payload_digest(self) -> str:
        """A digest of `payload`: equal for retries that send the same."""
        return self.payload.digest

    @property
    def retry_at(self) -> float | None:
        """The earliest time for a retry by ``Retry-After``, as ``time.time()`` counts."""
        return None if self.retry_after is None else moment_of(self.retry_after, self.wall_ended)

    def same_credential(self, other: Attempt) -> bool:
        """Whether two attempts carried the same credential, or both none."""
        return self._credential == other._credential

    @property
    def _credential(self) -> object:
        # A credential that the provider cannot read still counts.
        return self._secrets or self.header("authorization")

    @property
    def _secrets(self) -> tuple[str, ...]:
        """The parts of the request that its provider reads as the credential."""
        return self._request.secrets

    @property
    def _document_names(self) -> DocumentNames:
        return self._request.document_names

    def header(self, name: str) -> str | None:
        """The first value of a header that was sent, by its lower-case name."""
        return next((value for key, value in self._request.headers if key == name), None)


def _masked(name: str, value: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        # A short secret may be a part of any word.
        if len(secret) >= _MIN_SECRET_CHARS or value.rpartition(" ")[2] == secret:
            value = value.replace(secret, "***")
    if name not in {"authorization", "proxy-authorization", "x-api-key", "cookie"}:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if space else "***"
