"""Measures a consumer: the surface that it uses, its attempts, and its waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.checks.finding import Finding
from pytest_parseapi.checks.waits import NO_WAIT, waits_of
from pytest_parseapi.contract.call import CallResult, Harness, Parse
from pytest_parseapi.contract.case_kinds import PARSING
from pytest_parseapi.contract.cases import MANY_RUNS, main_paths, retryable_by_status
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.preflight import obstacle
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.service.script import ALWAYS

NewAPI = Callable[[], AbstractContextManager[ParseAPI]]
"""Gives a fresh simulated API for one call of the consumer."""


class Unmeasurable(Exception):  # noqa: N818 - it is what was found
    """The consumer cannot be measured, nor judged by a contract."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.rule}\n{finding.text()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a consumer does on retryable failures.

    Args:
        surface: ``"http"`` or ``"run"``.
        attempts: how many HTTP attempts in all each lasting error got, by its code.
        submissions: how many runs in all each lasting reason got, by its code.
        waits: the waits in seconds before the retries of the first error.
    """

    surface: str
    attempts: dict[str, int]
    submissions: dict[str, int]
    waits: tuple[float, ...]

    @property
    def immediate_first_retry(self) -> bool:
        """Whether the first retry came without a wait, and the next ones did not."""
        return len(self.waits) > 1 and self.waits[0] <= NO_WAIT < self.waits[1]


def measure(new_api: NewAPI, parse: Parse, provider: str, surface: str | None) -> Measured:
    """Let a consumer parse a few times, with failures that do not end.

    Args:
        new_api: gives a fresh simulated API.
        parse: the consumer.
        provider: the provider's name.
        surface: its surface; None to find it out.

    Raises:
        Unmeasurable: it sends no request, or a rejected one, or asks somebody else.
    """
    found = surface or _surface(new_api, parse, provider)
    policy = _policy(provider, found)
    with new_api() as api:
        harness = Harness(api=api, parse=parse, policy=policy)
        harness.call()
        problem = obstacle(harness)
        errors = retryable_by_status(api.provider, policy)
    if problem is not None:
        raise Unmeasurable(problem)
    attempts: dict[str, int] = {}
    waits: tuple[float, ...] = ()
    for error in errors:
        call = _lasting(new_api, parse, policy, error)
        failed = [item for item in call.observed.operations if item.attempts[-1].failed]
        if call.stopped or not failed:
            continue
        attempts[error.code] = max(len(item.attempts) for item in failed)
        waits = waits or _waits(call)
    submissions = _submissions(new_api, parse, policy) if found == "run" else {}
    return Measured(surface=found, attempts=attempts, submissions=submissions, waits=waits)


def _policy(provider_name: str, surface_name: str) -> ContractPolicy:
    class Policy(ContractPolicy):
        _by_options = True
        provider = provider_name
        surface = surface_name

    return Policy()


def _surface(new_api: NewAPI, parse: Parse, provider: str) -> str:
    with new_api() as api:
        Harness(api=api, parse=parse, policy=_policy(provider, "http")).call()
        asked = {attempt.endpoint for attempt in api.attempts}
        fitting = [item for item in PARSING if asked & main_paths(api.provider, item)]
    return fitting[0] if fitting else "http"


def _lasting(
    new_api: NewAPI, parse: Parse, policy: ContractPolicy, error: DocumentedError
) -> CallResult:
    with new_api() as api:
        api.fail(error, times=ALWAYS)
        return Harness(api=api, parse=parse, policy=policy).call()


def _waits(call: CallResult) -> tuple[float, ...]:
    longest: list[float] = []
    for operation in call.observed.operations:
        for waits in waits_of(call.observed, operation):
            if len(waits) > len(longest):
                longest = [wait.seconds for wait in waits]
    return tuple(longest)


def _submissions(new_api: NewAPI, parse: Parse, policy: ContractPolicy) -> dict[str, int]:
    found: dict[str, int] = {}
    with new_api() as api:
        reasons = [error for error in api.provider.errors_on("run") if error.retryable]
    for error in reasons:
        with new_api() as api:
            api.fail_run(error, times=MANY_RUNS)
            call = Harness(api=api, parse=parse, policy=policy).call()
        runs = len(call.observed.runs)
        if not call.stopped and 0 < runs < MANY_RUNS:
            found[error.code] = runs
    return found
