"""A parsing API as a whole: its place, its endpoints, its failures, its advice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pytest_parseapi.model.behaviour import Behaviour
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import Advice, DocumentedError

__all__ = ["APIVersion", "Provider"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A parsing API: where it lives, what it serves, and every failure it documents.

    Args:
        name: short name, as used by markers and ``parseapi_factory``.
        base_url: the documented base URL.
        title: the name for messages; the short name where empty.
        hosts: every documented host; that of ``base_url`` where empty.
        api_key: a well-formed credential for tests.
        errors: the documented errors.
        endpoints: the endpoints that the simulation covers.
        main_endpoint: the path of the endpoint that most consumers call; the first one's where
            empty.
        idempotency_header: the request header that makes a second submission harmless; None where
            no page names one.
        api_version: the header that says which version of the API a request is written for; None
            where the provider documents none.
        advice: what the provider tells its clients to do.
        behaviour: how requests are validated and bodies look.

    Example:
        >>> Provider(name="acme", base_url="https://api.acme.example/v1").hosts
        ('api.acme.example',)
    """

    name: str
    base_url: str
    title: str = ""
    hosts: tuple[str, ...] = ()
    api_key: str = "test_key_parseapi_0123456789"
    errors: tuple[DocumentedError, ...] = ()
    endpoints: tuple[Endpoint, ...] = (Endpoint(method="POST", path="/parse"),)
    main_endpoint: str = ""
    idempotency_header: str | None = None
    api_version: APIVersion | None = None
    advice: tuple[Advice, ...] = ()
    behaviour: Behaviour = field(default_factory=Behaviour, compare=False)

    def __post_init__(self) -> None:
        if not self.hosts:
            host = self.base_url.partition("://")[2].partition("/")[0].partition(":")[0]
            object.__setattr__(self, "hosts", (host,))
        if not self.title:
            object.__setattr__(self, "title", self.name)
        if not self.main_endpoint and self.endpoints:
            object.__setattr__(self, "main_endpoint", self.endpoints[0].path)

    def with_errors(self, *errors: DocumentedError) -> Provider:
        """The same provider with more errors; one of the same code replaces the old one."""
        codes = {error.code for error in errors}
        kept = tuple(error for error in self.errors if error.code not in codes)
        return replace(self, errors=kept + errors)

    def advice_for(self, rule: str) -> Advice | None:
        """The advice behind a rule, such as ``"backoff"``, or None."""
        return next((item for item in self.advice if item.rule == rule), None)
