"""Which cases the contract of a consumer has: one for each documented error and network fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS, NetworkFault
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.service.webhook_delivery import WRONGS

__all__ = [
    "TESTS",
    "UNKNOWN",
    "Case",
    "Named",
    "cases_of",
    "documented",
    "first_retryable",
    "may_be_retried",
    "name_of",
    "primary_errors",
    "retryable_by_status",
    "run_endpoints",
    "survivable_faults",
]


Named = DocumentedError | NetworkFault


def name_of(error: Named) -> str:
    """What a test calls it."""
    return error.code if isinstance(error, DocumentedError) else error.name


def may_be_retried(provider: Provider, error: Named | str | None) -> bool:
    """Whether the provider advises to retry it."""
    if isinstance(error, DocumentedError):
        return error.retryable
    if not isinstance(error, NetworkFault) or error.status is None or error.status < 500:  # noqa: PLR2004
        return False
    same = [item.retryable for item in provider.errors if item.status == error.status]
    return all(same) if same else provider.advice_for("server_errors") is not None


def documented(provider: Provider, error: Named) -> str:
    """What the provider says about an error, and where."""
    if isinstance(error, NetworkFault):
        return f"{error.name}: {error.description}"
    retry = "may be retried" if error.retryable else "is not to be retried"
    basis = "" if error.basis == "documented" else f"; basis: {error.basis}"
    where = f"({error.source}{basis})"
    return f"{provider.title} documents {error.code} ({error.status}): it {retry} {where}"


UNKNOWN: Final = next(fault for fault in FAULTS if fault.name == "unknown_code")


def primary_errors(provider: Provider, surface: str = "http") -> list[DocumentedError]:
    """The documented errors of the endpoint that parses: at once, or by a run."""
    path = provider.endpoints[0].path if surface == "http" else run_endpoints(provider)[0].path
    return [
        error
        for error in provider.errors
        if "http" in error.surfaces and (not error.endpoints or path in error.endpoints)
    ]


def run_endpoints(provider: Provider) -> tuple[Endpoint, Endpoint]:
    """What creates a run, and what polls it."""
    for poll in provider.endpoints:
        create = poll.path.rpartition("/")[0]
        for endpoint in provider.endpoints:
            if poll.polls and endpoint.method == "POST" and endpoint.path == create:
                return endpoint, poll
    raise UsageError(
        f"{provider.title} documents no asynchronous runs: its contract has the surface 'http'"
    )


def first_retryable(provider: Provider, policy: ContractPolicy) -> DocumentedError | None:
    """A retryable error that a server, and not a limit of requests, brings about."""
    return next(iter(retryable_by_status(provider, policy)), None)


def retryable_by_status(provider: Provider, policy: ContractPolicy) -> list[DocumentedError]:
    """A retryable error of each status; a server's own come before a limit of requests."""
    found = [
        error
        for error in primary_errors(provider, policy.surface)
        if may_be_retried(provider, error)
    ]
    found.sort(key=lambda error: error.status < 500)  # noqa: PLR2004
    by_status: dict[int, DocumentedError] = {}
    for error in found:
        by_status.setdefault(error.status, error)
    return list(by_status.values())


def survivable_faults(policy: ContractPolicy) -> Iterator[NetworkFault]:
    """Every fault, but the silent servers that a client without time-outs waits for for ever."""
    for fault in FAULTS:
        if policy.sets_timeouts or not fault.name.endswith("_timeout"):
            yield fault


_HTTP: Final = (
    "success",
    "documented_error",
    "lasting_error",
    "network_fault",
    "lasting_network_fault",
    "backoff",
    "retry_after",
    "earlier_result",
    "retryable_flag",
)
_RUN: Final = (
    "success",
    "run_failure",
    "lasting_run_failure",
    "documented_error",
    "lasting_error",
    "poll_error",
    "network_fault",
    "lasting_network_fault",
    "poll_fault",
    "backoff",
    "retry_after",
    "earlier_result",
)
_WEBHOOK: Final = ("webhook", "wrong_webhook", "repeated_webhook")
TESTS: Final = {"http": (*_HTTP, *_WEBHOOK), "run": (*_RUN, *_WEBHOOK)}
"""The kinds of cases, by surface."""

_REJECTABLE: Final = tuple(wrong for wrong in WRONGS if wrong != "unknown_event_type")
_SECONDS: Final = (20, 60)
_DATE_SECONDS: Final = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that the contract tries.

    Args:
        test: which kind it is of, such as ``"documented_error"``.
        id: what pytest calls it, such as ``"extend-OCR_ERROR"``.
        error: what is scripted.
        retry_after: seconds for ``Retry-After``.
        as_date: whether they are sent as an HTTP date.
    """

    test: str
    id: str
    error: Named | None = None
    retry_after: int = 0
    as_date: bool = False
    endpoint: str | None = None
    """The only endpoint that fails."""
    wrong: str | None = None
    """What is wrong with a webhook delivery."""

    @property
    def failure(self) -> Named:
        """What is scripted, where the case is of a kind that scripts something."""
        if self.error is None:
            raise TypeError(f"the case {self.id} of {self.test} scripts nothing")
        return self.error

    def __str__(self) -> str:
        return self.id


def cases_of(test: str, provider: Provider, policy: ContractPolicy) -> list[Case]:
    """The cases of one kind; none where the policy leaves them out."""
    return list(_CASES[test](provider, policy))


def _success(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    yield Case(test="success", id=provider.name)


def _documented(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    for error in primary_errors(provider, policy.surface):
        yield Case(test="documented_error", id=str(error), error=error)


def _lasting(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    for error in primary_errors(provider, policy.surface):
        if error.retryable:
            yield Case(test="lasting_error", id=str(error), error=error)


def _faults(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    for fault in survivable_faults(policy):
        yield Case(test="network_fault", id=f"{provider.name}-{fault}", error=fault)


def _lasting_faults(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    for fault in survivable_faults(policy):
        yield Case(test="lasting_network_fault", id=f"{provider.name}-{fault}", error=fault)


def _backoff(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    if policy.backoff and policy.retries:
        for error in retryable_by_status(provider, policy):
            yield Case(test="backoff", id=str(error), error=error)


def _retry_after(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    limited = [error for error in primary_errors(provider, policy.surface) if error.status == 429]  # noqa: PLR2004
    error = limited[0] if limited else first_retryable(provider, policy)
    if error is None or not policy.expects_retry_after(provider) or not policy.retries:
        return
    for seconds in _SECONDS:
        yield Case(
            test="retry_after", id=f"{provider.name}-{seconds}s", error=error, retry_after=seconds
        )
    yield Case(
        test="retry_after",
        id=f"{provider.name}-http-date",
        error=error,
        retry_after=_DATE_SECONDS,
        as_date=True,
    )


def _earlier_result(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    error = first_retryable(provider, policy)
    if error is not None and policy.fresh_results:
        yield Case(test="earlier_result", id=str(error), error=error)


def _retryable_flag(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    error = first_retryable(provider, policy)
    if error is not None and policy.obeys_retryable_flag:
        yield Case(test="retryable_flag", id=str(error), error=error)


def _run_failures(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    for error in provider.errors:
        if "run" in error.surfaces:
            yield Case(test="run_failure", id=str(error), error=error)
    yield Case(test="run_failure", id=f"{provider.name}-{UNKNOWN}", error=UNKNOWN)


def _lasting_run_failures(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    for error in provider.errors:
        if "run" in error.surfaces and error.retryable:
            yield Case(test="lasting_run_failure", id=str(error), error=error)


def _poll_errors(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    _, poll = run_endpoints(provider)
    for error in primary_errors(provider, policy.surface):
        yield Case(test="poll_error", id=str(error), error=error, endpoint=str(poll))


def _poll_faults(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    _, poll = run_endpoints(provider)
    for fault in survivable_faults(policy):
        yield Case(
            test="poll_fault", id=f"{provider.name}-{fault}", error=fault, endpoint=str(poll)
        )


def _webhooks(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    if policy.handle_webhook is None:
        return
    yield Case(test="webhook", id=f"{provider.name}-processed")
    for error in provider.errors:
        if "webhook" in error.surfaces:
            yield Case(test="webhook", id=str(error), error=error)
    for wrong in WRONGS:
        if wrong not in _REJECTABLE:
            yield Case(test="webhook", id=f"{provider.name}-{wrong}", wrong=wrong)


def _wrong_webhooks(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    if policy.handle_webhook is not None:
        for wrong in _REJECTABLE:
            yield Case(test="wrong_webhook", id=f"{provider.name}-{wrong}", wrong=wrong)


def _repeated_webhooks(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    if policy.handle_webhook is not None:
        yield Case(test="repeated_webhook", id=f"{provider.name}-processed")


_CASES: Final = {
    "success": _success,
    "documented_error": _documented,
    "lasting_error": _lasting,
    "network_fault": _faults,
    "lasting_network_fault": _lasting_faults,
    "backoff": _backoff,
    "retry_after": _retry_after,
    "earlier_result": _earlier_result,
    "retryable_flag": _retryable_flag,
    "run_failure": _run_failures,
    "lasting_run_failure": _lasting_run_failures,
    "poll_error": _poll_errors,
    "poll_fault": _poll_faults,
    "webhook": _webhooks,
    "wrong_webhook": _wrong_webhooks,
    "repeated_webhook": _repeated_webhooks,
}
