"""What a provider documents, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from pytest_parseapi.catalogue.behaviour import Behaviour
from pytest_parseapi.catalogue.endpoint import Endpoint

__all__ = ["Advice", "Basis", "DocumentedError", "Provider", "Surface"]

Basis = Literal["documented", "client", "inferred"]
Surface = Literal["http", "run", "webhook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedError:
    """One failure that a provider documents.

    Args:
        provider: the name of the provider, such as ``"extend"``.
        code: the name that tests use; the documented code where there is one.
        status: the HTTP status.
        retryable: whether the provider advises to send the request again.
        message: the text the simulated service sends unless a script says otherwise.
        wire_code: what the body carries as its code, or None.
        surfaces: where it can appear: ``"http"`` replies, ``"run"`` failures, ``"webhook"`` events.
        endpoints: path templates that document it; empty for every endpoint.
        source: the page that documents it.
        basis: ``"documented"``, ``"client"`` (only the official client shows it) or ``"inferred"``.
        description: what it means, in a sentence.

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
    wire_code: str | None = None
    surfaces: tuple[Surface, ...] = ("http",)
    endpoints: tuple[str, ...] = ()
    source: str = ""
    basis: Basis = "documented"
    description: str = ""

    def __str__(self) -> str:
        return f"{self.provider}-{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One piece of a provider's advice for clients, and the page that gives it."""

    rule: str
    text: str
    source: str


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
        advice: what the provider tells its clients to do.
        behaviour: how requests are validated and bodies look.
        unnamed: file names that an official client sends for any document, so they name none.

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
    advice: tuple[Advice, ...] = ()
    behaviour: Behaviour = field(default_factory=Behaviour, compare=False)
    unnamed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.hosts:
            host = self.base_url.partition("://")[2].partition("/")[0].partition(":")[0]
            object.__setattr__(self, "hosts", (host,))
        if not self.title:
            object.__setattr__(self, "title", self.name)

    def with_errors(self, *errors: DocumentedError) -> Provider:
        """The same provider with more errors; one of the same code replaces the old one."""
        codes = {error.code for error in errors}
        kept = tuple(error for error in self.errors if error.code not in codes)
        return replace(self, errors=kept + errors)

    def advice_for(self, rule: str) -> Advice | None:
        """The advice behind a rule, such as ``"backoff"``, or None."""
        return next((item for item in self.advice if item.rule == rule), None)
