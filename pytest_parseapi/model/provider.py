"""The `Provider`: a parsing API with its hosts, endpoints, errors and advice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from pytest_parseapi.model.behaviour import Behaviour
from pytest_parseapi.model.credentials import BearerToken, Credential
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import Advice, DocumentedError, Topic
from pytest_parseapi.model.frozen import keep_as_tuples
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.runs import RunDescription
from pytest_parseapi.model.webhooks import WebhookDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class APIVersion:
    """The request header by which a consumer says which version of an API it is written for.

    Args:
        header: its name in lower case, such as ``"x-acme-api-version"``.
        versions: the versions that the provider's page lists, newest first.
        source: that page.
        source_read: the date on which it was read.

    Example:
        >>> APIVersion(header="x-acme-api-version", versions=("2026-02-09",)).header
        'x-acme-api-version'
    """

    header: str
    versions: tuple[str, ...]
    source: str = ""
    source_read: str = ""

    def __post_init__(self) -> None:
        keep_as_tuples(self, "versions")


# What the service answers by itself where a provider documents no error of its own for it.
_PLAIN: Final = {
    "NOT_FOUND": (404, "Not found."),
    "idempotency_conflict": (409, "The key was used for another request."),
}


def host_of(base_url: str) -> str:
    """The host that a URL names, as it is written."""
    return base_url.partition("://")[2].partition("/")[0].partition(":")[0]


def path_of(base_url: str) -> str:
    """The path of a URL, such as ``/v1``; an empty text where it has none."""
    path = base_url.partition("://")[2].partition("/")[2].rstrip("/")
    return f"/{path}" if path else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A parsing API: where it lives, what it serves, and every failure it documents.

    Args:
        name: short name, as used by markers and ``parseapi_factory``.
        base_url: the documented base URL.
        title: the name for messages; the short name where empty.
        hosts: every documented host; that of ``base_url`` where empty.
        api_key: a well-formed credential for tests.
        credential: where requests carry the credential.
        unauthorized: the code of the error for a missing or malformed credential; where `errors`
            lacks it, every request is accepted.
        errors: the documented errors.
        own_errors: errors that the service answers by itself, and that no script can name, because
            no page names them.
        endpoints: the endpoints that the simulation covers.
        main_endpoint: the path of the endpoint that most consumers call; the first one's where
            empty.
        idempotency_header: the request header that makes a second submission harmless; None where
            no page names one.
        part_option: the option of a JSON request that picks pages of its document, by the names of
            the keys that lead to it, such as ``"config.pages"``: requests for two parts of a
            document are about two documents. Empty where there is none.
        api_version: the header that says which version of the API a request is written for; None
            where the provider documents none.
        advice: what the provider tells its clients to do.
        behaviour: how requests are validated and bodies look.
        runs: its asynchronous runs; None where it has none.
        webhooks: its webhooks; None where it has none.
        takes_files: whether consumers hand a file to this API: the default document of a contract
            is the path of a small PDF then, else a URL.
        fixture: the fixture that gives its `ParseAPI`, for messages; ``parseapi_factory`` if empty.

    Example:
        >>> Provider(name="acme", base_url="https://api.acme.example/v1").hosts
        ('api.acme.example',)
    """

    name: str
    base_url: str
    title: str = ""
    hosts: tuple[str, ...] = ()
    api_key: str = "test_key_parseapi_0123456789"
    credential: Credential = field(default_factory=BearerToken)
    unauthorized: str = "UNAUTHORIZED"
    errors: tuple[DocumentedError, ...] = ()
    own_errors: tuple[DocumentedError, ...] = ()
    endpoints: tuple[Endpoint, ...] = (Endpoint(method="POST", path="/parse"),)
    main_endpoint: str = ""
    idempotency_header: str | None = None
    part_option: str = ""
    api_version: APIVersion | None = None
    advice: tuple[Advice, ...] = ()
    behaviour: Behaviour = field(default_factory=Behaviour, compare=False)
    runs: RunDescription | None = None
    webhooks: WebhookDescription | None = None
    takes_files: bool = False
    fixture: str = ""

    def __post_init__(self) -> None:
        # A value of another type is reported by the registry, which knows whose it is.
        keep_as_tuples(self, "hosts", "errors", "own_errors", "endpoints", "advice")
        if not self.hosts and isinstance(self.base_url, str):
            object.__setattr__(self, "hosts", (host_of(self.base_url),))
        if not self.title:
            object.__setattr__(self, "title", self.name)
        first = self.endpoints[0] if isinstance(self.endpoints, tuple) and self.endpoints else None
        if not self.main_endpoint and isinstance(first, Endpoint) and isinstance(first.path, str):
            object.__setattr__(self, "main_endpoint", first.path)

    @property
    def in_tests(self) -> str:
        """How a test gets its `ParseAPI`, for messages."""
        return self.fixture or f"parseapi_factory({self.name!r})"

    @property
    def submit_endpoint(self) -> Endpoint | None:
        """The endpoint that most consumers submit runs to; None where there is none."""
        return next((endpoint for endpoint in self.endpoints if endpoint.submits), None)

    @property
    def poll_endpoint(self) -> Endpoint | None:
        """The endpoint that most consumers poll; None where there is none."""
        return next((endpoint for endpoint in self.endpoints if endpoint.polls), None)

    @property
    def request_id_name(self) -> str:
        """What messages call the id of a request: the field or the header that carries it."""
        behaviour = self.behaviour
        return behaviour.request_id_field or behaviour.request_id_header or "request id"

    def errors_on(self, surface: str) -> list[DocumentedError]:
        """The errors of a surface: ``"http"``, ``"run"`` or ``"webhook"``."""
        return [error for error in self.errors if surface in error.surfaces]

    def errors_at(self, path: str) -> list[DocumentedError]:
        """The errors that replies of an endpoint can carry, named by its path template."""
        return [error for error in self.errors_on("http") if error.documented_for(path)]

    def error_of(self, code: str) -> DocumentedError | None:
        """The error that a `Rejected` names, or None.

        Args:
            code: its code. ``"NOT_FOUND"`` is a plain 404, and ``"idempotency_conflict"`` a plain
                409, where the provider documents none.
        """
        for error in (*self.errors, *self.own_errors):
            if error.code == code:
                return error
        if code not in _PLAIN:
            return None
        status, message = _PLAIN[code]
        return DocumentedError(
            provider=self.name, code=code, status=status, retryable=False, message=message
        )

    def with_errors(self, *errors: DocumentedError) -> Provider:
        """The same provider with more errors; one of the same code replaces the old one."""
        for index, error in enumerate(errors):
            if not isinstance(error, DocumentedError):
                what = f"errors[{index}] must be a DocumentedError"
                raise UsageError(f"provider {self.name!r}: {what}, not {error!r}")
        codes = {error.code for error in errors}
        kept = tuple(error for error in self.errors if error.code not in codes)
        return replace(self, errors=kept + errors)

    def advice_for(self, topic: Topic) -> Advice | None:
        """The advice on a topic, such as ``"backoff"``, or None."""
        return next((item for item in self.advice if item.topic == topic), None)
