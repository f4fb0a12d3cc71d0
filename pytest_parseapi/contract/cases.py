"""Lists the cases of a contract: one for each documented error and network fault.

Each function here lists the cases of one kind; `contract.case_kinds` says which kinds there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS, GATEWAY_PAGES, NetworkFault
from pytest_parseapi.model.lookup import ErrorOrFault, name_of
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.webhooks import UNKNOWN_EVENT_TYPE


def may_be_retried(provider: Provider, error: ErrorOrFault | str | None) -> bool:
    """Whether the provider advises to retry after a failure."""
    if isinstance(error, DocumentedError):
        return error.retryable
    if not isinstance(error, NetworkFault) or error.status is None or error.status < 500:  # noqa: PLR2004
        return False
    if provider.advice_for("server_errors") is not None:
        return True
    # The provider does not document a gateway's page, but errors in its own format.
    same = [item.retryable for item in provider.errors if item.status == error.status]
    return error.name in _OWN_SHAPE and bool(same) and all(same)


def documented(provider: Provider, error: ErrorOrFault) -> str:
    """The provider's text about an error, and its page."""
    if isinstance(error, NetworkFault):
        return f"{error.name}: {error.description}"
    retry = "may be retried" if error.retryable else "is not to be retried"
    basis = "" if error.basis == "documented" else f"; basis: {error.basis}"
    where = f"({error.source}{basis})"
    return f"{provider.title} documents {error.code} ({error.status}): it {retry} {where}"


_OWN_SHAPE: Final = ("unknown_code", "missing_request_id")
UNKNOWN: Final = next(fault for fault in FAULTS if fault.name == "unknown_code")


def _primary_errors(provider: Provider, surface: str = "http") -> list[DocumentedError]:
    """The documented errors of the endpoint that parses, or that creates a run."""
    path = provider.main_endpoint if surface == "http" else _run_endpoints(provider)[0].path
    return provider.errors_at(path)


def _run_endpoints(provider: Provider) -> tuple[Endpoint, Endpoint]:
    """The endpoints that create a run, and that poll it."""
    submit, poll = provider.submit_endpoint, provider.poll_endpoint
    if submit is not None and poll is not None:
        return submit, poll
    raise UsageError(
        f"{provider.title} documents no asynchronous runs: its contract has the surface 'http'"
    )


def main_paths(provider: Provider, surface: str) -> frozenset[str]:
    """The paths by which a document is parsed on a surface; empty if there are none."""
    known = provider.endpoints if provider.runs is not None else ()
    submitting = frozenset(endpoint.path for endpoint in known if endpoint.submits)
    # The main endpoint of a provider that has runs only is the one that submits them.
    return submitting if surface == "run" else frozenset((provider.main_endpoint,)) - submitting


def _first_retryable(provider: Provider, policy: ContractPolicy) -> DocumentedError | None:
    """A retryable error of the server, and not of a rate limit."""
    return next(iter(retryable_by_status(provider, policy)), None)


def retryable_by_status(provider: Provider, policy: ContractPolicy) -> list[DocumentedError]:
    """A retryable error of each status; those of the server come before rate limits."""
    found = [
        error
        for error in _primary_errors(provider, policy.surface)
        if may_be_retried(provider, error)
    ]
    found.sort(key=lambda error: error.status < 500)  # noqa: PLR2004
    by_status: dict[int, DocumentedError] = {}
    for error in found:
        by_status.setdefault(error.status, error)
    return list(by_status.values())


def _survivable_faults(policy: ContractPolicy) -> Iterator[NetworkFault]:
    """Every fault, except those in which a client without time-outs waits forever."""
    for fault in FAULTS:
        if policy.sets_timeouts or not fault.name.endswith("_timeout"):
            yield fault


_TOO_MANY_REQUESTS: Final = 429
UNAVAILABLE: Final = 503
MANY_RUNS: Final = 30
"""How many runs fail in a row where the consumer must come to an end by itself."""
_SECONDS: Final = (20, 60)
_DATE_SECONDS: Final = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of a contract.

    Args:
        id: what pytest calls it, such as ``"extend-OCR_ERROR"``.
        error: what is scripted.
        retry_after: seconds for ``Retry-After``.
        as_date: whether they are sent as an HTTP date.
    """

    id: str
    error: ErrorOrFault | None = None
    retry_after: int = 0
    as_date: bool = False
    endpoint: str | None = None
    """The only endpoint that fails."""
    wrong: str | None = None
    """What is wrong with a webhook delivery."""

    @property
    def failure(self) -> ErrorOrFault:
        """The scripted failure, if this kind of case scripts one."""
        if self.error is None:
            raise TypeError(f"the case {self.id} scripts nothing")
        return self.error

    def __str__(self) -> str:
        return self.id


def success(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """The only case in which nothing fails."""
    yield Case(id=provider.name)


def api_versions(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """The only case of a provider that documents a version header."""
    if provider.api_version is not None:
        yield Case(id=provider.name)


def documented_errors(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """Each documented error of the endpoint."""
    for error in _primary_errors(provider, policy.surface):
        yield Case(id=str(error), error=error)


def lasting_errors(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """Each retryable error, and those that another credential may cure."""
    for error in _primary_errors(provider, policy.surface):
        if error.retryable or error.cured_by == "credential":
            yield Case(id=str(error), error=error)


def network_faults(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """Each network fault and broken body."""
    for fault in _survivable_faults(policy):
        yield Case(id=f"{provider.name}-{fault}", error=fault)


def backoff_errors(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """A retryable error of each status."""
    for error in retryable_by_status(provider, policy):
        yield Case(id=str(error), error=error)


def retry_afters(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """Errors that may have a ``Retry-After``: rate limits, and services that are down."""
    if not policy.expects_retry_after(provider) or not policy.retries:
        return
    for error in _replies_with_retry_after(provider, policy):
        # A rate limit is the usual case, and needs no name.
        name = "" if error.status == _TOO_MANY_REQUESTS else f"{name_of(error)}-"
        for seconds in _SECONDS:
            yield Case(id=f"{provider.name}-{name}{seconds}s", error=error, retry_after=seconds)
        yield Case(
            id=f"{provider.name}-{name}http-date",
            error=error,
            retry_after=_DATE_SECONDS,
            as_date=True,
        )


def _replies_with_retry_after(provider: Provider, policy: ContractPolicy) -> Iterator[ErrorOrFault]:
    found = retryable_by_status(provider, policy)
    yield from (error for error in found if error.status == _TOO_MANY_REQUESTS)
    down: list[ErrorOrFault] = [error for error in found if error.status == UNAVAILABLE]
    page = GATEWAY_PAGES[UNAVAILABLE]
    yield from down or ([page] if may_be_retried(provider, page) else [])


def earlier_results(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """A retryable error."""
    error = _first_retryable(provider, policy)
    if error is not None and policy.fresh_results:
        yield Case(id=str(error), error=error)


def retryable_flags(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """A retryable error, for a consumer that obeys the flag."""
    error = _first_retryable(provider, policy)
    if error is not None:
        yield Case(id=str(error), error=error)


def run_failures(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """Each documented reason of a failed run, and an undocumented one."""
    for error in provider.errors_on("run"):
        yield Case(id=str(error), error=error)
    yield Case(id=f"{provider.name}-{UNKNOWN}", error=UNKNOWN)


def lasting_run_failures(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """Each retryable reason of a failed run."""
    for error in provider.errors_on("run"):
        if error.retryable:
            yield Case(id=str(error), error=error)


def poll_errors(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """Each documented error of the endpoint that is polled."""
    _, poll = _run_endpoints(provider)
    for error in provider.errors_at(poll.path):
        yield Case(id=str(error), error=error, endpoint=str(poll))


def poll_faults(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    """Each network fault and broken body, in answer to a poll."""
    _, poll = _run_endpoints(provider)
    for fault in _survivable_faults(policy):
        yield Case(id=f"{provider.name}-{fault}", error=fault, endpoint=str(poll))


def webhooks(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """A delivery of each event that a receiver has to accept."""
    yield Case(id=f"{provider.name}-processed")
    for error in provider.errors_on("webhook"):
        yield Case(id=str(error), error=error)
    if UNKNOWN_EVENT_TYPE in _wrong_deliveries(provider):
        yield Case(id=f"{provider.name}-{UNKNOWN_EVENT_TYPE}", wrong=UNKNOWN_EVENT_TYPE)


def _wrong_deliveries(provider: Provider) -> tuple[str, ...]:
    return () if provider.webhooks is None else provider.webhooks.wrong_deliveries


def wrong_webhooks(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """A delivery with each fault that a receiver has to reject."""
    for wrong in _wrong_deliveries(provider):
        if wrong != UNKNOWN_EVENT_TYPE:
            yield Case(id=f"{provider.name}-{wrong}", wrong=wrong)


def repeated_webhooks(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    """The only event that is delivered twice."""
    yield Case(id=f"{provider.name}-processed")
