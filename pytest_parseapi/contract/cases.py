"""Which cases the contract of a consumer has: one for each documented error and network fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.catalogue.faults import FAULTS, NetworkFault
from pytest_parseapi.catalogue.model import DocumentedError, Provider
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.rules import Named, may_be_retried

__all__ = ["TESTS", "Case", "cases_of", "primary_errors"]

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
TESTS: Final = {"http": _HTTP}
"""The kinds of cases, by surface."""

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

    def __str__(self) -> str:
        return self.id


def cases_of(test: str, provider: Provider, policy: ContractPolicy) -> list[Case]:
    """The cases of one kind; none where the policy leaves them out."""
    return list(_CASES[test](provider, policy))


def primary_errors(provider: Provider) -> list[DocumentedError]:
    """The documented errors of the endpoint that parses at once, which is the first one."""
    path = provider.endpoints[0].path
    return [
        error
        for error in provider.errors
        if "http" in error.surfaces and (not error.endpoints or path in error.endpoints)
    ]


def _success(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    yield Case(test="success", id=provider.name)


def _documented(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    for error in primary_errors(provider):
        yield Case(test="documented_error", id=str(error), error=error)


def _lasting(provider: Provider, _policy: ContractPolicy) -> Iterator[Case]:
    for error in primary_errors(provider):
        if error.retryable:
            yield Case(test="lasting_error", id=str(error), error=error)


def _faults(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    for fault in _survivable(policy):
        yield Case(test="network_fault", id=f"{provider.name}-{fault}", error=fault)


def _lasting_faults(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    for fault in _survivable(policy):
        yield Case(test="lasting_network_fault", id=f"{provider.name}-{fault}", error=fault)


def _survivable(policy: ContractPolicy) -> Iterator[NetworkFault]:
    """Every fault, but the silent servers that a client without time-outs waits for for ever."""
    for fault in FAULTS:
        if policy.sets_timeouts or not fault.name.endswith("_timeout"):
            yield fault


def _backoff(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    error = _first_retryable(provider)
    if error is not None and policy.backoff and policy.retries:
        yield Case(test="backoff", id=str(error), error=error)


def _retry_after(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    limited = [error for error in primary_errors(provider) if error.status == 429]  # noqa: PLR2004
    error = limited[0] if limited else _first_retryable(provider)
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
    error = _first_retryable(provider)
    if error is not None and policy.fresh_results:
        yield Case(test="earlier_result", id=str(error), error=error)


def _retryable_flag(provider: Provider, policy: ContractPolicy) -> Iterator[Case]:
    error = _first_retryable(provider)
    if error is not None and policy.obeys_retryable_flag:
        yield Case(test="retryable_flag", id=str(error), error=error)


def _first_retryable(provider: Provider) -> DocumentedError | None:
    """A retryable error that a server, and not a limit of requests, brings about."""
    found = [error for error in primary_errors(provider) if may_be_retried(provider, error)]
    found.sort(key=lambda error: error.status < 500)  # noqa: PLR2004
    return found[0] if found else None


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
}
