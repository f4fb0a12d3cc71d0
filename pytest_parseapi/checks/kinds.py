"""The kinds of findings: each a name in `Kind`, and a row in `KINDS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from pytest_parseapi.model.errors import Topic
from pytest_parseapi.model.provider import Provider

ALL_AT_ONCE: Final = "assert_follows_documentation"
"""The check of all advice of a provider."""

Kind = Literal[
    "retried",
    "not_retried",
    "gave_up",
    "recovered",
    "resubmitted",
    "parsed_once",
    "retryable_error",
    "final_error",
    "backoff",
    "retry_after",
    "payload",
    "timeout",
    "api_version",
    "request_id",
    "credential",
    "run_failure",
    "poll_after_end",
    "poll_interval",
    "retryable_reason",
    "final_reason",
    "resubmitted_payload",
    "resubmitted_wait",
    "webhook_rejected",
    "webhook_accepted",
    "webhook_handled_once",
    "nothing_to_check",
    "other",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingKind:
    """One kind of findings.

    Args:
        text: the rule that should hold, as a sentence.
        check: the check of a `ParseAPI` for this rule alone; None if there is none.
        advice: the topic of the advice behind it; None for a rule of the plugin's own.
        needs_failure: whether its check has nothing to judge if nothing failed.
        in_log: whether a log must hold something (True) or must not (False); None where it is not
            about logs.
    """

    text: str
    check: str | None = None
    advice: Topic | None = None
    needs_failure: bool = True
    in_log: bool | None = None


KINDS: Final[Mapping[Kind, FindingKind]] = MappingProxyType(
    {
        # Rules that a test checks by name.
        "retried": FindingKind(
            text="a failed operation is tried again",
            check="assert_retried",
            advice="retryable",
        ),
        "not_retried": FindingKind(
            text="a failed operation is not tried again",
            check="assert_not_retried",
            advice="retryable",
        ),
        "gave_up": FindingKind(
            text="the consumer gives up",
            check="assert_gave_up",
            advice="retryable",
        ),
        "recovered": FindingKind(
            text="the last attempt succeeds after at least one failure",
            check="assert_recovered",
            advice="retryable",
        ),
        "resubmitted": FindingKind(
            text="a failed run is followed by a new run for the same document",
            check="assert_resubmitted",
            advice="retryable",
        ),
        "parsed_once": FindingKind(
            text="no document is parsed again after a success",
            check="assert_parsed_once",
            needs_failure=False,
        ),
        "api_version": FindingKind(
            text="every request says which version of the API it is written for",
            check="assert_api_version_sent",
            needs_failure=False,
        ),
        # Rules that a provider advises.
        "retryable_error": FindingKind(text="a retryable error is retried", advice="retryable"),
        "final_error": FindingKind(text="a final error is not retried", advice="retryable"),
        "backoff": FindingKind(
            text="waits before retries grow exponentially", check="assert_backoff", advice="backoff"
        ),
        "retry_after": FindingKind(
            text="no retry comes before the reply's Retry-After",
            check="assert_retry_after_honoured",
            advice="retry_after",
        ),
        "payload": FindingKind(
            text="each retry carries the same payload", check="assert_payload_resent"
        ),
        "timeout": FindingKind(
            text="every request is sent with a connect and a read time-out",
            check="assert_timeout_set",
            advice="timeout",
            needs_failure=False,
        ),
        "request_id": FindingKind(
            text="the id of a failed reply is logged",
            check="assert_request_id_logged",
            advice="request_id",
            in_log=True,
        ),
        "credential": FindingKind(
            text="no credential appears in logs or output",
            check="assert_credential_not_logged",
            needs_failure=False,
            in_log=False,
        ),
        "run_failure": FindingKind(
            text="a failed run is logged with id and reason",
            check="assert_run_failure_logged",
            advice="polling",
            in_log=True,
        ),
        "poll_after_end": FindingKind(
            text="no run is polled again after its end",
            check="assert_polling_stopped",
            advice="polling",
            needs_failure=False,
        ),
        "poll_interval": FindingKind(
            text="polls of a run are apart",
            check="assert_polled_politely",
            advice="polling",
            needs_failure=False,
        ),
        "retryable_reason": FindingKind(
            text="a run that failed for a retryable reason is submitted again",
            advice="retryable",
        ),
        "final_reason": FindingKind(
            text="a run that failed for a final reason is not submitted again",
            advice="retryable",
        ),
        "resubmitted_payload": FindingKind(
            text="a document is submitted again with the same payload"
        ),
        "resubmitted_wait": FindingKind(
            text="a document is submitted again after a wait", advice="backoff"
        ),
        "webhook_rejected": FindingKind(
            text="a wrong webhook delivery is rejected",
            check="assert_webhook_rejected",
            advice="webhook",
            needs_failure=False,
        ),
        "webhook_accepted": FindingKind(
            text="a good webhook delivery is answered with a 2xx in time",
            check="assert_webhook_accepted",
            advice="webhook",
            needs_failure=False,
        ),
        "webhook_handled_once": FindingKind(
            text="a webhook event that is delivered twice has one effect",
            check="assert_webhook_handled_once",
            advice="webhook",
            needs_failure=False,
        ),
        # Rules of the plugin.
        "nothing_to_check": FindingKind(text="something that the check judges is on record"),
        "other": FindingKind(text="what a rule of a contract says, or a check of the server"),
    }
)


def rule_of(kind: Kind) -> str:
    """The rule of a kind of findings, as the sentence that messages and pages show."""
    return KINDS[kind].text


def kind_of_check(check: str) -> FindingKind | None:
    """The kind of findings of a check of a `ParseAPI`; None if it finds several kinds."""
    return next((kind for kind in KINDS.values() if kind.check == check), None)


def page_behind(provider: Provider, kind: Kind) -> str:
    """The address of the page on which a provider gives the advice behind a kind of findings.

    Returns:
        The address without its scheme; an empty text where no page says anything about it.
    """
    if kind == "api_version":
        return "" if provider.api_version is None else provider.api_version.source
    topic = KINDS[kind].advice
    advice = None if topic is None else provider.advice_for(topic)
    return "" if advice is None else advice.source
