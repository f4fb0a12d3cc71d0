"""Selects the failures that cases script, from what a provider documents and what clients meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.catalogue.endpoint import Endpoint
from pytest_parseapi.catalogue.faults import FAULTS, NetworkFault
from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.catalogue.provider import Provider
from pytest_parseapi.contract.failure import may_be_retried
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.errors import UsageError

__all__ = [
    "UNKNOWN",
    "first_retryable",
    "primary_errors",
    "retryable_by_status",
    "run_endpoints",
    "survivable_faults",
]

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
