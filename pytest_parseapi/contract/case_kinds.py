"""The kinds of cases of a contract, each declared once: its name, its cases and its scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pytest_parseapi.contract import cases, http_scenarios, run_scenarios
from pytest_parseapi.contract.call import Harness
from pytest_parseapi.contract.cases import Case
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.rules import Violation, kept
from pytest_parseapi.model.lookup import SURFACES
from pytest_parseapi.model.provider import Provider

PARSING: Final = ("http", "run")
"""The surfaces of consumers that parse a document, and so need ``parse``."""
_HTTP: Final = ("http",)
_RUN: Final = ("run",)


def _always(_policy: type[ContractPolicy]) -> bool:
    return True


def _handles_webhooks(policy: type[ContractPolicy]) -> bool:
    return policy.handle_webhook is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseKind:
    """One kind of cases, which is one test function of a contract.

    Args:
        name: the test function's name without ``test_``.
        text: what holds for a right consumer, in a sentence.
        surfaces: the surfaces of the consumers that it is for.
        cases: lists its cases for a provider and a policy.
        scenario: scripts one case, lets the consumer parse, and yields the rules that it breaks.
        applies: whether a contract class asks for it at all.
    """

    name: str
    text: str
    surfaces: tuple[str, ...]
    cases: Callable[[Provider, ContractPolicy], Iterator[Case]]
    scenario: Callable[[Case, Harness], Iterator[Violation]]
    applies: Callable[[type[ContractPolicy]], bool] = _always

    def violations(self, case: Case, harness: Harness) -> list[Violation]:
        """Run a case, and yield the rules that the consumer breaks."""
        return kept(self.scenario(case, harness), harness.policy)


_ALL: Final = (
    CaseKind(
        name="success",
        text="A document is parsed if nothing fails.",
        surfaces=PARSING,
        cases=cases.success,
        scenario=http_scenarios.success,
    ),
    CaseKind(
        name="api_version",
        text="Every request names the version of the API that it is written for.",
        surfaces=PARSING,
        cases=cases.api_versions,
        scenario=http_scenarios.api_version,
        applies=lambda policy: policy.api_version,
    ),
    CaseKind(
        name="run_failure",
        text="A run that fails once is noticed, and submitted again if the reason is retryable.",
        surfaces=_RUN,
        cases=cases.run_failures,
        scenario=run_scenarios.run_failure,
    ),
    CaseKind(
        name="lasting_run_failure",
        text="If all runs of a document fail, the consumer gives up.",
        surfaces=_RUN,
        cases=cases.lasting_run_failures,
        scenario=run_scenarios.lasting_run_failure,
    ),
    CaseKind(
        name="documented_error",
        text="An error that comes once is retried if it is retryable, else reported.",
        surfaces=PARSING,
        cases=cases.documented_errors,
        scenario=http_scenarios.single_failure,
    ),
    CaseKind(
        name="lasting_error",
        text="If an error does not end, the consumer gives up and reports it.",
        surfaces=PARSING,
        cases=cases.lasting_errors,
        scenario=http_scenarios.lasting_failure,
    ),
    CaseKind(
        name="poll_error",
        text="An error in reply to a poll does not count as a failed run.",
        surfaces=_RUN,
        cases=cases.poll_errors,
        scenario=http_scenarios.single_failure,
    ),
    CaseKind(
        name="network_fault",
        text="The consumer recovers from a single network fault or broken body.",
        surfaces=PARSING,
        cases=cases.network_faults,
        scenario=http_scenarios.single_failure,
    ),
    CaseKind(
        name="lasting_network_fault",
        text="If a network fault or broken body does not end, the consumer reports it and stops.",
        surfaces=PARSING,
        cases=cases.network_faults,
        scenario=http_scenarios.lasting_failure,
    ),
    CaseKind(
        name="poll_fault",
        text="The consumer recovers from a network fault or broken body in reply to a poll.",
        surfaces=_RUN,
        cases=cases.poll_faults,
        scenario=http_scenarios.single_failure,
    ),
    CaseKind(
        name="backoff",
        text="Waits grow exponentially, by their means over 16 seeds of ``random``.",
        surfaces=PARSING,
        cases=cases.backoff_errors,
        scenario=http_scenarios.backoff,
        applies=lambda policy: policy.backoff and policy.retries,
    ),
    CaseKind(
        name="retry_after",
        text="``Retry-After`` is honoured, in seconds and as an HTTP date.",
        surfaces=PARSING,
        cases=cases.retry_afters,
        scenario=http_scenarios.retry_after,
    ),
    CaseKind(
        name="earlier_result",
        text="A failure is reported although the same document was parsed before.",
        surfaces=PARSING,
        cases=cases.earlier_results,
        scenario=http_scenarios.earlier_result,
    ),
    CaseKind(
        name="retryable_flag",
        text="A 500 with ``retryable: false`` is not retried, where the consumer promises it.",
        surfaces=_HTTP,
        cases=cases.retryable_flags,
        scenario=http_scenarios.retryable_flag,
        applies=lambda policy: policy.obeys_retryable_flag,
    ),
    CaseKind(
        name="webhook",
        text="A good delivery is accepted.",
        surfaces=tuple(SURFACES),
        cases=cases.webhooks,
        scenario=run_scenarios.single_delivery,
        applies=_handles_webhooks,
    ),
    CaseKind(
        name="wrong_webhook",
        text="A delivery that the provider did not sign is rejected.",
        surfaces=tuple(SURFACES),
        cases=cases.wrong_webhooks,
        scenario=run_scenarios.single_delivery,
        applies=_handles_webhooks,
    ),
    CaseKind(
        name="repeated_webhook",
        text="An event that is delivered twice has one effect.",
        surfaces=tuple(SURFACES),
        cases=cases.repeated_webhooks,
        scenario=run_scenarios.repeated_delivery,
        applies=_handles_webhooks,
    ),
)
CASE_KINDS: Final[Mapping[str, CaseKind]] = MappingProxyType({kind.name: kind for kind in _ALL})


def case_kinds_of(policy: type[ContractPolicy]) -> list[CaseKind]:
    """The kinds of a contract class, by its surface and the rules that it turns off."""
    return [kind for kind in _ALL if policy.surface in kind.surfaces and kind.applies(policy)]
